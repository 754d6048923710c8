"""Converts PyTorch checkpoints of Llama 2 models to .lmw:

    python Training/convert.py llama-2-7b/ llama-2-7b.lmw     Meta's consolidated.*.pth, params.json
    python Training/convert.py stories15M.pt stories15M.lmw   a checkpoint of llama2.c

It unpickles only tensors and plain values, and widens one tensor at a time to 32 bits."""

import argparse
import json
import pickle
from pathlib import Path

import torch

from weights import write_lmw

# The axis along which Meta's shards split a tensor. Each shard has a copy of all other tensors.
AXES = {'wq': 0, 'wk': 0, 'wv': 0, 'wo': 1, 'w1': 0, 'w2': 1, 'w3': 0, 'output': 0,
        'tok_embeddings': 1}
IGNORED = {'rope.freqs', 'freqs_cos', 'freqs_sin'}  # readers of .lmw compute these
REQUIRED = ('tok_embeddings.weight', 'layers.0.feed_forward.w1.weight')


def load(path):
    try:
        return torch.load(path, map_location='cpu', mmap=True, weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        reason = str(error).split('\n')[0]
        raise ValueError(f'{path}: PyTorch cannot read it: {reason}') from None


def read_meta(folder, max_seq_len):
    """Returns the config and, for each tensor name, the list of its shards."""
    paths = sorted(folder.glob('consolidated.*.pth'))
    if not paths:
        raise ValueError(f'{folder}: expected files consolidated.*.pth, found none')
    config = json.loads((folder / 'params.json').read_text())
    shards = [load(path) for path in paths]
    for path, shard in zip(paths, shards):
        if shard.keys() != shards[0].keys():
            raise ValueError(f'{path}: expected the tensors of {paths[0].name}, found others')
    tensors = {name: [shard[name] for shard in shards] for name in shards[0]}
    return {'max_seq_len': max_seq_len} | config, tensors


def read_llama2c(path):
    """Returns the config and, for each tensor name, a list of the one tensor."""
    checkpoint = load(path)
    if not isinstance(checkpoint, dict) or not {'model', 'model_args'} <= checkpoint.keys():
        raise ValueError(f'{path}: expected model and model_args of llama2.c, found something else')
    tensors = {name.removeprefix('_orig_mod.'): [tensor]
               for name, tensor in checkpoint['model'].items()}
    return checkpoint['model_args'], tensors


def complete(config, tensors):
    """Returns the config with defaults and derived sizes; fails if .lmw cannot express it."""
    config = {'multiple_of': 256, 'norm_eps': 1e-5, 'max_seq_len': 2048} | config
    missing = [key for key in ('dim', 'n_layers', 'n_heads') if key not in config]
    missing += [name for name in REQUIRED if name not in tensors]
    if missing:
        raise ValueError(f'{missing[0]} is missing')
    if config.get('rope_theta', 10000) != 10000 or config.get('use_scaled_rope'):
        raise ValueError(f'.lmw cannot store rope_theta = {config.get("rope_theta")} '
                         'or scaled RoPE')
    config['n_kv_heads'] = config.get('n_kv_heads') or config['n_heads']
    embeddings, w1 = (tensors[name] for name in REQUIRED)
    # Some shards split the embeddings by row, the others by column.
    vocab_size = sum(part.shape[0] for part in embeddings if part.shape[1] == config['dim'])
    vocab_size = vocab_size or embeddings[0].shape[0]
    if config.get('vocab_size', -1) not in (-1, vocab_size):
        raise ValueError(f'expected vocab_size = {config["vocab_size"]} embeddings, '
                         f'found {vocab_size}')
    hidden_dim = sum(part.shape[0] for part in w1)
    return config | {'vocab_size': vocab_size, 'hidden_dim': hidden_dim}


def shapes(config):
    """Yields the name and shape of each tensor, in the order of a forward pass."""
    dim, hidden_dim, vocab_size = config['dim'], config['hidden_dim'], config['vocab_size']
    kv_dim = config['n_kv_heads'] * dim // config['n_heads']
    yield 'tok_embeddings.weight', (vocab_size, dim)
    for i in range(config['n_layers']):
        for name, shape in {
                'attention_norm': (dim,), 'attention.wq': (dim, dim),
                'attention.wk': (kv_dim, dim), 'attention.wv': (kv_dim, dim),
                'attention.wo': (dim, dim), 'ffn_norm': (dim,),
                'feed_forward.w1': (hidden_dim, dim), 'feed_forward.w2': (dim, hidden_dim),
                'feed_forward.w3': (hidden_dim, dim)}.items():
            yield f'layers.{i}.{name}.weight', shape
    yield 'norm.weight', (dim,)
    yield 'output.weight', (vocab_size, dim)


def join(name, shards, shape):
    """Returns one 32-bit tensor from its shards."""
    axis = AXES.get(name.split('.')[-2])
    if name == 'tok_embeddings.weight' and shards[0].shape[-1] == shape[-1]:
        axis = 0
    whole = shards[0] if len(shards) == 1 or axis is None else torch.cat(shards, axis)
    if tuple(whole.shape) != shape:
        raise ValueError(f'{name}: expected shape {shape}, found {tuple(whole.shape)}')
    return whole.float()


def convert(source, output, max_seq_len):
    if source.is_dir():
        config, tensors = read_meta(source, max_seq_len)
    else:
        config, tensors = read_llama2c(source)
    config = complete(config, tensors)
    expected = dict(shapes(config))
    if unknown := tensors.keys() - expected.keys() - IGNORED:
        raise ValueError(f'Llama 2 has no tensor {min(unknown)}')
    if missing := expected.keys() - tensors.keys():
        raise ValueError(f'the tensor {min(missing)} is missing')
    write_lmw(output, config, ((name, join(name, tensors[name], shape))
                               for name, shape in expected.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path, help="Meta's folder or llama2.c's .pt file")
    parser.add_argument('output', type=Path, help='the .lmw file to write')
    parser.add_argument('--max-seq-len', type=int, default=4096,
                        help="context size for Meta's models (default: 4096)")
    args = parser.parse_args()
    try:
        convert(args.source, args.output, args.max_seq_len)
    except (ValueError, OSError) as error:
        raise SystemExit(f'Error: {error}') from None


if __name__ == '__main__':
    main()
