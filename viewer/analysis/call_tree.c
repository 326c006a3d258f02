/* The tree is grown level by level, breadth first: every site that is still in play stands at one
 * location of its stack, and each round moves all of them one location further and adds them up by
 * (parent node, location). A node below the minimum share is taken out again right after its level,
 * together with the sites in it, so at each depth at most 1/share nodes live, whatever the size of
 * the recording.
 *
 * Going down from main a stack has to be walked against its links; each site's path is therefore
 * unrolled beforehand, into one array for all sites. */
#include "config.h"

#include "analysis/call_tree.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/own_code.h"
#include "base/hash_map.h"
#include "base/memory.h"

/* A place on a stack: a node of the profile and which of its frame's locations. Node 0: no more. */
struct place {
    uint32_t node;
    uint32_t location; /* within the frame, 0 = innermost */
};

struct traveller { /* a site under way */
    uint32_t site;
    uint32_t tree_node; /* where it stands now */
    uint64_t path_end;  /* top-down: its outermost frames not yet visited are paths[..path_end) */
    uint64_t path_start;
    struct place place; /* the location that comes next */
};

struct growth {
    const struct profile *profile;
    const struct call_tree_options *options;
    struct call_tree *tree;
    size_t node_capacity;
    struct traveller *travellers;
    size_t traveller_count, traveller_capacity;
    uint32_t *paths; /* profile nodes, innermost first */
    size_t path_count, path_capacity;
    struct hash_index children; /* of the level that is being grown */
    uint64_t least;             /* of the metric, for a node to stay */
};

static struct call_tree_node *add_node(struct growth *growth, uint32_t parent)
{
    struct call_tree *tree = growth->tree;
    tree->nodes = memory_grow(tree->nodes, &growth->node_capacity, tree->node_count + 1,
                              sizeof *tree->nodes);
    struct call_tree_node *node = &tree->nodes[tree->node_count++];
    *node = (struct call_tree_node){.parent = parent,
                                    .first_child = CALL_TREE_NONE,
                                    .next_sibling = CALL_TREE_NONE,
                                    .location = CALL_TREE_NONE,
                                    .frame = CALL_TREE_NONE};
    if (parent != CALL_TREE_NONE)
        node->depth = tree->nodes[parent].depth + 1;
    return node;
}

/* ---- moving along a stack ---- */

static const struct profile_frame *frame_of(const struct growth *growth, uint32_t node)
{
    return &growth->profile->frames[growth->profile->nodes[node].frame];
}

static void unroll(struct growth *growth, struct traveller *traveller, uint32_t node)
{
    traveller->path_start = growth->path_count;
    for (; node; node = growth->profile->nodes[node].parent) {
        growth->paths = memory_grow(growth->paths, &growth->path_capacity, growth->path_count + 1,
                                    sizeof *growth->paths);
        growth->paths[growth->path_count++] = node;
    }
    traveller->path_end = growth->path_count;
}

/* The next frame outermost first, at its outermost location. */
static struct place next_frame_down(const struct growth *growth, struct traveller *traveller)
{
    if (traveller->path_end == traveller->path_start)
        return (struct place){0};
    uint32_t node = growth->paths[--traveller->path_end];
    return (struct place){node, frame_of(growth, node)->location_count - 1};
}

static void step(const struct growth *growth, struct traveller *traveller)
{
    struct place *place = &traveller->place;
    if (growth->options->direction == CALL_TREE_TOP_DOWN) {
        if (place->location > 0)
            place->location--;
        else
            *place = next_frame_down(growth, traveller);
    } else {
        if (++place->location < frame_of(growth, place->node)->location_count)
            return;
        *place = (struct place){growth->profile->nodes[place->node].parent, 0};
    }
}

static uint32_t location_at(const struct growth *growth, const struct place *place)
{
    return frame_of(growth, place->node)->first_location + place->location;
}

/* Bottom-up, what stands between the program and its allocator may be left out. */
static void skip_to_own_code(const struct growth *growth, struct traveller *traveller)
{
    struct place start = traveller->place;
    while (traveller->place.node) {
        const struct profile_location *location =
            &growth->profile->locations[location_at(growth, &traveller->place)];
        if (own_code_is_own(growth->profile, frame_of(growth, traveller->place.node), location))
            return;
        step(growth, traveller);
    }
    traveller->place = start;
}

