/* The deltas of a timeline block to bytes and back: RECORDING_FIELDS_timeline tells the encoding.
 */
#ifndef SEEP_HEAP_TIMELINE_CODEC_H
#define SEEP_HEAP_TIMELINE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timeline_delta {
    uint64_t bucket;
    uint64_t site;
    uint64_t allocations;
    uint64_t allocated_bytes;
    uint64_t frees;
    uint64_t freed_bytes;
};

/* A zeroed struct is a valid empty writer; release `bytes` with free(). */
struct timeline_writer {
    uint8_t *bytes;
    size_t byte_count;
    size_t capacity;
    uint64_t delta_count;
    uint64_t bucket; /* of the last delta */
    uint64_t site;
};

/* Deltas come sorted by (bucket, site). */
void timeline_writer_add(struct timeline_writer *writer, const struct timeline_delta *delta);

/* Zeroed but for the bytes, which are borrowed. */
struct timeline_reader {
    const uint8_t *bytes;
    size_t byte_count;
    size_t at;
    uint64_t bucket;
    uint64_t site;
};

/* False at the end, or where the bytes make no sense. */
bool timeline_reader_next(struct timeline_reader *reader, struct timeline_delta *delta);

#endif
