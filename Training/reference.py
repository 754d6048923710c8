"""Reference results in float64, for the tests of other programs that run the model.

greedy.json: for each prompt the tokens and the text, and the smallest lead of a winning logit
(smaller errors cannot change the text). trace.json: every stage at the last position."""

import argparse
import json
from pathlib import Path

import torch

import tokenizer as tok
from export import read_lmw
from generate import SHIPPED
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
    """Every stage of the last position, by the names that the programs use."""
    stages, hooks = {}, []

    def keep(name, module, of=lambda inputs, output: output):
        def hook(_, inputs, output):
            stages[name] = [float(f'{x:.7g}') for x in of(inputs, output)[0, -1].tolist()]
        hooks.append(module.register_forward_hook(hook))

    keep('embedding', model.tok_embeddings)
    for i, layer in enumerate(model.layers):
        keep(f'layers.{i}.attention_norm', layer.attention_norm)
        keep(f'layers.{i}.attention', layer.attention)
        # what the second norm reads is the residual after attention
        keep(f'layers.{i}.residual_attention', layer.ffn_norm, lambda inputs, output: inputs[0])
        keep(f'layers.{i}.ffn_norm', layer.ffn_norm)
        keep(f'layers.{i}.feed_forward', layer.feed_forward)
        keep(f'layers.{i}.residual_feed_forward', layer)
    keep('norm', model.norm)
    keep('logits', model.output)
    tokens = [tokenizer.bos_id(), *tokenizer.encode(prompt)]
    model.output(model(torch.tensor([tokens])))
    for hook in hooks:
        hook.remove()
    return {'model': 'tinytales', 'prompt': prompt, 'tokens': tokens, 'position': len(tokens) - 1,
            'stages': stages}


def write(folder, seqlength=256):
    """Writes folder/reference for the model in the folder."""
    model, tokenizer = read_lmw(folder / 'tinytales.lmw'), tok.load(folder / 'tokenizer.model')
    model.double()
    model.cos, model.sin = rope_tables(model.config)  # not rounded to 32 bits
    (folder / 'reference').mkdir(exist_ok=True)
    texts = [greedy(model, tokenizer, prompt, seqlength) for prompt in PROMPTS]
    for name, result in (('greedy', texts), ('trace', trace(model, tokenizer, TRACED))):
        text = json.dumps(result, ensure_ascii=False, indent=1 if name == 'greedy' else None)
        (folder / 'reference' / f'{name}.json').write_text(text + '\n', encoding='utf-8')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description='Write the reference results of a model.')
    parser.add_argument('--model', type=Path, default=SHIPPED, help='folder of tinytales.lmw')
    write(parser.parse_args().model)
