// The C functions of CSentencePiece.h: each forwards to a method of libsentencepiece's processor.
#if __has_include(<sentencepiece_processor.h>)
#include <sentencepiece_processor.h>
#else
#error "libsentencepiece is missing: apt-get install libsentencepiece-dev, or brew install sentencepiece"
#endif

#include "CSentencePiece.h"

#include <CSignals.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

struct SentencePiece {
    sentencepiece::SentencePieceProcessor processor;
};

SentencePiece *sentencepiece_load(const void *bytes, size_t count) try {
    auto result = std::make_unique<SentencePiece>();
    auto status = result->processor.LoadFromSerializedProto({static_cast<const char *>(bytes), count});
    return status.ok() ? result.release() : nullptr;
} catch (const std::bad_alloc &) {
    exit_out_of_memory(count);
} catch (...) {
    return nullptr;
}

void sentencepiece_free(SentencePiece *processor) { delete processor; }

int sentencepiece_size(const SentencePiece *self) { return self->processor.GetPieceSize(); }
int sentencepiece_bos(const SentencePiece *self) { return self->processor.bos_id(); }
int sentencepiece_eos(const SentencePiece *self) { return self->processor.eos_id(); }

int *sentencepiece_encode(const SentencePiece *self, const char *text, size_t count,
                          size_t *idCount) try {
    std::vector<int> ids;
    if (!self->processor.Encode({text, count}, &ids).ok()) return nullptr;
    *idCount = ids.size();
    int *copy = static_cast<int *>(std::malloc(std::max<size_t>(ids.size(), 1) * sizeof(int)));
    if (!copy) throw std::bad_alloc();
    std::copy(ids.begin(), ids.end(), copy);
    return copy;
} catch (const std::bad_alloc &) {
    exit_out_of_memory(count);
} catch (...) {
    return nullptr;
}

const char *sentencepiece_piece(const SentencePiece *self, int id, size_t *count) {
    const std::string &piece = self->processor.IdToPiece(id);
    *count = piece.size();
    return piece.data();
}

bool sentencepiece_is_byte(const SentencePiece *self, int id) { return self->processor.IsByte(id); }
bool sentencepiece_is_control(const SentencePiece *self, int id) {
    return self->processor.IsControl(id);
}
bool sentencepiece_is_unknown(const SentencePiece *self, int id) {
    return self->processor.IsUnknown(id);
}
