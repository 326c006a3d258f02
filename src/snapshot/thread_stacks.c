#include "snapshot/thread_stacks.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/mapping_search.h"
#include "snapshot/thread_library.h"

#define PAGE_BYTES UINT64_C(4096)

struct stack_listing {
    const struct target_mappings *mappings;
    uint64_t descriptor_bytes;
    struct thread_stack *items;
    size_t count, capacity;
    bool is_kept; /* of the list that is walked */
};

/* Ranges begin with their mapping here, and are cut where they overlap. */
static void add_stack(void *context, uint64_t descriptor)
{
    struct stack_listing *listing = context;
    const struct target_mapping *mapping = mapping_search(listing->mappings, descriptor);
    if (mapping == NULL || mapping->inode != 0 || !(mapping->flags & TARGET_MAPPING_WRITE) ||
        mapping->path[0] == '[')
        return;
    uint64_t end = (descriptor + listing->descriptor_bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
    listing->items = memory_grow(listing->items, &listing->capacity, listing->count + 1,
                                 sizeof *listing->items);
    listing->items[listing->count++] = (struct thread_stack){
        {mapping->start, end < mapping->end ? end : mapping->end}, listing->is_kept};
}

static int compare_ends(const void *left, const void *right)
{
    uint64_t a = ((const struct thread_stack *)left)->range.end;
    uint64_t b = ((const struct thread_stack *)right)->range.end;
    return (a > b) - (a < b);
}

static size_t cut_overlaps(struct thread_stack *stacks, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct thread_stack stack = stacks[i];
        if (kept > 0 && stack.range.start < stacks[kept - 1].range.end)
            stack.range.start = stacks[kept - 1].range.end;
        if (stack.range.start < stack.range.end)
            stacks[kept++] = stack;
    }
    return kept;
}

struct thread_stack *thread_stacks_list(const struct target_mappings *mappings,
                                        const struct target_modules *modules,
                                        struct word_cache *words, struct libc_facts *facts,
                                        size_t *count)
{
    struct thread_library library;
    thread_library_find(&library, modules, words, facts);
    struct stack_listing listing = {.mappings = mappings, .descriptor_bytes = library.thread_bytes};
    if (library.is_known) {
        thread_library_visit(&library, words, library.stacks_used, add_stack, &listing);
        listing.is_kept = true;
        thread_library_visit(&library, words, library.stacks_kept, add_stack, &listing);
    }
    thread_library_clear(&library);
    if (listing.count > 0)
        qsort(listing.items, listing.count, sizeof *listing.items, compare_ends);
    *count = cut_overlaps(listing.items, listing.count);
    return listing.items;
}
