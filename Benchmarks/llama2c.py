"""Reads llama2.c's legacy .bin, the weights of all other programs, for peers.py."""

import math
import os
import struct


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
    """The sizes, and the tensors as numpy's views of the mapped file."""
    import numpy as np  # here, because peers.py sets the number of threads first
    c, shapes = read_header(path)
    numbers, offset, tensors = np.asarray(np.memmap(path, '<f4', 'r', offset=28)), 0, {}
    for name, shape in shapes.items():
        tensors[name] = numbers[offset:offset + math.prod(shape)].reshape(shape)
        offset += math.prod(shape)
    return c, tensors
