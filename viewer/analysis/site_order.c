#include "config.h"

#include "analysis/site_order.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "analysis/fingerprint.h"
#include "base/memory.h"
#include "base/side_work.h"

/* How much is done behind each step. */
static const double SHARE_OF_FINGERPRINTS = 0.6, SHARE_OF_KEYS = 0.8;

struct site_key {
    uint64_t key;
    uint32_t position;
};

/* How a key is put together, from its upper bits to its lower ones. */
struct key_shape {
    unsigned process_bits, live_bits, fingerprint_bits;
    unsigned lost_bits; /* of live bytes, where there are too many */
    uint64_t most_live;
};

enum {
    KEY_BITS = 64,
    DIGIT_BITS = 11,
    DIGIT_VALUES = 1 << DIGIT_BITS,
    DIGITS = (KEY_BITS + DIGIT_BITS - 1) / DIGIT_BITS,
    ENOUGH_BITS = 20 /* of the fingerprint */
};

static unsigned bits_of(uint64_t most)
{
    return most ? KEY_BITS - (unsigned)__builtin_clzll(most) : 0;
}

static struct key_shape shape_keys(const struct profile *profile)
{
    struct key_shape shape = {0};
    uint32_t last_process = 0;
    for (size_t i = 0; i < profile->site_count; i++) {
        const struct profile_site *site = &profile->sites[i];
        if (site->figures.live_bytes > shape.most_live)
            shape.most_live = site->figures.live_bytes;
        if (site->process > last_process)
            last_process = site->process;
    }
    shape.process_bits = bits_of(last_process);
    shape.live_bits = bits_of(shape.most_live);
    if (shape.process_bits + shape.live_bits > KEY_BITS) {
        shape.lost_bits = shape.process_bits + shape.live_bits - KEY_BITS;
        shape.live_bits -= shape.lost_bits;
    }
    /* What the last digit has room for costs nothing. */
    unsigned used = shape.process_bits + shape.live_bits;
    unsigned digits = (used + ENOUGH_BITS + DIGIT_BITS - 1) / DIGIT_BITS;
    unsigned room = digits * DIGIT_BITS < KEY_BITS ? digits * DIGIT_BITS : KEY_BITS;
    shape.fingerprint_bits = room - used;
    return shape;
}

/* By all bits of a number, shifting is not defined. */
static uint64_t shift_left(uint64_t value, unsigned bits)
{
    return bits < KEY_BITS ? value << bits : 0;
}

static uint64_t key_of(const struct key_shape *shape, const struct profile_site *site)
{
    uint64_t smallness = (shape->most_live - site->figures.live_bytes) >> shape->lost_bits;
    uint64_t key = shift_left(site->process, shape->live_bits) | smallness;
    key = shift_left(key, shape->fingerprint_bits);
    return shape->fingerprint_bits ? key | site->fingerprint >> (KEY_BITS - shape->fingerprint_bits)
                                   : key;
}

static unsigned digit_of(uint64_t key, unsigned digit)
{
    return (unsigned)(key >> (digit * DIGIT_BITS)) & (DIGIT_VALUES - 1);
}

/* Sorts `from` into `to` by a digit of the keys. `counts` says how often each value occurs. */
static void sort_by_digit(const struct site_key *from, struct site_key *to, size_t count,
                          unsigned digit, const uint32_t counts[DIGIT_VALUES])
{
    uint32_t starts[DIGIT_VALUES], sum = 0;
    for (size_t value = 0; value < DIGIT_VALUES; value++) {
        starts[value] = sum;
        sum += counts[value];
    }
    for (size_t i = 0; i < count; i++)
        to[starts[digit_of(from[i].key, digit)]++] = from[i];
}

/* Returns the sorted keys: `keys` or `spare`. Digits that are the same everywhere, as upper ones
 * mostly are, cost nothing. */
