/* Two snapshots of one process, whose differences are known. Block 'a' has 1 byte, 'b' 2, 'c' 4 and
 * so on; a block of the other snapshot is that of the base unless it was born later. */
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
#include "graph/graph_diff.h"

struct side {
    struct snapshot snapshot;
    struct process_graph graph;
};

static const struct profile no_sites;

/* One root, whose name is "table". Blocks in `reborn` are others at the same address. */
static void make(const char *text, const char *reborn, struct side *side)
{
    block_graph_read(text, &side->snapshot);
    for (const char *at = reborn; *at; at++)
        side->snapshot.blocks[*at - 'a'].birth_ns += 1000;
    side->graph = (struct process_graph){.profile = &no_sites, .snapshot = &side->snapshot};
    side->graph.names.items = memory_allocate_zeroed(1, sizeof *side->graph.names.items);
    side->graph.names.items[0].name = memory_duplicate_text("table");
    side->graph.names.count = 1;
    side->graph.names.root_of_slot = memory_allocate_zeroed(side->snapshot.root_count,
                                                            sizeof(uint32_t));
    object_graph_build(
        &side->snapshot,
        &(struct object_graph_roots){.root_of_slot = side->graph.names.root_of_slot, .count = 1},
        &side->graph.graph);
    side->graph.site_of_block = memory_allocate_zeroed(side->snapshot.block_count,
                                                       sizeof(uint32_t));
    for (size_t i = 0; i < side->snapshot.block_count; i++)
        side->graph.site_of_block[i] = GRAPH_NO_SITE;
}

static void clear(struct side *side)
{
    process_graph_clear(&side->graph);
    snapshot_clear(&side->snapshot);
}

static void expect_sum(struct graph_diff_sum sum, uint64_t blocks, uint64_t bytes)
{
    assert_int_equal(sum.blocks, blocks);
    assert_int_equal(sum.bytes, bytes);
}

/* A table `a` of entries: b stays, c was freed and another is there, d and e are added below c; f
 * was held and is lost now. */
static void test_one_process(void **state)
{
    struct side base, other;
    struct graph_diff diff;
    const struct graph_diff_row *table, *lost;

    (void)state;
    make("R>a a>b a>c a>f d e", "de", &base);
    make("R>a a>b a>c c>d c>e f", "c", &other);
    graph_diff_run(&base.graph, &other.graph, true, &diff);
    expect_sum(diff.total.held[DIFF_BASE], 6, 63);
    expect_sum(diff.total.held[DIFF_OTHER], 6, 63);
    expect_sum(diff.total.added, 3, 4 + 8 + 16);
    expect_sum(diff.total.freed, 3, 4 + 8 + 16);
    expect_sum(diff.total.survived, 3, 1 + 2 + 32);
    assert_int_equal(diff.root_count, 2);
    table = &diff.roots[diff.roots[0].root == 1 ? 0 : 1];
    lost = &diff.roots[diff.roots[0].root == 1 ? 1 : 0];
    expect_sum(table->held[DIFF_BASE], 4, 1 + 2 + 4 + 32);
    expect_sum(table->held[DIFF_OTHER], 5, 31);
    expect_sum(table->added, 3, 28);
    expect_sum(table->freed, 1, 4);
    expect_sum(table->survived, 2, 3);
    assert_int_equal(table->gathering, object_graph_node(&other.graph.graph, 2));
    expect_sum(lost->held[DIFF_BASE], 2, 24);
    expect_sum(lost->held[DIFF_OTHER], 1, 32);
    expect_sum(lost->freed, 2, 24);
    expect_sum(lost->survived, 1, 32);
    assert_int_equal(lost->gathering, OBJECT_GRAPH_NONE);
    graph_diff_clear(&diff);
    clear(&base);
    clear(&other);
}

