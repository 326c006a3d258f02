/* The tree is grown level by level, breadth first: travellers stand at a location of a stack; each
 * round adds them up by (parent node, name of the location), takes nodes below the minimum share
 * out again together with the travellers in them, and moves the others one location further. So at
 * each depth at most 1/share nodes live, whatever the size of the recording; twice as many where a
 * node is wanted in detail, which is found by the names on the way to it.
 *
 * From the allocations outwards, each site is a traveller and walks up its stack. From main
 * downwards, a traveller is a node of the stack tree with all that lies below it (stack_sums.h): it
 * splits where the tree branches, so what sites have in common is walked once. */
#include "config.h"

#include "analysis/call_tree.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/own_code.h"
#include "analysis/stack_sums.h"
#include "base/hash_map.h"
#include "base/memory.h"

struct traveller {
    uint32_t tree_node; /* where it stands, or from where it comes */
    uint32_t site;      /* bottom-up; top-down it is all sites below `node` */
    uint32_t node;      /* of the profile, never the root */
    uint32_t location;  /* within the node's frame, 0 = innermost */
};

struct travellers {
    struct traveller *items;
    size_t count, capacity;
};

/* Locations with the same name are one node. */
struct name {
    uint32_t location;
    uint32_t module_plus_1;
};

/* The way to the node that is wanted in detail, by names from the outermost location on. */
struct detail {
    uint32_t *names;
    size_t length;
    uint32_t last;  /* the last node on it that was met; CALL_TREE_NONE: it has ended */
    uint64_t least; /* of the metric, for a node below its end to stay */
};

struct growth {
    const struct profile *profile;
    const struct call_tree_options *options;
    struct call_tree *tree;
    size_t node_capacity;
    struct travellers travellers, next; /* of this level, of the level after it */
    struct stack_sums sums;             /* top-down */
    uint32_t *name_of_location;         /* + 1; 0 = not looked at yet */
    struct name *names;
    size_t name_count, name_capacity;
    struct hash_index name_index;
    struct hash_map children; /* of this level: (parent, name) to node */
    uint64_t least;           /* of the metric, for a node to stay */
    struct detail detail;
    bool is_stopped;
};

static bool is_down(const struct growth *growth)
{
    return growth->options->direction == CALL_TREE_TOP_DOWN;
}

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
    if (parent != CALL_TREE_NONE) {
        node->depth = tree->nodes[parent].depth + 1;
        node->is_detailed = tree->nodes[parent].is_detailed;
    }
    return node;
}

/* ---- travelling ---- */

static const struct profile_frame *frame_of(const struct growth *growth, uint32_t node)
{
    return &growth->profile->frames[growth->profile->nodes[node].frame];
}

static uint32_t location_of(const struct growth *growth, const struct traveller *traveller)
{
    return frame_of(growth, traveller->node)->first_location + traveller->location;
}

static void add_figures(const struct growth *growth, const struct traveller *traveller,
                        struct query_figures *sum)
{
    if (is_down(growth))
        query_figures_add(sum, &growth->sums.figures[traveller->node]);
    else
        query_figures_add_site(sum, &growth->profile->sites[traveller->site]);
}

static void send(struct growth *growth, const struct traveller *traveller)
{
    struct travellers *next = &growth->next;
    next->items = memory_grow(next->items, &next->capacity, next->count + 1, sizeof *next->items);
    next->items[next->count++] = *traveller;
}

/* Into every callee of `node`; what is left of its sites ends here. */
static void enter_callees(struct growth *growth, uint32_t tree_node, uint32_t node)
{
    const struct stack_sums *sums = &growth->sums;
    struct query_figures *self = &growth->tree->nodes[tree_node].self;
    query_figures_add(self, &sums->figures[node]);
    for (uint32_t child = sums->first_child[node]; child; child = sums->next_sibling[child]) {
        query_figures_subtract(self, &sums->figures[child]);
        send(growth, &(struct traveller){.tree_node = tree_node,
                                         .node = child,
                                         .location = frame_of(growth, child)->location_count - 1});
    }
}

