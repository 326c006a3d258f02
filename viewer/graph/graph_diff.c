#include "graph/graph_diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"

static const double GATHERING_SHARE = 0.7;

struct rows {
    struct graph_diff_row *items;
    size_t count, capacity;
};

/* By block of each side: is it in the other side too? */
struct matching {
    uint8_t *is_in_both[DIFF_SIDES];
};

/* ---- blocks ---- */

static bool is_same(const struct snapshot_block *a, const struct snapshot_block *b)
{
    return a->address == b->address && a->birth_ns == b->birth_ns;
}

/* Both are sorted by address. */
static void match_blocks(const struct graph_diff *diff, struct matching *matching)
{
    const struct snapshot *base = diff->graphs[DIFF_BASE]->snapshot;
    const struct snapshot *other = diff->graphs[DIFF_OTHER]->snapshot;
    size_t i = 0, j = 0;

    matching->is_in_both[DIFF_BASE] = memory_allocate_zeroed(base->block_count, 1);
    matching->is_in_both[DIFF_OTHER] = memory_allocate_zeroed(other->block_count, 1);
    while (diff->are_blocks_known && i < base->block_count && j < other->block_count) {
        const struct snapshot_block *a = &base->blocks[i], *b = &other->blocks[j];

        if (is_same(a, b))
            matching->is_in_both[DIFF_BASE][i] = matching->is_in_both[DIFF_OTHER][j] = 1;
        i += a->address <= b->address;
        j += b->address <= a->address;
    }
}

static void add_to(struct graph_diff_sum *sum, uint64_t bytes)
{
    sum->blocks++;
    sum->bytes += bytes;
}

static void add_block(struct graph_diff_row *row, enum diff_side side, bool is_in_both,
                      uint64_t bytes)
{
    row->has_side[side] = true;
    add_to(&row->held[side], bytes);
    if (!is_in_both)
        add_to(side == DIFF_OTHER ? &row->added : &row->freed, bytes);
    else if (side == DIFF_OTHER)
        add_to(&row->survived, bytes);
}

static struct graph_diff_row *add_row(struct rows *rows)
{
    rows->items = memory_grow(rows->items, &rows->capacity, rows->count + 1, sizeof *rows->items);
    rows->items[rows->count] = (struct graph_diff_row){.site = GRAPH_NO_SITE,
                                                       .group = TYPE_NO_GROUP,
                                                       .root = OBJECT_GRAPH_WHOLE,
                                                       .gathering = OBJECT_GRAPH_NONE};
    return &rows->items[rows->count++];
}

/* ---- sites ---- */

static void compare_sites(struct graph_diff *diff, const struct matching *matching)
{
    struct hash_map places = {0};
    struct rows rows = {0};

    for (int side = DIFF_SIDES; side-- > 0;) {
        const struct process_graph *graph = diff->graphs[side];

        for (size_t i = 0; i < graph->snapshot->block_count; i++) {
            uint32_t site = graph->site_of_block[i];
            uint64_t fingerprint = site == GRAPH_NO_SITE ? 0
                                                         : graph->profile->sites[site].fingerprint;
            bool is_new;
            uint64_t *place = hash_map_put(&places, fingerprint, &is_new);

            if (is_new) {
                struct graph_diff_row *row = add_row(&rows);

                *place = rows.count - 1;
                row->fingerprint = fingerprint;
                row->site = site;
                row->side = (enum diff_side)side;
            }
            add_block(&rows.items[*place], (enum diff_side)side, matching->is_in_both[side][i],
                      graph->snapshot->blocks[i].bytes);
        }
    }
    hash_map_clear(&places);
    diff->sites = rows.items;
    diff->site_count = rows.count;
}

/* ---- types ---- */

struct type_rows {
    struct rows rows;
    struct hash_index index;
    const struct process_graph *const *graphs;
};

/* "" = not known. */
static const char *group_name(const struct process_graph *graph, uint32_t group)
{
    return group == TYPE_NO_GROUP ? "" : graph->types->groups[group].name;
}

