#include "config.h"

#include "snapshot/strong_sets.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* A block on the path from where the search began. */
struct step {
    uint32_t block;
    uint32_t lowest; /* the smallest number that is known to be reached from it on the path */
    uint64_t next;   /* the reference that comes next */
};

struct search {
    const struct snapshot *snapshot;
    const uint8_t *is_member;
    struct strong_sets *sets;
    uint32_t *numbers; /* by block, in the order in which they were met; 0 = not met */
    uint32_t met_count;
    uint32_t *open; /* blocks whose set is not known yet, in the order in which they were met */
    size_t open_count;
    struct step *path;
    size_t depth, path_capacity;
};

static void enter(struct search *search, uint32_t block)
{
    uint32_t number = ++search->met_count;
    search->numbers[block] = number;
    search->open[search->open_count++] = block;
    search->path = memory_grow(search->path, &search->path_capacity, search->depth + 1,
                               sizeof *search->path);
    search->path[search->depth++] = (struct step){block, number,
                                                  search->snapshot->first_reference[block]};
}

/* Where a block reaches nothing that was met before it, it and all that were met since are a set.
 */
static void leave(struct search *search)
{
    struct step step = search->path[--search->depth];
    if (step.lowest == search->numbers[step.block]) {
        uint32_t block;
        do {
            block = search->open[--search->open_count];
            search->sets->set_of[block] = search->sets->count;
        } while (block != step.block);
        search->sets->count++;
    }
    if (search->depth && search->path[search->depth - 1].lowest > step.lowest)
        search->path[search->depth - 1].lowest = step.lowest;
}

/* Follows the next reference of the last block on the path. */
static void advance(struct search *search)
{
    struct step *step = &search->path[search->depth - 1];
    if (step->next == search->snapshot->first_reference[step->block + 1]) {
        leave(search);
        return;
    }
    uint32_t block = search->snapshot->references[step->next++].block;
    if (!search->is_member[block])
        return;
    if (!search->numbers[block])
        enter(search, block);
    else if (search->sets->set_of[block] == STRONG_SETS_NONE &&
             search->numbers[block] < step->lowest)
        step->lowest = search->numbers[block];
}

void strong_sets_find(const struct snapshot *snapshot, const uint8_t *is_member,
                      struct strong_sets *sets)
{
    size_t count = snapshot->block_count;
    struct search search = {.snapshot = snapshot,
                            .is_member = is_member,
                            .sets = sets,
                            .numbers = memory_allocate_zeroed(count, sizeof *search.numbers),
                            .open = memory_allocate_large(count, sizeof *search.open)};
    sets->count = 0;
    sets->set_of = memory_allocate_large(count, sizeof *sets->set_of);
    memset(sets->set_of, 0xff, count * sizeof *sets->set_of);
    for (uint32_t block = 0; block < count; block++) {
        if (!is_member[block] || search.numbers[block])
            continue;
        enter(&search, block);
        while (search.depth)
            advance(&search);
    }
    free(search.numbers);
    free(search.open);
    free(search.path);
}

void strong_sets_clear(struct strong_sets *sets)
{
    free(sets->set_of);
    *sets = (struct strong_sets){0};
}
