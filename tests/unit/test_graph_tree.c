/* Folded trees of graphs whose figures are known. Block 'a' has 1 byte, 'b' 2, 'c' 4 and so on; a
 * tree is written as "name:blocks:bytes(retained)" with its children in brackets, where a name is R
 * (a root), L (lost), S (several roots) or the class of blocks. */
#include "config.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "block_graph.h"
#include "graph/graph_tree.h"
#include "graph/graph_ways.h"

struct example {
    struct snapshot snapshot;
    struct process_graph graph;
};

/* Class of block 'a' is classes[0], of 'b' classes[1] ...; slots alternate between the roots. */
static void make(const char *text, const char *classes, uint32_t root_count,
                 struct example *example)
{
    uint32_t *root_of_slot;

    block_graph_read(text, &example->snapshot);
    root_of_slot = memory_allocate_zeroed(example->snapshot.root_count, sizeof *root_of_slot);
    for (size_t i = 0; i < example->snapshot.root_count; i++)
        root_of_slot[i] = (uint32_t)(i % root_count);
    example->graph = (struct process_graph){.snapshot = &example->snapshot};
    object_graph_build(
        &example->snapshot,
        &(struct object_graph_roots){.root_of_slot = root_of_slot, .count = root_count},
        &example->graph.graph);
    example->graph.site_of_block = memory_allocate_zeroed(example->snapshot.block_count,
                                                          sizeof(uint32_t));
    assert_int_equal(strlen(classes), example->snapshot.block_count);
    for (size_t i = 0; i < example->snapshot.block_count; i++)
        example->graph.site_of_block[i] = (uint32_t)classes[i];
    free(root_of_slot);
}

static void clear(struct example *example)
{
    process_graph_clear(&example->graph);
    snapshot_clear(&example->snapshot);
}

static char name_of(const struct example *example, const struct graph_tree_node *node)
{
    switch (node->kind) {
    case GRAPH_TREE_ROOT:
        return node->root == object_graph_lost(&example->graph.graph) ? 'L' : 'R';
    case GRAPH_TREE_SHARED:
        return 'S';
    case GRAPH_TREE_BLOCKS:
        return (char)node->class_id;
    case GRAPH_TREE_OMITTED:
        return '.';
    case GRAPH_TREE_WHOLE:
        break;
    }
    return '*';
}

static void print(const struct example *example, const struct graph_tree *tree, uint32_t at,
                  struct text *out)
{
    const struct graph_tree_node *node = &tree->nodes[at];

    text_print(out, "%c:%" PRIu64 ":%" PRIu64 "(%" PRIu64 ")", name_of(example, node), node->blocks,
               node->bytes, node->retained_bytes);
    if (node->first_child == GRAPH_TREE_NONE)
        return;
    text_add(out, "[");
    for (uint32_t i = node->first_child; i != GRAPH_TREE_NONE; i = tree->nodes[i].next_sibling) {
        print(example, tree, i, out);
        if (tree->nodes[i].next_sibling != GRAPH_TREE_NONE)
            text_add(out, " ");
    }
    text_add(out, "]");
}

static void expect(const char *text, const char *classes, uint32_t root_count, const char *wanted)
{
    struct example example;
    struct graph_tree tree;
    struct text out = {0};

    make(text, classes, root_count, &example);
    graph_tree_build(&example.graph, &tree);
    for (uint32_t i = tree.nodes[0].first_child; i != GRAPH_TREE_NONE;
         i = tree.nodes[i].next_sibling) {
        print(&example, &tree, i, &out);
        if (tree.nodes[i].next_sibling != GRAPH_TREE_NONE)
            text_add(&out, " ");
    }
    assert_string_equal(text_get(&out), wanted);
    text_clear(&out);
    graph_tree_clear(&tree);
    clear(&example);
}

static void test_downwards(void **state)
{
    (void)state;
    /* A list with values. */
    expect("R>a a>b b>c a>d b>e c>f", "NNNVVV", 1, "R:0:0(63)[N:3:7(63)[V:3:56(56)]]");
    /* A tree is one node, its leaves too. */
    expect("R>a a>b a>c b>d c>e", "TNNVV", 1, "R:0:0(31)[T:1:1(31)[N:2:6(30)[V:2:24(24)]]]");
    /* A hash table: an array, entries in chains, keys and values. */
    expect("R>a a>b a>c b>d b>e c>f d>g", "AEEEKKV", 1,
           "R:0:0(127)[A:1:1(127)[E:3:14(126)[V:1:64(64) K:2:48(48)]]]");
    /* What two entries share is the table's. */
    expect("R>a a>b a>c b>d c>d", "AEES", 1, "R:0:0(15)[A:1:1(15)[S:1:8(8) E:2:6(6)]]");
    /* What two roots share is nobody's. */
    expect("R>a R>b a>c b>c", "XYZ", 2, "S:0:0(4)[Z:1:4(4)] R:0:0(2)[Y:1:2(2)] R:0:0(1)[X:1:1(1)]");
    /* Cycles, held and lost. */
    expect("R>a a>b b>a c>d d>c d>e", "NNCCD", 1,
           "L:0:0(28)[C:2:12(28)[D:1:16(16)]] R:0:0(3)[N:2:3(3)]");
    /* Classes that alternate stay apart. */
    expect("R>a a>b b>c c>d", "XYXY", 1, "R:0:0(15)[X:1:1(15)[Y:1:2(14)[X:1:4(12)[Y:1:8(8)]]]]");
}

static void expect_upwards(const char *text, const char *classes, char target, const char *wanted)
{
    struct example example;
    struct graph_tree tree;
    struct text out = {0};
    uint8_t is_target[BLOCK_GRAPH_MOST] = {0};
    struct graph_way *ways;
    size_t count;

    make(text, classes, 1, &example);
    for (size_t i = 0; i < example.snapshot.block_count; i++)
        is_target[i] = classes[i] == target;
    ways = process_graph_ways(&example.graph, is_target, &count);
    graph_tree_build_upwards(ways, count, &tree);
    print(&example, &tree, 0, &out);
    assert_string_equal(text_get(&out), wanted);
    text_clear(&out);
    graph_tree_clear(&tree);
    free(ways);
    clear(&example);
}

static void test_upwards(void **state)
{
    (void)state;
    /* Values of a list: held by nodes, these by the root. */
    expect_upwards("R>a a>b b>c a>d b>e c>f", "NNNVVV", 'V',
                   "*:3:56(56)[V:3:56(56)[N:3:56(56)[R:3:56(56)]]]");
    /* Of two owners: one node each, the one that holds more first. */
    expect_upwards("R>a R>b a>c b>d b>e", "XYVVV", 'V',
                   "*:3:28(28)[V:3:28(28)[Y:2:24(24)[R:2:24(24)] X:1:4(4)[R:1:4(4)]]]");
    /* Lost ones hang from what is lost. */
    expect_upwards("R>a b>c", "XVV", 'V', "*:2:6(6)[V:2:6(6)[L:2:6(6)]]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_downwards),
        cmocka_unit_test(test_upwards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
