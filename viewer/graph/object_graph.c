#include "graph/object_graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/dominators.h"
#include "graph/object_edges.h"
#include "snapshot/leak_leaders.h"

void object_graph_visit_successors(const struct object_graph *graph, uint32_t node,
                                   object_graph_visit visit, void *context)
{
    uint64_t cursor = 0;

    for (uint32_t next; (next = object_edges_next(graph, node, &cursor)) != OBJECT_GRAPH_NONE;)
        visit(context, next);
}

/* ---- ways and reach ----
 *
 * Breadth first, so that each way is a shortest one; the roots of a smaller rank take all that they
 * reach before the next begin. First only by pointers to starts: what is met is sure. Then by all:
 * what else is met is possible. What remains is lost, and hangs from its leaders. */

enum {
    RANKS = 256
};

struct walk {
    struct object_graph *graph;
    const struct object_graph_roots *roots;
    uint32_t *queue; /* blocks */
    size_t count;
    size_t followed;  /* of these, how many were followed */
    enum reach reach; /* of what is met */
};

static void meet(struct walk *walk, uint32_t from, uint32_t block)
{
    struct object_graph *graph = walk->graph;

    if (graph->reach[block] != REACH_NONE)
        return;
    graph->reach[block] = (uint8_t)walk->reach;
    graph->parents[object_graph_node(graph, block)] = from;
    walk->queue[walk->count++] = block;
}

static void follow(struct walk *walk, size_t position)
{
    enum {
        AHEAD = 8
    };
    const struct snapshot *snapshot = walk->graph->snapshot;
    uint32_t block = walk->queue[position], node = object_graph_node(walk->graph, block);
    uint64_t end = snapshot->first_reference[block + 1];

    if (position + AHEAD < walk->count)
        __builtin_prefetch(&snapshot->first_reference[walk->queue[position + AHEAD]]);
    if (position + AHEAD / 2 < walk->count)
        __builtin_prefetch(
            &snapshot->references[snapshot->first_reference[walk->queue[position + AHEAD / 2]]]);
    for (uint64_t i = snapshot->first_reference[block]; i < end; i++) {
        const struct snapshot_reference *reference = &snapshot->references[i];

        if (walk->reach == REACH_POSSIBLE ||
            snapshot_counts_as_start((enum snapshot_reference_kind)reference->kind))
            meet(walk, node, reference->block);
    }
}

static void walk_from_roots(struct walk *walk)
{
    const struct snapshot *snapshot = walk->graph->snapshot;
    const struct object_graph_roots *roots = walk->roots;
    size_t done = walk->followed;
    bool has_rank[RANKS] = {[0] = true};

    for (uint32_t i = 0; roots->ranks && i < roots->count; i++)
        has_rank[roots->ranks[i]] = true;
    for (unsigned rank = 0; rank < RANKS; rank++) {
        for (size_t i = 0; has_rank[rank] && i < snapshot->root_count; i++) {
            const struct snapshot_root *slot = &snapshot->roots[i];
            uint32_t root = roots->root_of_slot[i];

            if ((roots->ranks ? roots->ranks[root] : 0) == rank &&
                (walk->reach == REACH_POSSIBLE ||
                 snapshot_counts_as_start((enum snapshot_reference_kind)slot->reference)))
                meet(walk, root + 1, slot->block);
        }
        for (; done < walk->count; done++)
            follow(walk, done);
    }
    walk->followed = done;
}

/* What sure blocks refer to besides. */
static void meet_interiors(struct walk *walk)
{
    const struct object_graph *graph = walk->graph;
    const struct snapshot *snapshot = graph->snapshot;

    for (uint32_t block = 0; block < snapshot->block_count; block++) {
        uint64_t end = snapshot->first_reference[block + 1];

        if (graph->reach[block] != REACH_SURE)
            continue;
        for (uint64_t i = snapshot->first_reference[block]; i < end; i++)
            if (snapshot->references[i].kind == SNAPSHOT_INTERIOR)
                meet(walk, object_graph_node(graph, block), snapshot->references[i].block);
    }
}

