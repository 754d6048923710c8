// A C surface over the C++ class sentencepiece::SentencePieceProcessor, which Swift cannot import
// because it can be neither copied nor moved. No logic of its own.
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

/// The ids of `count` bytes of UTF-8, in an array for the caller to free(); NULL if it failed.
int *_Nullable sentencepiece_encode(const SentencePiece *_Nonnull processor,
                                    const char *_Nonnull text, size_t count,
                                    size_t *_Nonnull idCount);

/// The piece's spelling in the model's file, "\u2581the" or "<0x0A>"; it lives as long as the
/// processor does. `id` must be valid.
const char *_Nonnull sentencepiece_piece(const SentencePiece *_Nonnull processor, int id,
                                         size_t *_Nonnull count);
bool sentencepiece_is_byte(const SentencePiece *_Nonnull processor, int id);
bool sentencepiece_is_control(const SentencePiece *_Nonnull processor, int id);
bool sentencepiece_is_unknown(const SentencePiece *_Nonnull processor, int id);

#ifdef __cplusplus
}
#endif
#endif
