"""llama.cpp for peers.py: the C functions of llama-cpp-python on a GGUF file."""

import os

import llama_cpp as api

BATCH = 512  # tokens in one call


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


def vocab_size(model):
    return api.llama_vocab_n_tokens(api.llama_model_get_vocab(model))


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
        self.vocab = vocab_size(model)

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
