#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "heap/heap_model.h"
#include "heap/timeline_codec.h"

/* Thousands of random events into a heap model and into a plain one: arrays, searched from front to
 * back, copied whole at a fork, and at every new maximum. Both must tell the same. */

enum {
    SLOTS = 400, /* addresses */
    STACKS = 24,
    SITES = STACKS * 2, /* malloc and realloc */
    THREADS = 5,
    PAGES = 64,
    MODELS = 6,
    BUCKETS = 4096,
    BUCKET_NS = 1000
};

struct plain_block {
    bool is_live;
    uint64_t size, birth_ns;
    uint32_t site; /* stack * 2 + is realloc */
    uint32_t thread;
};

struct plain_site {
    uint64_t allocations, allocated_bytes, frees, freed_bytes, inherited_blocks, inherited_bytes;
    uint64_t peak_blocks, peak_bytes, temporary, first_ns, last_ns;
    uint64_t sizes[64], lifetimes[64];
    uint64_t by_thread[THREADS][4]; /* allocations, bytes, frees, bytes */
};

struct plain_leaving {
    struct plain_block block;
    uint32_t slot;
    uint64_t time_ns;
};

struct plain {
    struct plain_block blocks[SLOTS];
    struct plain_site sites[SITES];
    uint64_t peak_bytes, peak_blocks, peak_ns;
    uint64_t calls[THREADS][4];
    uint32_t newest_slot[THREADS]; /* + 1 */
    uint64_t newest_ns[THREADS];
    struct plain_leaving leavings[THREADS][4];
    int leaving_count[THREADS];
    uint64_t temporary, reallocations;
    uint8_t pages[PAGES]; /* stack + 1, of an anonymous mapping */
    uint64_t mapped_peak, common_peak;
    struct {
        uint64_t figures[4];
    } deltas[SITES][BUCKETS];
};

struct pair {
    struct heap_model *model;
    struct plain *plain;
};

static uint64_t random_state;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 11) % limit;
}

static uint64_t address_of(uint32_t slot)
{
    return 0x7f0000001000 + (uint64_t)slot * 48;
}

static unsigned bucket_of(uint64_t value)
{
    unsigned bucket = 0;
    for (uint64_t limit = 1; limit < value; limit *= 2)
        bucket++;
    return bucket;
}

static uint64_t site_live_bytes(const struct plain_site *site)
{
    return site->inherited_bytes + site->allocated_bytes - site->freed_bytes;
}

static uint64_t site_live_blocks(const struct plain_site *site)
{
    return site->inherited_blocks + site->allocations - site->frees;
}

static uint64_t plain_live(const struct plain *plain, uint64_t (*figure)(const struct plain_site *))
{
    uint64_t sum = 0;
    for (int i = 0; i < SITES; i++)
        sum += figure(&plain->sites[i]);
    return sum;
}

static uint64_t plain_mapped(const struct plain *plain)
{
    uint64_t bytes = 0;
    for (int i = 0; i < PAGES; i++)
        bytes += plain->pages[i] ? 4096 : 0;
    return bytes;
}

static void plain_note_peaks(struct plain *plain, uint64_t time)
{
    uint64_t live = plain_live(plain, site_live_bytes);
    uint64_t mapped = plain_mapped(plain);
    if (mapped > plain->mapped_peak)
        plain->mapped_peak = mapped;
    if (live + mapped > plain->common_peak)
        plain->common_peak = live + mapped;
    if (live <= plain->peak_bytes)
        return;
    plain->peak_bytes = live;
    plain->peak_blocks = plain_live(plain, site_live_blocks);
    plain->peak_ns = time;
    for (int i = 0; i < SITES; i++) {
        plain->sites[i].peak_bytes = site_live_bytes(&plain->sites[i]);
        plain->sites[i].peak_blocks = site_live_blocks(&plain->sites[i]);
    }
}

