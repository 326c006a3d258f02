/* Links of blocks in graphs that are known. A link is written as the other end, R for a root and L
 * for "lost", with its word (block_graph.c: the letter that it refers to), "?" when it is interior
 * and "-" when it keeps nothing alive. */
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
#include "graph/graph_links.h"

struct example {
    struct snapshot snapshot;
    struct process_graph graph;
    struct graph_links links;
};

static void finish(struct example *example)
{
    example->graph = (struct process_graph){.snapshot = &example->snapshot};
    example->graph.names.root_of_slot = memory_allocate_zeroed(example->snapshot.root_count + 1,
                                                               sizeof(uint32_t));
    object_graph_build(
        &example->snapshot,
        &(struct object_graph_roots){.root_of_slot = example->graph.names.root_of_slot, .count = 1},
        &example->graph.graph);
}

static void make(const char *text, struct example *example)
{
    *example = (struct example){0};
    block_graph_read(text, &example->snapshot);
    finish(example);
}

static void look(struct example *example, uint32_t block)
{
    graph_links_clear(&example->links);
    graph_links_find(&example->graph, object_graph_node(&example->graph.graph, block - 'a'),
                     &example->links);
}

static void clear(struct example *example)
{
    graph_links_clear(&example->links);
    process_graph_clear(&example->graph);
    snapshot_clear(&example->snapshot);
}

static void check(const struct example *example, const struct graph_link *links, size_t count,
                  const char *expected)
{
    const struct object_graph *objects = &example->graph.graph;
    struct text text = {0};

    for (size_t i = 0; i < count; i++) {
        text_print(&text, "%s%c", i ? " " : "",
                   object_graph_is_block(objects, links[i].node)
                       ? (char)('a' + object_graph_block(objects, links[i].node))
                   : links[i].node == object_graph_lost(objects) ? 'L'
                                                                 : 'R');
        if (links[i].offset != GRAPH_LINK_NO_OFFSET)
            text_print(&text, "%" PRIu64, links[i].offset / 8);
        text_print(&text, "%s%s", links[i].is_interior ? "?" : "", links[i].is_keeping ? "" : "-");
    }
    assert_string_equal(text_get(&text), expected);
    text_clear(&text);
}

static void refers_and_is_referred_to(void **state)
{
    struct example example;

    (void)state;
    make("R>a a>b a>c b>c c>b", &example);
    look(&example, 'c');
    check(&example, example.links.retainers, example.links.retainer_count, "a2 b2");
    check(&example, example.links.referents, example.links.referent_count, "b1");
    check(&example, example.links.way, example.links.way_count, "R a c2");
    look(&example, 'a');
    check(&example, example.links.retainers, example.links.retainer_count, "R");
    check(&example, example.links.referents, example.links.referent_count, "b1 c2");
    clear(&example);
}

/* b's start is referred to by a: c's pointer into it does not count. Of d there is no other. */
static void tells_what_keeps(void **state)
{
    struct example example;

    (void)state;
    make("R>a R>c a>b c?b c?d", &example);
    look(&example, 'b');
    check(&example, example.links.retainers, example.links.retainer_count, "a1 c1?-");
    look(&example, 'd');
    check(&example, example.links.retainers, example.links.retainer_count, "c3?");
    check(&example, example.links.way, example.links.way_count, "R c d3?");
    clear(&example);
}

static void what_is_lost_hangs_from_its_leader(void **state)
{
    struct example example;

    (void)state;
    make("R>a b>c", &example);
    look(&example, 'c');
    check(&example, example.links.way, example.links.way_count, "L b c2");
    check(&example, example.links.retainers, example.links.retainer_count, "b2");
    look(&example, 'b');
    check(&example, example.links.retainers, example.links.retainer_count, "");
    graph_links_clear(&example.links);
    graph_links_find(&example.graph, object_graph_lost(&example.graph.graph), &example.links);
    check(&example, example.links.referents, example.links.referent_count, "b");
    assert_int_equal(example.links.way_count, 0);
    clear(&example);
}

static void tells_slots_apart(void **state)
{
    struct example example;
    struct text text = {0};

    (void)state;
    make("R>a a>b", &example);
    example.snapshot.roots[0].kind = SNAPSHOT_ROOT_STACK;
    example.snapshot.roots[0].address = 0x7000;
    look(&example, 'a');
    graph_link_add_slot(&example.graph, &example.links.retainers[0], &text);
    text_add(&text, " ");
    graph_link_add_slot(&example.graph, &example.links.referents[0], &text);
    assert_string_equal(text_get(&text), "0x7000 +8");
    text_clear(&text);
    clear(&example);
}

/* A list of 40: root and 40 blocks are 41 steps, of which 16 are told. */
static void long_ways_lose_their_middle(void **state)
{
    struct example example = {.links = {0}};

    (void)state;
    snapshot_init(&example.snapshot);
    for (uint32_t i = 0; i < 40; i++)
        snapshot_add_block(&example.snapshot,
                           &(struct snapshot_block){.address = 4096 * (i + 1), .bytes = 64});
    for (uint32_t i = 0; i + 1 < 40; i++)
        snapshot_add_reference(&example.snapshot, i, i + 1, 2, SNAPSHOT_START);
    snapshot_end_references(&example.snapshot);
    snapshot_add_root(&example.snapshot, &(struct snapshot_root){.block = 0});
    finish(&example);
    look(&example, 'a' + 39);
    assert_int_equal(example.links.way_count, GRAPH_LINKS_WAY);
    for (uint32_t i = 0; i < GRAPH_LINKS_WAY; i++) {
        assert_int_equal(example.links.way[i].omitted, i == 8 ? 25 : 0);
        assert_int_equal(example.links.way[i].offset, i < 2 ? GRAPH_LINK_NO_OFFSET : 16);
    }
    assert_int_equal(example.links.way[8].node, object_graph_node(&example.graph.graph, 32));
    clear(&example);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refers_and_is_referred_to),
        cmocka_unit_test(tells_what_keeps),
        cmocka_unit_test(what_is_lost_hangs_from_its_leader),
        cmocka_unit_test(tells_slots_apart),
        cmocka_unit_test(long_ways_lose_their_middle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
