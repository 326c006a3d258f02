#include "config.h"

#include "analysis/site_order.h"

#include <stdlib.h>

#include "analysis/fingerprint.h"
#include "base/memory.h"

struct site_key {
    uint64_t smallness;   /* ~live_bytes: ascending is descending */
    uint32_t fingerprint; /* its upper half */
    uint32_t process;
    uint32_t position;
};

enum {
    KEY_BYTES = offsetof(struct site_key, position)
};

/* Sorts `from` into `to` by the byte at `offset` of the keys (least significant first, as this
 * processor has them). `counts` says how often each value occurs. */
static void sort_by_byte(const struct site_key *from, struct site_key *to, size_t count,
                         size_t offset, const uint32_t counts[256])
{
    uint32_t starts[256], sum = 0;
    const unsigned char *bytes = (const unsigned char *)from + offset;
    for (size_t value = 0; value < 256; value++) {
        starts[value] = sum;
        sum += counts[value];
    }
    for (size_t i = 0; i < count; i++)
        to[starts[bytes[i * sizeof *from]]++] = from[i];
}

/* Returns the sorted keys: `keys` or `spare`. */
static struct site_key *sort_keys(struct site_key *keys, struct site_key *spare, size_t count)
{
    static const struct {
        size_t offset, bytes;
    } parts[] = {{offsetof(struct site_key, fingerprint), 4},
                 {offsetof(struct site_key, smallness), 8},
                 {offsetof(struct site_key, process), 4}};
    uint32_t(*counts)[256] = memory_allocate_zeroed(KEY_BYTES, sizeof *counts);
    for (size_t i = 0; i < count; i++)
        for (size_t offset = 0; offset < KEY_BYTES; offset++)
            counts[offset][((const unsigned char *)&keys[i])[offset]]++;
    for (size_t part = 0; part < sizeof parts / sizeof *parts; part++) {
        for (size_t byte = 0; byte < parts[part].bytes; byte++) {
            size_t offset = parts[part].offset + byte;
            if (counts[offset][((const unsigned char *)keys)[offset]] == count)
                continue;
            sort_by_byte(keys, spare, count, offset, counts[offset]);
            struct site_key *sorted = spare;
            spare = keys;
            keys = sorted;
        }
    }
    free(counts);
    return keys;
}

static bool are_equal(const struct site_key *a, const struct site_key *b)
{
    return a->smallness == b->smallness && a->fingerprint == b->fingerprint &&
           a->process == b->process;
}

static int compare_equal_keys(const void *left, const void *right, void *context)
{
    const struct profile *profile = context;
    const struct profile_site *a = &profile->sites[((const struct site_key *)left)->position];
    const struct profile_site *b = &profile->sites[((const struct site_key *)right)->position];
    if (a->fingerprint != b->fingerprint)
        return a->fingerprint < b->fingerprint ? -1 : 1;
    return (a->figures.id > b->figures.id) - (a->figures.id < b->figures.id);
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
        for (end = start + 1; end < count && are_equal(&keys[start], &keys[end]);)
            end++;
        if (end - start > 1 && !is_sorted(profile, keys + start, end - start))
            qsort_r(keys + start, end - start, sizeof *keys, compare_equal_keys, profile);
    }
}

/* Where what belongs to this place stands, until it has come. */
static uint32_t source_of(const struct site_key *keys, uint32_t place)
{
    return keys[place].position;
}

static void prefetch_site(const struct profile_site *site)
{
    for (size_t line = 0; line < sizeof *site; line += 64)
        __builtin_prefetch((const char *)site + line);
}

/* One cycle of the permutation: what stands at its first place is put aside, and each place gets
 * what belongs there, which leaves the next place free. Sites are asked for some steps before they
 * move, since each step alone would wait for memory. */
static void move_cycle(struct profile_site *sites, struct site_key *keys, uint32_t start)
{
    enum {
        AHEAD = 8
    };
    struct profile_site first = sites[start];
    uint32_t place = start, ahead = start;
    for (int i = 0; i < AHEAD; i++)
        ahead = source_of(keys, ahead);
    for (uint32_t from; (from = source_of(keys, place)) != start; place = from) {
        prefetch_site(&sites[ahead]);
        ahead = source_of(keys, ahead);
        sites[place] = sites[from];
        keys[place].position = place;
    }
    sites[place] = first;
    keys[place].position = place;
}

/* In place, since sites may take most of the memory that a profile needs. */
static void permute_sites(struct profile *profile, struct site_key *keys)
{
    for (uint32_t i = 0; i < profile->site_count; i++)
        if (source_of(keys, i) != i)
            move_cycle(profile->sites, keys, i);
}

void site_order_sort(struct profile *profile)
{
    size_t count = profile->site_count;
    struct fingerprint_table *table = fingerprint_table_create(profile);
    struct site_key *keys = memory_allocate_zeroed(count, sizeof *keys);
    struct site_key *spare = memory_allocate_zeroed(count, sizeof *spare);
    fingerprint_of_stacks(table, profile->sites, count);
    for (size_t i = 0; i < count; i++) {
        const struct profile_site *site = &profile->sites[i];
        keys[i] = (struct site_key){~site->figures.live_bytes, (uint32_t)(site->fingerprint >> 32),
                                    site->process, (uint32_t)i};
    }
    fingerprint_table_destroy(table);
    if (count) {
        struct site_key *sorted = sort_keys(keys, spare, count);
        sort_equal_keys(profile, sorted, count);
        permute_sites(profile, sorted);
    }
    free(keys);
    free(spare);
    for (size_t i = count; i-- > 0;) {
        struct profile_process *process = &profile->processes[profile->sites[i].process];
        process->first_site = (uint32_t)i;
        process->site_count++;
    }
}
