"""The Llama 2 architecture in PyTorch. The weights have Meta's names."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Config:
    dim: int = 160
    n_layers: int = 3
    n_heads: int = 5
    vocab_size: int = 1024
    multiple_of: int = 32
    max_seq_len: int = 256
    norm_eps: float = 1e-5
    rope_theta: float = 10000.0

    @property
    def n_kv_heads(self):
        return self.n_heads

    @property
    def hidden_dim(self):
        """Two thirds of 4 * dim, rounded up to a multiple of `multiple_of`."""
        return -(-int(2 * 4 * self.dim / 3) // self.multiple_of) * self.multiple_of


class RMSNorm(nn.Module):
    def __init__(self, dim, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(dim)), eps

    def forward(self, x):
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.eps)


def rope_tables(config):
    """Returns the cosines and sines of position * frequency, each [max_seq_len, head_size / 2]."""
    head_size = config.dim // config.n_heads
    freqs = config.rope_theta ** -(torch.arange(0, head_size, 2, dtype=torch.float64) / head_size)
    angles = torch.outer(torch.arange(config.max_seq_len, dtype=torch.float64), freqs)
    return angles.cos(), angles.sin()


def apply_rope(x, cos, sin):
    """Rotates the interleaved pairs (2i, 2i + 1) of x, [..., seq, head_size]."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.n_heads = config.n_heads
        self.wq, self.wk, self.wv, self.wo = (nn.Linear(config.dim, config.dim, bias=False)
                                              for _ in range(4))

    def forward(self, x, cos, sin):  # [batch, seq, dim] -> [batch, seq, dim]
        # [batch, n_heads, seq, head_size]
        q, k, v = (w(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
                   for w in (self.wq, self.wk, self.wv))
        q, k = apply_rope(q, cos, sin), apply_rope(k, cos, sin)
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.wo(out.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.w1 = nn.Linear(config.dim, config.hidden_dim, bias=False)
        self.w2 = nn.Linear(config.hidden_dim, config.dim, bias=False)
        self.w3 = nn.Linear(config.dim, config.hidden_dim, bias=False)

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class TransformerBlock(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention, self.feed_forward = Attention(config), FeedForward(config)
        self.attention_norm = RMSNorm(config.dim, config.norm_eps)
        self.ffn_norm = RMSNorm(config.dim, config.norm_eps)

    def forward(self, x, cos, sin):
        x = x + self.attention(self.attention_norm(x), cos, sin)
        return x + self.feed_forward(self.ffn_norm(x))


class Llama(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.tok_embeddings = nn.Embedding(config.vocab_size, config.dim)
        self.layers = nn.ModuleList(TransformerBlock(config) for _ in range(config.n_layers))
        self.norm = RMSNorm(config.dim, config.norm_eps)
        self.output = nn.Linear(config.dim, config.vocab_size, bias=False)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                # As in GPT-2, the layers that write to the residual stream start smaller.
                to_residual = name.endswith(('wo.weight', 'w2.weight'))
                nn.init.normal_(weight, std=0.02 * (2 * config.n_layers) ** (-0.5 * to_residual))
        cos, sin = rope_tables(config)
        self.register_buffer('cos', cos.float(), persistent=False)
        self.register_buffer('sin', sin.float(), persistent=False)

    def forward(self, tokens):
        """Maps [batch, seq] to hidden states, [batch, seq, dim]. `output` maps those to logits."""
        x = self.tok_embeddings(tokens)
        cos, sin = self.cos[:tokens.shape[1]], self.sin[:tokens.shape[1]]
        for layer in self.layers:
            x = layer(x, cos, sin)
        return self.norm(x)
