"""Writes what other programs read: `python3 Benchmarks/peer_files.py weights.bin F32 FOLDER` makes weights.gguf for
llama.cpp and tokenizer.bin for run.c. `full-llama bench --peers` runs it. It needs no packages. In F32, F16 and BF16
the weights are those of weights.bin; quantised ones have its shapes and random blocks."""

import math
import random
import struct
import sys
from array import array
from pathlib import Path

from llama2c import read_header

TYPES = {'F32': 0, 'F16': 1, 'BF16': 30, 'Q8_0': 8, 'Q4_0': 2, 'Q4_K': 12, 'Q5_K': 13, 'Q6_K': 14}
BLOCKS = {  # the elements and the bytes of a block, and the places of its scales, which make weights small
    'Q8_0': (32, 34, {0: 0x0C00}), 'Q4_0': (32, 18, {0: 0x1C00}), 'Q4_K': (256, 144, {0: 0x0800, 2: 0x1400}),
    'Q5_K': (256, 176, {0: 0x0800, 2: 0x1400}), 'Q6_K': (256, 210, {208: 0x0200})}
NAMES = {'attention_norm': 'attn_norm', 'wq': 'attn_q', 'wk': 'attn_k', 'wv': 'attn_v', 'wo': 'attn_output',
         'ffn_norm': 'ffn_norm', 'w1': 'ffn_gate', 'w2': 'ffn_down', 'w3': 'ffn_up'}
OUTER = {'tok_embeddings': 'token_embd', 'norm': 'output_norm', 'output': 'output'}


def gguf_tensors(shapes):
    """GGUF's name of every tensor, its shape, and its offset in the .bin. Rows keep their order: GGUF's llama rotates
    elements 2i and 2i + 1, as llama2.c does."""
    offset = 28
    for name, shape in shapes.items():
        if name in NAMES:
            for i in range(shape[0]):
                yield f'blk.{i}.{NAMES[name]}.weight', shape[1:], offset + i * 4 * math.prod(shape[1:])
        elif name in OUTER:
            yield f'{OUTER[name]}.weight', shape, offset
        offset += 4 * math.prod(shape)


def text(value):
    return struct.pack('<Q', len(value)) + value.encode()


def padded(data):
    return data + bytes(-len(data) % 32)


def elements(data, element):
    """Floats as this type. Random halves have been widened, so that this loses nothing."""
    if element == 'BF16':
        halves = bytearray(len(data) // 2)
        halves[0::2], halves[1::2] = data[2::4], data[3::4]
        return bytes(halves)
    return data if element == 'F32' else struct.pack(f'<{len(data) // 4}e', *array('f', data))


def fitting(element, shape):
    """The type of a tensor, by the rule of RandomWeights.swift: vectors are F32, and a row is a whole number of
    blocks."""
    if len(shape) == 1:  # llama.cpp, too, wants vectors in F32
        return 'F32'
    fits = (kind for kind in (element, 'Q8_0') if kind not in BLOCKS or shape[-1] % BLOCKS[kind][0] == 0)
    return next(fits, 'F32')


def byte_count(shape, kind):
    size, block_bytes, _ = BLOCKS.get(kind, (1, 4 if kind == 'F32' else 2, None))
    return math.prod(shape) // size * block_bytes


def random_blocks(shape, kind):
    """Blocks of random integers: the speed does not depend on them, and quantising would take minutes."""
    _, block_bytes, scales = BLOCKS[kind]
    data = bytearray(random.randbytes(byte_count(shape, kind)))
    for place, half in scales.items():
        for i, byte in enumerate(struct.pack('<H', half)):
            data[place + i::block_bytes] = bytes([byte]) * (len(data) // block_bytes)
    return bytes(data)


def write_gguf(source, element, path):
    c, shapes = read_header(source)
    tensors = [(name, shape, offset, fitting(element, shape)) for name, shape, offset in gguf_tensors(shapes)]
    numbers = {
        'context_length': 1 << 20, 'embedding_length': c['dim'], 'feed_forward_length': c['hidden'],
        'block_count': c['n_layers'], 'attention.head_count': c['n_heads'],
        'attention.head_count_kv': c['n_kv_heads'], 'rope.dimension_count': c['head'], 'vocab_size': c['vocab'],
        'attention.layer_norm_rms_epsilon': 1e-5, 'rope.freq_base': 10000.0}
    header = b'GGUF' + struct.pack('<IQQ', 3, len(tensors), len(numbers) + 2)
    for key, value in {'general.architecture': 'llama', 'tokenizer.ggml.model': 'none'}.items():
        header += text(key) + struct.pack('<I', 8) + text(value)
    for key, value in numbers.items():
        header += text(f'llama.{key}') + (struct.pack('<If', 6, value) if isinstance(value, float) else
                                          struct.pack('<II', 4, value))
    position = 0
    for name, shape, _, kind in tensors:
        header += text(name) + struct.pack(f'<I{len(shape)}Q', len(shape), *reversed(shape))
        header += struct.pack('<IQ', TYPES[kind], position)
        size = byte_count(shape, kind)
        position += size + -size % 32
    with open(source, 'rb') as weights, open(path, 'wb') as file:
        file.write(padded(header))
        for _, shape, offset, kind in tensors:
            if kind in BLOCKS:
                file.write(padded(random_blocks(shape, kind)))
                continue
            weights.seek(offset)
            file.write(padded(elements(weights.read(4 * math.prod(shape)), kind)))


def write_tokenizer(vocab, path):
    """The format of llama2.c, with a score and a text for every token. "a" is a token that merges with no other."""
    pieces = [{3: ' ', 4: 'a'}.get(i, f't{i}').encode() for i in range(vocab)]
    path.write_bytes(struct.pack('<i', max(map(len, pieces)))
                     + b''.join(struct.pack('<fi', 0, len(piece)) + piece for piece in pieces))


def main():
    source, element, folder = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    try:
        write_gguf(source, element, folder / 'weights.gguf')
        write_tokenizer(read_header(source)[0]['vocab'], folder / 'tokenizer.bin')
    except (ValueError, OSError) as error:
        raise SystemExit(f'Error: {error}') from None


if __name__ == '__main__':
    main()
