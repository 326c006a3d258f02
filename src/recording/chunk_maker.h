/* Makes chunks of encoded records, compressed where that helps. */
#ifndef SEEP_RECORDING_CHUNK_MAKER_H
#define SEEP_RECORDING_CHUNK_MAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "recording/chunk_file.h"

/* Records of one kind, one behind the other; a zeroed struct is empty. */
struct chunk_records {
    struct text bytes;
    uint64_t count;
};

/* What is kept from chunk to chunk; a zeroed struct is ready. */
struct chunk_maker {
    void *compressor;
    struct text scratch; /* a payload before compression */
    bool is_quick;       /* compresses less: for what will soon be written anew */
};

/* Fills `chunk`, without flags but RECORDING_CHUNK_ZSTD; its `stored` is the caller's to clear. */
void chunk_maker_make(struct chunk_maker *maker, uint16_t kind, const struct chunk_records *records,
                      struct chunk *chunk);

void chunk_maker_clear(struct chunk_maker *maker);

#endif
