"""Generates stories: `python Training/generate.py "Lily wanted to"`."""

import argparse
from pathlib import Path

import torch

import tokenizer as tok
from weights import load_model

SHIPPED = Path(__file__).parent.parent / 'Models' / 'tinytales'


@torch.no_grad()
def generate(model, tokenizer, prompts, seqlength=256, temperature=0.0, top_p=1.0, seed=1):
    """Returns (prompt tokens, generated tokens, whether the story ended) for each prompt.

    The model reads positions 0 to seqlength - 1, so a prompt of P tokens gets at most
    seqlength - P + 1 more. All prompts form one batch. Padding follows each prompt, so causal
    attention ignores it."""
    generator = torch.Generator().manual_seed(seed)
    rows = [[tokenizer.bos_id(), *tokenizer.encode(prompt)] for prompt in prompts]
    lengths = [len(row) for row in rows]
    ended = [False] * len(rows)
    while active := [i for i, row in enumerate(rows) if not ended[i] and len(row) <= seqlength]:
        longest = max(len(rows[i]) for i in active)
        tokens = torch.tensor([rows[i] + [0] * (longest - len(rows[i])) for i in active])
        last = torch.tensor([len(rows[i]) - 1 for i in active])
        logits = model.output(model(tokens)[torch.arange(len(active)), last])
        for i, token in zip(active, sample(logits, temperature, top_p, generator).tolist()):
            if token in (tokenizer.eos_id(), tokenizer.bos_id()):
                ended[i] = True
            else:
                rows[i].append(token)
    return [(row[:n], row[n:], end) for row, n, end in zip(rows, lengths, ended)]


def sample(logits, temperature, top_p, generator):  # [batch, vocab_size] -> [batch]
    if temperature == 0:
        return logits.argmax(-1)
    probs, order = (logits / temperature).softmax(-1).sort(descending=True)
    probs = probs * (probs.cumsum(-1) - probs < top_p)  # the smallest set that reaches top_p
    return order.gather(1, torch.multinomial(probs, 1, generator=generator)).squeeze(1)


def load_folder(folder=SHIPPED):
    """Returns the model and the tokenizer of a folder."""
    return load_model(folder / 'tinytales.lmw'), tok.load(folder / 'tokenizer.model')


def add_model_option(parser):
    parser.add_argument('--model', type=Path, default=SHIPPED,
                        help='folder of tinytales.lmw and tokenizer.model')


def main():
    parser = argparse.ArgumentParser(description='Continue prompts.')
    parser.add_argument('prompts', nargs='*', default=[''], metavar='prompt')
    add_model_option(parser)
    parser.add_argument('--temperature', type=float, default=0.0, help='0 is greedy (default)')
    parser.add_argument('--top-p', type=float, default=1.0)
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()
    model, tokenizer = load_folder(args.model)
    for prompt, new, _ in generate(model, tokenizer, args.prompts, temperature=args.temperature,
                                   top_p=args.top_p, seed=args.seed):
        print(tokenizer.decode(prompt + new), end='\n\n')


if __name__ == '__main__':
    main()
