#include "config.h"

#include "symbols/module_map.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct module_id PROGRAM = {0};
static const struct module_id LIBRARY = {1};
static const struct module_id PLUGIN = {2};

static void assert_module(struct module_map *map, uint64_t address, struct module_id module,
                          uint64_t offset)
{
    const struct module_range *range = module_map_find(map, address);

    assert_non_null(range);
    assert_int_equal(range->module.index, module.index);
    assert_int_equal(address - range->bias, offset);
}

static void assert_module_at(struct module_map *map, uint64_t address, uint64_t time,
                             struct module_id module)
{
    const struct module_range *range = module_map_find_at(map, address, time);

    assert_non_null(range);
    assert_int_equal(range->module.index, module.index);
}

static void test_finds_modules(void **state)
{
    struct module_map map;

    (void)state;
    module_map_init(&map);
    assert_null(module_map_find(&map, 0x1000));
    module_map_add(&map, 0x7000, 0x9000, 0x7000, LIBRARY, 1);
    module_map_add(&map, 0x400000, 0x402000, 0, PROGRAM, 1);
    module_map_add(&map, 0x9000, 0xa000, 0x8000, PLUGIN, 1);
    module_map_add(&map, 0xb000, 0xb000, 0, PLUGIN, 1);
    assert_int_equal(map.count, 3);

    assert_null(module_map_find(&map, 0x6fff));
    assert_module(&map, 0x7000, LIBRARY, 0);
    assert_module(&map, 0x8fff, LIBRARY, 0x1fff);
    assert_module(&map, 0x9000, PLUGIN, 0x1000);
    assert_module(&map, 0x9fff, PLUGIN, 0x1fff);
    assert_null(module_map_find(&map, 0xa000));
    assert_module(&map, 0x400123, PROGRAM, 0x400123);
    assert_null(module_map_find(&map, UINT64_MAX));
    module_map_clear(&map);
}

/* A plugin is unloaded and another library is loaded to the same place. */
static void test_ranges_are_used_again(void **state)
{
    struct module_map map;

    (void)state;
    module_map_init(&map);
    module_map_add(&map, 0x7000, 0x9000, 0x7000, PLUGIN, 10);
    assert_module(&map, 0x7100, PLUGIN, 0x100);
    assert_false(module_map_remove(&map, 0x7001, 20));
    assert_true(module_map_remove(&map, 0x7000, 20));
    assert_false(module_map_remove(&map, 0x7000, 21));
    assert_null(module_map_find(&map, 0x7100));
    module_map_add(&map, 0x6000, 0x8000, 0x6000, LIBRARY, 30);
    assert_module(&map, 0x7100, LIBRARY, 0x1100);

    assert_null(module_map_find_at(&map, 0x7100, 9));
    assert_module_at(&map, 0x7100, 10, PLUGIN);
    assert_module_at(&map, 0x7100, 20, PLUGIN);
    assert_null(module_map_find_at(&map, 0x7100, 25));
    assert_module_at(&map, 0x7100, 30, LIBRARY);
    assert_null(module_map_find_at(&map, 0x8100, 30));
    assert_module_at(&map, 0x8100, 15, PLUGIN);
    module_map_clear(&map);
}

static void test_overlap_retires_what_was_there(void **state)
{
    struct module_map map;

    (void)state;
    module_map_init(&map);
    module_map_add(&map, 0x1000, 0x2000, 0, PROGRAM, 1);
    module_map_add(&map, 0x3000, 0x4000, 0, LIBRARY, 2);
    module_map_add(&map, 0x5000, 0x6000, 0, PROGRAM, 3);
    module_map_add(&map, 0x1800, 0x5000, 0x1800, PLUGIN, 4);
    assert_int_equal(map.count, 2);
    assert_int_equal(map.former_count, 2);
    assert_null(module_map_find(&map, 0x1000));
    assert_module(&map, 0x3000, PLUGIN, 0x1800);
    assert_module(&map, 0x5000, PROGRAM, 0x5000);
    assert_module_at(&map, 0x3000, 3, LIBRARY);
    module_map_clear(&map);
}

static void test_same_load_is_widened(void **state)
{
    struct module_map map;

    (void)state;
    module_map_init(&map);
    module_map_add(&map, 0x2000, 0x4000, 0x2000, LIBRARY, 5);
    module_map_add(&map, 0x2000, 0x4000, 0x2000, LIBRARY, 9);
    assert_int_equal(map.count, 1);
    assert_int_equal(map.former_count, 0);
    assert_int_equal(map.ranges[0].loaded, 5);
    module_map_add(&map, 0x3000, 0x6000, 0x2000, LIBRARY, 9);
    assert_int_equal(map.count, 1);
    assert_module(&map, 0x5fff, LIBRARY, 0x3fff);
    /* The same file again at another place is another load. */
    module_map_add(&map, 0x5000, 0x7000, 0x5000, LIBRARY, 9);
    assert_int_equal(map.former_count, 1);
    module_map_clear(&map);
}