static void move_down(struct growth *growth, struct traveller traveller)
{
    if (traveller.location == 0) {
        enter_callees(growth, traveller.tree_node, traveller.node);
        return;
    }
    traveller.location--;
    send(growth, &traveller);
}

/* One location outwards; false at the end of the stack. */
static bool step_up(const struct growth *growth, struct traveller *traveller)
{
    if (++traveller->location == frame_of(growth, traveller->node)->location_count) {
        traveller->node = growth->profile->nodes[traveller->node].parent;
        traveller->location = 0;
    }
    return traveller->node != 0;
}

static void move_up(struct growth *growth, struct traveller traveller)
{
    if (step_up(growth, &traveller))
        send(growth, &traveller);
    else
        add_figures(growth, &traveller, &growth->tree->nodes[traveller.tree_node].self);
}

/* What stands between the program and its allocator may be left out. */
static void skip_to_own_code(const struct growth *growth, struct traveller *traveller)
{
    struct traveller at = *traveller;
    do {
        const struct profile_location *location =
            &growth->profile->locations[location_of(growth, &at)];
        if (own_code_is_own(growth->profile, frame_of(growth, at.node), location)) {
            *traveller = at;
            return;
        }
    } while (step_up(growth, &at));
}

static void start_up(struct growth *growth, uint32_t site)
{
    struct traveller traveller = {.site = site, .node = growth->profile->sites[site].stack_node};
    if (!traveller.node) {
        add_figures(growth, &traveller, &growth->tree->nodes[0].self);
        return;
    }
    if (growth->options->is_own_code_first)
        skip_to_own_code(growth, &traveller);
    send(growth, &traveller);
}

/* ---- names ---- */

static bool texts_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool name_equals(const void *context, uint32_t position, const void *wanted)
{
    const struct growth *growth = context;
    const struct name *a = &growth->names[position], *b = wanted;
    const struct profile_location *a_location = &growth->profile->locations[a->location];
    const struct profile_location *b_location = &growth->profile->locations[b->location];
    return a->module_plus_1 == b->module_plus_1 &&
           a_location->is_inlined == b_location->is_inlined &&
           texts_equal(a_location->function, b_location->function) &&
           texts_equal(a_location->file, b_location->file);
}

/* Texts are compared once a location; afterwards a name is a number. */
static uint32_t find_name(struct growth *growth, uint32_t location, uint32_t module_plus_1)
{
    if (growth->name_of_location[location])
        return growth->name_of_location[location] - 1;
    const struct name name = {location, module_plus_1};
    const char *function = growth->profile->locations[location].function;
    uint64_t hash = hash_bytes(function, strlen(function), module_plus_1);
    uint32_t found = hash_index_find(&growth->name_index, hash, &name, name_equals, growth);
    if (found == HASH_INDEX_NONE) {
        found = (uint32_t)growth->name_count;
        growth->names = memory_grow(growth->names, &growth->name_capacity, growth->name_count + 1,
                                    sizeof *growth->names);
        growth->names[growth->name_count++] = name;
        hash_index_add(&growth->name_index, hash, found);
    }
    growth->name_of_location[location] = found + 1;
    return found;
}

/* ---- growing ---- */

static uint32_t find_child(struct growth *growth, const struct traveller *traveller)
{
    uint32_t frame = growth->profile->nodes[traveller->node].frame;
    uint32_t position = location_of(growth, traveller);
    const struct profile_location *location = &growth->profile->locations[position];
    uint32_t name = find_name(growth, position, growth->profile->frames[frame].module_plus_1);
    bool is_new;
    uint64_t *child = hash_map_put(&growth->children, (uint64_t)traveller->tree_node << 32 | name,
                                   &is_new);
    if (!is_new) {
        if (growth->tree->nodes[*child].line != location->line)
            growth->tree->nodes[*child].line = 0;
        growth->tree->nodes[*child].is_tail_call &= growth->profile->frames[frame].is_tail_call;
        return (uint32_t)*child;
    }
    *child = growth->tree->node_count;
    struct call_tree_node *node = add_node(growth, traveller->tree_node);
    node->location = position;
    node->frame = frame;
    node->line = location->line;
    node->is_inlined = location->is_inlined;
    node->is_tail_call = growth->profile->frames[frame].is_tail_call;
    return (uint32_t)*child;
}

