/* Dominators and retained sizes against an oracle that takes each node out and looks what is still
 * reached, on thousands of random graphs; and graphs whose figures are known. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "block_graph.h"
#include "graph/object_graph.h"

/* Root slots alternate between `count` roots. */
static void build(const struct snapshot *snapshot, uint32_t count, uint32_t **root_of_slot,
                  struct object_graph *graph)
{
    *root_of_slot = memory_allocate_zeroed(snapshot->root_count, sizeof **root_of_slot);
    for (size_t i = 0; i < snapshot->root_count; i++)
        (*root_of_slot)[i] = (uint32_t)(i % count);
    object_graph_build(snapshot,
                       &(struct object_graph_roots){.root_of_slot = *root_of_slot, .count = count},
                       graph);
}

/* ---- known answers ---- */

static void read_graph(const char *text, struct snapshot *snapshot, struct object_graph *graph)
{
    uint32_t *root_of_slot;

    block_graph_read(text, snapshot);
    build(snapshot, 1, &root_of_slot, graph);
    free(root_of_slot);
}

static uint64_t retained(const struct object_graph *graph, char block)
{
    return graph->retained_bytes[object_graph_node(graph, (uint32_t)(block - 'a'))];
}

static void test_list_and_tree(void **state)
{
    struct snapshot snapshot;
    struct object_graph graph;

    (void)state;
    read_graph("R>a a>b b>c c>d", &snapshot, &graph); /* sizes 1, 2, 4, 8 */
    assert_int_equal(retained(&graph, 'a'), 15);
    assert_int_equal(retained(&graph, 'c'), 12);
    assert_int_equal(graph.retained_bytes[1], 15);
    assert_int_equal(graph.retained_blocks[1], 4);
    assert_int_equal(graph.retained_bytes[object_graph_lost(&graph)], 0);
    object_graph_clear(&graph);
    snapshot_clear(&snapshot);
    read_graph("R>a a>b a>c b>d c>d", &snapshot, &graph); /* d is shared: a's alone */
    assert_int_equal(retained(&graph, 'a'), 15);
    assert_int_equal(retained(&graph, 'b'), 2);
    assert_int_equal(retained(&graph, 'c'), 4);
    assert_int_equal(graph.dominators[object_graph_node(&graph, 3)], object_graph_node(&graph, 0));
    object_graph_clear(&graph);
    snapshot_clear(&snapshot);
}

/* What is lost hangs from "lost", and keeps nothing that is not lost from falling with its root. */
static void test_lost(void **state)
{
    struct snapshot snapshot;
    struct object_graph graph;

    (void)state;
    read_graph("R>a a>b c>d d>c d>b e>c", &snapshot, &graph); /* c, d: a cycle under e */
    assert_int_equal(retained(&graph, 'a'), 3);
    assert_int_equal(graph.retained_bytes[object_graph_lost(&graph)], 4 + 8 + 16);
    assert_int_equal(retained(&graph, 'e'), 28);
    assert_int_equal(graph.dominators[object_graph_node(&graph, 4)], object_graph_lost(&graph));
    assert_int_equal(graph.parents[object_graph_node(&graph, 3)], object_graph_node(&graph, 2));
    object_graph_clear(&graph);
    snapshot_clear(&snapshot);
}

static void test_several_roots(void **state)
{
    struct snapshot snapshot;
    struct object_graph graph;
    uint32_t *root_of_slot;

    (void)state;
    block_graph_read("R>a R>b a>c b>c a>d", &snapshot);
    build(&snapshot, 2, &root_of_slot, &graph);
    assert_int_equal(graph.root_count, 3);
    assert_int_equal(graph.retained_bytes[1], 1 + 8);
    assert_int_equal(graph.retained_bytes[2], 2);
    assert_int_equal(graph.dominators[object_graph_node(&graph, 2)], OBJECT_GRAPH_WHOLE);
    assert_int_equal(graph.retained_bytes[OBJECT_GRAPH_WHOLE], 15);
    free(root_of_slot);
    object_graph_clear(&graph);
    snapshot_clear(&snapshot);
}

static void test_no_blocks(void **state)
{
    struct snapshot snapshot;
    struct object_graph graph;

    (void)state;
    snapshot_init(&snapshot);
    snapshot_end_references(&snapshot);
    object_graph_build(&snapshot, &(struct object_graph_roots){0}, &graph);
    assert_int_equal(graph.retained_bytes[OBJECT_GRAPH_WHOLE], 0);
    object_graph_clear(&graph);
    snapshot_clear(&snapshot);
}

/* A list as long as a stack of calls could not be. */
static void test_long_list(void **state)
{
    enum {
        LENGTH = 300000
    };
    struct snapshot snapshot;
    struct object_graph graph;
    uint32_t *root_of_slot;

    (void)state;
    snapshot_init(&snapshot);
    for (uint32_t i = 0; i < LENGTH; i++)
        snapshot_add_block(
            &snapshot, &(struct snapshot_block){.address = 4096 + 64 * (uint64_t)i, .bytes = 1});
    for (uint32_t i = 0; i + 1 < LENGTH; i++)
        snapshot_add_reference(&snapshot, i, i + 1, 0, SNAPSHOT_START);
    snapshot_end_references(&snapshot);
    snapshot_add_root(&snapshot,
                      &(struct snapshot_root){.module = SNAPSHOT_NONE, .thread = SNAPSHOT_NONE});
    build(&snapshot, 1, &root_of_slot, &graph);
    assert_int_equal(graph.retained_bytes[1], LENGTH);
    assert_int_equal(graph.retained_bytes[object_graph_node(&graph, LENGTH - 10)], 10);
    free(root_of_slot);
    object_graph_clear(&graph);
    snapshot_clear(&snapshot);
}

