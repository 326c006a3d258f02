#include "heap/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define DEFAULT_BUCKET_NS  10000000u
#define DEFAULT_MAX_DELTAS 4000000u
#define DEFAULT_MAX_BYTES  (8u << 20)

enum {
    BLOCK_DELTAS = 64 * 1024
};

static void open_bucket(struct timeline *timeline, uint64_t bucket)
{
    timeline->bucket = bucket;
    timeline->end_ns = (bucket + 1) * timeline->bucket_ns;
}

void timeline_init(struct timeline *timeline, uint64_t bucket_ns, uint64_t max_deltas,
                   uint64_t max_bytes, uint64_t start_ns)
{
    *timeline = (struct timeline){
        .bucket_ns = bucket_ns ? bucket_ns : DEFAULT_BUCKET_NS,
        .max_deltas = max_deltas ? max_deltas : DEFAULT_MAX_DELTAS,
        .max_bytes = max_bytes ? max_bytes : DEFAULT_MAX_BYTES,
    };
    open_bucket(timeline, start_ns / timeline->bucket_ns);
}

void timeline_clear(struct timeline *timeline)
{
    for (size_t i = 0; i < timeline->block_count; i++)
        free(timeline->blocks[i].bytes);
    free(timeline->blocks);
    free(timeline->bases);
    free(timeline->open.bytes);
    id_set_clear(&timeline->open_sites);
    *timeline = (struct timeline){0};
}

void timeline_open_site(struct timeline *timeline, uint32_t id, struct site *site)
{
    timeline->bases = memory_grow(timeline->bases, &timeline->base_capacity,
                                  timeline->base_count + 1, sizeof *timeline->bases);
    timeline->bases[timeline->base_count++] = (struct timeline_base){
        .allocations = site->allocations,
        .allocated_bytes = site->allocated_bytes,
        .frees = site->frees,
        .freed_bytes = site->freed_bytes,
    };
    site->open_position = (uint32_t)timeline->base_count;
    id_set_add(&timeline->open_sites, id);
}

static struct timeline_delta open_delta(const struct timeline *timeline, uint32_t id,
                                        const struct site *site)
{
    const struct timeline_base *base = &timeline->bases[site->open_position - 1];
    return (struct timeline_delta){
        .bucket = timeline->bucket,
        .site = id,
        .allocations = site->allocations - base->allocations,
        .allocated_bytes = site->allocated_bytes - base->allocated_bytes,
        .frees = site->frees - base->frees,
        .freed_bytes = site->freed_bytes - base->freed_bytes,
    };
}

static void seal(struct timeline *timeline)
{
    struct timeline_writer *open = &timeline->open;
    if (open->delta_count == 0)
        return;
    timeline->blocks = memory_grow(timeline->blocks, &timeline->block_capacity,
                                   timeline->block_count + 1, sizeof *timeline->blocks);
    timeline->blocks[timeline->block_count++] = (struct timeline_block){
        .bytes = memory_resize(open->bytes, open->byte_count, 1),
        .byte_count = open->byte_count,
        .delta_count = open->delta_count,
    };
    *open = (struct timeline_writer){0};
}

static void append(struct timeline *timeline, const struct timeline_delta *delta)
{
    size_t before = timeline->open.byte_count;
    timeline_writer_add(&timeline->open, delta);
    timeline->byte_count += timeline->open.byte_count - before;
    timeline->delta_count++;
    if (timeline->open.delta_count >= BLOCK_DELTAS)
        seal(timeline);
}

static void close_bucket(struct timeline *timeline, struct site_table *sites)
{
    for (uint32_t id = 0; id_set_next(&timeline->open_sites, &id); id++) {
        struct site *site = site_table_at(sites, id);
        struct timeline_delta delta = open_delta(timeline, id, site);
        append(timeline, &delta);
        site->open_position = 0;
    }
    memset(timeline->open_sites.words, 0,
           timeline->open_sites.word_count * sizeof *timeline->open_sites.words);
    timeline->base_count = 0;
}

/* Two neighbouring buckets on their way to one: both sorted by site, the second from `middle` on.
 */
struct bucket_pair {
    struct timeline_delta *deltas;
    size_t count;
    size_t capacity;
    size_t middle;
    uint64_t bucket; /* the wide one */
};

static void add_up(struct timeline_delta *sum, const struct timeline_delta *delta)
{
    sum->allocations += delta->allocations;
    sum->allocated_bytes += delta->allocated_bytes;
    sum->frees += delta->frees;
    sum->freed_bytes += delta->freed_bytes;
}