static void start(struct growth *growth, uint32_t site)
{
    growth->travellers = memory_grow(growth->travellers, &growth->traveller_capacity,
                                     growth->traveller_count + 1, sizeof *growth->travellers);
    struct traveller *traveller = &growth->travellers[growth->traveller_count++];
    uint32_t node = growth->profile->sites[site].stack_node;
    *traveller = (struct traveller){.site = site};
    if (growth->options->direction == CALL_TREE_TOP_DOWN) {
        unroll(growth, traveller, node);
        traveller->place = next_frame_down(growth, traveller);
        return;
    }
    traveller->place = (struct place){node, 0};
    if (node && growth->options->is_own_code_first)
        skip_to_own_code(growth, traveller);
}

/* ---- growing ---- */

struct child_key {
    uint32_t parent;
    uint32_t location;
    uint32_t frame;
};

static bool texts_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static const struct profile_module *module_of(const struct profile *profile, uint32_t frame)
{
    uint32_t module = profile->frames[frame].module_plus_1;
    return module ? &profile->modules[module - 1] : NULL;
}

static bool child_equals(const void *context, uint32_t position, const void *wanted)
{
    const struct growth *growth = context;
    const struct profile *profile = growth->profile;
    const struct call_tree_node *node = &growth->tree->nodes[position];
    const struct child_key *key = wanted;
    if (node->parent != key->parent)
        return false;
    if (node->location == key->location)
        return true;
    const struct profile_location *a = &profile->locations[node->location];
    const struct profile_location *b = &profile->locations[key->location];
    return module_of(profile, node->frame) == module_of(profile, key->frame) &&
           a->is_inlined == b->is_inlined && texts_equal(a->function, b->function) &&
           texts_equal(a->file, b->file);
}

static uint32_t find_child(struct growth *growth, const struct traveller *traveller)
{
    const struct profile *profile = growth->profile;
    const struct child_key key = {.parent = traveller->tree_node,
                                  .location = location_at(growth, &traveller->place),
                                  .frame = profile->nodes[traveller->place.node].frame};
    const struct profile_location *location = &profile->locations[key.location];
    uint64_t hash = hash_bytes(location->function, strlen(location->function), key.parent);
    uint32_t found = hash_index_find(&growth->children, hash, &key, child_equals, growth);
    if (found != HASH_INDEX_NONE) {
        if (growth->tree->nodes[found].line != location->line)
            growth->tree->nodes[found].line = 0;
        return found;
    }
    struct call_tree_node *node = add_node(growth, key.parent);
    node->location = key.location;
    node->frame = key.frame;
    node->line = location->line;
    node->is_inlined = location->is_inlined;
    hash_index_add(&growth->children, hash, (uint32_t)(growth->tree->node_count - 1));
    return (uint32_t)(growth->tree->node_count - 1);
}

/* Moves every traveller one location on; those at the end of their stack stay behind. */
static void grow_level(struct growth *growth)
{
    size_t kept = 0;
    for (size_t i = 0; i < growth->traveller_count; i++) {
        struct traveller traveller = growth->travellers[i];
        const struct profile_site *site = &growth->profile->sites[traveller.site];
        if (!traveller.place.node) {
            query_figures_add_site(&growth->tree->nodes[traveller.tree_node].self, site);
            continue;
        }
        traveller.tree_node = find_child(growth, &traveller);
        query_figures_add_site(&growth->tree->nodes[traveller.tree_node].figures, site);
        step(growth, &traveller);
        growth->travellers[kept++] = traveller;
    }
    growth->traveller_count = kept;
}

/* Takes the small nodes of the level [first, node_count) out again, and their travellers. */
static void prune_level(struct growth *growth, size_t first)
{
    struct call_tree *tree = growth->tree;
    size_t level_count = tree->node_count - first;
    uint32_t *moved = memory_allocate_zeroed(level_count, sizeof *moved);
    size_t kept = first;
    for (size_t i = first; i < tree->node_count; i++) {
        struct call_tree_node *node = &tree->nodes[i];
        if (node->figures.values[growth->options->metric] >= growth->least) {
            moved[i - first] = (uint32_t)kept;
            tree->nodes[kept++] = *node;
            continue;
        }
        moved[i - first] = CALL_TREE_NONE;
        query_figures_add(&tree->nodes[node->parent].pruned, &node->figures);
        tree->nodes[node->parent].pruned_count++;
    }
    tree->node_count = kept;
    size_t kept_travellers = 0;
    for (size_t i = 0; i < growth->traveller_count; i++) {
        struct traveller traveller = growth->travellers[i];
        traveller.tree_node = moved[traveller.tree_node - first];
        if (traveller.tree_node != CALL_TREE_NONE)
            growth->travellers[kept_travellers++] = traveller;
    }
    growth->traveller_count = kept_travellers;
    free(moved);
}

