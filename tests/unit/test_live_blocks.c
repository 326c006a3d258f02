#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash_map.h"
#include "heap/live_blocks.h"

static uint64_t address_of(uint64_t i)
{
    return 0x555500000000 + i * 32;
}

static struct block block_of(uint64_t i)
{
    return (struct block){.address = address_of(i),
                          .size = i * 3,
                          .birth_ns = i * 1000003,
                          .site = (uint32_t)(i % 0xffffff),
                          .thread = (uint32_t)(i % 0x10000)};
}

static void assert_same(const struct block *a, const struct block *b)
{
    assert_int_equal(a->address, b->address);
    assert_int_equal(a->size, b->size);
    assert_int_equal(a->birth_ns, b->birth_ns);
    assert_int_equal(a->site, b->site);
    assert_int_equal(a->thread, b->thread);
}

static void test_every_bit_is_kept(void **state)
{
    (void)state;
    struct live_blocks table = {0};
    struct block largest = {.address = 0xffffffffffff,
                            .size = 0xffffffffffff,
                            .birth_ns = 0xffffffffffffff,
                            .site = 0xffffff,
                            .thread = 0xffff};
    struct block least = {.address = 1}, old, found;
    assert_false(live_blocks_find(&table, 1, &found));
    assert_false(live_blocks_remove(&table, 1, &found));
    assert_false(live_blocks_put(&table, &largest, &old));
    assert_false(live_blocks_put(&table, &least, &old));
    assert_true(live_blocks_find(&table, largest.address, &found));
    assert_same(&found, &largest);
    assert_true(live_blocks_find(&table, 1, &found));
    assert_same(&found, &least);
    least.size = 9;
    assert_true(live_blocks_put(&table, &least, &old));
    assert_int_equal(old.size, 0);
    assert_int_equal(table.count, 2);
    assert_true(live_blocks_remove(&table, 1, &old));
    assert_int_equal(old.size, 9);
    assert_false(live_blocks_find(&table, 1, NULL));
    live_blocks_clear(&table);
}

static void test_many_blocks_come_and_go(void **state)
{
    (void)state;
    enum {
        COUNT = 300000
    };
    struct live_blocks table = {0};
    struct block old, found;
    for (uint64_t i = 0; i < COUNT; i++) {
        struct block block = block_of(i);
        assert_false(live_blocks_put(&table, &block, &old));
        if (i > LIVE_BLOCKS_SPLIT_COUNT)
            assert_true(live_blocks_own_bytes(&table) <= (i + 1) * 120);
    }
    for (uint64_t i = 0; i < COUNT; i += 3) {
        struct block block = block_of(i);
        assert_true(live_blocks_remove(&table, block.address, &old));
        assert_same(&old, &block);
    }
    for (uint64_t i = 0; i < COUNT; i++) {
        struct block block = block_of(i);
        live_blocks_prefetch(&table, live_blocks_hash(block.address));
        assert_int_equal(live_blocks_find(&table, block.address, &found), i % 3 != 0);
        if (i % 3 != 0)
            assert_same(&found, &block);
    }
    struct live_blocks_cursor cursor = {0};
    uint64_t sum = 0, count = 0;
    while (live_blocks_next(&table, &cursor, &found)) {
        sum += found.size;
        count++;
    }
    assert_int_equal(count, COUNT - COUNT / 3);
    assert_int_equal(count, table.count);
    uint64_t all = (uint64_t)COUNT * (COUNT - 1) / 2 * 3;
    uint64_t gone = (uint64_t)(COUNT / 3) * (COUNT / 3 - 1) / 2 * 9;
    assert_int_equal(sum, all - gone);
    for (uint64_t i = 0; i < COUNT; i++)
        live_blocks_remove(&table, address_of(i), NULL);
    assert_int_equal(table.count, 0);
    assert_true(live_blocks_own_bytes(&table) < 8 << 20); /* given back */
    live_blocks_clear(&table);
}

/* Few blocks get room for speed; millions stand close together. */
static void test_bytes_of_a_block(void **state)
{
    (void)state;
    enum {
        COUNT = 1600000
    };
    struct live_blocks table = {0};
    struct block old;
    for (uint64_t i = 0; i < COUNT; i++) {
        struct block block = block_of(i);
        assert_false(live_blocks_put(&table, &block, &old));
        if (i == 300000)
            assert_true(live_blocks_own_bytes(&table) <= i * 47);
        if (i >= 1500000 && i % 5000 == 0)
            assert_true(live_blocks_own_bytes(&table) <= i * 46);
    }
    live_blocks_clear(&table);
}

static void test_random_churn(void **state)
{
    (void)state;
    struct live_blocks table = {0};
    struct hash_map plain;
    hash_map_init(&plain);
    uint64_t random = 1;
    for (int step = 0; step < 400000; step++) {
        random = hash_mix(random);
        /* grows and shrinks in waves, in a space that makes long runs likely */
        uint64_t address = 8 + (random >> 8) % 5000 * 8;
        bool is_growing = step / 5000 % 2 == 0;
        struct block block = {.address = address, .size = random & 0xffff}, old = {0};
        uint64_t *value = hash_map_find(&plain, address);
        if ((random & 3) != 0 ? is_growing : !is_growing) {
            assert_int_equal(live_blocks_put(&table, &block, &old), value != NULL);
            *hash_map_put(&plain, address, NULL) = block.size;
        } else {
            uint64_t size = value ? *value : 0;
            assert_int_equal(live_blocks_remove(&table, address, &old), value != NULL);
            assert_int_equal(old.size, size);
            hash_map_remove(&plain, address, NULL);
        }
        assert_int_equal(table.count, plain.count);
    }
    hash_map_clear(&plain);
    live_blocks_clear(&table);
}

