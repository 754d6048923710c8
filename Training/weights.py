"""Reads and writes .lmw weight files, version 1.

A .lmw file is a header followed by one record per tensor: its name padded with spaces, its
shape, and its values as 32-bit floats."""

import os
import struct
from pathlib import Path

import numpy as np
import torch

from model import Config, Llama

MAGIC, VERSION = 0x696D756C, 1
HEADER = struct.Struct('<I8if')
FIELDS = ('dim', 'n_layers', 'n_heads', 'n_kv_heads', 'multiple_of', 'vocab_size', 'max_seq_len',
          'norm_eps')


def write_lmw(path, config, tensors):
    """Writes a config, {field: value}, and pairs of name and tensor.

    The file gets its final name when it is complete."""
    part = Path(f'{path}.part')
    try:
        with open(part, 'wb') as file:
            file.write(HEADER.pack(MAGIC, VERSION, *(config[field] for field in FIELDS)))
            for name, tensor in tensors:
                padded = name.encode() + b' ' * (4 - len(name) % 4)  # one to four spaces
                file.write(struct.pack('<I', len(padded)) + padded)
                file.write(struct.pack(f'<{1 + tensor.dim()}I', tensor.dim(), *tensor.shape))
                file.write(tensor.float().numpy().astype('<f4', copy=False).tobytes())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_lmw(path):
    """Returns the config, {field: value}, and the tensors, {name: tensor}."""
    data = Path(path).read_bytes()
    magic, version, *values = HEADER.unpack_from(data)
    if (magic, version) != (MAGIC, VERSION):
        raise ValueError(f'{path}: not a .lmw file of version {VERSION}')
    tensors, offset = {}, HEADER.size

    def integers(n):
        nonlocal offset
        offset += 4 * n
        return struct.unpack_from(f'<{n}I', data, offset - 4 * n)

    while offset < len(data):
        length, = integers(1)
        name = data[offset:offset + length].decode().rstrip(' ')
        offset += length
        shape = integers(*integers(1))
        tensor = np.frombuffer(data, '<f4', int(np.prod(shape)), offset).reshape(shape)
        tensors[name] = torch.from_numpy(tensor.copy())
        offset += tensor.nbytes
    return dict(zip(FIELDS, values)), tensors


def save_model(model, path):
    config = {field: getattr(model.config, field) for field in FIELDS}
    write_lmw(path, config, model.state_dict().items())


def load_model(path):
    config, tensors = read_lmw(path)
    if config.pop('n_kv_heads') != config['n_heads']:
        raise ValueError(f'{path}: grouped-query attention is not supported')
    config['norm_eps'] = float(f'{config["norm_eps"]:.6g}')  # the decimal value, not its float32
    model = Llama(Config(**config))
    model.load_state_dict(tensors)
    return model.eval()
