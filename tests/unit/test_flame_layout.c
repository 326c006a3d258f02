/* The cells of a flame graph, and what a search in a call tree tells. The profile's stacks hold
 * 400, 200, 100, 60 and, in 40 functions, 1 byte each, below main: 800 altogether. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/call_tree_search.h"
#include "analysis/flame_layout.h"
#include "base/text.h"
#include "profile_builder.h"

static struct profile *profile;

static void add(struct profile_builder *builder, const char *stack, uint64_t bytes)
{
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, stack, 1, bytes, 0, 0);
}

static int build(void **state)
{
    (void)state;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    add(builder, "main@m.c:1;load@l.c:2;~copy@c.h:3;strdup!libc", 400);
    add(builder, "main@m.c:9;load@l.c:4", 200);
    add(builder, "main@m.c:5;walk@w.c:1;walk@w.c:2", 100);
    add(builder, "main@m.c:5", 60);
    for (int i = 0; i < 40; i++) {
        char stack[64];
        snprintf(stack, sizeof stack, "main@m.c:7;small_%02d@s.c:1", i);
        add(builder, stack, 1);
    }
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

static void make_tree(struct call_tree *tree, enum call_tree_direction direction, double min_share)
{
    struct call_tree_options options = {.direction = direction,
                                        .metric = QUERY_LIVE_BYTES,
                                        .process = QUERY_ALL_PROCESSES,
                                        .min_share = min_share};
    struct error error = {""};
    if (!call_tree_build(profile, &options, tree, &error))
        fail_msg("%s", error.message);
}

static const char *name_of(const struct call_tree *tree, uint32_t node)
{
    return node ? profile->locations[tree->nodes[node].location].function : "all";
}

static uint32_t find_node(const struct call_tree *tree, const char *name)
{
    for (uint32_t i = 0; i < tree->node_count; i++)
        if (strcmp(name_of(tree, i), name) == 0)
            return i;
    fail_msg("there is no node %s", name);
    return 0;
}

/* A line a row: "column+columns name=value", or "+N" for N that are gathered. */
static void expect_cells(double min_share, const char *zoomed, uint32_t columns,
                         const char *expected)
{
    struct call_tree tree = {0};
    struct flame_layout layout = {0};
    struct text text = {0};
    make_tree(&tree, CALL_TREE_TOP_DOWN, min_share);
    flame_layout_build(&layout, &tree, QUERY_LIVE_BYTES, find_node(&tree, zoomed), columns);
    for (size_t row = 0; row < layout.row_count; row++) {
        for (size_t i = layout.rows[row]; i < layout.rows[row + 1]; i++) {
            const struct flame_cell *cell = &layout.cells[i];
            assert_int_equal(cell->row, row);
            text_print(&text, "%s%u+%u ", i == layout.rows[row] ? "" : ", ", cell->column,
                       cell->columns);
            if (cell->gathered)
                text_print(&text, "+%u=%d", cell->gathered, (int)cell->value);
            else
                text_print(&text, "%s=%d", name_of(&tree, cell->node), (int)cell->value);
        }
        text_add(&text, "\n");
    }
    assert_string_equal(text_get(&text), expected);
    text_clear(&text);
    flame_layout_clear(&layout);
    call_tree_clear(&tree);
}

static void lays_cells_by_their_share(void **state)
{
    (void)state;
    expect_cells(0, "all", 80,
                 "0+80 all=800\n"
                 "0+80 main=800\n"
                 "0+60 load=600, 60+10 walk=100, 70+4 +40=40\n"
                 "0+40 copy=400, 60+10 walk=100\n"
                 "0+40 strdup=400\n");
}

/* What the tree has left out is gathered too; 8.75 columns end in the ninth, 9.25 do not reach the
 * tenth. */
static void gathers_what_is_narrow(void **state)
{
    (void)state;
    expect_cells(0.01, "all", 10,
                 "0+10 all=800\n"
                 "0+10 main=800\n"
                 "0+8 load=600, 8+1 walk=100\n"
                 "0+5 copy=400, 8+1 walk=100\n"
                 "0+5 strdup=400\n");
    expect_cells(0.01, "all", 20,
                 "0+20 all=800\n"
                 "0+20 main=800\n"
                 "0+15 load=600, 15+3 walk=100, 18+1 +40=40\n"
                 "0+10 copy=400, 15+3 walk=100\n"
                 "0+10 strdup=400\n");
}

static void zooms(void **state)
{
    (void)state;
    expect_cells(0, "load", 30,
                 "0+30 load=600\n"
                 "0+20 copy=400\n"
                 "0+20 strdup=400\n");
    expect_cells(0, "strdup", 1, "0+1 strdup=400\n");
    expect_cells(0, "strdup", 0, "");
}

