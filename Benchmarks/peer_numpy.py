"""numpy for peers.py: a plain port of Llama 2 that concatenates its KV cache."""

import numpy as np

EPS, THETA = np.float32(1e-5), 10000.0  # of every legacy .bin


class Session:
    """One text in the KV cache. Shapes: x [seq, dim], keys and values [n_kv_heads, total, head]."""

    def __init__(self, config, tensors, capacity):
        self.c, self.w = config, tensors
        angles = np.outer(np.arange(capacity), THETA ** -(np.arange(0, config['head'], 2) / config['head']))
        self.cos, self.sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
        self.reset()

    def reset(self):
        empty = np.empty((self.c['n_kv_heads'], 0, self.c['head']), np.float32)
        self.cache = [(empty, empty)] * self.c['n_layers']

    def forward(self, tokens):
        w, total = self.w, self.cache[0][0].shape[1]
        rotation = self.cos[total:total + len(tokens)], self.sin[total:total + len(tokens)]
        x = w['tok_embeddings'][tokens]
        for i in range(self.c['n_layers']):
            x = x + self.attention(norm(x, w['attention_norm'][i]), i, *rotation)
            h = norm(x, w['ffn_norm'][i])
            x = x + (silu(h @ w['w1'][i].T) * (h @ w['w3'][i].T)) @ w['w2'][i].T
        self.logits = norm(x[-1], w['norm']) @ w.get('output', w['tok_embeddings']).T

    def attention(self, x, i, cos, sin):  # [seq, dim] -> [seq, dim]
        w, seq, head = self.w, len(x), self.c['head']
        q, k, v = ((x @ w[name][i].T).reshape(seq, -1, head).swapaxes(0, 1) for name in ('wq', 'wk', 'wv'))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        keys, values = (np.concatenate(pair, axis=1) for pair in zip(self.cache[i], (k, v)))
        self.cache[i] = keys, values

        # the query heads of a group share one head of keys and values
        q = q.reshape(len(keys), -1, seq, head)  # [n_kv_heads, group, seq, head]
        scores = np.matmul(q, keys[:, None].swapaxes(-1, -2)) / np.float32(head ** 0.5)
        if seq > 1:
            total = keys.shape[1]
            scores = scores + np.triu(np.full((seq, total), -np.inf, np.float32), 1 + total - seq)
        mixed = np.matmul(softmax(scores), values[:, None])
        return mixed.reshape(-1, seq, head).swapaxes(0, 1).reshape(seq, -1) @ w['wo'][i].T

    def argmax(self):
        return int(np.argmax(self.logits))


def norm(x, weight):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + EPS) * weight


def silu(x):
    return x / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def rotate(x, cos, sin):  # [heads, seq, head] -> the same
    a, b = x[..., 0::2], x[..., 1::2]
    return np.stack((a * cos - b * sin, a * sin + b * cos), axis=-1).reshape(x.shape)
