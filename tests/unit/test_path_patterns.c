/* Ways of objects, alike ones as one, and which are told. */
#include "runtimes/path_patterns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint32_t make(struct path_patterns *ways, uint32_t parent, const char *label)
{
    return path_patterns_make(ways, parent, string_pool_add(ways->texts, label));
}

static void assert_text(const struct path_patterns *ways, uint32_t pattern, const char *expected)
{
    struct text text = {0};
    path_patterns_add_text(ways, pattern, &text);
    assert_string_equal(text_get(&text), expected);
    text_clear(&text);
}

static void test_same_labels_are_one_pattern(void **state)
{
    (void)state;
    struct path_patterns ways;
    path_patterns_init(&ways);
    uint32_t root = path_patterns_make_root(&ways, "__main__");
    uint32_t cache = make(&ways, root, ".cache");
    uint32_t key = make(&ways, cache, "[k]");
    assert_int_equal(path_patterns_make_root(&ways, "__main__"), root);
    assert_int_equal(make(&ways, cache, "[k]"), key);
    assert_int_not_equal(make(&ways, root, "[k]"), key);
    assert_int_equal(make(&ways, key, ""), key);
    assert_text(&ways, key, "__main__.cache[k]");
    assert_text(&ways, root, "__main__");
    assert_string_equal(path_patterns_root(&ways, key), "__main__");
    path_patterns_clear(&ways);
}

static void test_deep_ways_share_a_pattern(void **state)
{
    (void)state;
    struct path_patterns ways;
    path_patterns_init(&ways);
    uint32_t pattern = path_patterns_make_root(&ways, "r");
    for (int i = 0; i < 100; i++)
        pattern = make(&ways, pattern, ".n");
    assert_text(&ways, pattern, "r.n.n.n.n.n.n.n.n.n.n.n.n");
    assert_int_equal(make(&ways, pattern, ".other"), pattern);
    path_patterns_clear(&ways);
}

static void test_counts_are_told_with_examples(void **state)
{
    (void)state;
    static const char *const own[] = {"(own)"};
    struct path_patterns ways;
    struct path_counts counts = {0};
    struct python_heap heap;
    python_heap_init(&heap);
    path_patterns_init(&ways);
    uint32_t few = path_patterns_make_root(&ways, "few");
    uint32_t mine = path_patterns_make_root(&ways, "(own)");
    uint32_t many = make(&ways, path_patterns_make_root(&ways, "many"), "[i]");
    path_counts_add(&counts, 7, few, 100, 16);
    path_counts_add(&counts, 7, many, 101, 32);
    path_counts_add(&counts, 7, many, 102, 32);
    path_counts_add(&counts, 8, mine, 103, (1 << 20) - 1);
    path_counts_sort(&counts);
    assert_int_equal(counts.count, 3);
    assert_int_equal(counts.items[0].pattern, many);
    assert_int_equal(counts.items[0].example, 101);
    assert_int_equal(counts.items[0].count, 2);
    assert_int_equal(counts.items[0].bytes, 64);
    assert_int_equal(counts.items[1].subject, 7);
    assert_true(path_counts_is_worth(&ways, &counts.items[0], own, 1));
    assert_false(path_counts_is_worth(&ways, &counts.items[2], own, 1));
    counts.items[2].bytes++;
    assert_true(path_counts_is_worth(&ways, &counts.items[2], own, 1));
    path_counts_tell(&ways, &counts.items[0], PYTHON_TEXT_PATH, "list", "many[3]", &heap);
    path_counts_tell(&ways, &counts.items[1], PYTHON_TEXT_PATH, "list", "few", &heap);
    assert_string_equal(heap.texts[0].text, "many[i], such as many[3]");
    assert_string_equal(heap.texts[1].text, "few");
    assert_int_equal(heap.texts[0].bytes, 64);
    python_heap_clear(&heap);
    path_counts_clear(&counts);
    path_patterns_clear(&ways);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_labels_are_one_pattern),
        cmocka_unit_test(test_deep_ways_share_a_pattern),
        cmocka_unit_test(test_counts_are_told_with_examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
