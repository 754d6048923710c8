"""Measures other programs on the same weights, with the tests of `full-llama bench`:

    python3 Benchmarks/peers.py --weights stories15M.bin --threads 2
    python3 Benchmarks/peers.py --weights stories15M.bin --element BF16 --position 16 --prefill 64
    python3 Benchmarks/peers.py --weights stories260K.bin --check greedy.json

The weights are llama2.c's legacy .bin. The programs (Benchmarks/requirements.txt says what they need):
    llama.cpp   on a temporary GGUF file, with its fastest settings on the CPU: the KV cache in F32, flash
                attention for prefill only
    numpy       a plain port, F32 only

"decode at 256" times 8 single tokens after the first 256; the next repeat continues there. "prefill of 64" times
64 tokens in one pass. Tests beyond both 2048 positions and the model's are left out. JSON goes to standard
output: the tokens per second of every repeat, and the peak memory of the program's process, including Python.
--check measures nothing: it compares the greedy tokens of every program with a file, a list of
{"prompt_tokens": [..], "tokens": [..]}. Run nothing else meanwhile: threads wait for the slowest one."""

import argparse
import json
import math
import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
from functools import partial
from importlib.util import find_spec
from itertools import product
from pathlib import Path

PACKAGES = {'llama.cpp': {'llama_cpp': 'llama-cpp-python', 'gguf': 'gguf'}, 'numpy': {'numpy': 'numpy'}}
THREADS = 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'VECLIB_MAXIMUM_THREADS'
STEPS = 8  # tokens per repeat of decode


def read_header(path):
    """The sizes, and the shapes of the tensors in the file's order."""
    with open(path, 'rb') as file:
        header = file.read(28)
    if len(header) < 28:
        raise ValueError(f'{path}: expected a header of 28 bytes, found {len(header)}')
    names = 'dim', 'hidden', 'n_layers', 'n_heads', 'n_kv_heads', 'vocab', 'seq_len'
    c = dict(zip(names, struct.unpack('<7i', header)))
    separate, c['vocab'] = c['vocab'] < 0, abs(c['vocab'])
    if min(c.values()) < 1 or c['vocab'] < 4 or c['dim'] % (2 * c['n_heads']) or c['n_heads'] % c['n_kv_heads']:
        raise ValueError(f'{path}: expected a legacy .bin of llama2.c, found the sizes {[*c.values()]}')
    n, dim, hidden, c['head'] = c['n_layers'], c['dim'], c['hidden'], c['dim'] // c['n_heads']
    kv = c['n_kv_heads'] * c['head']
    shapes = {
        'tok_embeddings': (c['vocab'], dim), 'attention_norm': (n, dim), 'wq': (n, dim, dim), 'wk': (n, kv, dim),
        'wv': (n, kv, dim), 'wo': (n, dim, dim), 'ffn_norm': (n, dim), 'w1': (n, hidden, dim),
        'w2': (n, dim, hidden), 'w3': (n, hidden, dim), 'norm': (dim,), 'rope': (c['seq_len'], c['head'])}
    if separate:
        shapes['output'] = (c['vocab'], dim)
    expected = 28 + 4 * sum(map(math.prod, shapes.values()))
    if os.path.getsize(path) != expected:
        raise ValueError(f'{path}: expected {expected} bytes, found {os.path.getsize(path)}')
    return c, shapes


def read(path):
    """The sizes, and the tensors as views of the mapped file."""
    import numpy as np  # in workers only, whose environment sets the threads
    c, shapes = read_header(path)
    numbers, offset, tensors = np.asarray(np.memmap(path, '<f4', 'r', offset=28)), 0, {}
    for name, shape in shapes.items():
        tensors[name] = numbers[offset:offset + math.prod(shape)].reshape(shape)
        offset += math.prod(shape)
    return c, tensors


def measure(new_session, options, c):
    """Every repeat runs all tests in turn, so that a slow moment affects all of them."""
    capacity = max(2048, c['seq_len'])

    def prompt(count):
        return [1 + i * 7919 % (c['vocab'] - 1) for i in range(count)]

    def decode(position):
        session = new_session(position + STEPS * (options.repeats + 1), decode=True)
        session.forward(prompt(position))
        return STEPS, lambda: [session.forward([3]) for _ in range(STEPS)]

    def prefill(count):
        session, tokens = new_session(count, decode=False), prompt(count)
        return count, lambda: (session.reset(), session.forward(tokens))

    tests = {f'decode at {n}': decode(n) for n in options.position or (16, 256, 1024, 2048) if n < capacity}
    tests |= {f'prefill of {n}': prefill(n) for n in options.prefill or (16, 64, 256) if n <= capacity}
    rates = {name: [] for name in tests}
    for _ in range(options.repeats + 1):
        for name, (count, run) in tests.items():
            start = time.perf_counter()
            run()
            rates[name].append(count / (time.perf_counter() - start))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024) / 1e6
    return [{'program': options.worker, 'test': name, 'rates': rates[name][1:], 'peakMegabytes': peak}
            for name in tests]  # the first of each was a warm-up