static void plain_free(struct plain *plain, const struct plain_block *block, uint64_t time,
                       uint64_t now, uint32_t caller)
{
    struct plain_site *site = &plain->sites[block->site];
    site->frees++;
    site->freed_bytes += block->size;
    site->lifetimes[bucket_of(time - block->birth_ns)]++;
    plain->deltas[block->site][now / BUCKET_NS].figures[2]++;
    plain->deltas[block->site][now / BUCKET_NS].figures[3] += block->size;
    if (block->thread != HEAP_THREAD_INHERITED) {
        site->by_thread[block->thread][2]++;
        site->by_thread[block->thread][3] += block->size;
    }
    plain->calls[caller][2]++;
    plain->calls[caller][3] += block->size;
}

static void plain_birth(struct plain *plain, const struct heap_event *event, uint32_t slot)
{
    struct plain_block *block = &plain->blocks[slot];
    uint32_t thread = event->thread;
    *block = (struct plain_block){true, event->size, event->time_ns,
                                  event->stack.index * 2 + (event->function == FUNCTION_REALLOC),
                                  thread};
    struct plain_site *site = &plain->sites[block->site];
    if (site->allocations++ == 0)
        site->first_ns = event->time_ns;
    site->allocated_bytes += block->size;
    site->last_ns = event->time_ns;
    site->sizes[bucket_of(block->size)]++;
    site->by_thread[thread][0]++;
    site->by_thread[thread][1] += block->size;
    plain->calls[thread][0]++;
    plain->calls[thread][1] += block->size;
    plain->deltas[block->site][event->time_ns / BUCKET_NS].figures[0]++;
    plain->deltas[block->site][event->time_ns / BUCKET_NS].figures[1] += block->size;
    plain->newest_slot[thread] = slot + 1;
    plain->newest_ns[thread] = event->time_ns;
    plain_note_peaks(plain, event->time_ns);
}

static void plain_release(struct plain *plain, const struct heap_event *event, uint32_t slot)
{
    struct plain_block block = plain->blocks[slot];
    plain->blocks[slot].is_live = false;
    plain_free(plain, &block, event->time_ns, event->time_ns, event->thread);
    if (block.thread == HEAP_THREAD_INHERITED || plain->newest_slot[block.thread] != slot + 1 ||
        plain->newest_ns[block.thread] != block.birth_ns)
        return;
    plain->temporary++;
    plain->sites[block.site].temporary++;
}

/* Making events that a program can make. */

static bool pick_slot(const struct plain *plain, bool is_live, uint32_t *slot)
{
    *slot = (uint32_t)random_below(SLOTS);
    for (int i = 0; i < SLOTS; i++, *slot = (*slot + 1) % SLOTS)
        if (plain->blocks[*slot].is_live == is_live)
            return true;
    return false;
}

static void send(struct pair *pair, struct heap_event *event)
{
    heap_model_apply(pair->model, event, 1);
}

static void do_birth(struct pair *pair, struct heap_event *event)
{
    uint32_t slot;
    if (!pick_slot(pair->plain, false, &slot))
        return;
    event->kind = HEAP_EVENT_BIRTH;
    event->function = FUNCTION_MALLOC;
    event->address = address_of(slot);
    event->size = random_below(1 << random_below(16));
    send(pair, event);
    plain_birth(pair->plain, event, slot);
}

static void do_release(struct pair *pair, struct heap_event *event)
{
    uint32_t slot;
    if (!pick_slot(pair->plain, true, &slot))
        return;
    event->kind = HEAP_EVENT_RELEASE;
    event->function = FUNCTION_FREE;
    event->address = address_of(slot);
    send(pair, event);
    plain_release(pair->plain, event, slot);
}

