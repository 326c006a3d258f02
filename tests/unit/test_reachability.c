#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "snapshot/reachability.h"
#include "block_graph.h"

/* `expected`: 'S'ure, 'P'ossible or '-' for each block. */
static void expect(const char *graph, const char *expected)
{
    struct snapshot snapshot;
    uint8_t reach[BLOCK_GRAPH_MOST];
    block_graph_read(graph, &snapshot);
    reachability_mark(&snapshot, 0, reach);
    for (size_t i = 0; i < snapshot.block_count; i++)
        if ("-PS"[reach[i]] != expected[i])
            fail_msg("%s: %c is %c", graph, (char)('a' + i), "-PS"[reach[i]]);
    snapshot_clear(&snapshot);
}

/* The cases of memcheck's manual, in its order; a is AAA, b is BBB. */
static void the_nine_cases(void **state)
{
    (void)state;
    expect("R>b a", "-S");
    expect("R>a a>b", "SS");
    expect("a b", "--");
    expect("a>b", "--");
    expect("R?b a", "-P");
    expect("R>a a?b", "SP");
    expect("R?a a>b", "PP");
    expect("R?a a?b", "PP");
    expect("a?b", "--");
}

static void a_sure_chain_wins(void **state)
{
    (void)state;
    expect("R?a a>b R>b b>c", "PSS");
    expect("R>a a?b b>c R?d d>b d>e e>c c>e", "SPPPP");
    expect("R>a a?b b>c a>c", "SPS");
    expect("R>a a>b b>a c>a", "SS-");
}

static void kinds_of_roots_can_be_off(void **state)
{
    struct snapshot snapshot;
    uint8_t reach[2];
    (void)state;
    block_graph_read("R>a R>b", &snapshot);
    snapshot.roots[1].kind = SNAPSHOT_ROOT_STACK;
    reachability_mark(&snapshot, 1 << SNAPSHOT_ROOT_STACK, reach);
    assert_int_equal(reach[0], REACH_SURE);
    assert_int_equal(reach[1], REACH_NONE);
    reachability_mark(&snapshot, 1 << SNAPSHOT_ROOT_GLOBAL, reach);
    assert_int_equal(reach[0], REACH_NONE);
    assert_int_equal(reach[1], REACH_SURE);
    snapshot_clear(&snapshot);
}

/* Of roots and of blocks, each without the others. */
static void shapes_can_be_off(void **state)
{
    struct snapshot snapshot;
    uint8_t reach[3];
    (void)state;
    block_graph_read("R>a a>b R>c", &snapshot);
    snapshot.roots[1].reference = SNAPSHOT_STRING;
    snapshot.references[0].kind = SNAPSHOT_NEW_ARRAY;
    reachability_mark(&snapshot, REACHABILITY_SHAPE_OFF(SNAPSHOT_NEW_ARRAY), reach);
    assert_int_equal(reach[0], REACH_SURE);
    assert_int_equal(reach[1], REACH_POSSIBLE);
    assert_int_equal(reach[2], REACH_SURE);
    reachability_mark(&snapshot, REACHABILITY_SHAPE_OFF(SNAPSHOT_STRING), reach);
    assert_int_equal(reach[1], REACH_SURE);
    assert_int_equal(reach[2], REACH_POSSIBLE);
    reachability_mark(&snapshot, 0, reach);
    assert_int_equal(reach[1], REACH_SURE);
    assert_int_equal(reach[2], REACH_SURE);
    snapshot_clear(&snapshot);
}

static void blocks_in_transit_are_held(void **state)
{
    struct snapshot snapshot;
    uint8_t reach[2];
    (void)state;
    block_graph_read("a>b", &snapshot);
    snapshot.blocks[0].flags = SNAPSHOT_BLOCK_TRANSIT;
    reachability_mark(&snapshot, 0, reach);
    assert_int_equal(reach[0], REACH_SURE);
    assert_int_equal(reach[1], REACH_SURE);
    snapshot_clear(&snapshot);
}

static void random_graphs_agree_with_the_definition(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5000; seed++) {
        struct snapshot snapshot;
        struct block_matrix matrix;
        uint8_t reach[BLOCK_GRAPH_MOST];
        block_graph_make_random(seed, 1 + seed % 12, 10 + seed % 50, seed % 5, &snapshot);
        block_graph_get_matrix(&snapshot, &matrix);
        reachability_mark(&snapshot, 0, reach);
        uint32_t sure = block_graph_close(matrix.starts, matrix.count,
                                          matrix.starts[BLOCK_GRAPH_MOST]);
        uint32_t any = block_graph_close(matrix.edges, matrix.count,
                                         matrix.edges[BLOCK_GRAPH_MOST]);
        for (unsigned i = 0; i < matrix.count; i++) {
            unsigned expected = sure >> i & 1  ? REACH_SURE
                                : any >> i & 1 ? REACH_POSSIBLE
                                               : REACH_NONE;
            if (reach[i] != expected)
                fail_msg("seed %u: block %u is %u, not %u", (unsigned)seed, i, reach[i], expected);
        }
        snapshot_clear(&snapshot);
    }
}

static void an_empty_snapshot_is_fine(void **state)
{
    struct snapshot snapshot;
    (void)state;
    block_graph_read("", &snapshot);
    reachability_mark(&snapshot, 0, NULL);
    snapshot_clear(&snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nine_cases),
        cmocka_unit_test(a_sure_chain_wins),
        cmocka_unit_test(kinds_of_roots_can_be_off),
        cmocka_unit_test(shapes_can_be_off),
        cmocka_unit_test(blocks_in_transit_are_held),
        cmocka_unit_test(random_graphs_agree_with_the_definition),
        cmocka_unit_test(an_empty_snapshot_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
