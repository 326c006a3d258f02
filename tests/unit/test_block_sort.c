#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "record/block_sort.h"

enum {
    MANY = 100000,
    LEAST_WITH_BEATS = 1000
};

static void count_beats(void *context)
{
    ++*(size_t *)context;
}

static int compare(const void *left, const void *right)
{
    const struct snapshot_block *a = left, *b = right;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    return a->birth_ns < b->birth_ns ? -1 : a->birth_ns > b->birth_ns;
}

/* Addresses of one heap and of mappings far away; some come more than once. Births tell the order
 * in which they come. */
static struct snapshot_block *make_blocks(size_t count)
{
    struct snapshot_block *blocks = memory_allocate_zeroed(count + 1, sizeof *blocks);
    uint64_t random = 99;
    for (size_t i = 0; i < count; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t place = (random >> 33) % (count / 2 + 1) * 16;
        blocks[i].address = (random >> 20) % 8 == 0 ? UINT64_C(0x7f0000000000) + place * 4096
                                                    : UINT64_C(0x555500000000) + place;
        blocks[i].birth_ns = i;
    }
    return blocks;
}

static void check(size_t count, size_t threads)
{
    struct snapshot_block *blocks = make_blocks(count), *expected = make_blocks(count);
    size_t beats = 0;
    qsort(expected, count, sizeof *expected, compare);
    block_sort(&blocks, count, threads, count_beats, &beats);
    if (threads == 1 && count > LEAST_WITH_BEATS)
        assert_true(beats > 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(blocks[i].address, expected[i].address);
        if (count == MANY)
            assert_int_equal(blocks[i].birth_ns, expected[i].birth_ns);
    }
    free(blocks);
    free(expected);
}

static void test_as_qsort(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 127, 128, 129, 5000, MANY};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (size_t threads = 0; threads <= 5; threads++)
            check(counts[i], threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_qsort)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