/* How many levels there are nobody knows before: the share is that of travellers at rest. */
static bool goes_on(struct growth *growth, size_t done, size_t all)
{
    growth->is_stopped |= !progress_goes_on(growth->options->progress, done, all);
    return !growth->is_stopped;
}

static void grow_level(struct growth *growth)
{
    hash_map_clear(&growth->children);
    for (size_t i = 0; i < growth->travellers.count && goes_on(growth, i, 0); i++) {
        struct traveller *traveller = &growth->travellers.items[i];
        traveller->tree_node = find_child(growth, traveller);
        add_figures(growth, traveller, &growth->tree->nodes[traveller->tree_node].figures);
    }
}

/* Of the metric, whatever its sign. */
static uint64_t size_of(const struct growth *growth, const struct query_figures *figures)
{
    enum query_metric metric = growth->options->metric;
    return query_metric_size(metric, figures->values[metric]);
}

/* What has nothing of the metric says nothing, unless all are wanted. */
static uint64_t find_least(const struct growth *growth, uint64_t whole)
{
    double least = growth->options->min_share * (double)whole;
    return least > 1 ? (uint64_t)least : growth->options->are_zeros_kept ? 0 : 1;
}

/* ---- one node in detail ---- */

static void find_way(struct growth *growth)
{
    const struct call_tree *tree = growth->options->detailed_tree;
    uint32_t node = growth->options->detailed;
    struct detail *detail = &growth->detail;
    detail->last = CALL_TREE_NONE;
    if (!tree || !tree->nodes[node].depth)
        return;
    detail->last = 0;
    detail->length = tree->nodes[node].depth;
    detail->names = memory_allocate_zeroed(detail->length, sizeof *detail->names);
    for (; node; node = tree->nodes[node].parent) {
        const struct call_tree_node *at = &tree->nodes[node];
        uint32_t module_plus_1 = growth->profile->frames[at->frame].module_plus_1;
        detail->names[at->depth - 1] = find_name(growth, at->location, module_plus_1);
    }
}

/* One node further, in the level that has just grown. */
static void follow_way(struct growth *growth, size_t depth)
{
    struct detail *detail = &growth->detail;
    if (detail->last == CALL_TREE_NONE)
        return;
    const uint64_t *child = depth == detail->length
                                ? NULL
                                : hash_map_find(&growth->children, (uint64_t)detail->last << 32 |
                                                                       detail->names[depth]);
    detail->last = child ? (uint32_t)*child : CALL_TREE_NONE;
    if (!child || depth + 1 < detail->length)
        return;
    struct call_tree_node *end = &growth->tree->nodes[*child];
    end->is_detailed = true;
    detail->least = find_least(growth, size_of(growth, &end->figures));
}

static bool stays(const struct growth *growth, size_t position)
{
    const struct call_tree_node *node = &growth->tree->nodes[position];
    uint64_t least = node->is_detailed ? growth->detail.least : growth->least;
    return size_of(growth, &node->figures) >= least || position == growth->detail.last;
}

/* Takes the small nodes of the level [first, node_count) out again, and their travellers. */
static void prune_level(struct growth *growth, size_t first)
{
    struct call_tree *tree = growth->tree;
    uint32_t *moved = memory_allocate_zeroed(tree->node_count - first, sizeof *moved);
    size_t kept = first;
    for (size_t i = first; i < tree->node_count; i++) {
        struct call_tree_node *node = &tree->nodes[i];
        if (stays(growth, i)) {
            moved[i - first] = (uint32_t)kept;
            tree->nodes[kept++] = *node;
            continue;
        }
        moved[i - first] = CALL_TREE_NONE;
        query_figures_add(&tree->nodes[node->parent].pruned, &node->figures);
        tree->nodes[node->parent].pruned_count++;
    }
    tree->node_count = kept;
    if (growth->detail.last != CALL_TREE_NONE)
        growth->detail.last = moved[growth->detail.last - first];
    struct travellers *travellers = &growth->travellers;
    size_t kept_travellers = 0;
    for (size_t i = 0; i < travellers->count; i++) {
        struct traveller traveller = travellers->items[i];
        traveller.tree_node = moved[traveller.tree_node - first];
        if (traveller.tree_node != CALL_TREE_NONE)
            travellers->items[kept_travellers++] = traveller;
    }
    travellers->count = kept_travellers;
    free(moved);
}