static void append_pair(struct timeline *timeline, struct bucket_pair *pair)
{
    size_t left = 0, right = pair->middle;
    while (left < pair->middle || right < pair->count) {
        bool has_left = left < pair->middle, has_right = right < pair->count;
        struct timeline_delta *l = &pair->deltas[left], *r = &pair->deltas[right];
        struct timeline_delta delta = has_left && (!has_right || l->site <= r->site) ? *l : *r;
        if (has_left && has_right && l->site == r->site)
            add_up(&delta, r);
        left += has_left && l->site == delta.site;
        right += has_right && r->site == delta.site;
        delta.bucket = pair->bucket;
        append(timeline, &delta);
    }
    pair->count = 0;
    pair->middle = 0;
}

static void add_to_pair(struct timeline *timeline, struct bucket_pair *pair,
                        const struct timeline_delta *delta)
{
    if (pair->count > 0 && pair->bucket != delta->bucket / 2)
        append_pair(timeline, pair);
    pair->bucket = delta->bucket / 2;
    pair->deltas = memory_grow(pair->deltas, &pair->capacity, pair->count + 1,
                               sizeof *pair->deltas);
    pair->deltas[pair->count++] = *delta;
    if (delta->bucket % 2 == 0)
        pair->middle = pair->count;
}

/* Encodes everything anew with buckets twice as wide; old blocks go as they are read. */
static void widen(struct timeline *timeline)
{
    seal(timeline);
    struct timeline old = *timeline;
    timeline->blocks = NULL;
    timeline->block_count = timeline->block_capacity = 0;
    timeline->delta_count = timeline->byte_count = 0;
    struct bucket_pair pair = {0};
    for (size_t i = 0; i < old.block_count; i++) {
        struct timeline_reader reader = {.bytes = old.blocks[i].bytes,
                                         .byte_count = old.blocks[i].byte_count};
        for (struct timeline_delta delta; timeline_reader_next(&reader, &delta);)
            add_to_pair(timeline, &pair, &delta);
        free(old.blocks[i].bytes);
    }
    append_pair(timeline, &pair);
    free(pair.deltas);
    free(old.blocks);
    timeline->bucket_ns *= 2;
    if (timeline->was_written)
        timeline->was_widened = true;
}

static bool is_too_large(const struct timeline *timeline)
{
    return timeline->delta_count > timeline->max_deltas ||
           timeline->byte_count > timeline->max_bytes;
}

void timeline_advance(struct timeline *timeline, struct site_table *sites, uint64_t time_ns)
{
    if (time_ns < timeline->end_ns)
        return;
    uint64_t closed = timeline->bucket;
    if (timeline->base_count > 0)
        close_bucket(timeline, sites);
    uint64_t next = time_ns / timeline->bucket_ns;
    while (is_too_large(timeline) && closed / 2 != next / 2) {
        widen(timeline);
        closed /= 2;
        next /= 2;
    }
    open_bucket(timeline, next);
}

static void write_open(const struct timeline *timeline, const struct site_table *sites,
                       timeline_write write, void *context)
{
    struct timeline_writer copy = timeline->open;
    copy.bytes = memory_duplicate(copy.bytes, copy.byte_count);
    copy.capacity = copy.byte_count;
    for (uint32_t id = 0; id_set_next(&timeline->open_sites, &id); id++) {
        struct timeline_delta delta = open_delta(timeline, id, site_table_at(sites, id));
        timeline_writer_add(&copy, &delta);
    }
    if (copy.delta_count > 0)
        write(context, timeline->block_count, timeline->bucket_ns, copy.delta_count, copy.bytes,
              copy.byte_count);
    free(copy.bytes);
}

void timeline_write_blocks(struct timeline *timeline, const struct site_table *sites,
                           bool is_everything, timeline_write write, void *context)
{
    if (!is_everything)
        seal(timeline);
    for (size_t i = 0; i < timeline->block_count; i++) {
        struct timeline_block *block = &timeline->blocks[i];
        if (block->is_written && !is_everything)
            continue;
        write(context, i, timeline->bucket_ns, block->delta_count, block->bytes, block->byte_count);
        block->is_written = true;
        timeline->was_written = true;
    }
    if (!is_everything)
        return;
    timeline->was_widened = false;
    timeline->was_written = true;
    write_open(timeline, sites, write, context);
}

uint64_t timeline_own_bytes(const struct timeline *timeline)
{
    return timeline->byte_count + timeline->open.capacity +
           timeline->base_capacity * sizeof *timeline->bases +
           timeline->block_capacity * sizeof *timeline->blocks +
           timeline->open_sites.word_count * sizeof(uint64_t);
}