static struct site_key *sort_keys(struct site_key *keys, struct site_key *spare, size_t count,
                                  const struct progress *progress)
{
    uint32_t(*counts)[DIGIT_VALUES] = memory_allocate_zeroed(DIGITS, sizeof *counts);
    uint64_t different = 0;
    for (size_t i = 0; i < count; i++)
        different |= keys[i].key ^ keys[0].key;
    for (unsigned digit = 0; digit < DIGITS; digit++) {
        if (!digit_of(different, digit) || !progress_reaches(progress, SHARE_OF_KEYS))
            continue;
        for (size_t i = 0; i < count; i++)
            counts[digit][digit_of(keys[i].key, digit)]++;
        sort_by_digit(keys, spare, count, digit, counts[digit]);
        struct site_key *sorted = spare;
        spare = keys;
        keys = sorted;
    }
    free(counts);
    return keys;
}

static int compare_sites(const struct profile_site *a, const struct profile_site *b)
{
    if (a->process != b->process)
        return a->process < b->process ? -1 : 1;
    if (a->figures.live_bytes != b->figures.live_bytes)
        return a->figures.live_bytes > b->figures.live_bytes ? -1 : 1;
    if (a->fingerprint != b->fingerprint)
        return a->fingerprint < b->fingerprint ? -1 : 1;
    return (a->figures.id > b->figures.id) - (a->figures.id < b->figures.id);
}

static int compare_equal_keys(const void *left, const void *right, void *context)
{
    const struct profile *profile = context;
    return compare_sites(&profile->sites[((const struct site_key *)left)->position],
                         &profile->sites[((const struct site_key *)right)->position]);
}

/* Sites come by id, and nothing has changed that: mostly there is nothing to do. */
static bool is_sorted(struct profile *profile, const struct site_key *keys, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (compare_equal_keys(&keys[i - 1], &keys[i], profile) > 0)
            return false;
    return true;
}

static void sort_equal_keys(struct profile *profile, struct site_key *keys, size_t count)
{
    for (size_t start = 0, end; start < count; start = end) {
        for (end = start + 1; end < count && keys[start].key == keys[end].key;)
            end++;
        if (end - start > 1 && !is_sorted(profile, keys + start, end - start))
            qsort_r(keys + start, end - start, sizeof *keys, compare_equal_keys, profile);
    }
}

/* ---- moving ---- */

/* In place, since sites may take most of the memory that a profile needs.
 *
 * A permutation is made of cycles: what stands at a place is put aside, the place gets what belongs
 * there, which leaves the next place free, and so on. Each step along a cycle waits for memory, so
 * several ways are gone in turn. Two of them may be on one cycle: a way ends where one began, with
 * the site that was put aside there. So there are always as many sites aside as ways that go on. */
enum {
    WAYS = 16
};

struct way {
    uint32_t place; /* free: it gets what stands at `from` */
    uint32_t from;
};

struct moving {
    struct profile_site *sites;
    uint32_t *sources;    /* where what belongs to a place stands; of places that are done, or
                           * where a way began, the place itself */
    uint32_t next, count; /* from `next` on, places were not looked at for beginnings */
    struct way ways[WAYS];
    uint32_t aside_from[WAYS];
    struct profile_site aside[WAYS];
    size_t way_count;
};

static void take_step_ahead(struct moving *moving, struct way *way, uint32_t place)
{
    way->place = place;
    way->from = moving->sources[place];
    moving->sources[place] = place;
    __builtin_prefetch(&moving->sources[way->from]);
    for (size_t line = 0; line < sizeof *moving->sites; line += MEMORY_LINE_BYTES)
        __builtin_prefetch((const char *)&moving->sites[way->from] + line);
}

static void begin_ways(struct moving *moving)
{
    for (; moving->way_count < WAYS && moving->next < moving->count; moving->next++) {
        if (moving->sources[moving->next] == moving->next)
            continue;
        moving->aside_from[moving->way_count] = moving->next;
        moving->aside[moving->way_count] = moving->sites[moving->next];
        take_step_ahead(moving, &moving->ways[moving->way_count++], moving->next);
    }
}

/* Some way began where this one has arrived. */
static void end_way(struct moving *moving, struct way *way)
{
    size_t last = --moving->way_count, aside = 0;
    while (moving->aside_from[aside] != way->from)
        aside++;
    moving->sites[way->place] = moving->aside[aside];
    moving->aside_from[aside] = moving->aside_from[last];
    moving->aside[aside] = moving->aside[last];
    *way = moving->ways[last];
}

