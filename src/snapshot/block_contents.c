/* Neighbouring blocks are read together, as the scan does: one call for each would cost more than
 * all the rest. */
#include "snapshot/block_contents.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "recording/varint.h"

enum {
    WINDOW_BYTES = BLOCK_CONTENTS_MOST_LIMIT, /* read at once */
    GAP_BYTES = 4096,                         /* between what is read together */
    PIECE_BLOCKS = 32 * 1024,
    PIECE_BYTES = 1 << 20, /* after which a record ends, with the block that it is in */
    LEAST_LIMIT = 8
};

static uint64_t wanted_of(const struct snapshot *snapshot, size_t block, uint64_t limit)
{
    return snapshot->blocks[block].bytes < limit ? snapshot->blocks[block].bytes : limit;
}

uint64_t block_contents_limit(const struct snapshot *snapshot, uint64_t limit, uint64_t most)
{
    for (; limit > 0; limit = limit > LEAST_LIMIT ? limit / 2 : 0) {
        uint64_t all = 0;

        for (size_t i = 0; i < snapshot->block_count && all <= most; i++)
            all += wanted_of(snapshot, i, limit);
        if (all <= most)
            return limit;
    }
    return 0;
}

/* ---- reading a process ---- */

struct contents_reading {
    struct snapshot *snapshot;
    const struct target_memory *memory;
    uint64_t limit;
    uint8_t *window;
    uint64_t count; /* kept so far */
};

static void keep(struct contents_reading *reading, size_t block, const uint8_t *bytes, size_t count)
{
    memcpy(reading->snapshot->contents + reading->count, bytes, count);
    reading->count += count;
    reading->snapshot->first_content[block + 1] = reading->count;
}

/* Blocks from `first` on that lie close together; returns the one behind the last. */
static size_t find_run(const struct contents_reading *reading, size_t first, uint64_t *end)
{
    const struct snapshot *snapshot = reading->snapshot;
    uint64_t start = snapshot->blocks[first].address;
    size_t last = first;

    *end = start;
    for (; last < snapshot->block_count; last++) {
        const struct snapshot_block *block = &snapshot->blocks[last];
        uint64_t block_end = block->address + wanted_of(snapshot, last, reading->limit);

        if (last > first && (block->address - *end > GAP_BYTES || block_end - start > WINDOW_BYTES))
            break;
        *end = block_end;
    }
    return last;
}

static void read_run(struct contents_reading *reading, size_t first, size_t last, uint64_t end)
{
    const struct snapshot *snapshot = reading->snapshot;
    const struct target_memory *memory = reading->memory;
    uint64_t start = snapshot->blocks[first].address;
    size_t got = memory->read(memory->context, start, reading->window, end - start);

    for (size_t i = first; i < last; i++) {
        uint64_t from = snapshot->blocks[i].address - start;
        size_t count = (size_t)wanted_of(snapshot, i, reading->limit);

        if (from + count <= got) {
            keep(reading, i, reading->window + from, count);
        } else {
            /* What stands in the way may be behind it only. */
            uint8_t *place = reading->snapshot->contents + reading->count;

            reading->count += memory->read(memory->context, start + from, place, count);
            reading->snapshot->first_content[i + 1] = reading->count;
        }
    }
}

void block_contents_read(struct snapshot *snapshot, const struct target_memory *memory,
                         uint64_t limit, bool (*may_go_on)(void *context), void *context)
{
    struct contents_reading reading = {.snapshot = snapshot, .memory = memory, .limit = limit};
    uint64_t all = 0, end;
    size_t last = 0;

    if (limit == 0 || limit > WINDOW_BYTES || snapshot->block_count == 0)
        return;
    for (size_t i = 0; i < snapshot->block_count; i++)
        all += wanted_of(snapshot, i, limit);
    snapshot->contents = memory_allocate_large(all + 1, 1);
    snapshot->first_content = memory_allocate_zeroed_large(snapshot->block_count + 1,
                                                           sizeof *snapshot->first_content);
    reading.window = memory_allocate(WINDOW_BYTES);
    while (last < snapshot->block_count && may_go_on(context)) {
        size_t first = last;

        last = find_run(&reading, first, &end);
        read_run(&reading, first, last, end);
    }
    free(reading.window);
    snapshot->content_limit = limit;
    if (last < snapshot->block_count) {
        free(snapshot->contents);
        free(snapshot->first_content);
        snapshot->contents = NULL;
        snapshot->first_content = NULL;
        snapshot->content_limit = 0;
    }
}

