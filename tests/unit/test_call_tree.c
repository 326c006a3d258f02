#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/call_tree.h"
#include "base/text.h"
#include "profile_builder.h"

static struct profile *profile;

static int build(void **state)
{
    (void)state;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                             "main@m.c:1;load@l.c:2;~copy@c.h:3;strdup!libc", 1, 600, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@m.c:9;load@l.c:4", 1, 300, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@m.c:5;tiny@t.c:1", 1, 10, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@m.c:5;walk@w.c:1;walk@w.c:2", 1, 90,
                             0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@m.c:5;gone@g.c:1", 7, 70, 7, 70);
    profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    profile_destroy(profile);
    return 0;
}

/* "main 1000/0 [load:0 900/300 [...]]": function, :line, inclusive/self bytes, pruned, children. */
static void print_node(const struct call_tree *tree, uint32_t position, struct text *text)
{
    const struct call_tree_node *node = &tree->nodes[position];
    const char *function = position ? profile->locations[node->location].function : "root";
    text_print(text, "%s%s:%u %d/%d", node->is_inlined ? "~" : "", function, (unsigned)node->line,
               (int)node->figures.values[QUERY_LIVE_BYTES],
               (int)node->self.values[QUERY_LIVE_BYTES]);
    if (node->pruned_count)
        text_print(text, " -%u:%d", (unsigned)node->pruned_count,
                   (int)node->pruned.values[QUERY_LIVE_BYTES]);
    if (!node->child_count)
        return;
    uint32_t children = 0;
    text_add(text, " [");
    for (uint32_t at = node->first_child; at != CALL_TREE_NONE; at = tree->nodes[at].next_sibling) {
        text_add(text, children++ ? ", " : "");
        assert_int_equal(tree->nodes[at].parent, position);
        assert_int_equal(tree->nodes[at].depth, node->depth + 1);
        assert_true(at > position);
        print_node(tree, at, text);
    }
    text_add(text, "]");
    assert_int_equal(children, node->child_count);
}

static void expect_tree(struct call_tree_options options, const char *expected)
{
    struct call_tree tree;
    struct error error = {""};
    struct text text = {0};
    if (!call_tree_build(profile, &options, &tree, &error))
        fail_msg("%s", error.message);
    print_node(&tree, 0, &text);
    assert_string_equal(text_get(&text), expected);
    text_clear(&text);
    call_tree_clear(&tree);
}

static void callers_first(void **state)
{
    (void)state;
    expect_tree(
        (struct call_tree_options){.direction = CALL_TREE_TOP_DOWN},
        "root:0 1000/0 [main:0 1000/0 -1:0 [load:0 900/300 [~copy:3 600/0 [strdup:0 600/600]]"
        ", walk:1 90/0 [walk:2 90/90], tiny:1 10/10]]");
}

static void allocators_first(void **state)
{
    (void)state;
    expect_tree((struct call_tree_options){.direction = CALL_TREE_BOTTOM_UP},
                "root:0 1000/0 -1:0 [strdup:0 600/0 [~copy:3 600/0 [load:2 600/0 [main:1 600/600]]]"
                ", load:4 300/0 [main:9 300/300], walk:2 90/0 [walk:1 90/0 [main:5 90/90]]"
                ", tiny:1 10/0 [main:5 10/10]]");
    expect_tree((struct call_tree_options){.direction = CALL_TREE_BOTTOM_UP,
                                           .is_own_code_first = true,
                                           .min_share = 0.5},
                "root:0 1000/0 -4:400 [~copy:3 600/0 [load:2 600/0 [main:1 600/600]]]");
}

static void small_parts_are_pruned(void **state)
{
    (void)state;
    expect_tree((struct call_tree_options){.direction = CALL_TREE_TOP_DOWN, .min_share = 0.2},
                "root:0 1000/0 [main:0 1000/0 -3:100 [load:0 900/300 [~copy:3 600/0 "
                "[strdup:0 600/600]]]]");
    expect_tree((struct call_tree_options){.direction = CALL_TREE_TOP_DOWN, .max_depth = 2},
                "root:0 1000/0 [main:0 1000/0 -1:0 [load:0 900/300 -1:600, walk:1 90/0 -1:90, "
                "tiny:1 10/10]]");
}

