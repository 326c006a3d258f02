/* The small modules of base: error, memory, string_pool, clock. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/string_pool.h"

static void test_error_messages(void **state)
{
    (void)state;
    struct error error;
    assert_false(error_set(&error, "chunk %d is bad", 12));
    assert_string_equal(error.message, "chunk 12 is bad");
    assert_false(error_prefix(&error, "cannot read %s: ", "run.seep"));
    assert_string_equal(error.message, "cannot read run.seep: chunk 12 is bad");
    assert_false(error_set_errno(&error, ENOENT, "cannot open %s", "x"));
    assert_string_equal(error.message, "cannot open x: No such file or directory");
    assert_false(error_set(&error, "again: %s", error.message));
    assert_string_equal(error.message, "again: cannot open x: No such file or directory");
    assert_false(error_set(NULL, "%s", "nobody listens"));
    assert_false(error_set_errno(NULL, EPERM, "%s", "nobody listens"));
    assert_false(error_prefix(NULL, "%s", "nobody listens"));
}

static void test_error_is_cut_to_fit(void **state)
{
    (void)state;
    struct error error;
    error_set(&error, "%2000d", 1);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    error_prefix(&error, "x");
    assert_int_equal(error.message[0], 'x');
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
}

static void test_memory_grows_by_doubling(void **state)
{
    (void)state;
    size_t capacity = 0;
    uint32_t *items = memory_grow(NULL, &capacity, 1, sizeof *items);
    assert_int_equal(capacity, 8);
    for (uint32_t i = 0; i < 1000; i++) {
        items = memory_grow(items, &capacity, i + 1, sizeof *items);
        items[i] = i;
    }
    assert_int_equal(capacity, 1024);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    free(items);

    char *zeroes = memory_allocate_zeroed(10, 10);
    for (int i = 0; i < 100; i++)
        assert_int_equal(zeroes[i], 0);
    free(zeroes);
    free(memory_allocate(0));
    free(memory_duplicate("", 0));
    char *text = memory_print_text("%s-%d", "a", 1);
    assert_string_equal(text, "a-1");
    free(text);
}

static void test_string_pool_keeps_texts_once(void **state)
{
    (void)state;
    struct string_pool *pool = string_pool_create();
    assert_int_equal(string_pool_count(pool), 1);
    assert_string_equal(string_pool_text(pool, (struct string_id){0}), "");
    assert_int_equal(string_pool_add(pool, "").index, 0);
    assert_int_equal(string_pool_add(pool, "main").index, 1);
    assert_int_equal(string_pool_add_bytes(pool, "main.c", 4).index, 1);
    assert_int_equal(string_pool_add_bytes(pool, "mai\0n", 5).index, 2); /* ends at the NUL */
    const char *borrowed = string_pool_text(pool, (struct string_id){1});

    char *large = memory_allocate(100001);
    memset(large, 'x', 100000);
    large[100000] = '\0';
    uint32_t large_id = string_pool_add(pool, large).index;
    char name[32];
    for (uint32_t i = 0; i < 50000; i++) {
        snprintf(name, sizeof name, "function_%u", i);
        assert_int_equal(string_pool_add(pool, name).index, large_id + 1 + i);
    }
    for (uint32_t i = 0; i < 50000; i += 7) {
        snprintf(name, sizeof name, "function_%u", i);
        assert_int_equal(string_pool_add(pool, name).index, large_id + 1 + i);
        assert_string_equal(string_pool_text(pool, (struct string_id){large_id + 1 + i}), name);
    }
    assert_string_equal(string_pool_text(pool, (struct string_id){large_id}), large);
    assert_ptr_equal(borrowed, string_pool_text(pool, (struct string_id){1}));
    assert_string_equal(borrowed, "main");
    assert_int_equal(string_pool_count(pool), large_id + 1 + 50000);
    assert_string_equal(string_pool_text(pool, (struct string_id){UINT32_MAX}), "");
    free(large);
    string_pool_destroy(pool);
    string_pool_destroy(NULL);
}

static void test_clocks(void **state)
{
    (void)state;
    uint64_t now_ns = 5;
    struct clock fixed = clock_fixed(&now_ns);
    assert_int_equal(fixed.now_ns(fixed.context), 5);
    now_ns = 7;
    assert_int_equal(fixed.now_ns(fixed.context), 7);
    struct clock monotonic = clock_monotonic();
    uint64_t first = monotonic.now_ns(monotonic.context);
    assert_true(monotonic.now_ns(monotonic.context) >= first);
    assert_true(clock_wall_ns() > UINT64_C(1600000000000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_messages),
        cmocka_unit_test(test_error_is_cut_to_fit),
        cmocka_unit_test(test_memory_grows_by_doubling),
        cmocka_unit_test(test_string_pool_keeps_texts_once),
        cmocka_unit_test(test_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