static void swap_levels(struct growth *growth)
{
    struct travellers next = growth->next;
    growth->next = growth->travellers;
    growth->next.count = 0;
    growth->travellers = next;
}

/* What the depth limit leaves out counts as pruned. */
static void stop(struct growth *growth)
{
    for (size_t i = 0; i < growth->travellers.count; i++) {
        const struct traveller *traveller = &growth->travellers.items[i];
        struct call_tree_node *node = &growth->tree->nodes[traveller->tree_node];
        add_figures(growth, traveller, &node->pruned);
        node->pruned_count++;
    }
}

static void grow_tree(struct growth *growth)
{
    swap_levels(growth);
    for (unsigned depth = 0; growth->travellers.count && !growth->is_stopped; depth++) {
        if (growth->options->max_depth && depth == growth->options->max_depth) {
            stop(growth);
            return;
        }
        size_t first = growth->tree->node_count;
        grow_level(growth);
        if (growth->is_stopped)
            return;
        follow_way(growth, depth);
        prune_level(growth, first);
        for (size_t i = 0; i < growth->travellers.count; i++) {
            if (is_down(growth))
                move_down(growth, growth->travellers.items[i]);
            else
                move_up(growth, growth->travellers.items[i]);
        }
        swap_levels(growth);
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
    enum query_metric metric = growth->options->metric;
    uint64_t a_value = query_metric_rank(metric, a->figures.values[metric]);
    uint64_t b_value = query_metric_rank(metric, b->figures.values[metric]);
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

static void start(struct growth *growth, const uint8_t *is_kept)
{
    const struct profile *profile = growth->profile;
    uint32_t process = growth->options->process;
    enum query_metric metric = growth->options->metric;
    uint64_t size = 0; /* of the whole; where figures cancel out, without their signs */
    add_node(growth, CALL_TREE_NONE);
    for (size_t i = 0; i < profile->site_count && goes_on(growth, i, profile->site_count); i++) {
        if (!is_kept[i] || (process != QUERY_ALL_PROCESSES && profile->sites[i].process != process))
            continue;
        query_figures_add_site(&growth->tree->nodes[0].figures, &profile->sites[i]);
        size += query_metric_size(metric, query_site_value(&profile->sites[i], metric));
        if (!is_down(growth))
            start_up(growth, (uint32_t)i);
    }
    if (is_down(growth)) {
        stack_sums_init(&growth->sums, profile, process, is_kept);
        enter_callees(growth, 0, 0);
    }
    growth->least = find_least(growth, size);
    find_way(growth);
}

static void growth_clear(struct growth *growth)
{
    free(growth->travellers.items);
    free(growth->next.items);
    stack_sums_clear(&growth->sums);
    free(growth->name_of_location);
    free(growth->names);
    free(growth->detail.names);
    hash_index_clear(&growth->name_index);
    hash_map_clear(&growth->children);
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
        growth.name_of_location = memory_allocate_zeroed(profile->location_count,
                                                         sizeof *growth.name_of_location);
        start(&growth, is_kept);
        grow_tree(&growth);
        link_children(&growth);
        is_built = !growth.is_stopped || error_set(error, "stopped");
        growth_clear(&growth);
    }
    free(is_kept);
    if (!is_built)
        call_tree_clear(tree);
    return is_built;
}

void call_tree_clear(struct call_tree *tree)
{
    free(tree->nodes);
    *tree = (struct call_tree){0};
}
