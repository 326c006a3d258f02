#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "preload/sampled_blocks.h"

static struct sampled_blocks *make(void)
{
    sampled_blocks = aligned_alloc(64, sizeof *sampled_blocks);
    assert_non_null(sampled_blocks);
    for (size_t i = 0; i < sizeof *sampled_blocks; i++)
        ((char *)sampled_blocks)[i] = 0;
    return sampled_blocks;
}

static void drop(void)
{
    free(sampled_blocks);
    sampled_blocks = NULL;
}

static void *block_at(uint64_t number)
{
    return (void *)(uintptr_t)(0x555555559000 + 16 * number);
}

static void test_without_sampling_all_may_be(void **state)
{
    (void)state;
    assert_true(sampled_blocks_may_have(block_at(1)));
}

static void test_in_and_out(void **state)
{
    (void)state;
    struct sampled_blocks *blocks = make();
    assert_false(sampled_blocks_may_have(block_at(1)));
    assert_int_equal(sampled_blocks_remove(blocks, block_at(1)), SAMPLED_NO);
    sampled_blocks_add(blocks, block_at(1));
    assert_true(sampled_blocks_may_have(block_at(1)));
    assert_false(sampled_blocks_may_have(block_at(2)));
    assert_int_equal(sampled_blocks_remove(blocks, block_at(1)), SAMPLED_YES);
    assert_int_equal(sampled_blocks_remove(blocks, block_at(1)), SAMPLED_NO);
    assert_false(sampled_blocks_may_have(block_at(1)));
    drop();
}

/* A release that nobody saw, and the address is born again. */
static void test_twice_is_once(void **state)
{
    (void)state;
    struct sampled_blocks *blocks = make();
    sampled_blocks_add(blocks, block_at(1));
    sampled_blocks_add(blocks, block_at(1));
    assert_int_equal(sampled_blocks_remove(blocks, block_at(1)), SAMPLED_YES);
    assert_int_equal(sampled_blocks_remove(blocks, block_at(1)), SAMPLED_NO);
    drop();
}

/* Another block that shares the counter. */
static void *neighbour_of(const void *block, uint64_t which)
{
    for (uint64_t number = 1;; number++)
        if (sampled_blocks_counter(block_at(number)) == sampled_blocks_counter(block) &&
            block_at(number) != block && which-- == 0)
            return block_at(number);
}

static void test_a_shared_counter_is_no_answer(void **state)
{
    (void)state;
    struct sampled_blocks *blocks = make();
    void *neighbour = neighbour_of(block_at(1), 0);
    sampled_blocks_add(blocks, block_at(1));
    assert_true(sampled_blocks_may_have(neighbour));
    assert_int_equal(sampled_blocks_remove(blocks, neighbour), SAMPLED_NO);
    assert_int_equal(sampled_blocks_remove(blocks, block_at(1)), SAMPLED_YES);
    assert_false(sampled_blocks_may_have(neighbour));
    drop();
}

/* 255 that share a counter: from then on nothing is certain there but what is found. */
static void test_a_full_counter_stays(void **state)
{
    (void)state;
    struct sampled_blocks *blocks = make();
    for (uint64_t i = 0; i < 260; i++)
        sampled_blocks_add(blocks, neighbour_of(block_at(1), i));
    for (uint64_t i = 0; i < 260; i++)
        assert_int_equal(sampled_blocks_remove(blocks, neighbour_of(block_at(1), i)), SAMPLED_YES);
    assert_int_equal(sampled_blocks_remove(blocks, block_at(1)), SAMPLED_MAYBE);
    assert_true(sampled_blocks_may_have(block_at(1)));
    drop();
}

/* Up to three quarters of the room nothing is lost; beyond it everything is still asked for. */
static void test_many(void **state)
{
    (void)state;
    enum {
        LOW = 200000,
        HIGH = 900000 /* more than there is room for */
    };
    struct sampled_blocks *blocks = make();
    for (uint64_t i = 0; i < LOW; i++)
        sampled_blocks_add(blocks, block_at(3 * i));
    for (uint64_t i = 0; i < LOW; i++)
        assert_int_equal(sampled_blocks_remove(blocks, block_at(3 * i)), SAMPLED_YES);
    uint64_t answers[3] = {0};
    for (uint64_t i = 0; i < LOW; i++)
        answers[sampled_blocks_remove(blocks, block_at(3 * i))]++;
    assert_int_equal(answers[SAMPLED_YES], 0);
    for (uint64_t i = 0; i < HIGH; i++)
        sampled_blocks_add(blocks, block_at(3 * i));
    answers[SAMPLED_NO] = 0;
    for (uint64_t i = 0; i < HIGH; i++)
        answers[sampled_blocks_remove(blocks, block_at(3 * i))]++;
    assert_int_equal(answers[SAMPLED_NO], 0);
    assert_true(answers[SAMPLED_YES] > 500000);
    drop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_sampling_all_may_be),
        cmocka_unit_test(test_in_and_out),
        cmocka_unit_test(test_twice_is_once),
        cmocka_unit_test(test_a_shared_counter_is_no_answer),
        cmocka_unit_test(test_a_full_counter_stays),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
