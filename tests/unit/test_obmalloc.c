/* Arenas laid out by hand, with pools of every size of block: what is found at each address, beside
 * what stands there, slot by slot. */
#include "runtimes/cpython/obmalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

enum {
    ARENAS = 3,
    ARENA_BYTES = 1 << 20,
    POOL_BYTES = 1 << 14,
    POOL_HEAD = 48,
    POOLS = 40, /* that were cut in each arena */
    SLOTS_MOST = POOL_BYTES / OBMALLOC_ALIGNMENT,
    STATE = 3960, /* of the allocator, in an interpreter of 3.12 */
    STATE_ARENAS = 512,
    STATE_LENGTH = 520,
    OLD_POINTER = 10872, /* to it, in releases of 3.14 up to 3.14.4 */
    ENTRY_BYTES = 48,
    ENTRIES = 16
};

#define INTERPRETER UINT64_C(0x7e0000000000)
#define ARRAY       UINT64_C(0x7e0000100000)

struct world {
    uint8_t interpreter[12288];
    uint8_t entries[ENTRIES * ENTRY_BYTES];
    uint8_t *arenas[ARENAS];
    uint64_t addresses[ARENAS];
    bool is_live[ARENAS][POOLS][SLOTS_MOST];
    struct target_image_piece pieces[ARENAS + 2];
    struct target_image image;
    struct target_memory memory;
    struct memory_view view;
    struct target_mapping mapping;
    struct target_mappings mappings;
    struct cpython python;
    uint64_t random;
};

static uint64_t draw(struct world *world, uint64_t below)
{
    world->random = world->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (world->random >> 33) % below;
}

static void put(uint8_t *bytes, size_t offset, uint64_t value, size_t count)
{
    memcpy(bytes + offset, &value, count);
}

static uint64_t first_pool(uint64_t arena)
{
    return (arena + POOL_BYTES - 1) & ~(uint64_t)(POOL_BYTES - 1);
}

/* Some slots are taken again, in a chain from the last to the first; the first stays. */
static void make_pool(struct world *world, size_t arena, size_t number)
{
    uint32_t class = (uint32_t)(number % OBMALLOC_CLASSES);
    uint32_t bytes = (class + 1) * OBMALLOC_ALIGNMENT, room = (POOL_BYTES - POOL_HEAD) / bytes;
    uint32_t carved = number % 3 == 0 ? room : (uint32_t)draw(world, room) + 1, live = 0;
    uint64_t address = first_pool(world->addresses[arena]) + number * POOL_BYTES, chain = 0;
    uint8_t *pool = world->arenas[arena] + (address - world->addresses[arena]);
    for (uint32_t slot = 0; slot < carved; slot++) {
        uint64_t offset = POOL_HEAD + (uint64_t)slot * bytes;
        bool is_live = slot == 0 || draw(world, 3) != 0;
        world->is_live[arena][number][slot] = is_live;
        live += is_live;
        if (!is_live) {
            put(pool, offset, chain, 8);
            chain = address + offset;
        }
    }
    put(pool, 0, live, 4);
    put(pool, 8, chain, 8);
    put(pool, 32, arena, 4);
    put(pool, 36, class, 4);
    put(pool, 40, POOL_HEAD + (uint64_t)carved * bytes, 4);
}

static struct world *make_world(const uint64_t addresses[ARENAS], uint32_t version_hex)
{
    struct world *world = memory_allocate_zeroed(1, sizeof *world);
    for (size_t i = 0; i < ARENAS; i++) {
        uint64_t first = first_pool(addresses[i]);
        world->addresses[i] = addresses[i];
        world->arenas[i] = memory_allocate_zeroed(ARENA_BYTES, 1);
        for (size_t number = 0; number < POOLS; number++)
            make_pool(world, i, number);
        put(world->entries, i * ENTRY_BYTES, addresses[i], 8);
        put(world->entries, i * ENTRY_BYTES + 8, first + (uint64_t)POOLS * POOL_BYTES, 8);
        put(world->entries, i * ENTRY_BYTES + 20, first == addresses[i] ? 64 : 63, 4);
        world->pieces[i] = (struct target_image_piece){addresses[i], world->arenas[i], ARENA_BYTES};
    }
    put(world->interpreter, STATE + STATE_ARENAS, ARRAY, 8);
    put(world->interpreter, STATE + STATE_LENGTH, ENTRIES, 4);
    put(world->interpreter, OLD_POINTER, INTERPRETER + STATE, 8);
    world->mapping = (struct target_mapping){.start = INTERPRETER,
                                             .end = INTERPRETER + sizeof world->interpreter,
                                             .flags = TARGET_MAPPING_READ | TARGET_MAPPING_WRITE};
    world->mappings = (struct target_mappings){.items = &world->mapping, .count = 1};
    world->pieces[ARENAS] = (struct target_image_piece){INTERPRETER, world->interpreter,
                                                        sizeof world->interpreter};
    world->pieces[ARENAS + 1] = (struct target_image_piece){ARRAY, world->entries,
                                                            sizeof world->entries};
    world->image = (struct target_image){world->pieces, ARENAS + 2};
    world->memory = target_image_memory(&world->image);
    memory_view_init(&world->view, &world->memory, (size_t)8 << 20);
    world->python.view = &world->view;
    world->python.interpreters[0] = INTERPRETER;
    world->python.interpreter_count = 1;
    world->python.mappings = &world->mappings;
    assert_true(cpython_offsets_find(version_hex, &world->python.offsets));
    return world;
}