static void test_copy_is_independent(void **state)
{
    struct module_map parent, child;

    (void)state;
    module_map_init(&parent);
    module_map_copy(&child, &parent);
    module_map_clear(&child);
    module_map_add(&parent, 0x1000, 0x2000, 0, PROGRAM, 1);
    module_map_copy(&child, &parent);
    module_map_add(&child, 0x3000, 0x4000, 0, PLUGIN, 2);
    assert_true(module_map_remove(&parent, 0x1000, 2));
    assert_module(&child, 0x1500, PROGRAM, 0x1500);
    assert_null(module_map_find(&parent, 0x3000));
    module_map_clear(&parent);
    module_map_clear(&child);
}

/* Against a plain array of owners, one per page. */
static void test_many_random_changes(void **state)
{
    enum {
        PAGES = 64,
        CHANGES = 20000
    };
    int owners[PAGES];
    int starts[PAGES];
    struct module_map map;
    uint32_t chance = 1;

    (void)state;
    module_map_init(&map);
    for (int i = 0; i < PAGES; i++)
        owners[i] = -1;
    for (int change = 0; change < CHANGES; change++) {
        chance = chance * 1664525u + 1013904223u;
        int start = (int)(chance >> 24) % PAGES;
        int end = start + 1 + (int)(chance >> 16) % 5;
        if (end > PAGES)
            end = PAGES;
        if ((chance >> 10) % 3 == 0) {
            bool is_start = owners[start] >= 0 && starts[start] == start;
            int owner = owners[start];
            assert_int_equal(module_map_remove(&map, (uint64_t)start << 12, (uint64_t)change),
                             is_start);
            for (int i = 0; is_start && i < PAGES; i++)
                if (owners[i] == owner)
                    owners[i] = -1;
        } else {
            for (int i = start; i < end; i++) {
                int gone = owners[i];
                for (int j = 0; gone >= 0 && j < PAGES; j++)
                    if (owners[j] == gone)
                        owners[j] = -1;
            }
            for (int i = start; i < end; i++) {
                owners[i] = change;
                starts[i] = start;
            }
            module_map_add(&map, (uint64_t)start << 12, (uint64_t)end << 12, 0,
                           (struct module_id){(uint32_t)change}, (uint64_t)change);
        }
        for (int i = 0; i < PAGES; i++) {
            const struct module_range *range = module_map_find(&map, ((uint64_t)i << 12) + 5);
            assert_int_equal(range == NULL ? -1 : (int)range->module.index, owners[i]);
        }
    }
    module_map_clear(&map);
}

static void test_table_knows_modules_by_path_and_build_id(void **state)
{
    static const uint8_t a[] = {1, 2, 3}, b[] = {1, 2, 4};
    struct module_table table;

    (void)state;
    module_table_init(&table);
    assert_int_equal(module_table_add(&table, "/lib/x.so", a, sizeof a).index, 0);
    assert_int_equal(module_table_add(&table, "/lib/y.so", a, sizeof a).index, 1);
    assert_int_equal(module_table_add(&table, "/lib/x.so", b, sizeof b).index, 2);
    assert_int_equal(module_table_add(&table, "/lib/x.so", NULL, 0).index, 3);
    assert_int_equal(module_table_add(&table, "/lib/x.so", a, 2).index, 4);
    assert_int_equal(module_table_add(&table, "/lib/x.so", a, sizeof a).index, 0);
    assert_int_equal(module_table_add(&table, "/lib/x.so", NULL, 0).index, 3);
    assert_int_equal(table.count, 5);
    assert_string_equal(module_table_get(&table, (struct module_id){1})->path, "/lib/y.so");
    assert_int_equal(module_table_get(&table, (struct module_id){2})->build_id[2], 4);
    assert_null(module_table_get(&table, (struct module_id){5}));
    module_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_modules),
        cmocka_unit_test(test_ranges_are_used_again),
        cmocka_unit_test(test_overlap_retires_what_was_there),
        cmocka_unit_test(test_same_load_is_widened),
        cmocka_unit_test(test_copy_is_independent),
        cmocka_unit_test(test_many_random_changes),
        cmocka_unit_test(test_table_knows_modules_by_path_and_build_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
