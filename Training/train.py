"""Trains tinytales from scratch: `python Training/train.py` (about an hour on two cores).

It trains the tokenizer and the model on generated stories and writes the weights, the tokenizer
and the reference results to Models/tinytales. Ctrl-C saves a checkpoint and stops; `--resume`
resumes an interrupted run. `--smoke` runs every step in a minute, in a temporary folder."""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F

import reference
import tokenizer as tok
from generate import SHIPPED
from model import Config, Llama
from stories import stories
from weights import save_model

SEED = 1
STEPS = 19500
BATCH_SIZE = 10  # stories
CHUNK_SIZE = 1920  # stories that are sorted by length together
TOKENIZER_STORIES = 40000
LEARNING_RATE, WARM_UP, WEIGHT_DECAY = 3e-3, 300, 0.1
CHECKPOINT_EVERY = 500  # steps


def training_chunks(first=0):
    """Yields the training stories in chunks without end, from chunk `first` on."""
    for chunk in range(first, 10**9):
        yield [*islice(stories(f'{SEED} {chunk}'), CHUNK_SIZE)]


def encode_sorted(tokenizer, texts):
    return sorted((tok.encode(tokenizer, text) for text in texts), key=lambda e: len(e[0]))


def batches(tokenizer, first=0):
    """Yields batches of stories of similar length, from step `first` on."""
    per_chunk = CHUNK_SIZE // BATCH_SIZE
    start = first // per_chunk
    for chunk, texts in enumerate(training_chunks(start), start):
        encoded = encode_sorted(tokenizer, texts)
        order = [*range(per_chunk)]
        random.Random(chunk).shuffle(order)
        for i in order[max(0, first - chunk * per_chunk):]:
            yield pad(encoded[i * BATCH_SIZE:(i + 1) * BATCH_SIZE])


def pad(encoded):
    """Returns the tokens and the loss mask of some stories, each [batch, seq]."""
    shape = len(encoded), max(len(ids) for ids, *_ in encoded)
    tokens, mask = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.bool)
    for row, (ids, flags, _) in enumerate(encoded):
        tokens[row, :len(ids)], mask[row, :len(ids)] = torch.tensor(ids), torch.tensor(flags)
    return tokens, mask


def masked_loss(model, tokens, mask):
    mask = mask[:, 1:]
    logits = model.output(model(tokens[:, :-1])[mask])
    return F.cross_entropy(logits, tokens[:, 1:][mask])


@torch.no_grad()
def validate(model, tokenizer, n=384, batch_size=16):
    """Returns the held-out loss and the share of probed words that the model predicts, by kind."""
    encoded = encode_sorted(tokenizer, islice(stories('probe', held_out=True), n))
    losses, hits = [], {}
    for i in range(0, n, batch_size):
        tokens, mask = pad(encoded[i:i + batch_size])
        losses.append(masked_loss(model, tokens, mask).item())
        predicted = model.output(model(tokens[:, :-1])).argmax(-1)
        for row, (ids, _, probes) in enumerate(encoded[i:i + batch_size]):
            for kind, words in probes.items():
                hits.setdefault(kind, []).extend(
                    all(predicted[row, i - 1] == ids[i] for i in word) for word in words)
    accuracy = {kind: sum(found) / len(found) for kind, found in sorted(hits.items())}
    return sum(losses) / len(losses), accuracy


class Progress:
    """Shows step, loss and minutes left: in place on a terminal, else a line every 30 seconds."""

    def __init__(self, first, steps):
        self.first, self.steps = first, steps
        self.terminal = sys.stdout.isatty()
        self.start = self.shown = time.time()

    def update(self, step, loss, details=''):
        """Always prints `details`, which are the figures of a validation."""
        now = time.time()
        if not details and now - self.shown < (1 if self.terminal else 30):
            return
        self.shown = now
        left = (now - self.start) / (step - self.first) * (self.steps - step) / 60
        line = f'step {step}/{self.steps}  loss {loss:.3f}{details}  {left:.0f} min left'
        end = '\n' if details or not self.terminal else ''
        print(f'\r\033[K{line}' if self.terminal else line, end=end, flush=True)


