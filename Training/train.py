"""Trains the model: tokenizer, stories, training, checkpoints, export. `python Training/train.py`."""

import argparse
import json
import math
import random
import time
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F

import tokenizer as tok
from export import write_lmw
from model import Config, Llama
from stories import stories

HERE = Path(__file__).parent
CHUNK = 1920  # stories made, sorted by length and cut into batches at a time


def batches(tokenizer, seed, rows, step=0):
    """Batches from `step` on: (tokens, learn) [rows, seq] of stories that are about as long.

    Every story is new: there is no second epoch. A row is one story, padded at its end."""
    per_chunk = CHUNK // rows
    for chunk in range(step // per_chunk, 10**9):
        made = [tok.encode(tokenizer, story) for story in islice(stories(f'{seed} {chunk}'), CHUNK)]
        made.sort(key=lambda story: len(story[0]))
        order = list(range(per_chunk))
        random.Random(chunk).shuffle(order)
        for i in order[step % per_chunk:]:
            yield pad(made[i * rows:(i + 1) * rows])
        step = 0


def pad(encoded):
    seq = max(len(ids) for ids, _, _ in encoded)
    tokens = torch.zeros(len(encoded), seq, dtype=torch.long)
    learn = torch.zeros(len(encoded), seq, dtype=torch.bool)
    for row, (ids, flags, _) in enumerate(encoded):
        tokens[row, :len(ids)], learn[row, :len(ids)] = torch.tensor(ids), torch.tensor(flags)
    return tokens, learn


def loss_of(model, tokens, learn):
    hidden = model(tokens[:, :-1])
    logits = model.output(hidden[learn[:, 1:]])  # only where there is something to learn
    return F.cross_entropy(logits, tokens[:, 1:][learn[:, 1:]])


@torch.no_grad()
def probe(model, tokenizer, n=384, seed='probe', rows=16):
    """Loss on held-out stories and the share of words that must repeat and are predicted, by kind."""
    encoded = [tok.encode(tokenizer, story) for story in islice(stories(seed, held_out=True), n)]
    encoded.sort(key=lambda story: len(story[0]))
    losses, right = [], {}
    for i in range(0, n, rows):
        group = encoded[i:i + rows]
        tokens, learn = pad(group)
        losses.append(loss_of(model, tokens, learn).item())
        best = model.output(model(tokens[:, :-1])).argmax(-1)  # best[:, i] predicts tokens[:, i + 1]
        for row, (ids, _, probes) in enumerate(group):
            for kind, words in probes.items():
                right.setdefault(kind, []).extend(
                    all(best[row, at - 1] == ids[at] for at in word) for word in words)
    return sum(losses) / len(losses), {kind: sum(r) / len(r) for kind, r in sorted(right.items())}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--out', type=Path, default=HERE / 'out')
    parser.add_argument('--steps', type=int, default=24000)
    parser.add_argument('--rows', type=int, default=10, help='stories a step')
    parser.add_argument('--lr', type=float, default=3e-3)
    parser.add_argument('--dim', type=int, default=160)
    parser.add_argument('--layers', type=int, default=3)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--every', type=int, default=500, help='steps between probes and checkpoints')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--compile', action='store_true')
    parser.add_argument('--tied', action='store_true')
    parser.add_argument('--wd', type=float, default=0.1)
    parser.add_argument('--minutes', type=float, default=1e9)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / 'tokenizer.model'
    if not path.exists():
        path.write_bytes(tok.train(story.text for story in islice(stories('tokenizer', counting=0.4), 40000)))
    tokenizer = tok.load(path)
    config = Config(vocab_size=tokenizer.vocab_size(), dim=args.dim, n_heads=args.dim // 32, n_layers=args.layers)
    model = Llama(config)
    if args.tied:
        model.output.weight = model.tok_embeddings.weight
    print(sum(p.numel() for p in model.parameters()), 'parameters', config.hidden_dim)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW([{'params': matrices, 'weight_decay': args.wd},
                                   {'params': vectors, 'weight_decay': 0.0}],
                                  lr=args.lr, betas=(0.9, 0.98), fused=True)
    step_model = torch.compile(model, dynamic=True) if args.compile else model
    start, mean, seen = time.time(), 0, 0
    first = 0
    if (args.out / 'last.pt').exists():
        saved = torch.load(args.out / 'last.pt')
        model.load_state_dict(saved['model'])
        optimizer.load_state_dict(saved['optimizer'])
        first = saved['step']
    for step, (tokens, learn) in enumerate(batches(tokenizer, args.seed, args.rows, first), first):
        if step == args.steps:
            break
        lr = args.lr * min((step + 1) / 300, 1 - step / args.steps)
        for group in optimizer.param_groups:
            group['lr'] = lr
        loss = loss_of(step_model, tokens, learn)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        mean = 0.98 * mean + 0.02 * loss.item() if mean else loss.item()
        seen += tokens.numel()
        if (step + 1) % 50 == 0 and step < 200 or (step + 1) % args.every == 0:
            line = f'step {step + 1} loss {mean:.3f} tok/s {seen / (time.time() - start):.0f} min {(time.time()-start)/60:.1f}'
            if (step + 1) % args.every == 0:
                valid, kinds = probe(model, tokenizer)
                line += f' valid {valid:.3f} ' + ' '.join(f'{k} {v:.2f}' for k, v in kinds.items())
                write_lmw(model, args.out / 'tinytales.lmw')
                torch.save({'config': asdict(config), 'model': model.state_dict(), 'optimizer': optimizer.state_dict(), 'step': step + 1}, args.out / 'last.pt')
            print(line, flush=True)
            if (time.time() - start) / 60 > args.minutes:
                break


if __name__ == '__main__':
    main()