/* What only blocks within a realloc refer to is not lost, but hangs from nothing either. */
static void keep_in_transit(struct walk *walk)
{
    const struct snapshot *snapshot = walk->graph->snapshot;
    size_t done = walk->count;

    for (uint32_t i = 0; i < snapshot->block_count; i++)
        if (snapshot->blocks[i].flags & SNAPSHOT_BLOCK_TRANSIT)
            meet(walk, OBJECT_GRAPH_NONE, i);
    size_t first = done;
    for (; done < walk->count; done++)
        follow(walk, done);
    for (; first < walk->count; first++)
        walk->graph->parents[object_graph_node(walk->graph, walk->queue[first])] =
            OBJECT_GRAPH_NONE;
}

/* Hangs what is lost from its leaders. */
static void walk_from_leaders(struct walk *walk, const struct leak_leaders *leaders)
{
    struct object_graph *graph = walk->graph;
    const struct snapshot *snapshot = graph->snapshot;
    size_t done = 0;

    walk->count = 0;
    for (size_t i = 0; i < leaders->count; i++) {
        graph->parents[object_graph_node(graph, leaders->items[i].block)] = object_graph_lost(
            graph);
        walk->queue[walk->count++] = leaders->items[i].block;
    }
    for (; done < walk->count; done++) {
        uint32_t block = walk->queue[done];

        for (uint64_t i = snapshot->first_reference[block];
             i < snapshot->first_reference[block + 1]; i++) {
            uint32_t other = snapshot->references[i].block, node = object_graph_node(graph, other);

            if (graph->reach[other] != REACH_NONE || graph->parents[node] != OBJECT_GRAPH_NONE)
                continue;
            graph->parents[node] = object_graph_node(graph, block);
            walk->queue[walk->count++] = other;
        }
    }
}

static void find_leaders(const struct object_graph *graph, struct leak_leaders *leaders)
{
    size_t block_count = graph->snapshot->block_count;
    uint8_t *is_lost;

    *leaders = (struct leak_leaders){0};
    if (!memchr(graph->reach, REACH_NONE, block_count))
        return;
    is_lost = memory_allocate_zeroed(block_count, 1);
    for (size_t i = 0; i < block_count; i++)
        is_lost[i] = graph->reach[i] == REACH_NONE;
    leak_leaders_find(graph->snapshot, is_lost, leaders);
    free(is_lost);
}

static void find_ways(struct object_graph *graph, const struct object_graph_roots *roots,
                      struct leak_leaders *leaders)
{
    size_t block_count = graph->snapshot->block_count;
    struct walk walk = {.graph = graph, .roots = roots, .reach = REACH_SURE};

    *leaders = (struct leak_leaders){0};
    graph->reach = memory_allocate_zeroed(block_count, 1);
    graph->parents = memory_allocate_large(graph->node_count, sizeof *graph->parents);
    for (uint32_t i = 0; i < graph->node_count; i++)
        graph->parents[i] = i >= 1 && i <= graph->root_count ? OBJECT_GRAPH_WHOLE
                                                             : OBJECT_GRAPH_NONE;
    if (block_count == 0)
        return;
    walk.queue = memory_allocate_large(block_count, sizeof *walk.queue);
    walk_from_roots(&walk);
    walk.reach = REACH_POSSIBLE;
    meet_interiors(&walk);
    walk_from_roots(&walk);
    keep_in_transit(&walk);
    free(walk.queue);
    find_leaders(graph, leaders);
    if (leaders->count == 0)
        return;
    walk.queue = memory_allocate_large(block_count, sizeof *walk.queue);
    walk_from_leaders(&walk, leaders);
    free(walk.queue);
}

/* ---- roots ---- */

/* Does the slot keep its block? */
static bool keeps(const struct object_graph *graph, const struct snapshot_root *slot)
{
    return graph->reach[slot->block] != REACH_SURE ||
           snapshot_counts_as_start((enum snapshot_reference_kind)slot->reference);
}

