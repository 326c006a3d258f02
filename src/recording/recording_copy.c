#include "recording/recording_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "recording/chunk_file.h"
#include "recording/chunk_maker.h"
#include "recording/output_place.h"
#include "recording/record_codec.h"

enum {
    KIND_LIMIT = 64, /* above every kind's number */
    CHUNK_RAW_BYTES = 1 << 20,
    PERMISSION_BITS = 0777
};

struct recording_copy {
    struct output_place place;
    struct output_file output;
    struct chunk_file file;
    struct chunk_maker maker;
    struct chunk_records added[KIND_LIMIT];
    struct chunk *chunks; /* made of what was added, not written yet */
    size_t chunk_count, chunk_capacity;
    bool is_finished;
};

static bool copy_chunk(struct recording_copy *copy, struct recording_reader *reader,
                       uint64_t position, struct error *error)
{
    static const char room[sizeof(struct recording_chunk_header)];
    struct recording_chunk about;
    struct recording_bytes payload;
    if (!recording_reader_chunk(reader, position, &about) ||
        !recording_reader_payload(reader, position, &payload, error))
        return false;
    struct chunk chunk = {.kind = about.kind, .flags = about.flags, .raw_bytes = about.raw_bytes};
    text_add_bytes(&chunk.stored, room, sizeof room);
    text_add_bytes(&chunk.stored, (const char *)payload.bytes, payload.count);
    bool is_written = chunk_file_append(&copy->file, &chunk, error);
    text_clear(&chunk.stored);
    return is_written;
}

/* With its `end` record a torn recording would pass for a whole one in its new frame. */
static bool is_copied(const struct recording_info *info, const struct recording_chunk *chunk)
{
    return !info->is_torn || chunk->kind != RECORDING_end;
}

static bool copy_chunks(struct recording_copy *copy, struct recording_reader *reader,
                        struct error *error)
{
    const struct recording_info *info = recording_reader_info(reader);
    struct recording_chunk chunk;
    for (uint64_t i = 0; recording_reader_chunk(reader, i, &chunk); i++)
        if (is_copied(info, &chunk) && !copy_chunk(copy, reader, i, error))
            return false;
    return true;
}

static bool start_file(struct recording_copy *copy, struct recording_reader *reader,
                       const struct recording_copy_options *options, struct error *error)
{
    const struct recording_info *info = recording_reader_info(reader);
    if (!output_place_create(&copy->place, &copy->output, error))
        return false;
    if (options->keeps_mode &&
        fchmod(copy->output.fd, recording_reader_mode(reader) & PERMISSION_BITS) != 0)
        return error_set_errno(error, errno, "cannot set the mode of %s", copy->place.path);
    uint16_t minor = info->minor > RECORDING_MINOR ? info->minor : RECORDING_MINOR;
    return chunk_file_start(&copy->file, copy->output.fd, copy->place.path, info->session_id, minor,
                            error);
}

struct recording_copy *recording_copy_open(struct recording_reader *reader,
                                           const struct recording_copy_options *options,
                                           struct error *error)
{
    struct recording_copy *copy = memory_allocate_zeroed(1, sizeof *copy);
    copy->output.fd = -1;
    if (output_place_open(&copy->place, options->path, options->is_force, true, error) &&
        start_file(copy, reader, options, error) && copy_chunks(copy, reader, error))
        return copy;
    recording_copy_close(copy);
    return NULL;
}

/* In the order of their numbers: a record only names things of lower kinds. */
static void make_chunks(struct recording_copy *copy)
{
    for (uint16_t kind = 0; kind < KIND_LIMIT; kind++) {
        struct chunk_records *records = &copy->added[kind];
        if (records->count == 0)
            continue;
        copy->chunks = memory_grow(copy->chunks, &copy->chunk_capacity, copy->chunk_count + 1,
                                   sizeof *copy->chunks);
        chunk_maker_make(&copy->maker, kind, records, &copy->chunks[copy->chunk_count++]);
        records->bytes.count = 0;
        records->count = 0;
    }
}

void recording_copy_add(struct recording_copy *copy, enum recording_kind kind, const void *record)
{
    const struct record_kind *description = record_kind_find(kind);
    if (!description || (unsigned)kind >= KIND_LIMIT)
        return;
    struct chunk_records *records = &copy->added[kind];
    record_encode(description, record, &records->bytes);
    records->count++;
    if (records->bytes.count >= CHUNK_RAW_BYTES)
        make_chunks(copy);
}

/* All together are one flush, of which the last chunk is marked. */
static bool append_chunks(struct recording_copy *copy, struct error *error)
{
    make_chunks(copy);
    if (copy->chunk_count > 0)
        copy->chunks[copy->chunk_count - 1].flags |= RECORDING_CHUNK_CHECKPOINT;
    for (size_t i = 0; i < copy->chunk_count; i++)
        if (!chunk_file_append(&copy->file, &copy->chunks[i], error))
            return false;
    return true;
}

bool recording_copy_finish(struct recording_copy *copy, struct error *error)
{
    if (!append_chunks(copy, error) || !chunk_file_finish(&copy->file, error))
        return false;
    if (fdatasync(copy->output.fd) != 0)
        return error_set_errno(error, errno, "cannot write %s to disk", copy->place.path);
    if (!output_place_install(&copy->place, &copy->output, NULL, error))
        return false;
    copy->is_finished = true;
    output_place_sync(&copy->place);
    return true;
}

void recording_copy_close(struct recording_copy *copy)
{
    if (!copy)
        return;
    if (!copy->is_finished && copy->output.fd >= 0)
        output_place_remove(&copy->place, &copy->output);
    output_file_clear(&copy->output);
    output_place_clear(&copy->place);
    chunk_file_clear(&copy->file);
    chunk_maker_clear(&copy->maker);
    for (size_t i = 0; i < KIND_LIMIT; i++)
        text_clear(&copy->added[i].bytes);
    for (size_t i = 0; i < copy->chunk_count; i++)
        text_clear(&copy->chunks[i].stored);
    free(copy->chunks);
    free(copy);
}