static void do_leave(struct pair *pair, struct heap_event *event)
{
    uint32_t slot;
    int *depth = &pair->plain->leaving_count[event->thread];
    if (*depth >= 4 || !pick_slot(pair->plain, true, &slot))
        return;
    event->kind = HEAP_EVENT_LEAVE;
    event->function = FUNCTION_REALLOC;
    event->address = address_of(slot);
    send(pair, event);
    pair->plain->leavings[event->thread][(*depth)++] = (struct plain_leaving){
        pair->plain->blocks[slot], slot, event->time_ns};
    pair->plain->blocks[slot].is_live = false;
}

static void do_arrive(struct pair *pair, struct heap_event *event)
{
    struct plain *plain = pair->plain;
    int *depth = &plain->leaving_count[event->thread];
    uint32_t slot;
    if (*depth == 0 || !pick_slot(plain, false, &slot))
        return;
    struct plain_leaving leaving = plain->leavings[event->thread][--*depth];
    event->function = FUNCTION_REALLOC;
    if (!plain->blocks[leaving.slot].is_live && random_below(3) == 0) {
        event->kind = HEAP_EVENT_UNDO;
        send(pair, event);
        plain->blocks[leaving.slot] = leaving.block;
        return;
    }
    event->kind = HEAP_EVENT_ARRIVE;
    event->address = random_below(8) == 0 ? 0 : address_of(slot);
    event->size = random_below(3000);
    send(pair, event);
    plain_free(plain, &leaving.block, leaving.time_ns, event->time_ns, event->thread);
    if (event->address == 0)
        return;
    plain->reallocations++;
    plain_birth(plain, event, slot);
}

static void do_mapping(struct pair *pair, struct heap_event *event)
{
    uint32_t start = (uint32_t)random_below(PAGES);
    uint32_t count = 1 + (uint32_t)random_below(PAGES - start);
    bool is_map = random_below(2) == 0;
    event->kind = is_map ? HEAP_EVENT_MAP : HEAP_EVENT_UNMAP;
    event->function = FUNCTION_MMAP;
    event->flags = HEAP_EVENT_ANONYMOUS;
    event->address = 0x200000 + start * 4096u;
    event->size = count * 4096u - random_below(4096);
    send(pair, event);
    for (uint32_t i = start; i < start + count; i++)
        pair->plain->pages[i] = is_map ? (uint8_t)(event->stack.index + 1) : 0;
    plain_note_peaks(pair->plain, event->time_ns);
}

static void random_event(struct pair *pair, uint64_t time)
{
    struct heap_event event = {.time_ns = time,
                               .thread = (uint32_t)random_below(THREADS),
                               .stack = {(uint32_t)random_below(STACKS)}};
    uint64_t choice = random_below(100);
    if (choice < 40)
        do_birth(pair, &event);
    else if (choice < 75)
        do_release(pair, &event);
    else if (choice < 85)
        do_leave(pair, &event);
    else if (choice < 97)
        do_arrive(pair, &event);
    else
        do_mapping(pair, &event);
}

/* Comparing. */

static void check_totals(const struct pair *pair)
{
    const struct plain *plain = pair->plain;
    struct recording_totals totals;
    heap_model_totals(pair->model, &totals);
    assert_int_equal(totals.inherited_blocks + totals.allocations,
                     totals.frees + totals.live_blocks);
    assert_int_equal(totals.inherited_bytes + totals.allocated_bytes,
                     totals.freed_bytes + totals.live_bytes);
    assert_int_equal(totals.live_bytes, plain_live(plain, site_live_bytes));
    assert_int_equal(totals.live_blocks, plain_live(plain, site_live_blocks));
    assert_int_equal(totals.peak_bytes, plain->peak_bytes);
    assert_int_equal(totals.peak_blocks, plain->peak_blocks);
    assert_int_equal(totals.peak_time_ns, plain->peak_ns);
    assert_int_equal(totals.temporary_allocations, plain->temporary);
    assert_int_equal(totals.reallocations, plain->reallocations);
    assert_int_equal(totals.mapped_bytes, plain_mapped(plain));
    assert_int_equal(totals.mapped_peak_bytes, plain->mapped_peak);
    assert_int_equal(totals.common_peak_bytes, plain->common_peak);
}

