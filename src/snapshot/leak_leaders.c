#include "config.h"

#include "snapshot/leak_leaders.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/strong_sets.h"

struct set {
    uint32_t oldest; /* its block, or STRONG_SETS_NONE */
    uint32_t block_count;
    bool is_led; /* something else that is lost refers to it */
};

bool leak_leaders_is_older(const struct snapshot *snapshot, uint32_t left, uint32_t right)
{
    uint64_t left_ns = snapshot->blocks[left].birth_ns, right_ns = snapshot->blocks[right].birth_ns;
    return left_ns != right_ns ? left_ns < right_ns : left < right;
}

/* Caller frees. */
static struct set *look_at_sets(const struct snapshot *snapshot, const struct strong_sets *sets)
{
    struct set *about = memory_allocate_zeroed(sets->count, sizeof *about);
    for (uint32_t i = 0; i < sets->count; i++)
        about[i].oldest = STRONG_SETS_NONE;
    for (uint32_t block = 0; block < snapshot->block_count; block++) {
        if (sets->set_of[block] == STRONG_SETS_NONE)
            continue;
        struct set *set = &about[sets->set_of[block]];
        set->block_count++;
        if (set->oldest == STRONG_SETS_NONE || leak_leaders_is_older(snapshot, block, set->oldest))
            set->oldest = block;
        uint64_t end = snapshot->first_reference[block + 1];
        for (uint64_t i = snapshot->first_reference[block]; i < end; i++) {
            uint32_t other = sets->set_of[snapshot->references[i].block];
            if (other != STRONG_SETS_NONE && other != sets->set_of[block])
                about[other].is_led = true;
        }
    }
    return about;
}

static int compare_age(const void *left, const void *right, void *context)
{
    const struct leak_leader *a = left, *b = right;
    if (a->block == b->block)
        return 0;
    return leak_leaders_is_older(context, a->block, b->block) ? -1 : 1;
}

static void list_leaders(const struct snapshot *snapshot, const struct strong_sets *sets,
                         struct leak_leaders *leaders)
{
    struct set *about = look_at_sets(snapshot, sets);
    leaders->items = memory_allocate_zeroed(sets->count, sizeof *leaders->items);
    for (uint32_t i = 0; i < sets->count; i++)
        if (!about[i].is_led)
            leaders->items[leaders->count++] = (struct leak_leader){
                .block = about[i].oldest, .set_blocks = about[i].block_count};
    free(about);
    if (leaders->count)
        qsort_r(leaders->items, leaders->count, sizeof *leaders->items, compare_age,
                (void *)(uintptr_t)snapshot);
}

/* Everything lost that the leader leads to and no older one has taken. */
static void take_what_hangs(const struct snapshot *snapshot, const uint8_t *is_lost,
                            uint8_t *is_taken, uint32_t *pending, struct leak_leader *leader)
{
    size_t count = 0;
    pending[count++] = leader->block;
    is_taken[leader->block] = 1;
    while (count) {
        uint32_t block = pending[--count];
        uint64_t end = snapshot->first_reference[block + 1];
        for (uint64_t i = snapshot->first_reference[block]; i < end; i++) {
            uint32_t other = snapshot->references[i].block;
            if (!is_lost[other] || is_taken[other])
                continue;
            is_taken[other] = 1;
            pending[count++] = other;
            leader->indirect_blocks++;
            leader->indirect_bytes += snapshot->blocks[other].bytes;
        }
    }
}

void leak_leaders_find(const struct snapshot *snapshot, const uint8_t *is_lost,
                       struct leak_leaders *leaders)
{
    struct strong_sets sets;
    *leaders = (struct leak_leaders){0};
    strong_sets_find(snapshot, is_lost, &sets);
    list_leaders(snapshot, &sets, leaders);
    strong_sets_clear(&sets);
    uint8_t *is_taken = memory_allocate_zeroed(snapshot->block_count, 1);
    uint32_t *pending = memory_allocate_large(snapshot->block_count, sizeof *pending);
    for (size_t i = 0; i < leaders->count; i++)
        take_what_hangs(snapshot, is_lost, is_taken, pending, &leaders->items[i]);
    free(pending);
    free(is_taken);
}

void leak_leaders_clear(struct leak_leaders *leaders)
{
    free(leaders->items);
    *leaders = (struct leak_leaders){0};
}