/* With a tree that only has what is large, and the node of it that has `function`. */
static void expect_detailed(struct call_tree_options options, const char *function,
                            const char *expected)
{
    struct call_tree coarse;
    struct error error = {""};
    struct call_tree_options all = options;
    all.min_share = 0;
    if (!call_tree_build(profile, &all, &coarse, &error))
        fail_msg("%s", error.message);
    options.detailed_tree = &coarse;
    for (uint32_t i = 1; i < coarse.node_count && !options.detailed; i++)
        if (strcmp(profile->locations[coarse.nodes[i].location].function, function) == 0)
            options.detailed = i;
    assert_int_not_equal(options.detailed, 0);
    expect_tree(options, expected);
    call_tree_clear(&coarse);
}

/* walk has 9 % of all, tiny 1 %: what is pruned elsewhere stays on the way to them and below. */
static void one_part_in_detail(void **state)
{
    (void)state;
    const struct call_tree_options down = {.direction = CALL_TREE_TOP_DOWN, .min_share = 0.5};
    expect_detailed(down, "walk",
                    "root:0 1000/0 [main:0 1000/0 -2:10 [load:0 900/300 [~copy:3 600/0 "
                    "[strdup:0 600/600]], walk:1 90/0 [walk:2 90/90]]]");
    expect_detailed(down, "tiny",
                    "root:0 1000/0 [main:0 1000/0 -2:90 [load:0 900/300 [~copy:3 600/0 "
                    "[strdup:0 600/600]], tiny:1 10/10]]");
    expect_detailed(down, "main",
                    "root:0 1000/0 [main:0 1000/0 -3:100 [load:0 900/300 [~copy:3 600/0 "
                    "[strdup:0 600/600]]]]");
    expect_detailed((struct call_tree_options){.direction = CALL_TREE_BOTTOM_UP, .min_share = 0.5},
                    "tiny",
                    "root:0 1000/0 -3:390 [strdup:0 600/0 [~copy:3 600/0 [load:2 600/0 "
                    "[main:1 600/600]]], tiny:1 10/0 [main:5 10/10]]");
    expect_detailed((struct call_tree_options){.direction = CALL_TREE_TOP_DOWN, .min_share = 0.05},
                    "load",
                    "root:0 1000/0 [main:0 1000/0 -2:10 [load:0 900/300 [~copy:3 600/0 "
                    "[strdup:0 600/600]], walk:1 90/0 [walk:2 90/90]]]");
}

static void filters_and_metrics(void **state)
{
    (void)state;
    expect_tree((struct call_tree_options){.direction = CALL_TREE_TOP_DOWN,
                                           .metric = QUERY_FREES,
                                           .filter = {.exclude_function = "load"}},
                "root:0 100/0 [main:5 100/0 -2:100 [gone:1 0/0]]");
    struct call_tree_options broken = {.filter = {.include_function = "["}};
    struct call_tree tree;
    struct error error;
    assert_false(call_tree_build(profile, &broken, &tree, &error));
    broken = (struct call_tree_options){.process = 3};
    assert_false(call_tree_build(profile, &broken, &tree, &error));
}

static bool stop(void *context, double share)
{
    (void)share;
    ++*(unsigned *)context;
    return false;
}

static void is_stopped(void **state)
{
    unsigned asked = 0;
    const struct progress progress = {stop, &asked};
    const struct call_tree_options options = {.process = QUERY_ALL_PROCESSES,
                                              .progress = &progress};
    struct call_tree tree;
    struct error error;
    (void)state;
    assert_false(call_tree_build(profile, &options, &tree, &error));
    assert_string_equal(error.message, "stopped");
    assert_int_equal(asked, 1);
    assert_int_equal(tree.node_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callers_first),          cmocka_unit_test(allocators_first),
        cmocka_unit_test(small_parts_are_pruned), cmocka_unit_test(one_part_in_detail),
        cmocka_unit_test(filters_and_metrics),    cmocka_unit_test(is_stopped),
    };
    return cmocka_run_group_tests(tests, build, forget);
}
