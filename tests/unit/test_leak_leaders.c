#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/leak_cycle.h"
#include "snapshot/leak_leaders.h"
#include "block_graph.h"

struct expected {
    char block;
    uint32_t set_blocks;
    uint64_t indirect_blocks, indirect_bytes;
};

/* All blocks are lost. */
static void expect(const char *graph, const struct expected *expected, size_t count)
{
    struct snapshot snapshot;
    struct leak_leaders leaders;
    uint8_t is_lost[BLOCK_GRAPH_MOST];
    memset(is_lost, 1, sizeof is_lost);
    block_graph_read(graph, &snapshot);
    leak_leaders_find(&snapshot, is_lost, &leaders);
    if (leaders.count != count)
        fail_msg("%s: %zu leaders", graph, leaders.count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(leaders.items[i].block, expected[i].block - 'a');
        assert_int_equal(leaders.items[i].set_blocks, expected[i].set_blocks);
        assert_int_equal(leaders.items[i].indirect_blocks, expected[i].indirect_blocks);
        assert_int_equal(leaders.items[i].indirect_bytes, expected[i].indirect_bytes);
    }
    leak_leaders_clear(&leaders);
    snapshot_clear(&snapshot);
}

#define EXPECT(graph, ...)                                                                         \
    expect(graph, (const struct expected[]){__VA_ARGS__},                                          \
           sizeof((const struct expected[]){__VA_ARGS__}) / sizeof(struct expected))

static void known_shapes(void **state)
{
    (void)state;
    EXPECT("a b", {'a', 1, 0, 0}, {'b', 1, 0, 0});
    EXPECT("a>b b>c c>d", {'a', 1, 3, 14});
    EXPECT("c>b b>a", {'c', 1, 2, 3});
    EXPECT("a?b", {'a', 1, 1, 2});
    /* A tree, and a tail that two share: the older leader has it. */
    EXPECT("a>b a>c b>d b>e c>f", {'a', 1, 5, 62});
    EXPECT("a>c b>c c>d", {'a', 1, 2, 12}, {'b', 1, 0, 0});
    /* Cycles: one; one that hangs from another; two that share a tail; two that touch. */
    EXPECT("a>b b>c c>a", {'a', 3, 2, 6});
    EXPECT("c>d d>c d>a a>b b>a", {'c', 2, 3, 11});
    EXPECT("a>b b>a c>d d>c a>e d>e e>f", {'a', 2, 3, 50}, {'c', 2, 1, 8});
    EXPECT("a>b b>a b>c c>b", {'a', 3, 2, 6});
    /* A block that refers to a cycle leads it, however old the cycle is. */
    EXPECT("a>b b>a c>a", {'c', 1, 2, 3});
}

static void what_is_not_lost_does_not_count(void **state)
{
    struct snapshot snapshot;
    struct leak_leaders leaders;
    (void)state;
    block_graph_read("a>b b>c c>d", &snapshot);
    leak_leaders_find(&snapshot, (const uint8_t[]){1, 1, 0, 1}, &leaders);
    assert_int_equal(leaders.count, 2);
    assert_int_equal(leaders.items[0].indirect_bytes, 2);
    assert_int_equal(leaders.items[1].block, 3);
    leak_leaders_clear(&leaders);
    snapshot_clear(&snapshot);
}

/* A leader is a block that every lost block which reaches it is reached by, the oldest of those;
 * each other lost block belongs to the oldest leader that reaches it. */