/* Addresses chosen to share a home near the end: the table gets slow, not large. */
static void test_addresses_chosen_to_collide(void **state)
{
    (void)state;
    struct live_blocks table = {0};
    struct block old;
    uint64_t count = 0;
    for (uint64_t address = 8; count < 1000; address += 8) {
        uint64_t hash = address * 0x9e3779b97f4a7c15u; /* as live_blocks.c hashes */
        hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
        if (hash >> 52 != 0xfff)
            continue;
        struct block block = {.address = address, .size = count++};
        assert_false(live_blocks_put(&table, &block, &old));
    }
    assert_true(live_blocks_own_bytes(&table) < 1000 * 24 * 16);
    assert_int_equal(table.count, 1000);
    struct live_blocks_cursor cursor = {0};
    for (struct block block, found; live_blocks_next(&table, &cursor, &block); count--) {
        assert_true(live_blocks_find(&table, block.address, &found));
        assert_int_equal(found.size, block.size);
    }
    assert_int_equal(count, 0);
    live_blocks_clear(&table);
}

/* Addresses chosen to share a segment of a large table: slow again, not large. */
static void test_addresses_chosen_for_one_segment(void **state)
{
    (void)state;
    enum {
        COUNT = 3 * LIVE_BLOCKS_SPLIT_COUNT
    };
    struct live_blocks table = {0};
    struct block block = {.address = 0}, old, found;
    uint64_t count = 0, sum = 0;
    while (count < COUNT) {
        block.address += 8;
        uint64_t hash = block.address * 0x9e3779b97f4a7c15u; /* as live_blocks.c hashes */
        hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
        if (hash % LIVE_BLOCKS_SEGMENTS != 5)
            continue;
        block.size = count++;
        assert_false(live_blocks_put(&table, &block, &old));
        assert_true(live_blocks_find(&table, block.address, &found));
    }
    assert_true(live_blocks_own_bytes(&table) < (uint64_t)COUNT * 160);
    struct live_blocks_cursor cursor = {0};
    for (count = 0; live_blocks_next(&table, &cursor, &found); count++)
        sum += found.size;
    assert_int_equal(count, COUNT);
    assert_int_equal(sum, (uint64_t)COUNT * (COUNT - 1) / 2);
    live_blocks_clear(&table);
}

/* In waves, so that it grows again while it is still shrinking. */
static void test_a_large_table_in_waves(void **state)
{
    (void)state;
    static const uint64_t ends[] = {400000, 45000, 300000, 20000, 150000, 9000, 60000, 0};
    struct live_blocks table = {0};
    struct block old, found;
    uint64_t count = 0;
    for (size_t wave = 0; wave < sizeof ends / sizeof *ends; wave++) {
        for (; count < ends[wave]; count++) {
            struct block block = block_of(count);
            assert_false(live_blocks_put(&table, &block, &old));
        }
        for (; count > ends[wave]; count--) {
            struct block last = block_of(count - 1);
            assert_true(live_blocks_remove(&table, last.address, &old));
            assert_same(&old, &last);
        }
        for (uint64_t i = 0; i < count; i += 7) {
            struct block block = block_of(i);
            assert_true(live_blocks_find(&table, block.address, &found));
            assert_same(&found, &block);
        }
        assert_int_equal(table.count, count);
        assert_true(live_blocks_own_bytes(&table) <= count * 300 + (1 << 20));
    }
    live_blocks_clear(&table);
}

/* A queue that fills and empties: its table does not come and go with it. */
static void test_a_queue(void **state)
{
    (void)state;
    enum {
        LONGEST = 9000,
        SHORTEST = 10
    };
    struct live_blocks table = {0};
    struct block old;
    uint64_t bytes = 0;
    for (int round = 0; round < 5; round++) {
        for (uint64_t i = round == 0 ? 0 : SHORTEST; i < LONGEST; i++) {
            struct block block = block_of(i);
            assert_false(live_blocks_put(&table, &block, &old));
        }
        if (round == 0)
            bytes = live_blocks_own_bytes(&table);
        for (uint64_t i = SHORTEST; i < LONGEST; i++)
            assert_true(live_blocks_remove(&table, block_of(i).address, NULL));
        assert_int_equal(live_blocks_own_bytes(&table), bytes);
    }
    assert_int_equal(table.count, SHORTEST);
    assert_true(bytes < 1 << 20);
    live_blocks_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_bit_is_kept),
        cmocka_unit_test(test_many_blocks_come_and_go),
        cmocka_unit_test(test_bytes_of_a_block),
        cmocka_unit_test(test_random_churn),
        cmocka_unit_test(test_addresses_chosen_to_collide),
        cmocka_unit_test(test_addresses_chosen_for_one_segment),
        cmocka_unit_test(test_a_large_table_in_waves),
        cmocka_unit_test(test_a_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
