#include "analysis/family_tree.h"

#include <stdlib.h>

#include "base/memory.h"

/* What a process and all below it come to. */
struct branch {
    uint32_t process;
    uint32_t parent_plus_1; /* 0 = none */
    uint64_t peak_bytes;    /* the highest */
    uint32_t count;
};

struct listing {
    struct branch *branches; /* those of one parent side by side, in their order */
    uint32_t *first_child;   /* in `branches`, by parent_plus_1; one more for the end */
    bool is_whole;
    struct family_tree_row *waiting; /* the next one last */
    size_t waiting_count;
};

/* Ids are in the order of births. What names a later one as its parent is malformed, and has none.
 */
static uint32_t parent_plus_1(const struct profile *profile, uint32_t process)
{
    uint64_t id_plus_1 = profile->processes[process].about.parent_id_plus_1;
    uint32_t parent = id_plus_1 ? profile_find_process(profile, id_plus_1 - 1) : process;

    return parent < process ? parent + 1 : 0;
}

static int compare(const void *left, const void *right)
{
    const struct branch *a = left, *b = right;

    if (a->parent_plus_1 != b->parent_plus_1)
        return a->parent_plus_1 < b->parent_plus_1 ? -1 : 1;
    if (a->peak_bytes != b->peak_bytes)
        return a->peak_bytes < b->peak_bytes ? 1 : -1;
    return a->process < b->process ? -1 : a->process > b->process;
}

static void find_branches(const struct profile *profile, struct listing *listing)
{
    uint32_t count = (uint32_t)profile->process_count, at = 0;
    struct branch *branches = listing->branches;

    for (uint32_t i = 0; i < count; i++)
        branches[i] = (struct branch){i, parent_plus_1(profile, i),
                                      profile->processes[i].totals.peak_bytes, 1};
    for (uint32_t i = count; i-- > 0;) {
        struct branch *parent = branches[i].parent_plus_1 ? &branches[branches[i].parent_plus_1 - 1]
                                                          : NULL;
        if (!parent)
            continue;
        parent->count += branches[i].count;
        if (parent->peak_bytes < branches[i].peak_bytes)
            parent->peak_bytes = branches[i].peak_bytes;
    }
    if (count > 0)
        qsort(branches, count, sizeof *branches, compare);
    for (uint32_t parent = 0; parent <= count + 1; parent++) {
        while (at < count && branches[at].parent_plus_1 < parent)
            at++;
        listing->first_child[parent] = at;
    }
}

static void wait(struct listing *listing, uint32_t process, uint32_t depth, uint32_t left_out)
{
    listing->waiting[listing->waiting_count++] = (struct family_tree_row){process, depth, left_out};
}

/* Before the rows that wait already. One that would stand for a single branch is not worth it. */
static void add_children(struct listing *listing, uint32_t parent_plus_1, uint32_t depth)
{
    uint32_t first = listing->first_child[parent_plus_1];
    uint32_t end = listing->first_child[parent_plus_1 + 1], shown_end = end, left_out = 0;

    if (!listing->is_whole && end - first > FAMILY_TREE_CHILDREN + 1)
        shown_end = first + FAMILY_TREE_CHILDREN;
    for (uint32_t i = shown_end; i < end; i++)
        left_out += listing->branches[i].count;
    if (left_out)
        wait(listing, listing->branches[shown_end].process, depth, left_out);
    for (uint32_t i = shown_end; i-- > first;)
        wait(listing, listing->branches[i].process, depth, 0);
}

void family_tree_list(const struct profile *profile, bool is_whole, struct family_tree *tree)
{
    size_t count = profile->process_count;
    struct listing listing = {.is_whole = is_whole || count <= FAMILY_TREE_FEW};

    tree->rows = memory_allocate_zeroed(count, sizeof *tree->rows);
    tree->count = 0;
    listing.branches = memory_allocate_zeroed(count, sizeof *listing.branches);
    listing.first_child = memory_allocate_zeroed(count + 2, sizeof *listing.first_child);
    listing.waiting = memory_allocate_zeroed(count, sizeof *listing.waiting);
    find_branches(profile, &listing);
    add_children(&listing, 0, 0);
    while (listing.waiting_count) {
        struct family_tree_row row = listing.waiting[--listing.waiting_count];

        tree->rows[tree->count++] = row;
        if (!row.left_out)
            add_children(&listing, row.process + 1, row.depth + 1);
    }
    free(listing.branches);
    free(listing.first_child);
    free(listing.waiting);
}

void family_tree_clear(struct family_tree *tree)
{
    free(tree->rows);
    *tree = (struct family_tree){0};
}
