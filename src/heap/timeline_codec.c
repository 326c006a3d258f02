#include "heap/timeline_codec.h"

#include "base/memory.h"

enum {
    VARINT_MAX_BYTES = 10,
    DELTA_MAX_BYTES = 6 * VARINT_MAX_BYTES
};

static void put(struct timeline_writer *writer, uint64_t value)
{
    while (value >= 0x80) {
        writer->bytes[writer->byte_count++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    writer->bytes[writer->byte_count++] = (uint8_t)value;
}

void timeline_writer_add(struct timeline_writer *writer, const struct timeline_delta *delta)
{
    writer->bytes = memory_grow(writer->bytes, &writer->capacity,
                                writer->byte_count + DELTA_MAX_BYTES, 1);
    put(writer, delta->bucket - writer->bucket);
    put(writer, delta->bucket == writer->bucket ? delta->site - writer->site : delta->site);
    put(writer, delta->allocations);
    put(writer, delta->allocated_bytes);
    put(writer, delta->frees);
    put(writer, delta->freed_bytes);
    writer->bucket = delta->bucket;
    writer->site = delta->site;
    writer->delta_count++;
}

static bool get(struct timeline_reader *reader, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < VARINT_MAX_BYTES && reader->at < reader->byte_count; i++) {
        uint8_t byte = reader->bytes[reader->at++];
        *value |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (byte < 0x80)
            return true;
    }
    return false;
}

bool timeline_reader_next(struct timeline_reader *reader, struct timeline_delta *delta)
{
    uint64_t bucket, site;
    if (!get(reader, &bucket) || !get(reader, &site) || !get(reader, &delta->allocations) ||
        !get(reader, &delta->allocated_bytes) || !get(reader, &delta->frees) ||
        !get(reader, &delta->freed_bytes))
        return false;
    reader->site = bucket == 0 ? reader->site + site : site;
    reader->bucket += bucket;
    delta->bucket = reader->bucket;
    delta->site = reader->site;
    return true;
}