static void check_histogram(const struct recording_list *list, const uint64_t *expected)
{
    size_t at = 0;
    for (uint64_t bucket = 0; bucket < 64; bucket++) {
        if (expected[bucket] == 0)
            continue;
        assert_true(at + 1 < list->count);
        assert_int_equal(list->items[at++], bucket);
        assert_int_equal(list->items[at++], expected[bucket]);
    }
    assert_int_equal(at, list->count);
}

static void check_threads(const struct recording_list *list, const struct plain_site *site)
{
    size_t at = 0;
    for (uint64_t thread = 0; thread < THREADS; thread++) {
        const uint64_t *figures = site->by_thread[thread];
        if (figures[0] == 0)
            continue;
        const uint64_t expected[] = {thread,
                                     figures[0],
                                     figures[1],
                                     figures[2],
                                     figures[3],
                                     figures[0] - figures[2],
                                     figures[1] - figures[3]};
        assert_true(at + 7 <= list->count);
        assert_memory_equal(&list->items[at], expected, sizeof expected);
        at += 7;
    }
    assert_int_equal(at, list->count);
}

static void check_site(const struct recording_site *record, const struct plain_site *site)
{
    assert_int_equal(record->allocations, site->allocations);
    assert_int_equal(record->allocated_bytes, site->allocated_bytes);
    assert_int_equal(record->frees, site->frees);
    assert_int_equal(record->freed_bytes, site->freed_bytes);
    assert_int_equal(record->inherited_blocks, site->inherited_blocks);
    assert_int_equal(record->inherited_bytes, site->inherited_bytes);
    assert_int_equal(record->live_blocks, site_live_blocks(site));
    assert_int_equal(record->live_bytes, site_live_bytes(site));
    assert_int_equal(record->peak_blocks, site->peak_blocks);
    assert_int_equal(record->peak_bytes, site->peak_bytes);
    assert_int_equal(record->temporary_allocations, site->temporary);
    assert_int_equal(record->first_ns, site->first_ns);
    assert_int_equal(record->last_ns, site->last_ns);
    check_histogram(&record->size_histogram, site->sizes);
    check_histogram(&record->lifetime_histogram, site->lifetimes);
    check_threads(&record->threads, site);
}

struct check {
    const struct plain *plain;
    uint32_t site_of_id[SITES];
    size_t site_count;
    uint64_t mapping_bytes[STACKS];
    uint64_t *sums; /* of timeline deltas: [site][bucket][4], in buckets as wide as written */
    uint64_t bucket_ns;
};

static void check_deltas(struct check *check, const struct recording_timeline *record)
{
    struct timeline_reader reader = {.bytes = record->deltas.bytes,
                                     .byte_count = record->deltas.count};
    struct timeline_delta delta;
    uint64_t count = 0;
    check->bucket_ns = record->bucket_ns;
    uint64_t last_bucket = 0, last_site = 0;
    for (; timeline_reader_next(&reader, &delta); count++) {
        assert_true(delta.site < check->site_count && delta.bucket < BUCKETS);
        assert_true(count == 0 || delta.bucket > last_bucket ||
                    (delta.bucket == last_bucket && delta.site > last_site));
        last_bucket = delta.bucket;
        last_site = delta.site;
        uint32_t site = check->site_of_id[delta.site];
        uint64_t *sums = &check->sums[(site * BUCKETS + delta.bucket) * 4];
        sums[0] += delta.allocations;
        sums[1] += delta.allocated_bytes;
        sums[2] += delta.frees;
        sums[3] += delta.freed_bytes;
    }
    assert_int_equal(count, record->delta_count);
}

