#include "analysis/timeline_deltas.h"

#include <stdbool.h>

struct note {
    struct timeline_deltas *deltas;
    uint64_t record; /* the one that is being read */
};

static bool note_block(void *context, enum recording_kind kind, const void *record)
{
    struct note *note = context;
    struct timeline_deltas *deltas = note->deltas;
    const struct recording_timeline *timeline = record;

    (void)kind;
    note->record++;
    if (timeline->process_id != deltas->process_id || timeline->bucket_ns == 0)
        return true;
    if (timeline->bucket_ns != deltas->bucket_ns) {
        hash_map_clear(&deltas->blocks);
        deltas->bucket_ns = timeline->bucket_ns;
    }
    *hash_map_put(&deltas->blocks, timeline->block_index, NULL) = note->record;
    return true;
}

void timeline_deltas_find(struct timeline_deltas *deltas, struct recording_reader *reader,
                          uint64_t process_id)
{
    struct note note = {.deltas = deltas};

    *deltas = (struct timeline_deltas){.reader = reader, .process_id = process_id};
    hash_map_init(&deltas->blocks);
    recording_reader_visit_owned(reader, RECORDING_timeline, process_id, note_block, &note, NULL);
}

void timeline_deltas_clear(struct timeline_deltas *deltas)
{
    hash_map_clear(&deltas->blocks);
    *deltas = (struct timeline_deltas){0};
}

struct visit {
    const struct timeline_deltas *deltas;
    uint64_t record;
    timeline_take_delta take;
    void *context;
};

static bool stands(const struct visit *visit, const struct recording_timeline *timeline)
{
    const struct timeline_deltas *deltas = visit->deltas;
    const uint64_t *last;

    if (timeline->process_id != deltas->process_id || timeline->bucket_ns != deltas->bucket_ns)
        return false;
    last = hash_map_find(&deltas->blocks, timeline->block_index);
    return last && *last == visit->record;
}

static bool read_block(void *context, enum recording_kind kind, const void *record)
{
    struct visit *visit = context;
    const struct recording_timeline *timeline = record;
    struct timeline_reader reader = {.bytes = timeline->deltas.bytes,
                                     .byte_count = timeline->deltas.count};
    struct timeline_delta delta;

    (void)kind;
    visit->record++;
    if (!stands(visit, timeline))
        return true;
    uint64_t last_bucket = UINT64_MAX / timeline->bucket_ns - 1;
    while (timeline_reader_next(&reader, &delta))
        if (delta.bucket <= last_bucket)
            visit->take(visit->context, &delta);
    return true;
}

void timeline_deltas_visit(const struct timeline_deltas *deltas, timeline_take_delta take,
                           void *context)
{
    struct visit visit = {.deltas = deltas, .take = take, .context = context};

    if (deltas->bucket_ns)
        recording_reader_visit_owned(deltas->reader, RECORDING_timeline, deltas->process_id,
                                     read_block, &visit, NULL);
}