static void check(unsigned seed, const struct block_matrix *matrix, uint32_t lost,
                  const struct leak_leaders *leaders)
{
    uint32_t reached[BLOCK_GRAPH_MOST], edges[BLOCK_GRAPH_MOST], taken = 0;
    size_t position = 0;
    for (unsigned i = 0; i < matrix->count; i++)
        edges[i] = lost >> i & 1 ? matrix->edges[i] & lost : 0;
    for (unsigned i = 0; i < matrix->count; i++)
        reached[i] = block_graph_close(edges, matrix->count, 1u << i);
    for (unsigned i = 0; i < matrix->count; i++) {
        uint32_t reaching = 0;
        for (unsigned j = 0; j < matrix->count; j++)
            reaching |= (lost >> j & reached[j] >> i & 1) << j;
        if (!(lost >> i & 1) || (reaching & ~reached[i]) || reaching & ((1u << i) - 1))
            continue;
        if (position == leaders->count || leaders->items[position].block != i)
            fail_msg("seed %u: %u should lead", seed, i);
        const struct leak_leader *leader = &leaders->items[position++];
        uint32_t indirect = reached[i] & ~taken & ~(1u << i);
        assert_int_equal(leader->set_blocks, __builtin_popcount(reaching));
        assert_int_equal(leader->indirect_blocks, __builtin_popcount(indirect));
        assert_int_equal(leader->indirect_bytes, indirect); /* block i has 2^i bytes */
        taken |= reached[i];
    }
    assert_int_equal(position, leaders->count);
    assert_int_equal(taken, lost);
}

static void random_graphs_agree_with_the_definition(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5000; seed++) {
        struct snapshot snapshot;
        struct block_matrix matrix;
        struct leak_leaders leaders;
        uint8_t is_lost[BLOCK_GRAPH_MOST];
        uint32_t lost = 0;
        uint64_t chances = seed;
        uint64_t bits = seed & 1 ? UINT64_MAX : block_graph_random(&chances);
        block_graph_make_random(seed, 1 + seed % 13, 10 + seed % 60, 0, &snapshot);
        block_graph_get_matrix(&snapshot, &matrix);
        for (unsigned i = 0; i < matrix.count; i++) {
            is_lost[i] = bits >> i & 1;
            lost |= (uint32_t)is_lost[i] << i;
        }
        leak_leaders_find(&snapshot, is_lost, &leaders);
        check((unsigned)seed, &matrix, lost, &leaders);
        leak_leaders_clear(&leaders);
        snapshot_clear(&snapshot);
    }
}

/* ---- how cycles close ---- */

static void expect_cycle(const char *graph, char block, size_t capacity, size_t length,
                         const char *expected)
{
    struct snapshot snapshot;
    struct leak_cycle_step steps[BLOCK_GRAPH_MOST];
    block_graph_read(graph, &snapshot);
    assert_int_equal(leak_cycle_find(&snapshot, (uint32_t)(block - 'a'), steps, capacity), length);
    for (size_t i = 0; expected[i]; i++)
        assert_int_equal(steps[i].block, expected[i] - 'a');
    snapshot_clear(&snapshot);
}

static void cycles_are_told_from_their_block_on(void **state)
{
    (void)state;
    expect_cycle("a>b b>c c>a", 'a', 9, 3, "abc");
    expect_cycle("a>b b>c c>a", 'b', 9, 3, "bca");
    expect_cycle("a>b b>c c>d d>a c>a", 'a', 9, 3, "abc");
    expect_cycle("a>b b>c c>b", 'a', 9, 0, "");
    expect_cycle("a>b b>c c>d d>e e>a", 'a', 3, 5, "abe");
    expect_cycle("a>b b>c c>d d>e e>a", 'a', 1, 5, "e");
    expect_cycle("a", 'a', 3, 0, "");
}

/* In these graphs block j is referred to by word j. */
static void steps_tell_their_slot(void **state)
{
    struct snapshot snapshot;
    struct leak_cycle_step steps[2];
    (void)state;
    block_graph_read("a b c>f f?c", &snapshot);
    assert_int_equal(leak_cycle_find(&snapshot, 2, steps, 2), 2);
    assert_int_equal(steps[0].slot, 5);
    assert_int_equal(steps[0].kind, SNAPSHOT_START);
    assert_int_equal(steps[1].block, 5);
    assert_int_equal(steps[1].slot, 2);
    assert_int_equal(steps[1].kind, SNAPSHOT_INTERIOR);
    snapshot_clear(&snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_shapes),
        cmocka_unit_test(what_is_not_lost_does_not_count),
        cmocka_unit_test(random_graphs_agree_with_the_definition),
        cmocka_unit_test(cycles_are_told_from_their_block_on),
        cmocka_unit_test(steps_tell_their_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
