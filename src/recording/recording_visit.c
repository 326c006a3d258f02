/* The records of a recording, decoded one after the other, and where those stand that are looked
 * for again. */
#include <inttypes.h>
#include <string.h>

#include <zstd.h>

#include "base/memory.h"
#include "base/progress.h"
#include "recording/reader_parts.h"
#include "recording/recording_format.h"
#include "recording/varint.h"

enum {
    RECORDS_A_QUESTION = 1 << 13 /* a power of two */
};

enum span_owner recording_span_owner(unsigned kind)
{
    if (kind == RECORDING_timeline)
        return SPAN_OF_PROCESS;
    return recording_is_of_snapshot(kind) ? SPAN_OF_SNAPSHOT : SPAN_OWNERS;
}

/* Where the payload stands, plain, until the next chunk is loaded; NULL with *error. */
static const uint8_t *load_chunk(struct recording_reader *reader, const struct chunk_entry *entry,
                                 struct error *error)
{
    const struct recording_chunk *chunk = &entry->chunk;
    const char *trouble = NULL;
    if (!recording_load_stored(reader, entry))
        trouble = "changed while it was read";
    else if (!(chunk->flags & RECORDING_CHUNK_ZSTD))
        trouble = chunk->raw_bytes == chunk->stored_bytes ? NULL : "has a wrong length";
    if (trouble) {
        error_set(error, "cannot read %s: chunk %" PRIu64 " %s", reader->path, chunk->sequence,
                  trouble);
        return NULL;
    }
    if (!(chunk->flags & RECORDING_CHUNK_ZSTD))
        return reader->stored;

    if (!reader->decompressor)
        reader->decompressor = ZSTD_createDCtx();
    reader->raw = memory_grow(reader->raw, &reader->raw_capacity, chunk->raw_bytes + UINT64_C(1),
                              1);
    size_t got = reader->decompressor
                     ? ZSTD_decompressDCtx(reader->decompressor, reader->raw, chunk->raw_bytes,
                                           reader->stored, chunk->stored_bytes)
                     : 0;
    if (got == chunk->raw_bytes)
        return reader->raw;
    error_set(error, "cannot read %s: chunk %" PRIu64 " cannot be decompressed", reader->path,
              chunk->sequence);
    return NULL;
}

/* Room for any record's struct. */
union any_record {
#define READER_MEMBER(number, name, keys) struct recording_##name name;
    RECORDING_RECORDS(READER_MEMBER)
};

/* What all visits of one call share. */
struct visit_call {
    recording_visit visit; /* NULL: the other one */
    recording_visit_numbers visit_numbers;
    void *context;
    bool is_stopped;
};

/* A chunk holds records of this owner. */
static void note_span(struct spans *spans, uint64_t id, uint64_t position)
{
    bool is_new;
    uint64_t *span = hash_map_put(&spans->by_owner, id, &is_new);
    uint64_t first = *span >> 32, last = *span & UINT32_MAX;
    if (is_new || position < first)
        first = position;
    if (is_new || position > last)
        last = position;
    *span = first << 32 | last;
}

/* Asked before each record. */
static bool goes_on(struct recording_reader *reader, uint64_t number, const uint8_t *payload,
                    const uint8_t *at)
{
    reader->chunk_bytes = (size_t)(at - payload);
    return !reader->progress || number & (RECORDS_A_QUESTION - 1) ||
           progress_reaches(reader->progress, recording_reader_share(reader));
}

static bool visit_numbers(struct recording_reader *reader, const struct chunk_entry *entry,
                          const uint8_t *payload, struct visit_call *call)
{
    const struct record_kind *kind = record_kind_find(entry->chunk.kind);
    const size_t number_count = record_leading_numbers(kind);
    const uint8_t *at = payload, *end = payload + entry->chunk.raw_bytes;
    union any_record record;
    struct recording_bytes rest;
    uint64_t count, body_bytes;
    if (!varint_read(&at, end, &count))
        return false;
    for (uint64_t i = 0; i < count && !call->is_stopped; i++) {
        call->is_stopped = !goes_on(reader, i, payload, at);
        if (!varint_read(&at, end, &body_bytes) || body_bytes > (uint64_t)(end - at) ||
            !record_decode_numbers(kind, number_count, at, body_bytes, &record, &rest))
            return false;
        at += body_bytes;
        call->is_stopped |= !call->visit_numbers(call->context, &record, &rest);
    }
    return call->is_stopped || at == end;
}

