"""Trains tinytales from nothing: `python Training/train.py` (about an hour on two cores).

Makes the tokenizer, the stories and the model, prints progress, keeps a checkpoint in Training/out
(`--resume` goes on from it), and at the end writes Models/tinytales: weights, tokenizer and
references. `--smoke` does all of it small, in a minute, in a temporary folder."""

import argparse
import random
import tempfile
import time
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F

import reference
import tokenizer as tok
from export import write_bin, write_lmw
from generate import SHIPPED
from model import Config, Llama
from stories import stories

SEED = 1
STEPS = 19500
ROWS = 10  # stories a step
CHUNK = 1920  # stories that are made, sorted by length and cut into batches at a time
TOKENIZER_STORIES = 40000
RATE, WARM_UP, WEIGHT_DECAY = 3e-3, 300, 0.1
EVERY = 500  # steps from one probe and checkpoint to the next


def training_stories(first=0):
    """The stories of training in chunks, from a chunk on: all new, there is no second epoch."""
    for chunk in range(first, 10**9):
        yield [*islice(stories(f'{SEED} {chunk}'), CHUNK)]


def batches(tokenizer, first=0):
    """Batches from step `first` on: tokens and what to learn of stories that are about as long."""
    per_chunk = CHUNK // ROWS
    start = first // per_chunk
    for chunk, told in enumerate(training_stories(start), start):
        encoded = sorted((tok.encode(tokenizer, story) for story in told), key=lambda e: len(e[0]))
        order = [*range(per_chunk)]
        random.Random(chunk).shuffle(order)
        for i in order[max(0, first - chunk * per_chunk):]:
            yield pad(encoded[i * ROWS:(i + 1) * ROWS])


def pad(encoded):  # -> two of [rows, seq]; a row is one story, and nothing else is in its sight
    seq = max(len(ids) for ids, _, _ in encoded)
    tokens = torch.zeros(len(encoded), seq, dtype=torch.long)
    learn = torch.zeros(len(encoded), seq, dtype=torch.bool)
    for row, (ids, flags, _) in enumerate(encoded):
        tokens[row, :len(ids)], learn[row, :len(ids)] = torch.tensor(ids), torch.tensor(flags)
    return tokens, learn


def loss_of(model, tokens, learn):
    wanted = learn[:, 1:]
    logits = model.output(model(tokens[:, :-1])[wanted])  # only where there is something to learn
    return F.cross_entropy(logits, tokens[:, 1:][wanted])


@torch.no_grad()
def probe(model, tokenizer, n=384, rows=16):
    """The loss on held-out stories, and the share of words that must repeat and are foretold."""
    held_out = islice(stories('probe', held_out=True), n)
    encoded = sorted((tok.encode(tokenizer, story) for story in held_out), key=lambda e: len(e[0]))
    losses, right = [], {}
    for i in range(0, n, rows):
        tokens, learn = pad(encoded[i:i + rows])
        losses.append(loss_of(model, tokens, learn).item())
        best = model.output(model(tokens[:, :-1])).argmax(-1)
        for row, (ids, _, probes) in enumerate(encoded[i:i + rows]):
            for kind, places in probes.items():
                right.setdefault(kind, []).extend(
                    # the position before a token foretells it
                    all(best[row, at - 1] == ids[at] for at in place) for place in places)
    return sum(losses) / len(losses), {kind: sum(r) / len(r) for kind, r in sorted(right.items())}


def train(model, tokenizer, out, steps, every, resume=False):
    decayed = [p for p in model.parameters() if p.dim() == 2]
    plain = [p for p in model.parameters() if p.dim() < 2]
    groups = [{'params': decayed, 'weight_decay': WEIGHT_DECAY},
              {'params': plain, 'weight_decay': 0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)
    first, checkpoint = 0, out / 'checkpoint.pt'
    if resume:
        saved = torch.load(checkpoint)
        model.load_state_dict(saved['model'])
        optimizer.load_state_dict(saved['optimizer'])
        first = saved['step']
    start, mean = time.time(), None
    for step, (tokens, learn) in enumerate(islice(batches(tokenizer, first), steps - first), first):
        for group in optimizer.param_groups:  # a short rise, then straight down to zero
            group['lr'] = RATE * min((step + 1) / WARM_UP, 1 - step / steps)
        loss = loss_of(model, tokens, learn)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        mean = loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
        done = step + 1
        if done % every == 0 or done == steps:
            held_out, right = probe(model, tokenizer)
            left = (time.time() - start) / 60 / (done - first) * (steps - done)
            print(f'step {done}/{steps}  loss {mean:.3f}  held-out {held_out:.3f}  probe',
                  *(f'{kind} {share:.2f}' for kind, share in right.items()),
                  f' {left:.0f} min left', flush=True)
            torch.save({'step': done, 'model': model.state_dict(),
                        'optimizer': optimizer.state_dict()}, checkpoint)


def main():
    parser = argparse.ArgumentParser(description='Train tinytales.')
    parser.add_argument('--out', type=Path, help='write everything here and leave the rest alone')
    parser.add_argument('--resume', action='store_true', help='go on from the last checkpoint')
    parser.add_argument('--smoke', action='store_true', help='all of it, but small: a minute')
    parser.add_argument('--threads', type=int, default=2)
    args = parser.parse_args()
    steps, every, n = (60, 30, 4000) if args.smoke else (STEPS, EVERY, TOKENIZER_STORIES)
    out = args.out or Path(tempfile.mkdtemp() if args.smoke else Path(__file__).parent / 'out')
    shipped = out if args.out or args.smoke else SHIPPED
    for folder in (out, shipped):
        folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(SEED)

    if not args.resume:
        texts = (story.text for story in islice(stories('tokenizer', counting=0.4), n))
        (out / 'tokenizer.model').write_bytes(tok.train(texts))
    tokenizer = tok.load(out / 'tokenizer.model')
    model = Llama(Config(vocab_size=tokenizer.vocab_size()))
    print(f'{sum(p.numel() for p in model.parameters()):,} parameters, to {out}')
    train(model, tokenizer, out, steps, every, args.resume)

    (shipped / 'tokenizer.model').write_bytes((out / 'tokenizer.model').read_bytes())
    write_lmw(model, shipped / 'tinytales.lmw')
    write_bin(model, out / 'tinytales.bin')
    reference.write(shipped, seqlength=48 if args.smoke else 256)
    print(f'wrote {shipped}')


if __name__ == '__main__':
    main()
