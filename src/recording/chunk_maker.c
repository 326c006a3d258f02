#include "recording/chunk_maker.h"

#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "base/memory.h"
#include "recording/recording_records.h"
#include "recording/varint.h"

/* Levels of zstd. A sixth of the bytes is worth its time while they are few; where chunks are full
 * there are many, and the program's end is waited for. */
enum {
    SMALL_LEVEL = 3,
    LARGE_LEVEL = 1,
    QUICK_LEVEL = -3,
    LARGE_BYTES = 512 << 10,
    FEW_BYTES = 16 << 10 /* of the snapshots of small processes, which wait for it */
};

static int choose_level(const struct chunk_maker *maker, uint16_t kind, size_t bytes)
{
    if (recording_is_of_snapshot(kind)) /* copied as it stands when the rest is written anew */
        return bytes < FEW_BYTES ? QUICK_LEVEL : LARGE_LEVEL;
    if (maker->is_quick)
        return QUICK_LEVEL;
    return bytes < LARGE_BYTES ? SMALL_LEVEL : LARGE_LEVEL;
}

/* The payload as it is stored, behind room for the chunk header. Compression that does not help, or
 * fails, is left out. */
void chunk_maker_make(struct chunk_maker *maker, uint16_t kind, const struct chunk_records *records,
                      struct chunk *chunk)
{
    uint8_t count[VARINT_MAX_BYTES];
    struct text *payload = &maker->scratch;
    payload->count = 0;
    text_add_bytes(payload, (const char *)count,
                   (size_t)(varint_write(count, records->count) - count));
    text_add_bytes(payload, text_get(&records->bytes), records->bytes.count);

    const size_t header_bytes = sizeof(struct recording_chunk_header);
    *chunk = (struct chunk){.kind = kind, .raw_bytes = (uint32_t)payload->count};
    chunk->stored.bytes = memory_grow(NULL, &chunk->stored.capacity,
                                      header_bytes + ZSTD_compressBound(payload->count) + 1, 1);
    if (!maker->compressor)
        maker->compressor = ZSTD_createCCtx();
    size_t stored_bytes = payload->count;
    if (maker->compressor)
        stored_bytes = ZSTD_compressCCtx(maker->compressor, chunk->stored.bytes + header_bytes,
                                         chunk->stored.capacity - header_bytes, payload->bytes,
                                         payload->count, choose_level(maker, kind, payload->count));
    if (!ZSTD_isError(stored_bytes) && stored_bytes < payload->count) {
        chunk->flags = RECORDING_CHUNK_ZSTD;
    } else {
        stored_bytes = payload->count;
        memcpy(chunk->stored.bytes + header_bytes, payload->bytes, stored_bytes);
    }
    chunk->stored.count = header_bytes + stored_bytes;
    chunk->stored.bytes = memory_resize(chunk->stored.bytes, chunk->stored.count + 1, 1);
    chunk->stored.capacity = chunk->stored.count + 1;
}

void chunk_maker_clear(struct chunk_maker *maker)
{
    ZSTD_freeCCtx(maker->compressor);
    text_clear(&maker->scratch);
    *maker = (struct chunk_maker){0};
}