static bool visit_records(struct recording_reader *reader, const struct chunk_entry *entry,
                          const uint8_t *payload, struct visit_call *call)
{
    const struct recording_chunk *chunk = &entry->chunk;
    enum span_owner owner = entry->is_noted ? SPAN_OWNERS : recording_span_owner(chunk->kind);
    const struct record_kind *kind = record_kind_find(chunk->kind);
    const uint8_t *at = payload;
    const uint8_t *end = payload + chunk->raw_bytes;
    union any_record record;
    uint64_t count;
    if (!varint_read(&at, end, &count))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t body_bytes;
        if (!goes_on(reader, i, payload, at)) {
            call->is_stopped = true;
            return true;
        }
        if (!varint_read(&at, end, &body_bytes) || body_bytes > (uint64_t)(end - at) ||
            !record_decode(kind, at, body_bytes, reader->arena, &record))
            return false;
        at += body_bytes;
        if (owner != SPAN_OWNERS)
            note_span(&reader->spans[owner], *(const uint64_t *)&record,
                      (uint64_t)(entry - reader->chunks));
        if (!call->visit(call->context, kind->kind, &record)) {
            call->is_stopped = true;
            return true;
        }
    }
    return at == end;
}

static bool visit_chunk(struct recording_reader *reader, struct chunk_entry *entry,
                        struct visit_call *call, struct error *error)
{
    const uint8_t *payload = load_chunk(reader, entry, error);
    if (!payload)
        return false;
    bool is_good = call->visit ? visit_records(reader, entry, payload, call)
                               : visit_numbers(reader, entry, payload, call);
    reader->visited_bytes += entry->chunk.raw_bytes;
    reader->chunk_bytes = 0;
    if (!is_good)
        return error_set(error, "cannot read %s: chunk %" PRIu64 " holds a malformed record",
                         reader->path, entry->chunk.sequence);
    enum span_owner owner = recording_span_owner(entry->chunk.kind);
    if (owner != SPAN_OWNERS && !entry->is_noted && !call->is_stopped) {
        entry->is_noted = true;
        reader->spans[owner].unnoted_count--;
    }
    return true;
}

static void begin_visit(struct recording_reader *reader, enum recording_kind kind, uint64_t first,
                        uint64_t end)
{
    reader->visit_bytes = reader->visited_bytes = 0;
    for (uint64_t i = first; i < end; i++)
        if (reader->chunks[i].chunk.kind == kind)
            reader->visit_bytes += reader->chunks[i].chunk.raw_bytes;
}

/* The chunks from `first` up to but not including `end`. */
static bool visit_some(struct recording_reader *reader, enum recording_kind kind, uint64_t first,
                       uint64_t end, struct visit_call *call, struct error *error)
{
    begin_visit(reader, kind, first, end);
    for (uint64_t i = first; i < end && !call->is_stopped; i++)
        if (reader->chunks[i].chunk.kind == kind &&
            !visit_chunk(reader, &reader->chunks[i], call, error))
            return false;
    return true;
}

bool recording_reader_visit(struct recording_reader *reader, enum recording_kind kind,
                            recording_visit visit, void *context, struct error *error)
{
    struct visit_call call = {.visit = visit, .context = context};
    if (!record_kind_find(kind))
        return true;
    return visit_some(reader, kind, 0, reader->info.chunk_count, &call, error);
}

bool recording_reader_visit_numbers(struct recording_reader *reader, enum recording_kind kind,
                                    recording_visit_numbers visit, void *context,
                                    struct error *error)
{
    struct visit_call call = {.visit_numbers = visit, .context = context};
    if (!record_kind_find(kind))
        return true;
    return visit_some(reader, kind, 0, reader->info.chunk_count, &call, error);
}

bool recording_reader_visit_owned(struct recording_reader *reader, enum recording_kind kind,
                                  uint64_t id, recording_visit visit, void *context,
                                  struct error *error)
{
    struct visit_call call = {.visit = visit, .context = context};
    enum span_owner owner = recording_span_owner(kind);
    uint64_t first = 0, end = reader->info.chunk_count;
    if (owner != SPAN_OWNERS && reader->spans[owner].unnoted_count == 0 && end <= UINT32_MAX) {
        const uint64_t *span = hash_map_find(&reader->spans[owner].by_owner, id);
        first = span ? *span >> 32 : end;
        end = span ? (*span & UINT32_MAX) + 1 : end;
    }
    return visit_some(reader, kind, first, end, &call, error);
}

bool recording_reader_visit_all(struct recording_reader *reader, recording_visit visit,
                                void *context, struct error *error)
{
    struct visit_call call = {.visit = visit, .context = context};
    reader->visit_bytes = 0; /* not known */
    for (uint64_t i = 0; i < reader->info.chunk_count && !call.is_stopped; i++)
        if (record_kind_find(reader->chunks[i].chunk.kind) &&
            !visit_chunk(reader, &reader->chunks[i], &call, error))
            return false;
    return true;
}

void recording_reader_watch(struct recording_reader *reader, const struct progress *progress)
{
    reader->progress = progress;
}

double recording_reader_share(const struct recording_reader *reader)
{
    uint64_t done = reader->visited_bytes + reader->chunk_bytes;
    return reader->visit_bytes ? (double)done / (double)reader->visit_bytes : 0;
}

uint64_t recording_reader_kind_bytes(const struct recording_reader *reader,
                                     enum recording_kind kind)
{
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < reader->info.chunk_count; i++)
        if (reader->chunks[i].chunk.kind == kind)
            bytes += reader->chunks[i].chunk.raw_bytes;
    return bytes;
}