static void moves_between_cells(void **state)
{
    (void)state;
    struct call_tree tree = {0};
    struct flame_layout layout = {0};
    make_tree(&tree, CALL_TREE_TOP_DOWN, 0);
    flame_layout_build(&layout, &tree, QUERY_LIVE_BYTES, 0, 80);
    size_t load = flame_layout_find(&layout, find_node(&tree, "load"));
    size_t walk = load + 1, gathered = load + 2, copy = load + 3;
    assert_int_equal(load, 2);
    assert_int_equal(flame_layout_child(&layout, load), copy);
    assert_int_equal(flame_layout_parent(&layout, copy), load);
    assert_int_equal(flame_layout_child(&layout, walk), copy + 1);
    assert_int_equal(flame_layout_parent(&layout, copy + 1), walk);
    assert_int_equal(flame_layout_child(&layout, gathered), FLAME_LAYOUT_NONE);
    assert_int_equal(flame_layout_child(&layout, copy + 1), FLAME_LAYOUT_NONE);
    assert_int_equal(flame_layout_parent(&layout, gathered), 1);
    assert_int_equal(flame_layout_parent(&layout, 0), FLAME_LAYOUT_NONE);
    assert_int_equal(flame_layout_at(&layout, 2, 59), load);
    assert_int_equal(flame_layout_at(&layout, 2, 60), walk);
    assert_int_equal(flame_layout_at(&layout, 3, 50), copy); /* behind it nothing is called */
    assert_int_equal(flame_layout_at(&layout, 5, 0), FLAME_LAYOUT_NONE);
    assert_int_equal(flame_layout_find(&layout, find_node(&tree, "small_07")), FLAME_LAYOUT_NONE);
    flame_layout_clear(&layout);
    call_tree_clear(&tree);
}

/* Figures of petabytes do not overflow. */
static void bears_huge_figures(void **state)
{
    struct call_tree_node nodes[3] = {
        {.parent = CALL_TREE_NONE, .first_child = 1, .next_sibling = CALL_TREE_NONE},
        {.first_child = CALL_TREE_NONE, .next_sibling = 2, .depth = 1},
        {.first_child = CALL_TREE_NONE, .next_sibling = CALL_TREE_NONE, .depth = 1}};
    struct call_tree tree = {nodes, 3};
    struct flame_layout layout = {0};
    (void)state;
    nodes[0].figures.values[QUERY_LIVE_BYTES] = UINT64_MAX;
    nodes[1].figures.values[QUERY_LIVE_BYTES] = UINT64_MAX / 4 * 3;
    nodes[2].figures.values[QUERY_LIVE_BYTES] = UINT64_MAX / 4;
    flame_layout_build(&layout, &tree, QUERY_LIVE_BYTES, 0, 1000);
    assert_int_equal(layout.count, 3);
    assert_int_equal(layout.cells[1].columns, 750);
    assert_int_equal(layout.cells[2].columns, 250);
    flame_layout_clear(&layout);
}

/* ---- call_tree_search ---- */

static void finds_sites_and_places_again(void **state)
{
    struct call_tree down = {0}, coarse = {0};
    bool is_whole;
    (void)state;
    make_tree(&down, CALL_TREE_TOP_DOWN, 0);
    make_tree(&coarse, CALL_TREE_TOP_DOWN, 0.6);
    uint32_t strdup_node = find_node(&down, "strdup"), load = find_node(&coarse, "load");
    assert_int_equal(call_tree_find_site(profile, &down, 0, &is_whole), strdup_node);
    assert_true(is_whole);
    assert_int_equal(call_tree_find_site(profile, &coarse, 0, &is_whole), load);
    assert_false(is_whole);
    assert_int_equal(call_tree_find_again(profile, &coarse, &down, strdup_node), load);
    assert_int_equal(call_tree_find_again(profile, &down, &coarse, load), find_node(&down, "load"));
    assert_int_equal(call_tree_find_again(profile, &down, &coarse, 0), 0);
    call_tree_clear(&down);
    call_tree_clear(&coarse);
}

static uint64_t sum_of(const char *word, const char *excluded)
{
    struct call_tree_options options = {.metric = QUERY_LIVE_BYTES,
                                        .process = QUERY_ALL_PROCESSES,
                                        .filter.exclude_function = excluded};
    struct query_figures sum;
    struct error error = {""};
    uint8_t is_marked[100] = {0};
    assert_true(profile->location_count <= sizeof is_marked);
    for (size_t i = 0; i < profile->location_count; i++)
        is_marked[i] = strstr(profile->locations[i].function, word) != NULL;
    if (!call_tree_sum_marked(profile, &options, is_marked, &sum, &error))
        fail_msg("%s", error.message);
    return sum.values[QUERY_LIVE_BYTES];
}

/* Recursion counts once. */
static void sums_what_goes_through_marks(void **state)
{
    (void)state;
    assert_int_equal(sum_of("walk", NULL), 100);
    assert_int_equal(sum_of("l", NULL), 740);
    assert_int_equal(sum_of("l", "small"), 700);
    assert_int_equal(sum_of("main", NULL), 800);
    assert_int_equal(sum_of("nothing", NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lays_cells_by_their_share),
        cmocka_unit_test(gathers_what_is_narrow),
        cmocka_unit_test(zooms),
        cmocka_unit_test(moves_between_cells),
        cmocka_unit_test(bears_huge_figures),
        cmocka_unit_test(finds_sites_and_places_again),
        cmocka_unit_test(sums_what_goes_through_marks),
    };
    return cmocka_run_group_tests(tests, build, forget);
}