def read_check(path, vocab):
    try:
        texts = [(text['prompt_tokens'], text['tokens']) for text in json.loads(path.read_text())]
        valid = all(prompt and all(type(token) is int and 0 <= token < vocab for token in prompt + answer)
                    for prompt, answer in texts)
    except (TypeError, KeyError, ValueError):
        valid = False
    if not valid or not texts:
        raise ValueError(f'{path}: expected a list of prompt_tokens and tokens between 0 and {vocab - 1}')
    return texts


def check(new_session, options, c):
    """Generates every text with the settings for decode, and with those for prefill."""
    texts = read_check(options.check, c['vocab'])
    for (number, (prompt, expected)), decode in product(enumerate(texts, 1), (True, False)):
        session = new_session(len(prompt) + len(expected), decode)
        session.forward(prompt)
        for i, token in enumerate(expected):
            if (found := session.argmax()) != token:
                raise ValueError(f'{options.worker}: text {number}, token {i}: expected {token}, found {found}')
            session.forward([token])
    return [f'{options.worker}: {len(texts)} texts of {sum(len(tokens) for _, tokens in texts)} tokens are equal']


def work(options):
    """The work of a worker process: write the GGUF file, or measure or check a program."""
    c, tensors = read(options.weights)
    if options.worker == 'numpy':
        import peer_numpy as peer

        def new_session(capacity, decode):
            return peer.Session(c, tensors, capacity)
    else:
        import peer_llama_cpp as peer
        if options.worker == 'gguf':
            return peer.write_gguf(options.gguf, c, tensors, options.element)
        new_session = partial(peer.Session, peer.load(options.gguf), options.threads)
    return (check if options.check else measure)(new_session, options, c)


def start(worker, options, gguf):
    """Runs a worker process: libraries read the number of threads at load, and peak memory is per process."""
    command = [sys.executable, __file__, *sys.argv[1:], '--worker', worker, '--gguf', str(gguf)]
    threads = dict.fromkeys(THREADS, str(options.threads))
    result = subprocess.run(command, env=os.environ | threads, stdout=subprocess.PIPE)
    if result.returncode < 0:
        raise ValueError(f'{worker}: ended by signal {-result.returncode}')
    if result.returncode:
        raise SystemExit(1)  # the worker has said why
    return json.loads(result.stdout)


def installed(options):
    """The programs to run; prints why the others are left out."""
    for program in options.program or PACKAGES:
        missing = [package for name, package in PACKAGES[program].items() if not find_spec(name)]
        if missing:
            print(f'{program} is left out: python3 -m pip install {" ".join(missing)}', file=sys.stderr)
        elif program == 'numpy' and options.element != 'F32':
            print(f'numpy is left out: it has no fast products of {options.element}', file=sys.stderr)
        else:
            yield program


def run(options):
    c, _ = read_header(options.weights)
    if options.check:
        read_check(options.check, c['vocab'])
    results = []
    with tempfile.TemporaryDirectory() as folder:
        gguf = Path(folder) / 'weights.gguf'
        for program in installed(options):
            if program == 'llama.cpp':
                start('gguf', options, gguf)
            results += start(program, options, gguf)
    if options.check and not results:
        raise SystemExit(1)  # nothing was checked
    print('\n'.join(results) if options.check else json.dumps(results, indent=1))


def positive(text):
    if not text.isdecimal() or not 1 <= int(text) <= 1 << 20:
        raise argparse.ArgumentTypeError(f'expected a number between 1 and {1 << 20}, found {text}')
    return int(text)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.error = lambda message: sys.exit(f'Error: {message}')
    add = parser.add_argument
    add('--weights', type=Path, required=True, metavar='FILE.bin')
    add('--element', choices=('F32', 'F16', 'BF16'), default='F32', help='what llama.cpp gets (default: F32)')
    add('--threads', type=positive, default=1, metavar='N', help='(default: 1)')
    add('--position', type=positive, action='append', metavar='N', help='repeatable (default: 16, 256, 1024, 2048)')
    add('--prefill', type=positive, action='append', metavar='N', help='repeatable (default: 16, 64, 256)')
    add('--repeats', type=positive, default=7, metavar='N', help='of each measurement (default: 7)')
    add('--program', choices=PACKAGES, action='append', help='repeatable (default: all)')
    add('--check', type=Path, metavar='FILE.json', help='compare greedy tokens instead (halves may differ)')
    add('--worker', help=argparse.SUPPRESS)
    add('--gguf', help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # removes the temporary folder
    try:
        if options.worker:
            return print(json.dumps(work(options)))
        run(options)
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        raise SystemExit(f'Error: {error}') from None
    except KeyboardInterrupt:
        raise SystemExit(1) from None


if __name__ == '__main__':
    main()