static void check_record(void *context, enum recording_kind kind, const void *record)
{
    struct check *check = context;
    if (kind == RECORDING_site) {
        const struct recording_site *site = record;
        assert_int_equal(site->id, check->site_count);
        uint32_t plain_site = (uint32_t)site->stack_node_id * 2 +
                              (site->allocation_function == FUNCTION_REALLOC);
        check->site_of_id[check->site_count++] = plain_site;
        check_site(site, &check->plain->sites[plain_site]);
    } else if (kind == RECORDING_mapping_site) {
        const struct recording_mapping_site *site = record;
        check->mapping_bytes[site->stack_node_id] = site->live_bytes;
        assert_true((site->live_count == 0) == (site->live_bytes == 0));
    } else if (kind == RECORDING_thread) {
        const struct recording_thread *thread = record;
        const uint64_t expected[] = {thread->allocations, thread->allocated_bytes, thread->frees,
                                     thread->freed_bytes};
        assert_memory_equal(check->plain->calls[thread->id], expected, sizeof expected);
    } else if (kind == RECORDING_timeline) {
        check_deltas(check, record);
    }
}

static void check_timeline(const struct check *check)
{
    uint64_t wide = check->bucket_ns / BUCKET_NS;
    for (uint32_t site = 0; site < SITES; site++) {
        for (uint64_t bucket = 0; bucket * wide < BUCKETS && check->bucket_ns; bucket++) {
            uint64_t expected[4] = {0};
            for (uint64_t i = bucket * wide; i < (bucket + 1) * wide && i < BUCKETS; i++)
                for (int j = 0; j < 4; j++)
                    expected[j] += check->plain->deltas[site][i].figures[j];
            assert_memory_equal(&check->sums[(site * BUCKETS + bucket) * 4], expected,
                                sizeof expected);
        }
    }
}

static void check_block(void *context, const struct heap_block *block)
{
    struct plain *seen = context;
    uint64_t slot = (block->address - address_of(0)) / 48;
    assert_true(slot < SLOTS && address_of((uint32_t)slot) == block->address);
    struct plain_block *expected = &seen->blocks[slot];
    assert_true(expected->is_live);
    assert_int_equal(block->size, expected->size);
    assert_int_equal(block->birth_ns, expected->birth_ns);
    assert_int_equal(block->stack.index, expected->site / 2);
    assert_int_equal(block->thread, expected->thread);
    expected->is_live = false;
}

static void check_blocks(const struct pair *pair)
{
    struct plain *seen = malloc(sizeof *seen);
    *seen = *pair->plain;
    heap_model_visit_blocks(pair->model, check_block, seen);
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        struct heap_block block;
        assert_false(seen->blocks[slot].is_live);
        assert_int_equal(heap_model_find_block(pair->model, address_of(slot), &block),
                         pair->plain->blocks[slot].is_live);
    }
    free(seen);
}

static void check_everything(const struct pair *pair)
{
    struct check check = {.plain = pair->plain};
    check.sums = calloc((size_t)SITES * BUCKETS * 4, sizeof *check.sums);
    check_totals(pair);
    heap_model_write_records(pair->model, 0, true, check_record, &check);
    check_timeline(&check);
    free(check.sums);
    uint64_t mapped[STACKS] = {0};
    for (int i = 0; i < PAGES; i++)
        if (pair->plain->pages[i])
            mapped[pair->plain->pages[i] - 1] += 4096;
    assert_memory_equal(check.mapping_bytes, mapped, sizeof mapped);
    check_blocks(pair);
    struct recording_quality quality;
    heap_model_quality(pair->model, &quality);
    assert_int_equal(quality.unknown_frees + quality.missed_frees + quality.repaired_events +
                         quality.bad_records,
                     0);
}

/* Processes. */

static void add_threads(struct heap_model *model)
{
    for (int i = 0; i < THREADS; i++)
        heap_model_add_thread(model, 100u + (unsigned)i, "", 0);
}

