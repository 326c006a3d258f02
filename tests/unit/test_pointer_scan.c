/* The words that point to blocks, against looking at each block for each word. */
#include "snapshot/pointer_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    BLOCKS = 300,
    WORDS = 1003,
    ROUNDS = 40
};

#define FIRST_SLOT UINT64_C(0x7f0000001000)

struct finding {
    uint64_t slot, pointer;
    uint32_t block;
};

struct findings {
    struct finding items[WORDS];
    size_t count;
};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 24;
}

static void keep(void *context, uint64_t slot, uint64_t pointer, uint32_t block)
{
    struct findings *findings = context;
    assert_true(findings->count < WORDS);
    findings->items[findings->count++] = (struct finding){slot, pointer, block};
}

/* A block of no bytes holds its address; one of 8 bytes also the address behind it, unless that is
 * another block's. */
static uint32_t find_slowly(const struct snapshot_block *blocks, size_t count, uint64_t address)
{
    uint32_t found = SNAPSHOT_NONE;
    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = blocks[i].bytes == 0 ? 1 : blocks[i].bytes;
        if (address - blocks[i].address < bytes + (bytes == 8))
            found = (uint32_t)i;
    }
    return found;
}

static size_t make_blocks(struct snapshot_block *blocks, uint64_t *state, uint64_t start,
                          bool has_large)
{
    uint64_t at = start;
    for (size_t i = 0; i < BLOCKS; i++) {
        uint64_t kind = next_random(state) % 16;
        uint64_t bytes = kind == 0 ? 0 : kind < 4 ? 8 : next_random(state) % 200;
        if (kind == 15)
            bytes = UINT64_C(5) << 20; /* over several chunks */
        if (has_large && i == BLOCKS / 2)
            bytes = UINT64_C(3) << 30;
        blocks[i] = (struct snapshot_block){.address = at, .bytes = bytes};
        at += (bytes + 15) / 8 * 8 + next_random(state) % 4 * 16;
        if (next_random(state) % 50 == 0)
            at += next_random(state) % 64 << 20; /* chunks without blocks between */
    }
    return BLOCKS;
}

static uint64_t make_word(const struct snapshot_block *blocks, size_t count, uint64_t *state)
{
    const struct snapshot_block *block = &blocks[next_random(state) % count];
    switch (next_random(state) % 8) {
    case 0:
        return 0;
    case 1:
        return next_random(state);
    case 2:
        return block->address;
    case 3:
        return block->address + block->bytes;
    case 4:
        return block->address - 1;
    case 5: /* where a table of remainders would have the same */
        return block->address + (UINT64_C(1) << 34);
    case 6:
        return blocks[0].address + next_random(state) % (UINT64_C(4) << 30);
    }
    return block->address + next_random(state) % (block->bytes + 1);
}

static void compare(uint64_t seed, uint64_t start, bool has_large)
{
    static struct snapshot_block blocks[BLOCKS];
    static uint64_t words[WORDS];
    static struct findings found, expected;
    struct block_index index;
    uint64_t state = seed;
    size_t count = make_blocks(blocks, &state, start, has_large);
    size_t word_count = WORDS - (size_t)(seed % 7);
    found.count = expected.count = 0;
    for (size_t i = 0; i < word_count; i++) {
        bool is_still = i > 0 && i % 64 < 20; /* nothing for a while */
        words[i] = is_still ? 0 : make_word(blocks, count, &state);
        uint32_t block = find_slowly(blocks, count, words[i]);
        if (block != SNAPSHOT_NONE)
            keep(&expected, FIRST_SLOT + 8 * i, words[i], block);
    }
    block_index_init(&index, blocks, count);
    pointer_scan(&index, words, word_count, FIRST_SLOT, keep, &found);
    block_index_clear(&index);
    assert_int_equal(found.count, expected.count);
    assert_true(found.count > word_count / 8);
    for (size_t i = 0; i < found.count; i++) {
        assert_int_equal(found.items[i].slot, expected.items[i].slot);
        assert_int_equal(found.items[i].pointer, expected.items[i].pointer);
        assert_int_equal(found.items[i].block, expected.items[i].block);
    }
}

static void finds_what_looking_at_each_block_finds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        compare(seed, UINT64_C(0x555555559000), false);
        compare(seed, UINT64_C(0x1000) + seed * 8, false);
    }
}

static void finds_blocks_that_are_in_no_chunk(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++)
        compare(seed, UINT64_C(0x7f1234560000), true);
}

static void finds_nothing_without_blocks(void **state)
{
    (void)state;
    const uint64_t words[] = {0, 1, UINT64_MAX, 0x555555559000, 8};
    struct findings found = {.count = 0};
    struct block_index index;
    block_index_init(&index, NULL, 0);
    pointer_scan(&index, words, 5, FIRST_SLOT, keep, &found);
    block_index_clear(&index);
    assert_int_equal(found.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_looking_at_each_block_finds),
        cmocka_unit_test(finds_blocks_that_are_in_no_chunk),
        cmocka_unit_test(finds_nothing_without_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
