"""The tokenizer: SentencePiece BPE with the settings of Llama 2, trained on the stories."""

import io

import sentencepiece

VOCAB_SIZE = 1088


def train(texts, vocab_size=VOCAB_SIZE):
    """A tokenizer model, as the bytes of its file."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, model_type='bpe', vocab_size=vocab_size,
        byte_fallback=True, split_digits=True, normalization_rule_name='identity',
        add_dummy_prefix=True, character_coverage=1.0,
        # every letter has a piece of its own, so that an unfamiliar word needs no bytes
        required_chars='ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,!?\'"-:;()',
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1, num_threads=1, minloglevel=1)
    return model.getvalue()


def load(path):
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def encode(tokenizer, story):
    """Token ids from BOS to EOS, for each whether it is to be learnt, and {kind: [[position, ...]]}
    of the words that a probe asks for, one list of token positions for each word."""
    pieces = tokenizer.encode(story.text, out_type=str)
    ids = [tokenizer.bos_id(), *map(tokenizer.piece_to_id, pieces), tokenizer.eos_id()]
    learn = [True] * len(ids)
    learn[0] = False
    probes = {}
    if story.given or story.probes:
        # a piece covers text[start:end]; the space before a word belongs to the word
        starts, at = [], -1
        for piece in pieces:
            starts.append(at)
            at += len(piece)
        for i, (start, piece) in enumerate(zip(starts, pieces), start=1):
            if any(a <= start + len(piece) - 1 and start + len(piece) <= b for a, b in story.given):
                learn[i] = False
        for a, b, kind in story.probes:
            at = [i for i, (start, piece) in enumerate(zip(starts, pieces), start=1)
                  if a < start + len(piece) <= b]
            probes.setdefault(kind, []).append(at)
    return ids, learn, probes
