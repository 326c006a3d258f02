/* Ways from each kind of root. Each word of the text that a root refers to is a root of its own;
 * the kinds are given in the order of their blocks. Sites are those of block_graph.h: each block is
 * of its own. */
#include "config.h"

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
#include "graph/graph_kinds.h"

struct example {
    struct snapshot snapshot;
    struct profile profile;
    struct process_graph graph;
};

static void make(const char *text, const uint8_t *kinds, struct example *example)
{
    struct process_graph *graph = &example->graph;
    uint32_t count;

    *example = (struct example){0};
    block_graph_read(text, &example->snapshot);
    count = (uint32_t)example->snapshot.root_count;
    *graph = (struct process_graph){.profile = &example->profile, .snapshot = &example->snapshot};
    graph->names.root_of_slot = memory_allocate_zeroed(count + 1, sizeof(uint32_t));
    graph->names.items = memory_allocate_zeroed(count + 1, sizeof *graph->names.items);
    graph->names.count = count;
    for (uint32_t i = 0; i < count; i++) {
        graph->names.root_of_slot[i] = i;
        graph->names.items[i].kind = kinds[i];
        graph->names.items[i].name = memory_print_text("root %u", i);
    }
    graph->site_of_block = memory_allocate_zeroed(example->snapshot.block_count, sizeof(uint32_t));
    for (uint32_t i = 0; i < example->snapshot.block_count; i++)
        graph->site_of_block[i] = GRAPH_NO_SITE;
    object_graph_build(
        &example->snapshot,
        &(struct object_graph_roots){.root_of_slot = graph->names.root_of_slot, .count = count},
        &graph->graph);
}

/* Kinds as "name blocks:bytes root length". */
static void check(struct example *example, const char *targets, const char *expected)
{
    uint8_t is_target[BLOCK_GRAPH_MOST] = {0};
    struct graph_kinds kinds;
    struct text text = {0};

    for (const char *at = targets; *at; at++)
        is_target[*at - 'a'] = 1;
    graph_kinds_find(&example->graph, is_target, &kinds);
    assert_int_equal(kinds.target_blocks, strlen(targets));
    for (size_t i = 0; i < kinds.count; i++) {
        const struct graph_kind *kind = &kinds.items[i];

        text_print(&text, "%s%s %d:%d %s", i ? ", " : "", kind->name, (int)kind->blocks,
                   (int)kind->bytes, kind->path.elements[0].name);
    }
    assert_string_equal(text_get(&text), expected);
    text_clear(&text);
    graph_kinds_clear(&kinds);
    process_graph_clear(&example->graph);
    snapshot_clear(&example->snapshot);
}

static void each_kind_has_a_way(void **state)
{
    static const uint8_t kinds[] = {SNAPSHOT_ROOT_GLOBAL, SNAPSHOT_ROOT_STACK, SNAPSHOT_ROOT_TLS};
    struct example example;

    (void)state;
    /* The stack holds the middle of what the variable holds, the thread's variable its end. */
    make("R>a a>b b>c c>d R>b R>d", kinds, &example);
    check(&example, "abcd", "global 4:15 root 0, stack 3:14 root 1, tls 1:8 root 2");
}

static void of_one_kind_the_way_of_most(void **state)
{
    static const uint8_t kinds[] = {SNAPSHOT_ROOT_REGISTER, SNAPSHOT_ROOT_REGISTER,
                                    SNAPSHOT_ROOT_MAPPING};
    struct example example;

    (void)state;
    make("R>a R>b b>c b>d R>e e>a", kinds, &example);
    check(&example, "acd", "register 3:13 root 1, mapping 1:1 root 2");
}

static void what_is_lost_is_of_a_kind(void **state)
{
    static const uint8_t kinds[] = {SNAPSHOT_ROOT_REGION};
    struct example example;

    (void)state;
    /* What is lost keeps nothing that is not. */
    make("R>a b>c b>a", kinds, &example);
    check(&example, "abc", "lost 2:6 lost, region 1:1 root 0");
}

static void nothing_reaches_what_is_held_by_another(void **state)
{
    static const uint8_t kinds[] = {SNAPSHOT_ROOT_GLOBAL, SNAPSHOT_ROOT_STACK};
    struct example example;

    (void)state;
    make("R>a R>b", kinds, &example);
    check(&example, "a", "global 1:1 root 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_a_way),
        cmocka_unit_test(of_one_kind_the_way_of_most),
        cmocka_unit_test(what_is_lost_is_of_a_kind),
        cmocka_unit_test(nothing_reaches_what_is_held_by_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