@contextmanager
def caught_signals():
    """Collects Ctrl-C and SIGTERM in a list, so the current step completes. A second one stops
    the program at once."""
    received, handlers = [], {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}

    def receive(number, _):
        received.append(number)
        signal.signal(number, handlers[number])

    try:
        for number in handlers:
            signal.signal(number, receive)
        yield received
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def train(model, tokenizer, checkpoint, steps, checkpoint_every, resume=False):
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW([{'params': matrices, 'weight_decay': WEIGHT_DECAY},
                                   {'params': vectors, 'weight_decay': 0}],
                                  betas=(0.9, 0.98), fused=True)
    first, mean_loss = 0, None
    if resume:
        saved = torch.load(checkpoint)
        model.load_state_dict(saved['model'])
        optimizer.load_state_dict(saved['optimizer'])
        first = saved['step']
        print(f'resuming at step {first}')

    def save(step):
        part = checkpoint.with_suffix('.part')  # a crash while saving keeps the old checkpoint
        torch.save({'step': step, 'model': model.state_dict(),
                    'optimizer': optimizer.state_dict()}, part)
        os.replace(part, checkpoint)

    progress = Progress(first, steps)
    remaining = islice(batches(tokenizer, first), steps - first)
    with caught_signals() as signals:
        for step, (tokens, mask) in enumerate(remaining, first + 1):
            for group in optimizer.param_groups:  # linear warm-up, then linear decay to zero
                group['lr'] = LEARNING_RATE * min(step / WARM_UP, 1 - (step - 1) / steps)
            loss = masked_loss(model, tokens, mask)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            mean_loss = loss.item() if mean_loss is None else 0.98 * mean_loss + 0.02 * loss.item()
            if step % checkpoint_every == 0 or step == steps:
                save(step)
                held_out, accuracy = validate(model, tokenizer)
                shares = ' '.join(f'{kind} {share:.2f}' for kind, share in accuracy.items())
                progress.update(step, mean_loss, f'  held-out {held_out:.3f}  probe {shares}')
            else:
                progress.update(step, mean_loss)
            if signals:
                save(step)
                raise SystemExit(f'\nstopped at step {step}; --resume resumes this run')


def main():
    parser = argparse.ArgumentParser(description='Train tinytales.')
    parser.add_argument('--out', type=Path,
                        help='folder for all results; Models/tinytales does not change')
    parser.add_argument('--resume', action='store_true', help='resume from the last checkpoint')
    parser.add_argument('--smoke', action='store_true', help='a run of one minute, as a test')
    parser.add_argument('--threads', type=int, default=2)
    args = parser.parse_args()
    steps, every, n = (60, 30, 4000) if args.smoke else (STEPS, CHECKPOINT_EVERY, TOKENIZER_STORIES)
    out = args.out or Path(tempfile.mkdtemp() if args.smoke else Path(__file__).parent / 'out')
    target = out if args.out or args.smoke else SHIPPED
    checkpoint = out / 'checkpoint.pt'
    if args.resume and not checkpoint.exists():
        parser.error(f'nothing to resume: {checkpoint} does not exist')
    for folder in (out, target):
        folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(SEED)

    if not args.resume:
        print('training the tokenizer', flush=True)
        texts = (story.text for story in islice(stories('tokenizer', counting_share=0.4), n))
        (out / 'tokenizer.model').write_bytes(tok.train(texts))
    tokenizer = tok.load(out / 'tokenizer.model')
    model = Llama(Config(vocab_size=tokenizer.vocab_size()))
    print(f'{sum(p.numel() for p in model.parameters()):,} parameters, to {out}', flush=True)
    train(model, tokenizer, checkpoint, steps, every, args.resume)

    (target / 'tokenizer.model').write_bytes((out / 'tokenizer.model').read_bytes())
    save_model(model, target / 'tinytales.lmw')
    reference.write(target, seqlength=48 if args.smoke else 256)
    print(f'wrote {target}')


if __name__ == '__main__':
    main()