static struct pair new_pair(void)
{
    struct heap_model_options options = {
        .bucket_ns = BUCKET_NS, .max_timeline_deltas = 2000, .max_timeline_bytes = 1 << 20};
    struct pair pair = {heap_model_create(&options), calloc(1, sizeof(struct plain))};
    add_threads(pair.model);
    return pair;
}

static struct pair fork_pair(const struct pair *parent, uint64_t time)
{
    struct pair child = {heap_model_fork(parent->model, time), calloc(1, sizeof(struct plain))};
    add_threads(child.model);
    struct plain *plain = child.plain;
    memcpy(plain->blocks, parent->plain->blocks, sizeof plain->blocks);
    for (int thread = 0; thread < THREADS; thread++)
        for (int i = 0; i < parent->plain->leaving_count[thread]; i++) {
            const struct plain_leaving *leaving = &parent->plain->leavings[thread][i];
            if (!plain->blocks[leaving->slot].is_live)
                plain->blocks[leaving->slot] = leaving->block;
        }
    for (int slot = 0; slot < SLOTS; slot++) {
        struct plain_block *block = &plain->blocks[slot];
        if (!block->is_live)
            continue;
        block->thread = HEAP_THREAD_INHERITED;
        plain->sites[block->site].inherited_blocks++;
        plain->sites[block->site].inherited_bytes += block->size;
    }
    plain->peak_ns = time;
    plain_note_peaks(plain, time);
    return child;
}

static void destroy_pair(struct pair *pair)
{
    heap_model_destroy(pair->model);
    free(pair->plain);
    *pair = (struct pair){0};
}

static void run(uint64_t seed, bool with_forks)
{
    random_state = seed * 0x9e3779b97f4a7c15u + 1;
    struct pair pairs[MODELS] = {new_pair()};
    uint64_t time = 10;
    for (int step = 0; step < 6000; step++) {
        time += random_below(100) == 0 ? random_below(9000) : random_below(300);
        struct pair *pair = &pairs[random_below(MODELS)];
        if (!pair->model)
            pair = &pairs[0];
        if (!pair->model)
            *pair = new_pair();
        uint64_t choice = with_forks ? random_below(400) : 400;
        struct pair *other = &pairs[random_below(MODELS)];
        if (choice == 0 && other != pair)
            destroy_pair(other);
        else if (choice < 4 && !other->model)
            *other = fork_pair(pair, time);
        else
            random_event(pair, time);
        check_totals(pair);
        if (step % 250 == 0)
            for (int i = 0; i < MODELS; i++)
                if (pairs[i].model)
                    check_everything(&pairs[i]);
    }
    for (int i = 0; i < MODELS; i++)
        if (pairs[i].model) {
            check_everything(&pairs[i]);
            destroy_pair(&pairs[i]);
        }
}

static void test_one_process(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++)
        run(seed, false);
}

static void test_processes_that_fork(void **state)
{
    (void)state;
    for (uint64_t seed = 11; seed <= 16; seed++)
        run(seed, true);
}

/* Events in no order and of no sense: nothing may break, and figures must still add up. */

struct sums {
    uint64_t figures[10];
    struct recording_totals totals;
};

static void add_up(void *context, enum recording_kind kind, const void *record)
{
    struct sums *sums = context;
    if (kind == RECORDING_totals)
        sums->totals = *(const struct recording_totals *)record;
    if (kind != RECORDING_site)
        return;
    const struct recording_site *site = record;
    const uint64_t figures[] = {site->allocations,          site->allocated_bytes, site->frees,
                                site->freed_bytes,          site->live_blocks,     site->live_bytes,
                                site->inherited_blocks,     site->peak_blocks,     site->peak_bytes,
                                site->temporary_allocations};
    for (int i = 0; i < 10; i++)
        sums->figures[i] += figures[i];
}

static void count_block(void *context, const struct heap_block *block)
{
    uint64_t *sums = context;
    sums[0]++;
    sums[1] += block->size;
}