/* The blocks of each root stand together, those of "lost" last. */
static void sort_roots(struct object_graph *graph, const struct object_graph_roots *roots,
                       const struct leak_leaders *leaders)
{
    const struct snapshot *snapshot = graph->snapshot;
    uint64_t *next = memory_allocate_zeroed(graph->root_count + 1, sizeof *next);

    graph->root_starts = memory_allocate_zeroed(graph->root_count + 1, sizeof(uint64_t));
    graph->root_blocks = memory_allocate_zeroed(snapshot->root_count + leaders->count,
                                                sizeof(uint32_t));
    for (size_t i = 0; i < snapshot->root_count; i++)
        graph->root_starts[roots->root_of_slot[i] + 1] += keeps(graph, &snapshot->roots[i]);
    graph->root_starts[graph->root_count] += leaders->count;
    for (uint32_t i = 0; i < graph->root_count; i++)
        graph->root_starts[i + 1] += graph->root_starts[i];
    memcpy(next, graph->root_starts, graph->root_count * sizeof *next);
    for (size_t i = 0; i < snapshot->root_count; i++)
        if (keeps(graph, &snapshot->roots[i]))
            graph->root_blocks[next[roots->root_of_slot[i]]++] = snapshot->roots[i].block;
    for (size_t i = 0; i < leaders->count; i++)
        graph->root_blocks[next[graph->root_count - 1]++] = leaders->items[i].block;
    free(next);
}

/* ---- retained ---- */

static void sum_up(struct object_graph *graph, const uint32_t *order, uint32_t reached)
{
    graph->retained_bytes = memory_allocate_zeroed(graph->node_count, sizeof(uint64_t));
    graph->retained_blocks = memory_allocate_zeroed(graph->node_count, sizeof(uint32_t));
    for (uint32_t i = 0; i < graph->snapshot->block_count; i++) {
        uint32_t node = object_graph_node(graph, i);

        graph->retained_bytes[node] = graph->snapshot->blocks[i].bytes;
        graph->retained_blocks[node] = 1;
    }
    for (uint32_t i = reached; i-- > 1;) { /* a dominator comes before what it dominates */
        uint32_t node = order[i], dominator = graph->dominators[node];

        graph->retained_bytes[dominator] += graph->retained_bytes[node];
        graph->retained_blocks[dominator] += graph->retained_blocks[node];
    }
}

/* The longest part. */
static void find_retained(struct object_graph *graph)
{
    uint32_t *order = memory_allocate_large(graph->node_count, sizeof *order), reached;

    graph->dominators = memory_allocate_large(graph->node_count, sizeof *graph->dominators);
    reached = dominators_find(graph, order);
    sum_up(graph, order, reached);
    free(order);
}

bool object_graph_try_build(const struct snapshot *snapshot, const struct object_graph_roots *roots,
                            const struct progress *progress, struct object_graph *graph)
{
    struct leak_leaders leaders;

    *graph = (struct object_graph){.snapshot = snapshot,
                                   .root_count = roots->count + 1,
                                   .node_count = roots->count + 2 +
                                                 (uint32_t)snapshot->block_count};
    find_ways(graph, roots, &leaders);
    sort_roots(graph, roots, &leaders);
    leak_leaders_clear(&leaders);
    if (progress_reaches(progress, 0.4)) {
        find_retained(graph);
        if (progress_reaches(progress, 0.8))
            return true;
    }
    object_graph_clear(graph);
    return false;
}

void object_graph_build(const struct snapshot *snapshot, const struct object_graph_roots *roots,
                        struct object_graph *graph)
{
    object_graph_try_build(snapshot, roots, NULL, graph);
}

void object_graph_clear(struct object_graph *graph)
{
    free(graph->dominators);
    free(graph->retained_bytes);
    free(graph->retained_blocks);
    free(graph->parents);
    free(graph->reach);
    free(graph->root_starts);
    free(graph->root_blocks);
    *graph = (struct object_graph){0};
}

/* ---- ways from some roots ---- */

