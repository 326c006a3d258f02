#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash_map.h"
#include "base/key_sort.h"

enum {
    MANY = 5000
};

/* The oracle: positions tell equal keys apart, so there is one order. */
static int compare(const void *a, const void *b)
{
    const struct sort_key *one = a, *other = b;
    if (one->key != other->key)
        return one->key < other->key ? -1 : 1;
    return one->position < other->position ? -1 : one->position > other->position;
}

static void check(struct sort_key *keys, size_t count)
{
    static struct sort_key expected[MANY];
    for (size_t i = 0; i < count; i++)
        keys[i].position = (uint32_t)i;
    memcpy(expected, keys, count * sizeof *keys);
    qsort(expected, count, sizeof *expected, compare);
    key_sort(keys, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(keys[i].key, expected[i].key);
        assert_int_equal(keys[i].position, expected[i].position);
    }
}

static void test_sorts_as_qsort_does(void **state)
{
    static struct sort_key keys[MANY];
    static const uint64_t masks[] = {
        UINT64_MAX, 0xff, 0x7ff, UINT64_C(0xffffffff00000000), 0, 1 << 11, UINT64_C(1) << 63 | 1};
    (void)state;
    for (size_t mask = 0; mask < sizeof masks / sizeof *masks; mask++) {
        for (size_t i = 0; i < MANY; i++)
            keys[i].key = hash_mix(i) & masks[mask];
        check(keys, MANY);
        check(keys, MANY); /* sorted already */
    }
}

static void test_small_ones(void **state)
{
    struct sort_key keys[] = {{7, 0}, {3, 0}, {7, 0}, {0, 0}};
    (void)state;
    key_sort(keys, 0);
    for (size_t count = 1; count <= 4; count++)
        check(keys, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorts_as_qsort_does),
        cmocka_unit_test(test_small_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