static bool is_type(const void *context, uint32_t position, const void *key)
{
    const struct type_rows *types = context;
    const struct graph_diff_row *row = &types->rows.items[position];

    return strcmp(group_name(types->graphs[row->side], row->group), key) == 0;
}

static uint32_t row_of_type(struct type_rows *types, enum diff_side side, uint32_t group)
{
    const char *name = group_name(types->graphs[side], group);
    uint64_t hash = hash_bytes(name, strlen(name), 0);
    uint32_t position = hash_index_find(&types->index, hash, name, is_type, types);

    if (position == HASH_INDEX_NONE) {
        struct graph_diff_row *row = add_row(&types->rows);

        row->side = side;
        row->group = group;
        position = (uint32_t)types->rows.count - 1;
        hash_index_add(&types->index, hash, position);
    }
    return position;
}

static void add_types(struct type_rows *types, const struct matching *matching, enum diff_side side)
{
    const struct process_graph *graph = types->graphs[side];
    size_t count = graph->types->group_count;
    uint32_t *row_of_group = memory_allocate_large(count + 1, sizeof *row_of_group);

    for (size_t i = 0; i <= count; i++)
        row_of_group[i] = UINT32_MAX;
    for (uint32_t i = 0; i < graph->snapshot->block_count; i++) {
        uint32_t group = graph->types->group_of_block[i];
        uint32_t *row = &row_of_group[group == TYPE_NO_GROUP ? count : group];

        if (*row == UINT32_MAX)
            *row = row_of_type(types, side, group);
        add_block(&types->rows.items[*row], side, matching->is_in_both[side][i],
                  graph->snapshot->blocks[i].bytes);
    }
    free(row_of_group);
}

static void compare_types(struct graph_diff *diff, const struct matching *matching)
{
    struct type_rows types = {.graphs = diff->graphs};

    if (!diff->graphs[DIFF_BASE]->types || !diff->graphs[DIFF_OTHER]->types)
        return;
    add_types(&types, matching, DIFF_OTHER);
    add_types(&types, matching, DIFF_BASE);
    hash_index_clear(&types.index);
    diff->types = types.rows.items;
    diff->type_count = types.rows.count;
}

/* ---- roots ---- */

/* By node, the root that alone keeps it; of what several keep OBJECT_GRAPH_WHOLE, of what is not in
 * the graph OBJECT_GRAPH_NONE. Caller frees. */
static uint32_t *find_retaining(const struct object_graph *objects)
{
    uint32_t *roots = memory_allocate_large(objects->node_count, sizeof *roots);
    uint32_t *stack = memory_allocate_large(objects->node_count, sizeof *stack);
    const uint32_t open = UINT32_MAX - 1;

    for (uint32_t i = 0; i < objects->node_count; i++)
        roots[i] = i == OBJECT_GRAPH_WHOLE                        ? OBJECT_GRAPH_WHOLE
                   : objects->dominators[i] == OBJECT_GRAPH_NONE  ? OBJECT_GRAPH_NONE
                   : i <= objects->root_count                     ? i
                   : objects->dominators[i] == OBJECT_GRAPH_WHOLE ? OBJECT_GRAPH_WHOLE
                                                                  : open;
    for (uint32_t i = 0; i < objects->node_count; i++) {
        uint32_t node = i;
        size_t count = 0;

        for (; roots[node] == open; node = objects->dominators[node])
            stack[count++] = node;
        while (count > 0)
            roots[stack[--count]] = roots[node];
    }
    free(stack);
    return roots;
}

struct wanted_root {
    const char *kind, *name, *module;
};

struct root_rows {
    struct rows rows;
    struct hash_index index;
    const struct process_graph *const *graphs;
};

static struct wanted_root about_root(const struct process_graph *graph, uint32_t node)
{
    if (node == OBJECT_GRAPH_WHOLE)
        return (struct wanted_root){"shared", "", NULL};
    return (struct wanted_root){process_graph_root_kind(graph, node),
                                process_graph_root_likeness(graph, node),
                                process_graph_root_module(graph, node)};
}

