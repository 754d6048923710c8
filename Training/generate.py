"""Writes stories with the model: `python Training/generate.py "Lily wanted to"`."""

import argparse
from pathlib import Path

import torch

import tokenizer as tok
from export import read_lmw

SHIPPED = Path(__file__).parent.parent / 'Models' / 'tinytales'


@torch.no_grad()
def generate(model, tokenizer, prompts, seqlength=256, temperature=0.0, top_p=1.0, seed=1):
    """For each prompt: (prompt tokens, new tokens, whether the story ended by itself).

    Positions 0 to seqlength - 1 are fed, so a prompt of P tokens gets seqlength - P + 1 at most.
    All prompts go on together, each padded at its end: attention looks back only."""
    random = torch.Generator().manual_seed(seed)
    eos, bos = tokenizer.eos_id(), tokenizer.bos_id()
    rows = [[bos, *tokenizer.encode(prompt)] for prompt in prompts]
    lengths = [len(row) for row in rows]
    ended = [False] * len(rows)
    while going := [i for i, row in enumerate(rows) if not ended[i] and len(row) <= seqlength]:
        longest = max(len(rows[i]) for i in going)
        tokens = torch.tensor([rows[i] + [0] * (longest - len(rows[i])) for i in going])
        last = torch.tensor([len(rows[i]) - 1 for i in going])
        logits = model.output(model(tokens)[torch.arange(len(going)), last])
        for i, token in zip(going, choose(logits, temperature, top_p, random).tolist()):
            if token in (eos, bos):
                ended[i] = True
            else:
                rows[i].append(token)
    return [(row[:n], row[n:], end) for row, n, end in zip(rows, lengths, ended)]


def choose(logits, temperature, top_p, random):  # [rows, vocab_size] -> [rows]
    if temperature == 0:
        return logits.argmax(-1)
    probs, order = (logits / temperature).softmax(-1).sort(descending=True)
    probs = probs * (probs.cumsum(-1) - probs < top_p)  # the smallest set that reaches top_p
    return order.gather(1, torch.multinomial(probs, 1, generator=random)).squeeze(1)


def main():
    parser = argparse.ArgumentParser(description='Continue a prompt.')
    parser.add_argument('prompt', nargs='*', default=[''])
    parser.add_argument('--model', type=Path, default=SHIPPED, help='folder of tinytales.lmw')
    parser.add_argument('--temperature', type=float, default=0.0, help='0 is greedy (default)')
    parser.add_argument('--top-p', type=float, default=1.0)
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()
    model = read_lmw(args.model / 'tinytales.lmw')
    tokenizer = tok.load(args.model / 'tokenizer.model')
    for prompt, new, _ in generate(model, tokenizer, args.prompt, temperature=args.temperature,
                                   top_p=args.top_p, seed=args.seed):
        print(tokenizer.decode(prompt + new), end='\n\n')


if __name__ == '__main__':
    main()
