#include "config.h"

#include "analysis/leak_cycle.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/hash_map.h"
#include "base/memory.h"

enum {
    MOST_VISITED = 1000000
};

struct visit {
    uint32_t block;
    uint32_t from;      /* position in visits */
    uint64_t reference; /* that led here */
};

/* Breadth first, so that the first way back is a shortest one. */
struct search {
    const struct snapshot *snapshot;
    struct hash_map known; /* blocks */
    struct visit *visits;
    size_t count, capacity;
};

static bool meet(struct search *search, uint32_t from, uint64_t reference)
{
    bool is_new;
    uint32_t block = search->snapshot->references[reference].block;
    hash_map_put(&search->known, block, &is_new);
    if (is_new && search->count == MOST_VISITED)
        return false;
    if (!is_new)
        return true;
    search->visits = memory_grow(search->visits, &search->capacity, search->count + 1,
                                 sizeof *search->visits);
    search->visits[search->count++] = (struct visit){block, from, reference};
    return true;
}

/* The visit whose block refers to the first one, and by which reference. */
static bool find_way_back(struct search *search, uint32_t *last, uint64_t *closing)
{
    const struct snapshot *snapshot = search->snapshot;
    for (uint32_t at = 0; at < search->count; at++) {
        uint32_t block = search->visits[at].block;
        uint64_t end = snapshot->first_reference[block + 1];
        for (uint64_t i = snapshot->first_reference[block]; i < end; i++) {
            if (snapshot->references[i].block == search->visits[0].block) {
                *last = at;
                *closing = i;
                return true;
            }
            if (!meet(search, at, i))
                return false;
        }
    }
    return false;
}

/* From the closing step back to the first. */
static size_t tell(const struct search *search, uint32_t last, uint64_t closing,
                   struct leak_cycle_step *steps, size_t capacity)
{
    size_t length = 1, position;
    for (uint32_t at = last; at; at = search->visits[at].from)
        length++;
    position = length;
    for (uint32_t at = last;; at = search->visits[at].from) {
        const struct snapshot_reference *reference = &search->snapshot->references[closing];
        size_t place = --position;
        if (place == length - 1 && place >= capacity && capacity)
            place = capacity - 1;
        else if (length > capacity && place == capacity - 1)
            place = capacity; /* the closing step stands there */
        if (place < capacity)
            steps[place] = (struct leak_cycle_step){search->visits[at].block, reference->slot,
                                                    (enum snapshot_reference_kind)reference->kind};
        if (!at)
            return length;
        closing = search->visits[at].reference;
    }
}

size_t leak_cycle_find(const struct snapshot *snapshot, uint32_t block,
                       struct leak_cycle_step *steps, size_t capacity)
{
    struct search search = {.snapshot = snapshot};
    uint32_t last;
    uint64_t closing;
    size_t length = 0;
    hash_map_init(&search.known);
    hash_map_put(&search.known, block, NULL);
    search.visits = memory_grow(NULL, &search.capacity, 1, sizeof *search.visits);
    search.visits[search.count++] = (struct visit){.block = block};
    if (find_way_back(&search, &last, &closing))
        length = tell(&search, last, closing, steps, capacity);
    hash_map_clear(&search.known);
    free(search.visits);
    return length;
}
