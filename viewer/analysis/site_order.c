#include "config.h"

#include "analysis/site_order.h"

#include <stdlib.h>

#include "analysis/fingerprint.h"
#include "base/memory.h"

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

static void prefetch_site(const struct profile_site *site)
{
    for (size_t line = 0; line < sizeof *site; line += 64)
        __builtin_prefetch((const char *)site + line);
}

/* One cycle of the permutation: what stands at its first place is put aside, and each place gets
 * what belongs there, which leaves the next place free. Sites are asked for some steps before they
 * move, since each step alone would wait for memory. `sources` says where what belongs to a place
 * stands; of places that are done, there. */
static void move_cycle(struct profile_site *sites, uint32_t *sources, uint32_t start)
{
    enum {
        AHEAD = 8
    };
    struct profile_site first = sites[start];
    uint32_t place = start, ahead = start;
    for (int i = 0; i < AHEAD; i++)
        ahead = sources[ahead];
    for (uint32_t from; (from = sources[place]) != start; place = from) {
        prefetch_site(&sites[ahead]);
        ahead = sources[ahead];
        sites[place] = sites[from];
        sources[place] = place;
    }
    sites[place] = first;
    sources[place] = place;
}

/* In place, since sites may take most of the memory that a profile needs. */
static void permute_sites(struct profile *profile, uint32_t *sources,
                          const struct progress *progress)
{
    for (uint32_t i = 0; i < profile->site_count; i++) {
        double share = SHARE_OF_KEYS + (1 - SHARE_OF_KEYS) * i / (double)profile->site_count;
        if (!(i & (PROGRESS_STEP - 1)) && !progress_reaches(progress, share))
            return;
        if (sources[i] != i)
            move_cycle(profile->sites, sources, i);
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

static bool find_fingerprints(struct profile *profile, const struct progress *progress)
{
    struct fingerprint_table *table = fingerprint_table_create(profile);
    bool goes_on = true;
    for (size_t done = 0; done < profile->site_count && goes_on; done += PROGRESS_STEP) {
        size_t left = profile->site_count - done;
        fingerprint_of_stacks(table, profile->sites + done,
                              left < PROGRESS_STEP ? left : PROGRESS_STEP);
        goes_on = progress_reaches(progress, SHARE_OF_FINGERPRINTS * (double)done /
                                                 (double)profile->site_count);
    }
    fingerprint_table_destroy(table);
    return goes_on;
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
