// Runs the C functions over libsentencepiece: on the bundled tokenizer, whose tokens must spell the text,
// and on 4,000 damaged copies of it, in buffers of exactly their size. `make test-ubsan` compiles it with
// the address and the undefined-behaviour sanitizer.
#include "CSentencePiece.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int is_true, const char *what) {
    if (is_true) return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

/// Appends the bytes that a token stands for: those of its piece, with spaces for U+2581, or its byte.
static size_t append(const SentencePiece *processor, int id, char *text) {
    size_t count, length = 0;
    const char *piece = sentencepiece_piece(processor, id, &count);
    unsigned byte;
    if (sentencepiece_is_byte(processor, id)) {
        check(count == 6 && sscanf(piece, "<0x%02X>", &byte) == 1, "a byte's piece has another form");
        text[length++] = (char)byte;
        return length;
    }
    for (size_t i = 0; i < count;) {
        int is_space = count - i >= 3 && !memcmp(piece + i, "\xE2\x96\x81", 3);
        text[length++] = is_space ? ' ' : piece[i];
        i += is_space ? 3 : 1;
    }
    return length;
}

/// Encodes a text, and checks that each token is in the vocabulary.
static size_t spell(const SentencePiece *processor, const char *text, char *spelled) {
    size_t count = 0, length = 0, size = strlen(text);
    char *copy = malloc(size + !size);
    memcpy(copy, text, size);
    int *ids = sentencepiece_encode(processor, copy, size, &count);
    for (size_t i = 0; ids && i < count; i++) {
        check(ids[i] >= 0 && ids[i] < sentencepiece_size(processor), "a token is not in the vocabulary");
        if (spelled) length += append(processor, ids[i], spelled + length);
    }
    free(ids);
    free(copy);
    return length;
}

int main(int argc, char **argv) {
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    check(file != NULL, "usage: sentencepiece TOKENIZER.MODEL");
    static char model[1 << 20], spelled[1000];
    size_t size = fread(model, 1, sizeof model, file);
    fclose(file);

    SentencePiece *processor = sentencepiece_load(model, size);
    check(processor && sentencepiece_bos(processor) == 1 && sentencepiece_eos(processor) == 2,
          "BOS and EOS are 1 and 2");
    check(sentencepiece_is_unknown(processor, 0) && sentencepiece_is_control(processor, 1)
              && !sentencepiece_is_control(processor, 3), "0 is unknown, 1 is a control token");
    const char *texts[] = {"", "Once upon a time", "Lily said: \xE2\x82\xAC 5 \xF0\x9F\x98\x80"};
    for (int i = 0; i < 3; i++) {
        size_t length = spell(processor, texts[i], spelled);
        int skip = length > 0 && spelled[0] == ' ';  // SentencePiece begins a text with a space
        check(length - skip == strlen(texts[i]) && !memcmp(spelled + skip, texts[i], length - skip),
              "tokens spell another text");
    }
    sentencepiece_free(processor);

    int accepted = 0;
    for (int round = 0; round < 4000; round++) {
        size_t count = round % 2 ? size : (size_t)rand() % size;
        char *copy = malloc(count + !count);
        memcpy(copy, model, count);
        for (int i = 0; i < 4 && round % 2; i++) copy[(size_t)rand() % count] = (char)rand();
        SentencePiece *damaged = sentencepiece_load(copy, count);
        free(copy);
        if (!damaged) continue;
        accepted++;
        spell(damaged, texts[2], NULL);
        sentencepiece_free(damaged);
    }
    printf("sentencepiece: texts spell themselves; %d of 4000 damaged models load\n", accepted);
}