/* What the depth limit leaves out counts as pruned. */
static void stop_travellers(struct growth *growth)
{
    for (size_t i = 0; i < growth->traveller_count; i++) {
        const struct traveller *traveller = &growth->travellers[i];
        struct call_tree_node *node = &growth->tree->nodes[traveller->tree_node];
        const struct profile_site *site = &growth->profile->sites[traveller->site];
        if (!traveller->place.node) {
            query_figures_add_site(&node->self, site);
            continue;
        }
        query_figures_add_site(&node->pruned, site);
        node->pruned_count++;
    }
}

static void grow_tree(struct growth *growth)
{
    for (unsigned depth = 0; growth->traveller_count; depth++) {
        if (growth->options->max_depth && depth == growth->options->max_depth) {
            stop_travellers(growth);
            return;
        }
        size_t first = growth->tree->node_count;
        hash_index_clear(&growth->children);
        grow_level(growth);
        prune_level(growth, first);
    }
}

/* ---- order ---- */

static int compare_texts(const char *a, const char *b)
{
    if (!a || !b)
        return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

/* Children of one parent next to each other, the largest last (they are linked in from behind). */
static int compare_children(const void *left, const void *right, void *context)
{
    const struct growth *growth = context;
    const struct profile *profile = growth->profile;
    const struct call_tree_node *a = &growth->tree->nodes[*(const uint32_t *)left];
    const struct call_tree_node *b = &growth->tree->nodes[*(const uint32_t *)right];
    uint64_t a_value = a->figures.values[growth->options->metric];
    uint64_t b_value = b->figures.values[growth->options->metric];
    if (a_value != b_value)
        return a_value < b_value ? -1 : 1;
    const struct profile_location *at = &profile->locations[a->location];
    const struct profile_location *bt = &profile->locations[b->location];
    int order = compare_texts(bt->function, at->function);
    if (!order)
        order = compare_texts(bt->file, at->file);
    return order ? order : (a->location < b->location) - (a->location > b->location);
}

static void link_children(struct growth *growth)
{
    struct call_tree *tree = growth->tree;
    size_t count = tree->node_count - 1;
    uint32_t *order = memory_allocate_zeroed(count, sizeof *order);
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i + 1;
    if (count)
        qsort_r(order, count, sizeof *order, compare_children, growth);
    for (size_t i = 0; i < count; i++) {
        struct call_tree_node *node = &tree->nodes[order[i]];
        struct call_tree_node *parent = &tree->nodes[node->parent];
        node->next_sibling = parent->first_child;
        parent->first_child = order[i];
        parent->child_count++;
    }
    free(order);
}

static void start_all(struct growth *growth, const uint8_t *is_kept)
{
    const struct profile *profile = growth->profile;
    uint32_t process = growth->options->process;
    add_node(growth, CALL_TREE_NONE);
    for (size_t i = 0; i < profile->site_count; i++) {
        if (!is_kept[i] || (process != QUERY_ALL_PROCESSES && profile->sites[i].process != process))
            continue;
        query_figures_add_site(&growth->tree->nodes[0].figures, &profile->sites[i]);
        start(growth, (uint32_t)i);
    }
    double least = growth->options->min_share *
                   (double)growth->tree->nodes[0].figures.values[growth->options->metric];
    growth->least = least > 1 ? (uint64_t)least : 1; /* what has nothing of it says nothing */
}

bool call_tree_build(const struct profile *profile, const struct call_tree_options *options,
                     struct call_tree *tree, struct error *error)
{
    *tree = (struct call_tree){0};
    if (options->process != QUERY_ALL_PROCESSES && options->process >= profile->process_count)
        return error_set(error, "there is no process %u in %s", (unsigned)options->process,
                         profile->info.path);
    uint8_t *is_kept = memory_allocate(profile->site_count);
    bool is_built = query_filter_sites(profile, &options->filter, is_kept, error);
    if (is_built) {
        struct growth growth = {.profile = profile, .options = options, .tree = tree};
        hash_index_init(&growth.children);
        start_all(&growth, is_kept);
        grow_tree(&growth);
        link_children(&growth);
        hash_index_clear(&growth.children);
        free(growth.travellers);
        free(growth.paths);
    }
    free(is_kept);
    return is_built;
}

void call_tree_clear(struct call_tree *tree)
{
    free(tree->nodes);
    *tree = (struct call_tree){0};
}