static void destroy_world(struct world *world)
{
    memory_view_clear(&world->view);
    for (size_t i = 0; i < ARENAS; i++)
        free(world->arenas[i]);
    free(world);
}

/* Which slot of which pool an address is in; false: none that lives. */
static bool find_slot(const struct world *world, size_t arena, uint64_t address, size_t *number,
                      uint64_t *slot)
{
    uint64_t first = first_pool(world->addresses[arena]);
    if (address < first || address >= first + (uint64_t)POOLS * POOL_BYTES)
        return false;
    *number = (address - first) / POOL_BYTES;
    uint64_t offset = (address - first) % POOL_BYTES;
    uint64_t bytes = (*number % OBMALLOC_CLASSES + 1) * OBMALLOC_ALIGNMENT;
    if (offset < POOL_HEAD)
        return false;
    *slot = (offset - POOL_HEAD) / bytes;
    return world->is_live[arena][*number][*slot];
}

static void check_arena(const struct world *world, const struct obmalloc *heap, size_t arena,
                        uint64_t *position)
{
    uint64_t begin = world->addresses[arena], last = 0;
    for (uint64_t address = begin; address < begin + ARENA_BYTES; address += 8) {
        struct obmalloc_block block = {0};
        size_t number;
        uint64_t slot;
        assert_true(obmalloc_is_arena(heap, address));
        bool is_live = find_slot(world, arena, address, &number, &slot);
        assert_int_equal(obmalloc_find(heap, address, &block), is_live);
        if (!is_live)
            continue;
        uint64_t bytes = (number % OBMALLOC_CLASSES + 1) * OBMALLOC_ALIGNMENT;
        uint64_t start = first_pool(begin) + number * POOL_BYTES + POOL_HEAD + slot * bytes;
        *position += start != last;
        last = start;
        assert_int_equal(block.address, start);
        assert_int_equal(block.bytes, bytes);
        assert_int_equal(block.position + 1, *position);
        assert_int_equal(obmalloc_block_bytes(heap, block.arena, address), bytes);
    }
}

static void check(const uint64_t addresses[ARENAS], uint32_t version_hex)
{
    struct world *world = make_world(addresses, version_hex);
    struct obmalloc heap;
    char reason[128] = "";
    uint64_t position = 0;
    struct obmalloc_block block;
    assert_true(obmalloc_read(&heap, &world->python, reason, sizeof reason));
    assert_int_equal(heap.arena_count, ARENAS);
    assert_int_equal(heap.torn_pools, 0);
    for (size_t i = 0; i < ARENAS; i++)
        check_arena(world, &heap, i, &position);
    assert_int_equal(heap.block_count, position);
    const uint64_t outside[] = {0, addresses[0] - 8, addresses[0] - 2 * ARENA_BYTES,
                                addresses[ARENAS - 1] + ARENA_BYTES, UINT64_MAX};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        assert_false(obmalloc_is_arena(&heap, outside[i]));
        assert_false(obmalloc_find(&heap, outside[i], &block));
    }
    obmalloc_clear(&heap);
    destroy_world(world);
}

/* One behind the other, from any page on, as the kernel maps them. */
static void test_finds_blocks_of_arenas_side_by_side(void **state)
{
    (void)state;
    check((const uint64_t[]){UINT64_C(0x7f00010d9000), UINT64_C(0x7f00011d9000),
                             UINT64_C(0x7f0001400000)},
          0x030c01f0);
}

static void test_finds_blocks_of_arenas_far_apart(void **state)
{
    (void)state;
    check((const uint64_t[]){UINT64_C(0x10000001000), UINT64_C(0x400000d9000),
                             UINT64_C(0x7f0001400000)},
          0x030c01f0);
}

/* 3.14 moved the pointer to them between its releases. */
static void test_finds_arenas_where_they_were_before(void **state)
{
    (void)state;
    check((const uint64_t[]){UINT64_C(0x7f00010d9000), UINT64_C(0x7f00011d9000),
                             UINT64_C(0x7f0001400000)},
          0x030e00f0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_blocks_of_arenas_side_by_side),
        cmocka_unit_test(test_finds_blocks_of_arenas_far_apart),
        cmocka_unit_test(test_finds_arenas_where_they_were_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