/* Of two processes only the sums are compared. */
static void test_two_processes(void **state)
{
    struct side base, other;
    struct graph_diff diff;

    (void)state;
    make("R>a a>b", "", &base);
    make("R>a a>b b>c", "", &other);
    graph_diff_run(&base.graph, &other.graph, false, &diff);
    assert_false(diff.are_blocks_known);
    assert_int_equal(diff.root_count, 1);
    expect_sum(diff.roots[0].held[DIFF_BASE], 2, 3);
    expect_sum(diff.roots[0].held[DIFF_OTHER], 3, 7);
    assert_int_equal(diff.roots[0].gathering, OBJECT_GRAPH_NONE);
    assert_int_equal(diff.site_count, 1);
    graph_diff_clear(&diff);
    clear(&base);
    clear(&other);
}

/* Blocks by letter: the type that each has, '.' = none. Names are those of `groups`. */
static void set_types(struct side *side, const char *types, const char *const *groups, size_t count)
{
    struct type_names *names = memory_allocate_zeroed(1, sizeof *names);

    names->groups = memory_allocate_zeroed(count, sizeof *names->groups);
    names->group_count = count;
    for (size_t i = 0; i < count; i++)
        names->groups[i].name = memory_duplicate_text(groups[i]);
    names->group_of_block = memory_allocate_zeroed(strlen(types), sizeof(uint32_t));
    for (size_t i = 0; types[i]; i++)
        names->group_of_block[i] = types[i] == '.' ? TYPE_NO_GROUP : (uint32_t)(types[i] - '0');
    side->graph.types = names;
}

static void clear_types(struct side *side)
{
    for (size_t i = 0; i < side->graph.types->group_count; i++)
        free(side->graph.types->groups[i].name);
    free(side->graph.types->groups);
    free(side->graph.types->group_of_block);
    free(side->graph.types);
    side->graph.types = NULL;
}

/* By types, whose numbers differ: `entry` a and b were there, b is freed, c and d are added; `name`
 * e went; f has no type. */
static void test_types(void **state)
{
    static const char *const of_base[] = {"name", "entry"}, *const of_other[] = {"entry"};
    struct side base, other;
    struct graph_diff diff;

    (void)state;
    make("R>a a>b a>c a>d a>e a>f", "", &base);
    make("R>a a>b a>c a>d a>e a>f", "bcd", &other);
    graph_diff_run(&base.graph, &other.graph, true, &diff);
    assert_int_equal(diff.type_count, 0);
    graph_diff_clear(&diff);
    set_types(&base, "11..0.", of_base, 2);
    set_types(&other, "0.00..", of_other, 1);
    graph_diff_run(&base.graph, &other.graph, true, &diff);
    assert_int_equal(diff.type_count, 3);
    /* Unknown: 4 + 8 + 32 before, 2 + 16 + 32 now. Ordered by change: 16, 10, 6. */
    assert_int_equal(diff.types[0].side, DIFF_BASE);
    assert_int_equal(diff.types[0].group, 0);
    expect_sum(diff.types[0].held[DIFF_BASE], 1, 16);
    expect_sum(diff.types[0].held[DIFF_OTHER], 0, 0);
    expect_sum(diff.types[0].freed, 0, 0); /* the block survives, without a type */
    assert_int_equal(diff.types[1].side, DIFF_OTHER);
    assert_int_equal(diff.types[1].group, 0);
    expect_sum(diff.types[1].held[DIFF_BASE], 2, 1 + 2);
    expect_sum(diff.types[1].held[DIFF_OTHER], 3, 1 + 4 + 8);
    expect_sum(diff.types[1].added, 2, 4 + 8);
    expect_sum(diff.types[1].freed, 1, 2);
    expect_sum(diff.types[1].survived, 1, 1);
    assert_int_equal(diff.types[2].group, TYPE_NO_GROUP);
    expect_sum(diff.types[2].held[DIFF_BASE], 3, 4 + 8 + 32);
    expect_sum(diff.types[2].held[DIFF_OTHER], 3, 2 + 16 + 32);
    expect_sum(diff.types[2].survived, 2, 16 + 32);
    graph_diff_clear(&diff);
    clear_types(&base);
    clear_types(&other);
    clear(&base);
    clear(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_process),
        cmocka_unit_test(test_two_processes),
        cmocka_unit_test(test_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
