/* Sums by place. What tells two places apart are texts; they are numbered once a location, so that
 * sites are told apart by numbers. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/place.h"
#include "base/hash_map.h"
#include "base/memory.h"

struct numbering {
    const struct profile *profile;
    struct hash_index lines, functions;
    uint32_t *line_of;     /* by location: the first one with the same function, file and line */
    uint32_t *function_of; /* by location: the first one with the same function */
};

static bool texts_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_same_line(const void *context, uint32_t position, const void *key)
{
    const struct profile_location *a = &((const struct profile *)context)->locations[position];
    const struct profile_location *b = key;
    return a->line == b->line && texts_equal(a->function, b->function) &&
           texts_equal(a->file, b->file);
}

static bool is_same_function(const void *context, uint32_t position, const void *key)
{
    const struct profile_location *a = &((const struct profile *)context)->locations[position];
    const struct profile_location *b = key;
    return texts_equal(a->function, b->function);
}

static uint32_t find_or_add(struct hash_index *index, uint64_t hash, hash_index_equals equals,
                            const struct profile *profile, uint32_t location)
{
    uint32_t found = hash_index_find(index, hash, &profile->locations[location], equals, profile);
    if (found != HASH_INDEX_NONE)
        return found;
    hash_index_add(index, hash, location);
    return location;
}

static void numbering_init(struct numbering *numbering, const struct profile *profile)
{
    size_t count = profile->location_count;
    *numbering = (struct numbering){.profile = profile};
    hash_index_init(&numbering->lines);
    hash_index_init(&numbering->functions);
    numbering->line_of = memory_allocate_zeroed(count, sizeof *numbering->line_of);
    numbering->function_of = memory_allocate_zeroed(count, sizeof *numbering->function_of);
    for (uint32_t i = 0; i < count; i++) {
        const struct profile_location *location = &profile->locations[i];
        uint64_t hash = hash_bytes(location->function, strlen(location->function), 0);
        numbering->function_of[i] = find_or_add(&numbering->functions, hash, is_same_function,
                                                profile, i);
        const char *file = location->file ? location->file : "";
        hash = hash_bytes(file, strlen(file), hash + location->line);
        numbering->line_of[i] = find_or_add(&numbering->lines, hash, is_same_line, profile, i);
    }
}

static void numbering_clear(struct numbering *numbering)
{
    hash_index_clear(&numbering->lines);
    hash_index_clear(&numbering->functions);
    free(numbering->line_of);
    free(numbering->function_of);
}

struct place_key {
    uint32_t location, caller, called; /* numbers + 1; 0 = none */
};

static uint32_t number(const struct numbering *numbering, const uint32_t *numbers,
                       const struct profile_location *location)
{
    return location ? numbers[location - numbering->profile->locations] + 1 : 0;
}

static struct place_key key_of(const struct numbering *numbering, const struct place *place)
{
    const uint32_t *lines = numbering->line_of, *functions = numbering->function_of;
    return (struct place_key){
        .location = number(numbering, place->is_wrapper ? functions : lines, place->location),
        .caller = number(numbering, place->is_wrapper ? lines : functions, place->caller),
        .called = place->caller ? 0 : number(numbering, functions, place->called)};
}

static bool keys_equal(const void *context, uint32_t position, const void *key)
{
    return memcmp(&((const struct place_key *)context)[position], key, sizeof(struct place_key)) ==
           0;
}

struct summing {
    struct place_sums *sums;
    struct numbering numbering;
    uint8_t *classes; /* for place_find_many */
    struct hash_index index;
    struct place_key *keys; /* by position in sums->items */
    size_t key_capacity, item_capacity;
};

static void add_site(struct summing *summing, uint32_t position)
{
    const struct profile *profile = summing->numbering.profile;
    const struct profile_site *site = &profile->sites[position];
    struct place_sums *sums = summing->sums;
    struct place place;
    place_find_many(profile, summing->classes, site->stack_node, PLACE_NAMED_CALLER, &place);
    struct place_key key = key_of(&summing->numbering, &place);
    uint64_t hash = hash_bytes(&key, sizeof key, 0);
    uint32_t found = hash_index_find(&summing->index, hash, &key, keys_equal, summing->keys);
    if (found == HASH_INDEX_NONE) {
        found = (uint32_t)sums->count++;
        sums->items = memory_grow(sums->items, &summing->item_capacity, sums->count,
                                  sizeof *sums->items);
        summing->keys = memory_grow(summing->keys, &summing->key_capacity, sums->count,
                                    sizeof *summing->keys);
        sums->items[found] = (struct place_sum){.place = place, .site = position};
        summing->keys[found] = key;
        hash_index_add(&summing->index, hash, found);
    }
    query_figures_add_site(&sums->items[found].figures, site);
    sums->items[found].site_count++;
    query_figures_add_site(&sums->total, site);
}

static int compare_sums(const void *left, const void *right, void *context)
{
    const struct place_sum *a = left, *b = right;
    enum query_metric sort = *(const enum query_metric *)context;
    if (a->figures.values[sort] != b->figures.values[sort])
        return a->figures.values[sort] > b->figures.values[sort] ? -1 : 1;
    return (a->site > b->site) - (a->site < b->site);
}

void place_sums_init(struct place_sums *sums, const struct profile *profile, uint32_t process,
                     enum query_metric sort)
{
    *sums = (struct place_sums){0};
    struct summing summing = {.sums = sums};
    numbering_init(&summing.numbering, profile);
    hash_index_init(&summing.index);
    summing.classes = memory_allocate_zeroed(profile->location_count, 1);
    for (uint32_t i = 0; i < profile->site_count; i++)
        if (process == QUERY_ALL_PROCESSES || profile->sites[i].process == process)
            add_site(&summing, i);
    hash_index_clear(&summing.index);
    numbering_clear(&summing.numbering);
    free(summing.classes);
    free(summing.keys);
    if (sums->count)
        qsort_r(sums->items, sums->count, sizeof *sums->items, compare_sums, &sort);
}

void place_sums_clear(struct place_sums *sums)
{
    free(sums->items);
    *sums = (struct place_sums){0};
}