static bool is_wanted(const void *context, uint32_t position, const void *key)
{
    const struct root_rows *rows = context;
    const struct graph_diff_row *row = &rows->rows.items[position];
    const struct wanted_root *wanted = key, found = about_root(rows->graphs[row->side], row->root);

    return strcmp(found.kind, wanted->kind) == 0 && strcmp(found.name, wanted->name) == 0 &&
           strcmp(found.module ? found.module : "", wanted->module ? wanted->module : "") == 0;
}

static uint32_t row_of_root(struct root_rows *rows, enum diff_side side, uint32_t node)
{
    const struct wanted_root wanted = about_root(rows->graphs[side], node);
    uint64_t hash = hash_bytes(wanted.name, strlen(wanted.name), (uint64_t)wanted.kind[0]);
    uint32_t position = hash_index_find(&rows->index, hash, &wanted, is_wanted, rows);

    if (position == HASH_INDEX_NONE) {
        struct graph_diff_row *row = add_row(&rows->rows);

        row->side = side;
        row->root = node;
        position = (uint32_t)rows->rows.count - 1;
        hash_index_add(&rows->index, hash, position);
    }
    return position;
}

static void add_side(struct root_rows *rows, const struct matching *matching, enum diff_side side)
{
    const struct process_graph *graph = rows->graphs[side];
    const struct object_graph *objects = &graph->graph;
    uint32_t *retaining = find_retaining(objects);
    uint32_t *row_of_node = memory_allocate_large(objects->root_count + 1, sizeof *row_of_node);

    for (uint32_t i = 0; i <= objects->root_count; i++)
        row_of_node[i] = UINT32_MAX;
    for (uint32_t i = 0; i < graph->snapshot->block_count; i++) {
        uint32_t root = retaining[object_graph_node(objects, i)];

        if (root == OBJECT_GRAPH_NONE)
            continue;
        if (row_of_node[root] == UINT32_MAX)
            row_of_node[root] = row_of_root(rows, side, root);
        add_block(&rows->rows.items[row_of_node[root]], side, matching->is_in_both[side][i],
                  graph->snapshot->blocks[i].bytes);
    }
    free(retaining);
    free(row_of_node);
}

/* ---- where it gathers ---- */

/* By node, the bytes that were added below and in it. Leaves of the tree of dominators go first.
 * Caller frees. */
static uint64_t *sum_added(const struct process_graph *graph, const uint8_t *is_in_both)
{
    const struct object_graph *objects = &graph->graph;
    uint64_t *added = memory_allocate_zeroed(objects->node_count, sizeof *added);
    uint32_t *children = memory_allocate_zeroed(objects->node_count, sizeof *children);
    uint32_t *queue = memory_allocate_large(objects->node_count, sizeof *queue);
    size_t count = 0;

    for (uint32_t i = 0; i < objects->node_count; i++) {
        if (object_graph_is_block(objects, i) && !is_in_both[object_graph_block(objects, i)])
            added[i] = graph->snapshot->blocks[object_graph_block(objects, i)].bytes;
        if (objects->dominators[i] != OBJECT_GRAPH_NONE)
            children[objects->dominators[i]]++;
    }
    for (uint32_t i = 0; i < objects->node_count; i++)
        if (children[i] == 0)
            queue[count++] = i;
    for (size_t i = 0; i < count; i++) {
        uint32_t dominator = objects->dominators[queue[i]];

        if (dominator == OBJECT_GRAPH_NONE)
            continue;
        added[dominator] += added[queue[i]];
        if (--children[dominator] == 0)
            queue[count++] = dominator;
    }
    free(children);
    free(queue);
    return added;
}

