"""Computes reference results in float64 for tests of other implementations.

`greedy.json` has the tokens and text of each prompt and `min_gap`, the smallest distance between
the two highest logits: smaller errors do not change the text. `trace.json` has the output of each
stage at the last position of one prompt."""

import argparse
import json

import torch

from generate import add_model_option, load_folder
from model import rope_tables

PROMPTS = [
    '', 'Once upon a time', 'One day, a little girl', 'Lily wanted to', 'Tom and his dog',
    'There was a big tree', 'Mia had a red ball.', 'Zoe found an umbrella in the park.',
    'José and Zoë went to the café.',
    'There are three red balls and four green balls in the bag. If I take out',
    'There are five blue balls and two yellow balls in the bag. If I take out',
    'Ben has seven pink stones and nine white stones. He gives']
TRACED = 'Once upon a time, there was a little girl named'


@torch.no_grad()
def greedy(model, tokenizer, prompt, seqlength):
    tokens = [tokenizer.bos_id(), *tokenizer.encode(prompt)]
    n, min_gap = len(tokens), float('inf')
    while len(tokens) <= seqlength:
        logits = model.output(model(torch.tensor([tokens])))[0, -1]
        first, second = logits.topk(2).values.tolist()
        min_gap = min(min_gap, first - second)
        token = logits.argmax().item()
        if token in (tokenizer.eos_id(), tokenizer.bos_id()):
            break
        tokens.append(token)
    return {'prompt': prompt, 'prompt_tokens': tokens[:n], 'tokens': tokens[n:],
            'text': tokenizer.decode(tokens), 'min_gap': min_gap, 'seqlength': seqlength}


@torch.no_grad()
def trace(model, tokenizer, prompt):
    """Returns the output of each stage at the last position."""
    stages, hooks = {}, []

    def record(name, module, value=lambda inputs, output: output):
        def hook(_, inputs, output):
            stages[name] = [float(f'{x:.7g}') for x in value(inputs, output)[0, -1].tolist()]
        hooks.append(module.register_forward_hook(hook))

    record('embedding', model.tok_embeddings)
    for i, layer in enumerate(model.layers):
        record(f'layers.{i}.attention_norm', layer.attention_norm)
        record(f'layers.{i}.attention', layer.attention)
        # The input of the second norm is the residual stream after attention.
        record(f'layers.{i}.residual_attention', layer.ffn_norm, lambda inputs, output: inputs[0])
        record(f'layers.{i}.ffn_norm', layer.ffn_norm)
        record(f'layers.{i}.feed_forward', layer.feed_forward)
        record(f'layers.{i}.residual_feed_forward', layer)
    record('norm', model.norm)
    record('logits', model.output)
    tokens = [tokenizer.bos_id(), *tokenizer.encode(prompt)]
    model.output(model(torch.tensor([tokens])))
    for hook in hooks:
        hook.remove()
    return {'model': 'tinytales', 'prompt': prompt, 'tokens': tokens, 'position': len(tokens) - 1,
            'stages': stages}


def write(folder, seqlength=256):
    """Writes folder/reference for the model in the folder."""
    model, tokenizer = load_folder(folder)
    model.double()
    model.cos, model.sin = rope_tables(model.config)  # the buffers are rounded to 32 bits
    texts = [greedy(model, tokenizer, prompt, seqlength) for prompt in PROMPTS]
    (folder / 'reference').mkdir(exist_ok=True)
    for name, result in (('greedy', texts), ('trace', trace(model, tokenizer, TRACED))):
        text = json.dumps(result, ensure_ascii=False, indent=1 if name == 'greedy' else None)
        (folder / 'reference' / f'{name}.json').write_text(text + '\n', encoding='utf-8')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description='Write the reference results of a model.')
    add_model_option(parser)
    write(parser.parse_args().model)
