/* Suspects: nodes that retain much, and groups of blocks that do together. Block 'a' has 1 byte,
 * 'b' 2, and so on (block_graph.h). */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "block_graph.h"
#include "graph/graph_suspects.h"

struct example {
    struct snapshot snapshot;
    struct profile profile;
    struct process_graph graph;
};

/* `sites`: a digit a block; '-' = none. Each root is one of its own. */
static void make(const char *text, const char *sites, struct example *example)
{
    struct process_graph *graph = &example->graph;
    uint32_t count;

    *example = (struct example){0};
    block_graph_read(text, &example->snapshot);
    count = (uint32_t)example->snapshot.root_count;
    *graph = (struct process_graph){.profile = &example->profile, .snapshot = &example->snapshot};
    graph->names.root_of_slot = memory_allocate_zeroed(count + 1, sizeof(uint32_t));
    for (uint32_t i = 0; i < count; i++)
        graph->names.root_of_slot[i] = i;
    graph->site_of_block = memory_allocate_zeroed(example->snapshot.block_count, sizeof(uint32_t));
    for (uint32_t i = 0; i < example->snapshot.block_count; i++)
        graph->site_of_block[i] = sites[i] == '-' ? GRAPH_NO_SITE : (uint32_t)(sites[i] - '0');
    object_graph_build(
        &example->snapshot,
        &(struct object_graph_roots){.root_of_slot = graph->names.root_of_slot, .count = count},
        &graph->graph);
}

/* As "group x node>gathering bytes:blocks"; roots are digits. */
static void check(struct example *example, double share, const char *expected)
{
    const struct object_graph *objects = &example->graph.graph;
    struct text text = {0};
    size_t count;
    struct graph_suspect *suspects = process_graph_suspects(&example->graph, share, &count);

    for (size_t i = 0; i < count; i++) {
        uint32_t ends[] = {suspects[i].node, suspects[i].gathering};
        char names[2];

        for (int end = 0; end < 2; end++)
            names[end] = object_graph_is_block(objects, ends[end])
                             ? (char)('a' + object_graph_block(objects, ends[end]))
                             : (char)('0' + ends[end] - 1);
        text_print(&text, "%s%d x %c>%c %d:%d", i ? ", " : "", (int)suspects[i].group, names[0],
                   names[1], (int)suspects[i].retained_bytes, (int)suspects[i].retained_blocks);
    }
    assert_string_equal(text_get(&text), expected);
    text_clear(&text);
    free(suspects);
    process_graph_clear(&example->graph);
    snapshot_clear(&example->snapshot);
}

static void it_gathers_below(void **state)
{
    struct example example;

    (void)state;
    /* d has 8 of 15 bytes of the root's, c 4 of those 12: less than 0.7 of them. */
    make("R>a a>d d>c a>b", "----", &example);
    check(&example, 0.2, "0 x 0>d 15:4");
}

static void several_hold_many(void **state)
{
    struct example example;

    (void)state;
    make("R>a R>b a>c b>c a>d b>d a>e b>e", "--111", &example);
    check(&example, 0.6, "3 x e>e 28:3");
}

static void what_is_large_alone_is_of_no_group(void **state)
{
    struct example example;

    (void)state;
    make("R>a R>b a>c b>c a>d b>d a>e b>e", "--111", &example);
    check(&example, 0.3, "0 x e>e 16:1, 2 x d>d 12:2");
}

static void others_are_no_group(void **state)
{
    struct example example;

    (void)state;
    make("R>a R>b a>c b>c a>d b>d a>e b>e", "--123", &example);
    check(&example, 0.6, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gathers_below),
        cmocka_unit_test(several_hold_many),
        cmocka_unit_test(what_is_large_alone_is_of_no_group),
        cmocka_unit_test(others_are_no_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
