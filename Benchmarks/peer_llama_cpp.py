"""llama.cpp for peers.py: the C functions of llama-cpp-python on a GGUF file of the same weights."""

import os

import llama_cpp as api

BATCH = 512  # tokens in one call
NAMES = {'attention_norm': 'attn_norm', 'wq': 'attn_q', 'wk': 'attn_k', 'wv': 'attn_v', 'wo': 'attn_output',
         'ffn_norm': 'ffn_norm', 'w1': 'ffn_gate', 'w2': 'ffn_down', 'w3': 'ffn_up'}


def write_gguf(path, c, tensors, element):
    """The rows keep their order: GGUF's llama rotates elements 2i and 2i + 1, as llama2.c does."""
    import gguf
    writer = gguf.GGUFWriter(path, 'llama')
    writer.add_context_length(1 << 20)  # no limit of its own
    writer.add_embedding_length(c['dim'])
    writer.add_feed_forward_length(c['hidden'])
    writer.add_block_count(c['n_layers'])
    writer.add_head_count(c['n_heads'])
    writer.add_head_count_kv(c['n_kv_heads'])
    writer.add_rope_dimension_count(c['head'])
    writer.add_rope_freq_base(10000)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(c['vocab'])
    writer.add_tokenizer_model('none')

    def add(name, tensor):
        kind = gguf.GGMLQuantizationType[element if tensor.ndim == 2 else 'F32']  # norms stay F32
        writer.add_tensor(f'{name}.weight', gguf.quantize(tensor, kind), raw_dtype=kind)

    add('token_embd', tensors['tok_embeddings'])
    for name, gguf_name in NAMES.items():
        for i, tensor in enumerate(tensors[name]):
            add(f'blk.{i}.{gguf_name}', tensor)
    add('output_norm', tensors['norm'])
    if 'output' in tensors:
        add('output', tensors['output'])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@api.llama_log_callback
def silence(level, text, data):
    pass


def load(path):
    api.llama_log_set(silence, None)
    api.llama_backend_init()
    params = api.llama_model_default_params()
    params.n_gpu_layers = 0
    model = api.llama_model_load_from_file(os.fsencode(path), params)
    if not model:
        raise ValueError('llama.cpp cannot load these weights')
    return model


class Session:
    """One text of at most `capacity` tokens in the KV cache, in F32 as in CompactLlama."""

    def __init__(self, model, threads, capacity, decode):
        params = api.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = max(capacity, BATCH), BATCH, BATCH
        params.n_threads = params.n_threads_batch = threads
        params.type_k = params.type_v = api.GGML_TYPE_F32
        if decode:  # flash attention makes prefill faster and decode slower
            params.flash_attn_type = api.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.context = api.llama_init_from_model(model, params)
        if not self.context:
            raise ValueError(f'llama.cpp cannot make a context of {capacity} tokens')
        self.vocab = api.llama_vocab_n_tokens(api.llama_model_get_vocab(model))

    def reset(self):
        api.llama_memory_clear(api.llama_get_memory(self.context), False)

    def forward(self, tokens):
        for start in range(0, len(tokens), BATCH):
            part = tokens[start:start + BATCH]
            array = (api.llama_token * len(part))(*part)  # must stay alive until decode returns
            if code := api.llama_decode(self.context, api.llama_batch_get_one(array, len(part))):
                raise ValueError(f'llama.cpp cannot decode: code {code}')
        api.llama_synchronize(self.context)

    def argmax(self):
        logits = api.llama_get_logits_ith(self.context, -1)[:self.vocab]
        return logits.index(max(logits))