/* One step on each way. */
static void move_on(struct moving *moving)
{
    for (size_t i = moving->way_count; i-- > 0;) {
        struct way *way = &moving->ways[i];
        if (moving->sources[way->from] == way->from) {
            end_way(moving, way);
        } else {
            moving->sites[way->place] = moving->sites[way->from];
            take_step_ahead(moving, way, way->from);
        }
    }
}

static void permute_sites(struct profile *profile, uint32_t *sources,
                          const struct progress *progress)
{
    struct moving moving = {
        .sites = profile->sites, .sources = sources, .count = (uint32_t)profile->site_count};
    for (size_t steps = 0;; steps++) {
        double share = (double)steps * WAYS / (double)profile->site_count;
        if (!(steps & (PROGRESS_STEP / WAYS - 1)) &&
            !progress_reaches(progress, SHARE_OF_KEYS + (1 - SHARE_OF_KEYS) * fmin(share, 1)))
            return;
        begin_ways(&moving);
        if (!moving.way_count)
            return;
        move_on(&moving);
    }
}

/* Where each site stands that belongs to a place. Caller frees. */
static uint32_t *find_sources(struct profile *profile, const struct progress *progress)
{
    size_t count = profile->site_count;
    struct key_shape shape = shape_keys(profile);
    struct site_key *keys = memory_allocate_large(count, sizeof *keys);
    struct site_key *spare = memory_allocate_large(count, sizeof *spare);
    uint32_t *sources = memory_allocate_large(count, sizeof *sources);
    for (size_t i = 0; i < count; i++)
        keys[i] = (struct site_key){key_of(&shape, &profile->sites[i]), (uint32_t)i};
    struct site_key *sorted = sort_keys(keys, spare, count, progress);
    sort_equal_keys(profile, sorted, count);
    for (size_t i = 0; i < count; i++)
        sources[i] = sorted[i].position;
    free(keys);
    free(spare);
    return sources;
}

/* ---- fingerprints ---- */

/* A stretch of the sites. Of two at once the other one tells when nobody wants them any more. */
struct fingerprinting {
    const struct fingerprint_table *table;
    struct profile_site *sites;
    size_t count;
    const struct progress *progress;
    atomic_bool *is_stopped;
};

static void fingerprint_stretch(void *context)
{
    const struct fingerprinting *work = context;
    for (size_t done = 0; done < work->count && !atomic_load(work->is_stopped);
         done += PROGRESS_STEP) {
        size_t left = work->count - done;
        fingerprint_of_stacks(work->table, work->sites + done,
                              left < PROGRESS_STEP ? left : PROGRESS_STEP);
        if (!progress_reaches(work->progress,
                              SHARE_OF_FINGERPRINTS * (double)done / (double)work->count))
            atomic_store(work->is_stopped, true);
    }
}

/* Many are cut in two halves, for two threads. */
static bool find_fingerprints(struct profile *profile, const struct progress *progress)
{
    struct fingerprint_table *table = fingerprint_table_create(profile);
    size_t first = profile->site_count > 2 * PROGRESS_STEP ? profile->site_count / 2
                                                           : profile->site_count;
    atomic_bool is_stopped = false;
    struct fingerprinting near = {table, profile->sites, first, progress, &is_stopped};
    struct fingerprinting far = {table, profile->sites + first, profile->site_count - first, NULL,
                                 &is_stopped};
    struct side_work beside;
    if (far.count)
        side_work_begin(&beside, fingerprint_stretch, &far);
    fingerprint_stretch(&near);
    if (far.count)
        side_work_end(&beside);
    fingerprint_table_destroy(table);
    return !is_stopped;
}

void site_order_sort(struct profile *profile, const struct progress *progress)
{
    size_t count = profile->site_count;
    if (!find_fingerprints(profile, progress))
        return;
    if (count) {
        uint32_t *sources = find_sources(profile, progress);
        permute_sites(profile, sources, progress);
        free(sources);
    }
    for (size_t i = count; i-- > 0;) {
        struct profile_process *process = &profile->processes[profile->sites[i].process];
        process->first_site = (uint32_t)i;
        process->site_count++;
    }
}
