"""The tokenizer: SentencePiece BPE with Llama 2's settings, trained on the stories."""

import io
from itertools import accumulate

import sentencepiece

VOCAB_SIZE = 1088


def train(texts, vocab_size=VOCAB_SIZE):
    """Returns a trained tokenizer as the contents of a tokenizer.model file."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, model_type='bpe', vocab_size=vocab_size,
        byte_fallback=True, split_digits=True, normalization_rule_name='identity',
        add_dummy_prefix=True, character_coverage=1.0,
        # Every letter has its own piece, so an unknown word needs no byte tokens.
        required_chars='ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,!?\'"-:;()',
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1, num_threads=1, minloglevel=1)
    return model.getvalue()


def load(path):
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def encode(tokenizer, story):
    """Returns the token ids from BOS to EOS, the loss mask and the probed words.

    The mask is False at tokens that add nothing to the loss. The probed words are
    {kind: [[position, ...], ...]}, with a list of token positions for each word."""
    pieces = tokenizer.encode(story.text, out_type=str)
    ids = [tokenizer.bos_id(), *map(tokenizer.piece_to_id, pieces), tokenizer.eos_id()]
    # Token i ends before text[ends[i]]. The first piece begins with a space before the text.
    ends = [*accumulate(map(len, pieces), initial=-1)]

    def tokens_of(start, end):
        return [i for i, token_end in enumerate(ends) if start < token_end <= end]

    mask, probes = [False] + [True] * (len(ids) - 1), {}
    for start, end in story.masked:
        for i in tokens_of(start, end):
            mask[i] = False
    for start, end, kind in story.probes:
        probes.setdefault(kind, []).append(tokens_of(start, end))
    return ids, mask, probes
