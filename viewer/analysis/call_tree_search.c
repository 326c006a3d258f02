#include "analysis/call_tree_search.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static bool is_same_place(const struct profile_location *a, const struct profile_location *b)
{
    return strcmp(a->function, b->function) == 0 && !a->file == !b->file &&
           (!a->file || strcmp(a->file, b->file) == 0);
}

uint32_t call_tree_find_child(const struct profile *profile, const struct call_tree *tree,
                              uint32_t parent, const struct profile_location *location)
{
    uint32_t child = tree->nodes[parent].first_child;
    while (child != CALL_TREE_NONE &&
           !is_same_place(&profile->locations[tree->nodes[child].location], location))
        child = tree->nodes[child].next_sibling;
    return child;
}

/* Locations from the innermost to the outermost. */
struct path {
    const struct profile_location **locations;
    size_t count, capacity;
};

static void add_location(struct path *path, const struct profile_location *location)
{
    path->locations = memory_grow(path->locations, &path->capacity, path->count + 1,
                                  sizeof(const struct profile_location *));
    path->locations[path->count++] = location;
}

static uint32_t follow(const struct profile *profile, const struct call_tree *tree,
                       struct path *path)
{
    uint32_t node = 0, next;
    while (path->count &&
           (next = call_tree_find_child(profile, tree, node, path->locations[path->count - 1])) !=
               CALL_TREE_NONE) {
        node = next;
        path->count--;
    }
    free(path->locations);
    return node;
}

static bool visit(void *context, const struct profile_frame *frame,
                  const struct profile_location *location)
{
    (void)frame;
    add_location(context, location);
    return true;
}

uint32_t call_tree_find_site(const struct profile *profile, const struct call_tree *tree,
                             uint32_t site, bool *is_whole)
{
    struct path path = {0};
    profile_visit_stack(profile, profile->sites[site].stack_node, visit, &path);
    uint32_t node = follow(profile, tree, &path);
    *is_whole = path.count == 0;
    return node;
}

uint32_t call_tree_find_again(const struct profile *profile, const struct call_tree *tree,
                              const struct call_tree *other, uint32_t node)
{
    struct path path = {0};
    for (; node != 0; node = other->nodes[node].parent)
        add_location(&path, &profile->locations[other->nodes[node].location]);
    return follow(profile, tree, &path);
}

/* ---- marked locations ---- */

static bool is_frame_marked(const struct profile_frame *frame, const uint8_t *is_marked)
{
    for (uint32_t i = 0; i < frame->location_count; i++)
        if (is_marked[frame->first_location + i])
            return true;
    return false;
}

/* Callers stand before what they call: one pass. */
static uint8_t *mark_stacks(const struct profile *profile, const uint8_t *is_marked)
{
    uint8_t *marked = memory_allocate_zeroed(profile->node_count + 1, 1);
    for (size_t i = 1; i < profile->node_count; i++)
        marked[i] = marked[profile->nodes[i].parent] ||
                    is_frame_marked(&profile->frames[profile->nodes[i].frame], is_marked);
    return marked;
}

bool call_tree_sum_marked(const struct profile *profile, const struct call_tree_options *options,
                          const uint8_t *is_marked, struct query_figures *sum, struct error *error)
{
    uint8_t *is_kept = memory_allocate_zeroed(profile->site_count + 1, 1);
    *sum = (struct query_figures){0};
    bool is_good = query_filter_sites(profile, &options->filter, is_kept, error);
    uint8_t *marked = is_good ? mark_stacks(profile, is_marked) : NULL;
    for (uint32_t i = 0; is_good && i < profile->site_count; i++) {
        const struct profile_site *site = &profile->sites[i];
        if (is_kept[i] && marked[site->stack_node] &&
            (options->process == QUERY_ALL_PROCESSES || options->process == site->process))
            query_figures_add_site(sum, site);
    }
    free(marked);
    free(is_kept);
    return is_good;
}