/* ---- records ---- */

static void write_piece(const struct snapshot *snapshot, size_t first, size_t last,
                        struct text *piece, snapshot_add_record add, void *context)
{
    const uint64_t *row = snapshot->first_content;

    piece->count = 0;
    for (size_t i = first; i < last; i++) {
        uint8_t number[VARINT_MAX_BYTES];
        const uint8_t *end = varint_write(number, row[i + 1] - row[i]);

        text_add_bytes(piece, (const char *)number, (size_t)(end - number));
    }
    text_add_bytes(piece, (const char *)snapshot->contents + row[first], row[last] - row[first]);
    const struct recording_snapshot_contents record = {
        .snapshot_id = snapshot->number,
        .first_block = first,
        .block_count = last - first,
        .contents = {.bytes = (const uint8_t *)text_get(piece), .count = piece->count}};
    add(context, RECORDING_snapshot_contents, &record);
}

void block_contents_write(const struct snapshot *snapshot, snapshot_add_record add, void *context)
{
    const uint64_t *row = snapshot->first_content;
    struct text piece = {0};
    size_t first = 0;

    for (size_t i = 0; row && i < snapshot->block_count; i++)
        if (i + 1 == snapshot->block_count || i + 1 - first == PIECE_BLOCKS ||
            row[i + 1] - row[first] >= PIECE_BYTES) {
            write_piece(snapshot, first, i + 1, &piece, add, context);
            first = i + 1;
        }
    text_clear(&piece);
}

struct contents_search {
    uint64_t snapshot_id;
    uint32_t block;
    uint8_t *bytes;
    size_t count;
    bool is_damaged;
};

/* Where the block's bytes begin among those of its piece. */
static bool find_in_piece(const struct recording_snapshot_contents *piece, uint64_t position,
                          uint64_t *start, uint64_t *count)
{
    const uint8_t *at = piece->contents.bytes, *end = at + piece->contents.count;
    uint64_t before = 0, bytes;

    for (uint64_t i = 0; i < piece->block_count; i++) {
        if (!varint_read(&at, end, &bytes) || bytes > piece->contents.count)
            return false;
        if (i == position) {
            *start = before;
            *count = bytes;
        }
        if (i < position)
            before += bytes;
        if (before > piece->contents.count)
            return false;
    }
    *start += (uint64_t)(at - piece->contents.bytes);
    return *start <= piece->contents.count && *count <= piece->contents.count - *start;
}

static bool take_contents(void *context, enum recording_kind kind, const void *record)
{
    struct contents_search *search = context;
    const struct recording_snapshot_contents *piece = record;
    uint64_t start = 0, count = 0;

    (void)kind;
    if (piece->snapshot_id != search->snapshot_id || search->block < piece->first_block ||
        search->block - piece->first_block >= piece->block_count || search->bytes)
        return true;
    if (piece->block_count > piece->contents.count ||
        !find_in_piece(piece, search->block - piece->first_block, &start, &count)) {
        search->is_damaged = true;
        return false;
    }
    if (count > 0) {
        search->bytes = memory_allocate(count);
        memcpy(search->bytes, piece->contents.bytes + start, count);
        search->count = count;
    }
    return true;
}

bool block_contents_find(struct recording_reader *reader, uint64_t snapshot_id, uint32_t block,
                         uint8_t **bytes, size_t *count, struct error *error)
{
    struct contents_search search = {.snapshot_id = snapshot_id, .block = block};
    bool is_read = recording_reader_visit_owned(reader, RECORDING_snapshot_contents, snapshot_id,
                                                take_contents, &search, error);

    *bytes = search.bytes;
    *count = search.count;
    if (!search.is_damaged)
        return is_read;
    return error_set(error, "snapshot %" PRIu64 " is damaged: the words of a block make no sense",
                     snapshot_id);
}
