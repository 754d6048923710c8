"""Weight files: writes .lmw (version 1) and llama2.c's legacy .bin, reads .lmw back.

`python Training/export.py Models/tinytales/tinytales.lmw out.bin` converts."""

import argparse
import struct

import numpy as np
import torch

from model import Config, Llama, rope_tables

MAGIC = 0x696D756C


def write_lmw(model, path):
    """Header, then a record for each weight: padded name, dimensions, 32-bit floats."""
    c = model.config
    with open(path, 'wb') as file:
        file.write(struct.pack('<I8if', MAGIC, 1, c.dim, c.n_layers, c.n_heads, c.n_kv_heads,
                               c.multiple_of, c.vocab_size, c.max_seq_len, c.norm_eps))
        for name, weight in model.state_dict().items():
            padded = name.encode() + b' ' * (4 - len(name) % 4)  # 1 to 4 spaces
            file.write(struct.pack('<I', len(padded)) + padded)
            file.write(struct.pack(f'<{1 + weight.dim()}I', weight.dim(), *weight.shape))
            file.write(weight.float().numpy().astype('<f4').tobytes())


def read_lmw(path):
    """The model in a .lmw file."""
    with open(path, 'rb') as file:
        data = file.read()
    (magic, version, dim, n_layers, n_heads, n_kv_heads, multiple_of, vocab_size, max_seq_len,
     norm_eps) = struct.unpack_from('<I8if', data)
    if magic != MAGIC or version != 1 or n_kv_heads != n_heads:
        raise ValueError(f'{path} is not a .lmw of version 1 with plain attention')
    norm_eps = float(f'{norm_eps:.6g}')  # 1e-5 again, not the nearest 32-bit float
    config = Config(dim=dim, n_layers=n_layers, n_heads=n_heads, multiple_of=multiple_of,
                    vocab_size=vocab_size, max_seq_len=max_seq_len, norm_eps=norm_eps)
    weights, at = {}, struct.calcsize('<I8if')
    while at < len(data):
        length, = struct.unpack_from('<I', data, at)
        name = data[at + 4:at + 4 + length].decode().rstrip(' ')
        at += 4 + length
        n_dims, = struct.unpack_from('<I', data, at)
        shape = struct.unpack_from(f'<{n_dims}I', data, at + 4)
        at += 4 + 4 * n_dims
        values = np.frombuffer(data, '<f4', int(np.prod(shape)), at).reshape(shape)
        weights[name] = torch.from_numpy(values.copy())
        at += values.nbytes
    model = Llama(config)
    model.load_state_dict(weights)
    return model.eval()


def write_bin(model, path):
    """llama2.c's legacy format; a negative vocabulary size says that the classifier is separate."""
    c, weights = model.config, model.state_dict()
    tied = torch.equal(weights['tok_embeddings.weight'], weights['output.weight'])
    per_layer = ['attention_norm', 'attention.wq', 'attention.wk', 'attention.wv', 'attention.wo',
                 'ffn_norm', 'feed_forward.w1', 'feed_forward.w2', 'feed_forward.w3']
    order = [weights['tok_embeddings.weight']]
    order += [weights[f'layers.{i}.{name}.weight'] for name in per_layer for i in range(c.n_layers)]
    order += [weights['norm.weight'], *rope_tables(c)]
    order += [] if tied else [weights['output.weight']]
    with open(path, 'wb') as file:
        file.write(struct.pack('<7i', c.dim, c.hidden_dim, c.n_layers, c.n_heads, c.n_kv_heads,
                               c.vocab_size if tied else -c.vocab_size, c.max_seq_len))
        for weight in order:
            file.write(weight.float().numpy().astype('<f4').tobytes())


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description="Convert a .lmw file to llama2.c's .bin.")
    parser.add_argument('lmw')
    parser.add_argument('bin')
    args = parser.parse_args()
    write_bin(read_lmw(args.lmw), args.bin)