/* A root of a smaller rank is named, however long its way. */
static void test_ranks(void **state)
{
    static const uint32_t root_of_slot[] = {0, 1};
    static const uint8_t ranks[] = {0, 3}; /* of a and of c */
    struct snapshot snapshot;
    struct object_graph graph;

    (void)state;
    block_graph_read("R>c R>a a>b b>c c>d", &snapshot);
    object_graph_build(&snapshot, &(struct object_graph_roots){root_of_slot, 2, ranks}, &graph);
    assert_int_equal(graph.parents[object_graph_node(&graph, 3)], object_graph_node(&graph, 2));
    assert_int_equal(graph.parents[object_graph_node(&graph, 2)], object_graph_node(&graph, 1));
    assert_int_equal(graph.parents[object_graph_node(&graph, 0)], 1);
    object_graph_clear(&graph);
    object_graph_build(&snapshot, &(struct object_graph_roots){root_of_slot, 2, NULL}, &graph);
    assert_int_equal(graph.parents[object_graph_node(&graph, 2)], 2);
    object_graph_clear(&graph);
    snapshot_clear(&snapshot);
}

/* What pointers to starts reach is not also kept by pointers into its middle. */
static void test_interiors(void **state)
{
    struct snapshot snapshot;
    struct object_graph graph;

    (void)state;
    read_graph("R>a R>b a>c b?c c>d", &snapshot, &graph);
    assert_int_equal(retained(&graph, 'a'), 1 + 4 + 8);
    assert_int_equal(retained(&graph, 'b'), 2);
    object_graph_clear(&graph);
    snapshot_clear(&snapshot);
    read_graph("R>a R>b a?c b?c c>d", &snapshot, &graph); /* there is nothing better */
    assert_int_equal(retained(&graph, 'a'), 1);
    assert_int_equal(retained(&graph, 'b'), 2);
    assert_int_equal(retained(&graph, 'c'), 4 + 8);
    object_graph_clear(&graph);
    snapshot_clear(&snapshot);
    read_graph("R>a a?b b?c R?c", &snapshot, &graph);
    assert_int_equal(retained(&graph, 'a'), 1 + 2);
    assert_int_equal(retained(&graph, 'c'), 4);
    assert_int_equal(graph.retained_bytes[1], 7);
    object_graph_clear(&graph);
    snapshot_clear(&snapshot);
}

/* ---- against the oracle ---- */

struct reach {
    const struct object_graph *graph;
    uint32_t without;
    uint8_t seen[BLOCK_GRAPH_MOST + 16];
    uint32_t stack[4096];
    size_t count;
};

static void visit(void *context, uint32_t node)
{
    struct reach *reach = context;

    if (node == reach->without || reach->seen[node])
        return;
    reach->seen[node] = 1;
    reach->stack[reach->count++] = node;
}

/* Which nodes are reached when `without` is not there. */
static void reach_without(const struct object_graph *graph, uint32_t without, struct reach *reach)
{
    memset(reach, 0, sizeof *reach);
    reach->graph = graph;
    reach->without = without;
    visit(reach, OBJECT_GRAPH_WHOLE);
    while (reach->count > 0)
        object_graph_visit_successors(graph, reach->stack[--reach->count], visit, reach);
}

static void check_against_oracle(const struct object_graph *graph)
{
    struct reach all, without;

    reach_without(graph, OBJECT_GRAPH_NONE, &all);
    for (uint32_t node = 1; node < graph->node_count; node++) {
        uint64_t bytes = 0;

        if (!all.seen[node])
            continue;
        reach_without(graph, node, &without);
        for (uint32_t other = 1; other < graph->node_count; other++) {
            bool is_dominated = false;

            for (uint32_t at = other; at != OBJECT_GRAPH_NONE && all.seen[other];
                 at = graph->dominators[at])
                is_dominated = is_dominated || at == node;
            assert_int_equal(is_dominated, all.seen[other] && !without.seen[other]);
            if (is_dominated && object_graph_is_block(graph, other))
                bytes += graph->snapshot->blocks[object_graph_block(graph, other)].bytes;
        }
        assert_int_equal(graph->retained_bytes[node], bytes);
        if (object_graph_is_block(graph, node)) {
            uint8_t set[BLOCK_GRAPH_MOST] = {0};
            uint64_t set_bytes, set_blocks;

            set[object_graph_block(graph, node)] = 1;
            object_graph_retained_set(graph, set, &set_bytes, &set_blocks);
            assert_int_equal(set_bytes, bytes);
        }
    }
}

static void test_random_graphs(void **state)
{
    uint64_t seed = 7;

    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        unsigned count = 1 + (unsigned)(block_graph_random(&seed) % BLOCK_GRAPH_MOST);
        struct snapshot snapshot;
        struct object_graph graph;
        uint32_t *root_of_slot;

        block_graph_make_random(seed, count, 4 + (unsigned)(block_graph_random(&seed) % 40),
                                (unsigned)(block_graph_random(&seed) % 6), &snapshot);
        build(&snapshot, 3, &root_of_slot, &graph);
        check_against_oracle(&graph);
        free(root_of_slot);
        object_graph_clear(&graph);
        snapshot_clear(&snapshot);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_and_tree), cmocka_unit_test(test_lost),
        cmocka_unit_test(test_ranks),         cmocka_unit_test(test_interiors),
        cmocka_unit_test(test_several_roots), cmocka_unit_test(test_no_blocks),
        cmocka_unit_test(test_long_list),     cmocka_unit_test(test_random_graphs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
