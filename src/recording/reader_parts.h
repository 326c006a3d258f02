/* What opening a recording and visiting its records share; nobody else's. */
#ifndef SEEP_RECORDING_READER_PARTS_H
#define SEEP_RECORDING_READER_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zstd.h>

#include "base/hash_map.h"
#include "recording/record_codec.h"
#include "recording/recording_reader.h"

struct chunk_entry {
    struct recording_chunk chunk;
    uint64_t payload_checksum;
    bool is_noted; /* in the spans of its owner */
};

/* Whose records are looked for again and again: all of them begin with its id. */
enum span_owner {
    SPAN_OF_SNAPSHOT,
    SPAN_OF_PROCESS, /* its timeline */
    SPAN_OWNERS
};

/* Where the chunks of an owner stand: by its id, the first one << 32 | the last one; complete when
 * every chunk with such records was visited once. */
struct spans {
    struct hash_map by_owner;
    uint64_t unnoted_count;
};

struct recording_reader {
    int fd;
    char *path;
    struct recording_info info;
    struct chunk_entry *chunks;
    size_t chunk_capacity;
    struct record_arena *arena;
    ZSTD_DCtx *decompressor;
    uint8_t *stored; /* the payload read last */
    size_t stored_capacity;
    uint8_t *raw; /* decompressed, if it had to be */
    size_t raw_capacity;
    struct spans spans[SPAN_OWNERS];
    const struct progress *progress;
    uint64_t visit_bytes, visited_bytes; /* of the records that are being visited: all; before this
                                            chunk */
    size_t chunk_bytes;                  /* and of this one, up to its present record */
    bool is_stopped;                     /* opening was */
};

enum span_owner recording_span_owner(unsigned kind);

/* Reads and checks the payload as stored. */
bool recording_load_stored(struct recording_reader *reader, const struct chunk_entry *entry);

#endif
