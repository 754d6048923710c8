"""Converts PyTorch's files of Llama 2 weights to .lmw:

    python Training/convert.py llama-2-7b/ llama-2-7b.lmw      Meta's consolidated.*.pth and params.json
    python Training/convert.py stories15M.pt stories15M.lmw    a checkpoint of llama2.c
    python Training/convert.py --self-test

Only tensors and plain values are unpickled (weights_only=True), and one tensor at a time is widened."""

import argparse
import json
import os
import pickle
import struct
import tempfile
from pathlib import Path

import numpy as np
import torch

MAGIC = 0x696D756C
# along which axis Meta's shards divide a matrix; what is not named here is the same in all of them
AXES = {'wq': 0, 'wk': 0, 'wv': 0, 'wo': 1, 'w1': 0, 'w2': 1, 'w3': 0, 'output': 0, 'tok_embeddings': 1}
IGNORED = {'rope.freqs', 'freqs_cos', 'freqs_sin'}  # computed again by who reads .lmw


def load(path):
    try:
        return torch.load(path, map_location='cpu', mmap=True, weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise ValueError(f'{path}: PyTorch cannot read it: {str(error).split(chr(10))[0]}') from None


def shapes(c):
    """The names and shapes that a Llama of these sizes has, in the order of a forward pass."""
    dim, hidden, kv = c['dim'], c['hidden_dim'], c['n_kv_heads'] * c['dim'] // c['n_heads']
    yield 'tok_embeddings.weight', (c['vocab_size'], dim)
    for i in range(c['n_layers']):
        for name, shape in {
                'attention_norm': (dim,), 'attention.wq': (dim, dim), 'attention.wk': (kv, dim),
                'attention.wv': (kv, dim), 'attention.wo': (dim, dim), 'ffn_norm': (dim,),
                'feed_forward.w1': (hidden, dim), 'feed_forward.w2': (dim, hidden),
                'feed_forward.w3': (hidden, dim)}.items():
            yield f'layers.{i}.{name}.weight', shape
    yield 'norm.weight', (dim,)
    yield 'output.weight', (c['vocab_size'], dim)


def read_meta(folder, max_seq_len):
    """The sizes and the shards of each tensor of Meta's folder."""
    paths = sorted(folder.glob('consolidated.*.pth'))
    if not paths:
        raise ValueError(f'{folder}: expected files consolidated.*.pth, found none')
    config = json.loads((folder / 'params.json').read_text())
    shards = [load(path) for path in paths]
    for path, shard in zip(paths, shards):
        if shard.keys() != shards[0].keys():
            raise ValueError(f'{path}: expected the tensors of {paths[0].name}, found others')
    return {'max_seq_len': max_seq_len} | config, {name: [shard[name] for shard in shards] for name in shards[0]}


def read_llama2c(path):
    """The sizes and tensors of a checkpoint that llama2.c's train.py wrote."""
    checkpoint = load(path)
    if not isinstance(checkpoint, dict) or not {'model', 'model_args'} <= checkpoint.keys():
        raise ValueError(f'{path}: expected model and model_args of llama2.c, found something else')
    state = {name.removeprefix('_orig_mod.'): [value] for name, value in checkpoint['model'].items()}
    return dict(checkpoint['model_args']), state


def joined(name, parts, shape):
    """One tensor of the parts that shards hold of it, in fp32."""
    axis = AXES.get(name.split('.')[-2])
    if name == 'tok_embeddings.weight' and parts[0].shape[-1] == shape[-1]:
        axis = 0  # divided by words
    whole = parts[0] if len(parts) == 1 or axis is None else torch.cat(list(parts), axis)
    if tuple(whole.shape) != shape:
        raise ValueError(f'{name}: expected shape {shape}, found {tuple(whole.shape)}')
    return whole.to(torch.float32).contiguous().numpy().astype('<f4', copy=False)


def complete(config, tensors):
    """The sizes with what follows from them, if .lmw can express them."""
    c = {'multiple_of': 256, 'norm_eps': 1e-5, 'max_seq_len': 2048} | config
    missing = [key for key in ('dim', 'n_layers', 'n_heads') if key not in c]
    missing += [key for key in ('tok_embeddings.weight', 'layers.0.feed_forward.w1.weight') if key not in tensors]
    if missing:
        raise ValueError(f'{missing[0]} is missing')
    if c.get('rope_theta', 10000) != 10000 or c.get('use_scaled_rope'):
        raise ValueError(f'.lmw has no place for rope_theta = {c.get("rope_theta")} or scaled RoPE')
    c['n_kv_heads'] = c.get('n_kv_heads') or c['n_heads']
    embeddings = tensors['tok_embeddings.weight']
    rows = sum(t.shape[0] for t in embeddings if t.shape[1] == c['dim']) or embeddings[0].shape[0]
    if c.get('vocab_size', -1) not in (-1, rows):
        raise ValueError(f'expected vocab_size = {c["vocab_size"]} embeddings, found {rows}')
    hidden = sum(t.shape[0] for t in tensors['layers.0.feed_forward.w1.weight'])
    return c | {'vocab_size': rows, 'hidden_dim': hidden}


def write_lmw(path, config, tensors):
    """Writes under a temporary name first, so that a file is whole or not there."""
    c = complete(config, tensors)
    expected = dict(shapes(c))
    if unknown := tensors.keys() - expected.keys() - IGNORED:
        raise ValueError(f'no Llama 2 has a tensor {min(unknown)}')
    if missing := expected.keys() - tensors.keys():
        raise ValueError(f'the tensor {min(missing)} is missing')
    part = Path(f'{path}.part')
    try:
        with open(part, 'wb') as file:
            file.write(struct.pack(
                '<I8if', MAGIC, 1, c['dim'], c['n_layers'], c['n_heads'], c['n_kv_heads'], c['multiple_of'],
                c['vocab_size'], c['max_seq_len'], c['norm_eps']))
            for name, shape in expected.items():
                padded = name.encode() + b' ' * (4 - len(name) % 4)
                file.write(struct.pack('<I', len(padded)) + padded)
                file.write(struct.pack(f'<{1 + len(shape)}I', len(shape), *shape))
                joined(name, tensors[name], shape).tofile(file)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_lmw(path):
    """The header's numbers and all tensors, for the self-test."""
    data = Path(path).read_bytes()
    header, offset, tensors = struct.unpack_from('<I8if', data), 40, {}
    while offset < len(data):
        length, = struct.unpack_from('<I', data, offset)
        name = data[offset + 4:offset + 4 + length].decode().rstrip(' ')
        rank, = struct.unpack_from('<I', data, offset + 4 + length)
        shape = struct.unpack_from(f'<{rank}I', data, offset + 8 + length)
        offset += 8 + length + 4 * rank
        tensors[name] = np.frombuffer(data, '<f4', int(np.prod(shape)), offset).reshape(shape)
        offset += 4 * tensors[name].size
    return header, tensors


def self_test():
    args = {'dim': 16, 'n_layers': 2, 'n_heads': 4, 'n_kv_heads': 2, 'vocab_size': 10, 'multiple_of': 8,
            'norm_eps': 1e-6, 'max_seq_len': 32}
    torch.manual_seed(1)
    whole = {name: torch.randn(shape) for name, shape in shapes(args | {'hidden_dim': 24})}
    header = (MAGIC, 1, 16, 2, 4, 2, 8, 10, 32, np.float32(1e-6))

    def check(label, source, wanted):
        convert(source, folder / 'out.lmw', 32)
        found, tensors = read_lmw(folder / 'out.lmw')
        assert found == header and list(tensors) == list(wanted), (label, found)
        for name, tensor in wanted.items():
            np.testing.assert_array_equal(tensors[name], tensor.float().numpy(), f'{label}: {name}')
        print(f'{label}: {len(tensors)} tensors equal')

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for prefix in ('', '_orig_mod.'):
            state = {prefix + key: value for key, value in whole.items()}
            state[prefix + 'freqs_cos'] = torch.ones(32, 2)
            torch.save({'model': state, 'model_args': args | {'dropout': 0.0}}, folder / 'ckpt.pt')
            check(f'llama2.c, prefix "{prefix}"', folder / 'ckpt.pt', whole)

        (folder / 'params.json').write_text(json.dumps(
            {key: value for key, value in args.items() if key != 'max_seq_len'} | {'vocab_size': -1}))
        for count in (1, 2):
            for dtype in (torch.float32, torch.float16, torch.bfloat16):
                rounded = {key: value.to(dtype) for key, value in whole.items()}
                # divided by hand, not by AXES: columns of wo, w2 and embeddings, rows of the others
                for i in range(count):
                    shard = {'rope.freqs': torch.ones(2)}
                    for key, value in rounded.items():
                        axis = 1 if any(part in key for part in ('.wo.', '.w2.', 'tok_embeddings')) else 0
                        shard[key] = (value if value.ndim == 1 else value.chunk(count, axis)[i]).clone()
                    torch.save(shard, folder / f'consolidated.{i:02}.pth')
                check(f'Meta, {count} of {dtype}', folder, rounded)

        (folder / 'params.json').write_text(json.dumps(args | {'rope_theta': 500000.0}))
        try:
            check('refused', folder, whole)
            raise AssertionError('a rope_theta that .lmw cannot hold was not refused')
        except ValueError as error:
            print(f'refused: {error}')


def convert(source, output, max_seq_len):
    write_lmw(output, *(read_meta(source, max_seq_len) if source.is_dir() else read_llama2c(source)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path, nargs='?', help="Meta's folder, or llama2.c's .pt")
    parser.add_argument('output', type=Path, nargs='?', help='the .lmw file to write')
    parser.add_argument('--max-seq-len', type=int, default=4096,
                        help="what Meta's files do not say (default: 4096, Llama 2's)")
    parser.add_argument('--self-test', action='store_true', help='convert small files made here, and compare')
    options = parser.parse_args()
    if options.self_test:
        return self_test()
    if not options.source or not options.output:
        parser.error('expected a source and an output')
    try:
        convert(options.source, options.output, options.max_seq_len)
    except (ValueError, OSError) as error:
        raise SystemExit(f'Error: {error}') from None


if __name__ == '__main__':
    main()