static void find_gatherings(struct root_rows *rows, const uint8_t *is_in_both)
{
    const struct process_graph *graph = rows->graphs[DIFF_OTHER];
    const struct object_graph *objects = &graph->graph;
    uint64_t *added = sum_added(graph, is_in_both);
    uint32_t *largest = memory_allocate_large(objects->node_count, sizeof *largest);

    for (uint32_t i = 0; i < objects->node_count; i++)
        largest[i] = OBJECT_GRAPH_NONE;
    for (uint32_t i = 0; i < objects->node_count; i++) {
        uint32_t parent = objects->dominators[i];

        if (parent != OBJECT_GRAPH_NONE && added[i] > 0 &&
            (largest[parent] == OBJECT_GRAPH_NONE || added[i] > added[largest[parent]]))
            largest[parent] = i;
    }
    for (size_t i = 0; i < rows->rows.count; i++) {
        struct graph_diff_row *row = &rows->rows.items[i];
        uint32_t at = row->root;

        if (row->side != DIFF_OTHER || row->root == OBJECT_GRAPH_WHOLE || row->added.bytes == 0)
            continue;
        while (largest[at] != OBJECT_GRAPH_NONE &&
               (double)added[largest[at]] >= GATHERING_SHARE * (double)added[at])
            at = largest[at];
        row->gathering = at;
    }
    free(added);
    free(largest);
}

static void compare_roots(struct graph_diff *diff, const struct matching *matching)
{
    struct root_rows rows = {.graphs = diff->graphs};

    add_side(&rows, matching, DIFF_OTHER);
    add_side(&rows, matching, DIFF_BASE);
    if (diff->are_blocks_known)
        find_gatherings(&rows, matching->is_in_both[DIFF_OTHER]);
    hash_index_clear(&rows.index);
    diff->roots = rows.rows.items;
    diff->root_count = rows.rows.count;
}

/* ---- the whole ---- */

static uint64_t distance(const struct graph_diff_row *row)
{
    uint64_t a = row->held[DIFF_BASE].bytes, b = row->held[DIFF_OTHER].bytes;

    return a > b ? a - b : b - a;
}

static int compare(const void *left, const void *right)
{
    const struct graph_diff_row *a = left, *b = right;

    if (distance(a) != distance(b))
        return distance(a) < distance(b) ? 1 : -1;
    if (a->held[DIFF_OTHER].bytes != b->held[DIFF_OTHER].bytes)
        return a->held[DIFF_OTHER].bytes < b->held[DIFF_OTHER].bytes ? 1 : -1;
    if (a->fingerprint != b->fingerprint)
        return a->fingerprint < b->fingerprint ? -1 : 1;
    if (a->side != b->side)
        return a->side < b->side ? -1 : 1;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    return a->root < b->root ? -1 : a->root > b->root;
}

void graph_diff_run(const struct process_graph *base, const struct process_graph *other,
                    bool is_same_process, struct graph_diff *diff)
{
    struct matching matching;

    *diff = (struct graph_diff){.graphs = {base, other}, .are_blocks_known = is_same_process};
    match_blocks(diff, &matching);
    for (int side = 0; side < DIFF_SIDES; side++)
        for (size_t i = 0; i < diff->graphs[side]->snapshot->block_count; i++)
            add_block(&diff->total, (enum diff_side)side, matching.is_in_both[side][i],
                      diff->graphs[side]->snapshot->blocks[i].bytes);
    compare_sites(diff, &matching);
    compare_types(diff, &matching);
    compare_roots(diff, &matching);
    if (diff->site_count > 0)
        qsort(diff->sites, diff->site_count, sizeof *diff->sites, compare);
    if (diff->type_count > 0)
        qsort(diff->types, diff->type_count, sizeof *diff->types, compare);
    if (diff->root_count > 0)
        qsort(diff->roots, diff->root_count, sizeof *diff->roots, compare);
    free(matching.is_in_both[DIFF_BASE]);
    free(matching.is_in_both[DIFF_OTHER]);
}

void graph_diff_clear(struct graph_diff *diff)
{
    free(diff->sites);
    free(diff->types);
    free(diff->roots);
    *diff = (struct graph_diff){0};
}