uint32_t *object_graph_find_ways(const struct object_graph *graph, const uint8_t *is_wanted)
{
    uint32_t *parents = memory_allocate_large(graph->node_count, sizeof *parents);
    uint32_t *queue = memory_allocate_large(graph->node_count, sizeof *queue);
    size_t count = 0;

    for (uint32_t i = 0; i < graph->node_count; i++)
        parents[i] = OBJECT_GRAPH_NONE;
    for (uint32_t i = 1; i <= graph->root_count; i++)
        if (is_wanted[i]) {
            parents[i] = OBJECT_GRAPH_WHOLE;
            queue[count++] = i;
        }
    for (size_t done = 0; done < count; done++) {
        uint64_t cursor = 0;

        for (uint32_t next;
             (next = object_edges_next(graph, queue[done], &cursor)) != OBJECT_GRAPH_NONE;)
            if (parents[next] == OBJECT_GRAPH_NONE) {
                parents[next] = queue[done];
                queue[count++] = next;
            }
    }
    free(queue);
    return parents;
}

/* ---- sets ---- */

/* All that a way from a root leads to; `is_reached` has a byte a block, 1 = is not passed. */
static void reach_blocks(const struct object_graph *graph, uint8_t *is_reached)
{
    enum {
        AHEAD = 8
    };
    const struct snapshot *snapshot = graph->snapshot;
    uint32_t *queue = memory_allocate_large(snapshot->block_count, sizeof *queue);
    size_t count = 0;

    for (uint64_t i = 0; i < graph->root_starts[graph->root_count]; i++)
        if (!is_reached[graph->root_blocks[i]]) {
            is_reached[graph->root_blocks[i]] = 1;
            queue[count++] = graph->root_blocks[i];
        }
    for (size_t done = 0; done < count; done++) {
        uint32_t block = queue[done];
        uint64_t end = snapshot->first_reference[block + 1];

        if (done + AHEAD < count)
            __builtin_prefetch(&snapshot->first_reference[queue[done + AHEAD]]);
        if (done + AHEAD / 2 < count)
            __builtin_prefetch(
                &snapshot->references[snapshot->first_reference[queue[done + AHEAD / 2]]]);
        for (uint64_t i = snapshot->first_reference[block]; i < end; i++) {
            const struct snapshot_reference *reference = &snapshot->references[i];

            if (is_reached[reference->block] || !object_edges_counts(graph, block, reference))
                continue;
            is_reached[reference->block] = 1;
            queue[count++] = reference->block;
        }
    }
    free(queue);
}

/* Of a single block it is known. */
static bool find_single(const struct object_graph *graph, const uint8_t *is_in_set, uint32_t *node)
{
    size_t block_count = graph->snapshot->block_count;
    const uint8_t *first = block_count ? memchr(is_in_set, 1, block_count) : NULL;
    size_t position = first ? (size_t)(first - is_in_set) : 0;

    if (!first || memchr(first + 1, 1, block_count - position - 1))
        return false;
    *node = object_graph_node(graph, (uint32_t)position);
    return graph->dominators[*node] != OBJECT_GRAPH_NONE;
}

void object_graph_retained_set(const struct object_graph *graph, const uint8_t *is_in_set,
                               uint64_t *bytes, uint64_t *blocks)
{
    size_t block_count = graph->snapshot->block_count;
    uint8_t *is_reached;
    uint32_t single;

    if (find_single(graph, is_in_set, &single)) {
        *bytes = graph->retained_bytes[single];
        *blocks = graph->retained_blocks[single];
        return;
    }
    is_reached = memory_duplicate(is_in_set, block_count);
    reach_blocks(graph, is_reached);
    *bytes = *blocks = 0;
    for (uint32_t i = 0; i < block_count; i++)
        if ((is_in_set[i] || !is_reached[i]) &&
            graph->parents[object_graph_node(graph, i)] != OBJECT_GRAPH_NONE) {
            *bytes += graph->snapshot->blocks[i].bytes;
            ++*blocks;
        }
    free(is_reached);
}
