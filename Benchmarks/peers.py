"""Measures numpy or llama-cpp-python with a test of `full-llama bench --peers`, which runs this:

    python3 Benchmarks/peers.py --installed
    python3 Benchmarks/peers.py --program numpy --weights stories15M.bin --threads 2 --prefill 64
    python3 Benchmarks/peers.py --program llama-cpp-python --weights weights.gguf --position 256
    python3 Benchmarks/peers.py --program numpy --weights stories260K.bin --check greedy.json

numpy is a plain port and reads llama2.c's legacy .bin. llama-cpp-python calls llama.cpp with its fastest settings on
the CPU (the KV cache in F32, flash attention for prefill only) and reads GGUF.

--position times 8 single tokens at this position; the next repeat continues there. --prefill times so many tokens
in one pass. The output is a JSON list: the tokens per second of every repeat. --check measures nothing: it compares
greedy tokens with a file, a list of {"prompt_tokens": [..], "tokens": [..]}."""

import argparse
import json
import os
import sys
import time
from functools import partial
from importlib.util import find_spec
from itertools import product
from pathlib import Path

MODULES = {'numpy': 'numpy', 'llama-cpp-python': 'llama_cpp'}
THREADS = 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'VECLIB_MAXIMUM_THREADS'
STEPS = 8  # tokens per repeat of decode


def load(options):
    """The number of tokens in the vocabulary, and what makes a session of a capacity, for decode or prefill."""
    os.environ |= dict.fromkeys(THREADS, str(options.threads))  # libraries read them when they are loaded
    if options.program == 'numpy':
        import llama2c
        import peer_numpy
        c, tensors = llama2c.read(options.weights)
        return c['vocab'], lambda capacity, decode: peer_numpy.Session(c, tensors, capacity)
    import peer_llama_cpp
    model = peer_llama_cpp.load(options.weights)
    return peer_llama_cpp.vocab_size(model), partial(peer_llama_cpp.Session, model, options.threads)


def measure(options):
    vocab, new_session = load(options)
    count = options.position or options.prefill
    prompt = [1 + i * 7919 % (vocab - 1) for i in range(count)]
    session = new_session(count + STEPS * (options.repeats + 1), bool(options.position))

    def decode():
        for _ in range(STEPS):
            session.forward([3])

    def prefill():
        session.reset()
        session.forward(prompt)

    run, tokens = (decode, STEPS) if options.position else (prefill, count)
    if options.position:
        prefill()
    rates = []
    for _ in range(options.repeats + 1):
        start = time.perf_counter()
        run()
        rates.append(tokens / (time.perf_counter() - start))
    return json.dumps(rates[1:])  # the first was a warm-up


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


def check(options):
    """Generates every text with the settings for decode, and with those for prefill."""
    vocab, new_session = load(options)
    texts = read_check(options.check, vocab)
    for (number, (prompt, expected)), decode in product(enumerate(texts, 1), (True, False)):
        session = new_session(len(prompt) + len(expected), decode)
        session.forward(prompt)
        for i, token in enumerate(expected):
            if (found := session.argmax()) != token:
                raise ValueError(f'{options.program}: text {number}, token {i}: expected {token}, found {found}')
            session.forward([token])
    return f'{options.program}: {len(texts)} texts of {sum(len(tokens) for _, tokens in texts)} tokens are equal'


def positive(text):
    if not text.isdecimal() or not 1 <= int(text) <= 1 << 20:
        raise argparse.ArgumentTypeError(f'expected a number between 1 and {1 << 20}, found {text}')
    return int(text)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.error = lambda message: sys.exit(f'Error: {message}')
    add = parser.add_argument
    add('--weights', type=Path, metavar='FILE')
    add('--program', choices=MODULES)
    add('--threads', type=positive, default=1, metavar='N', help='(default: 1)')
    add('--repeats', type=positive, default=7, metavar='N', help='(default: 7)')
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument('--position', type=positive, metavar='N')
    mode.add_argument('--prefill', type=positive, metavar='N')
    mode.add_argument('--check', type=Path, metavar='FILE.json')
    mode.add_argument('--installed', action='store_true', help='print the programs that can be measured')
    options = parser.parse_args()
    if not options.installed and not (options.weights and options.program):
        parser.error('--program and --weights are required')
    return options


def main():
    options = parse()
    try:
        if options.installed:
            print('\n'.join(program for program, module in MODULES.items() if find_spec(module)))
        else:
            print(check(options) if options.check else measure(options))
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        raise SystemExit(f'Error: {error}') from None
    except KeyboardInterrupt:
        raise SystemExit(1) from None


if __name__ == '__main__':
    main()