static void check_sums(struct heap_model *model)
{
    struct sums sums = {0};
    heap_model_write_records(model, 0, true, add_up, &sums);
    const struct recording_totals *totals = &sums.totals;
    const uint64_t figures[] = {
        totals->allocations,          totals->allocated_bytes, totals->frees,
        totals->freed_bytes,          totals->live_blocks,     totals->live_bytes,
        totals->inherited_blocks,     totals->peak_blocks,     totals->peak_bytes,
        totals->temporary_allocations};
    assert_memory_equal(sums.figures, figures, sizeof figures);
}

static struct heap_event nonsense(uint64_t time)
{
    static const uint64_t SPREADS[] = {0, 1000, 100000, 2000000000};
    uint64_t back = random_below(SPREADS[random_below(4)] + 1);
    struct heap_event event = {.time_ns = random_below(5000) == 0 ? random_state
                                                                  : time - (back < time ? back : 0),
                               .address = 0x1000 + random_below(60) * 16,
                               .size = random_below(300),
                               .stack = {(uint32_t)random_below(STACKS)},
                               .thread = (uint32_t)random_below(THREADS + 1),
                               .kind = (uint8_t)random_below(HEAP_EVENT_BREAK + 2),
                               .function = (uint8_t)random_below(FUNCTION_KIND_COUNT + 1),
                               .flags = (uint8_t)random_below(4)};
    if (random_below(50) == 0)
        event.address = random_state;
    if (random_below(50) == 0)
        event.size = random_state >> random_below(64);
    return event;
}

static void check_invariant(const struct heap_model *model)
{
    struct recording_totals totals;
    heap_model_totals(model, &totals);
    assert_int_equal(totals.inherited_blocks + totals.allocations,
                     totals.frees + totals.live_blocks);
    assert_int_equal(totals.inherited_bytes + totals.allocated_bytes,
                     totals.freed_bytes + totals.live_bytes);
    assert_true(totals.live_blocks < 1 << 30 && totals.live_bytes < (uint64_t)1 << 60);
}

static void run_nonsense(uint64_t seed)
{
    random_state = seed * 0x9e3779b97f4a7c15u + 1;
    struct heap_model_options options = {.max_timeline_deltas = 500};
    struct heap_model *models[3] = {heap_model_create(&options)};
    add_threads(models[0]);
    for (uint64_t step = 0; step < 20000; step++) {
        uint64_t i = random_below(3), j = random_below(3);
        uint64_t choice = random_below(2000);
        if (!models[i] || i == j)
            continue;
        if (choice == 0) {
            heap_model_settle(models[i]);
        } else if (choice == 1) {
            heap_model_end_thread(models[i], (uint32_t)random_below(THREADS), step);
        } else if (choice < 6) {
            heap_model_destroy(models[j]);
            models[j] = heap_model_fork(models[i], step * 700);
            add_threads(models[j]);
        } else {
            struct heap_event event = nonsense(step * 700);
            heap_model_apply(models[i], &event, 1);
        }
        check_invariant(models[i]);
    }
    for (int i = 0; i < 3; i++) {
        if (!models[i])
            continue;
        check_sums(models[i]);
        heap_model_settle(models[i]);
        check_sums(models[i]);
        uint64_t sums[2] = {0};
        struct recording_totals totals;
        heap_model_visit_blocks(models[i], count_block, sums);
        heap_model_totals(models[i], &totals);
        assert_int_equal(sums[0], totals.live_blocks);
        assert_int_equal(sums[1], totals.live_bytes);
        heap_model_destroy(models[i]);
    }
}

static void test_nonsense(void **state)
{
    (void)state;
    for (uint64_t seed = 100; seed < 110; seed++)
        run_nonsense(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_process),
        cmocka_unit_test(test_processes_that_fork),
        cmocka_unit_test(test_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
