// C functions for the C++ class sentencepiece::SentencePieceProcessor, which Swift cannot import
// because it is neither copyable nor movable. Tokenizer uses them.
#ifndef CSENTENCEPIECE_H
#define CSENTENCEPIECE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct SentencePiece SentencePiece;

/// A processor for the serialized model in `bytes`, or NULL if it is not a SentencePiece model.
SentencePiece *_Nullable sentencepiece_load(const void *_Nonnull bytes, size_t count);
void sentencepiece_free(SentencePiece *_Nonnull processor);

int sentencepiece_size(const SentencePiece *_Nonnull processor);
int sentencepiece_bos(const SentencePiece *_Nonnull processor);
int sentencepiece_eos(const SentencePiece *_Nonnull processor);

/// Encodes `count` bytes of UTF-8. The caller must free() the returned tokens. NULL on failure.
int *_Nullable sentencepiece_encode(const SentencePiece *_Nonnull processor,
                                    const char *_Nonnull text, size_t count,
                                    size_t *_Nonnull idCount);

/// The spelling of a token in the model file, "\u2581the" or "<0x0A>", valid while the processor
/// lives. `id` must be valid.
const char *_Nonnull sentencepiece_piece(const SentencePiece *_Nonnull processor, int id,
                                         size_t *_Nonnull count);
bool sentencepiece_is_byte(const SentencePiece *_Nonnull processor, int id);
bool sentencepiece_is_control(const SentencePiece *_Nonnull processor, int id);
bool sentencepiece_is_unknown(const SentencePiece *_Nonnull processor, int id);

#ifdef __cplusplus
}
#endif
#endif
