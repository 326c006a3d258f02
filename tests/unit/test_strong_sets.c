#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "snapshot/strong_sets.h"
#include "block_graph.h"

static void find(const char *graph, struct strong_sets *sets)
{
    struct snapshot snapshot;
    uint8_t is_member[BLOCK_GRAPH_MOST];
    memset(is_member, 1, sizeof is_member);
    block_graph_read(graph, &snapshot);
    strong_sets_find(&snapshot, is_member, sets);
    snapshot_clear(&snapshot);
}

static void cycles_are_sets(void **state)
{
    struct strong_sets sets;
    (void)state;
    find("a>b b>c c>a c>d d>e e>d f", &sets);
    assert_int_equal(sets.count, 3);
    assert_int_equal(sets.set_of[0], sets.set_of[1]);
    assert_int_equal(sets.set_of[0], sets.set_of[2]);
    assert_int_equal(sets.set_of[3], sets.set_of[4]);
    assert_true(sets.set_of[0] > sets.set_of[3]);
    strong_sets_clear(&sets);
}

/* Sets are classes of "each reaches the other"; references lead to the same or a lower one. */
static void check(unsigned seed, const struct block_matrix *matrix, const uint8_t *is_member,
                  const struct strong_sets *sets)
{
    uint32_t edges[BLOCK_GRAPH_MOST], members = 0, used = 0;
    assert_true(matrix->count <= BLOCK_GRAPH_MOST);
    for (unsigned i = 0; i < BLOCK_GRAPH_MOST; i++)
        members |= (uint32_t)is_member[i] << i;
    for (unsigned i = 0; i < matrix->count; i++)
        edges[i] = is_member[i] ? matrix->edges[i] & members : 0;
    for (unsigned i = 0; i < matrix->count; i++) {
        uint32_t reached = block_graph_close(edges, matrix->count, 1u << i);
        if (!is_member[i] && sets->set_of[i] != STRONG_SETS_NONE)
            fail_msg("seed %u: %u is no member", seed, i);
        if (!is_member[i])
            continue;
        used |= 1u << sets->set_of[i];
        for (unsigned j = 0; j < matrix->count; j++) {
            if (!is_member[j])
                continue;
            int is_mutual = reached >> j & block_graph_close(edges, matrix->count, 1u << j) >> i &
                            1;
            if (is_mutual != (sets->set_of[i] == sets->set_of[j]))
                fail_msg("seed %u: %u and %u", seed, i, j);
            if (edges[i] >> j & 1 && sets->set_of[i] < sets->set_of[j])
                fail_msg("seed %u: %u leads up to %u", seed, i, j);
        }
    }
    assert_int_equal(used, (1u << sets->count) - 1);
}

static void random_graphs_agree_with_the_definition(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5000; seed++) {
        struct snapshot snapshot;
        struct block_matrix matrix;
        struct strong_sets sets;
        uint8_t is_member[BLOCK_GRAPH_MOST] = {0};
        uint64_t chances = seed;
        uint64_t bits = block_graph_random(&chances) | block_graph_random(&chances);
        block_graph_make_random(seed, 1 + seed % 12, 10 + seed % 60, 0, &snapshot);
        block_graph_get_matrix(&snapshot, &matrix);
        for (unsigned i = 0; i < matrix.count; i++)
            is_member[i] = seed & 1 ? 1 : bits >> i & 1;
        strong_sets_find(&snapshot, is_member, &sets);
        check((unsigned)seed, &matrix, is_member, &sets);
        strong_sets_clear(&sets);
        snapshot_clear(&snapshot);
    }
}

/* A chain and a cycle of a million blocks each: what recursion could not do. */
static void long_chains_take_no_stack(void **state)
{
    enum {
        LENGTH = 1000000
    };
    struct snapshot snapshot;
    struct strong_sets sets;
    (void)state;
    snapshot_init(&snapshot);
    for (uint32_t i = 0; i < 2 * LENGTH; i++)
        snapshot_add_block(&snapshot, &(struct snapshot_block){.address = 0x1000 + 16ull * i});
    for (uint32_t i = 0; i < 2 * LENGTH; i++)
        if (i != LENGTH - 1)
            snapshot_add_reference(&snapshot, i, i == 2 * LENGTH - 1 ? LENGTH : i + 1, 0,
                                   SNAPSHOT_START);
    snapshot_end_references(&snapshot);
    uint8_t *is_member = test_malloc(2 * LENGTH);
    memset(is_member, 1, 2 * LENGTH);
    strong_sets_find(&snapshot, is_member, &sets);
    assert_int_equal(sets.count, LENGTH + 1);
    assert_int_equal(sets.set_of[LENGTH], sets.set_of[2 * LENGTH - 1]);
    strong_sets_clear(&sets);
    test_free(is_member);
    snapshot_clear(&snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cycles_are_sets),
        cmocka_unit_test(random_graphs_agree_with_the_definition),
        cmocka_unit_test(long_chains_take_no_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
