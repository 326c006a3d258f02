#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash_map.h"

enum {
    MODEL_KEYS = 700,
    OPERATIONS = 200000
};

/* xorshift64: the same sequence everywhere. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

struct model {
    bool is_there[MODEL_KEYS];
    uint64_t values[MODEL_KEYS];
    size_t count;
};

/* Addresses 16 bytes apart, 0 and the largest number among them. */
static uint64_t key_of(size_t i)
{
    return i == 1 ? UINT64_MAX : i * 16;
}

static void check_iteration(const struct hash_map *map, const struct model *model)
{
    size_t position = 0;
    size_t seen = 0;
    const struct hash_map_entry *entry;
    while ((entry = hash_map_next(map, &position))) {
        size_t i = entry->key == UINT64_MAX ? 1 : (size_t)(entry->key / 16);
        assert_true(i < MODEL_KEYS && model->is_there[i]);
        assert_int_equal(entry->value, model->values[i]);
        seen++;
    }
    assert_int_equal(seen, model->count);
    assert_int_equal(map->count, model->count);
}

static void test_map_agrees_with_a_naive_model(void **state)
{
    (void)state;
    static struct model model;
    struct hash_map map = {0};
    uint64_t random = 42;
    for (size_t n = 0; n < OPERATIONS; n++) {
        uint64_t number = next_random(&random);
        size_t i = number % MODEL_KEYS;
        unsigned operation = (unsigned)(number >> 40) % 3;
        if (operation == 0) {
            bool is_new;
            uint64_t *value = hash_map_put(&map, key_of(i), &is_new);
            assert_int_equal(is_new, !model.is_there[i]);
            assert_int_equal(*value, is_new ? 0 : model.values[i]);
            *value = number;
            model.count += is_new;
            model.is_there[i] = true;
            model.values[i] = number;
        } else if (operation == 1) {
            uint64_t value = 7;
            assert_int_equal(hash_map_remove(&map, key_of(i), &value), model.is_there[i]);
            assert_int_equal(value, model.is_there[i] ? model.values[i] : 7);
            model.count -= model.is_there[i];
            model.is_there[i] = false;
        } else {
            uint64_t *value = hash_map_find(&map, key_of(i));
            assert_int_equal(value != NULL, model.is_there[i]);
            if (value)
                assert_int_equal(*value, model.values[i]);
        }
        if (n % 10000 == 0)
            check_iteration(&map, &model);
    }
    check_iteration(&map, &model);
    hash_map_clear(&map);
    assert_int_equal(map.count, 0);
    assert_null(hash_map_find(&map, 16));
    assert_false(hash_map_remove(&map, 16, NULL));
}

static void test_map_stays_small_under_churn(void **state)
{
    (void)state;
    struct hash_map map;
    hash_map_init(&map);
    for (uint64_t key = 0; key < 100000; key++) {
        *hash_map_put(&map, key, NULL) = key;
        if (key >= 100)
            assert_true(hash_map_remove(&map, key - 100, NULL));
    }
    assert_int_equal(map.count, 100);
    assert_true(map.capacity <= 256);
    hash_map_clear(&map);
}

static bool number_equals(const void *context, uint32_t position, const void *key)
{
    const uint64_t *numbers = context;
    return numbers[position] == *(const uint64_t *)key;
}

static void test_index_finds_by_content(void **state)
{
    (void)state;
    static uint64_t numbers[5000];
    struct hash_index index;
    hash_index_init(&index);
    for (uint32_t i = 0; i < 5000; i++) {
        numbers[i] = i * UINT64_C(1000003);
        uint64_t hash = i % 3; /* nearly everything collides */
        if (i % 50 == 0)
            assert_int_equal(hash_index_find(&index, hash, &numbers[i], number_equals, numbers),
                             HASH_INDEX_NONE);
        hash_index_add(&index, i < 2000 ? hash : hash_mix(i), i);
    }
    for (uint32_t i = 0; i < 5000; i += 17)
        assert_int_equal(hash_index_find(&index, i < 2000 ? i % 3 : hash_mix(i), &numbers[i],
                                         number_equals, numbers),
                         i);
    hash_index_clear(&index);
    assert_int_equal(hash_index_find(&index, 1, &numbers[1], number_equals, numbers),
                     HASH_INDEX_NONE);
}

static void test_hash_of_bytes_sees_every_bit_and_the_length(void **state)
{
    (void)state;
    uint8_t bytes[23] = {0};
    uint64_t zero = hash_bytes(bytes, sizeof bytes, 0);
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_true(hash_bytes(bytes, sizeof bytes, 0) != zero);
        bytes[bit / 8] = 0;
    }
    assert_true(hash_bytes(bytes, 8, 0) != hash_bytes(bytes, 7, 0));
    assert_true(hash_bytes(bytes, 0, 0) != hash_bytes(bytes, 0, 1));
    assert_true(hash_mix(0) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map_agrees_with_a_naive_model),
        cmocka_unit_test(test_map_stays_small_under_churn),
        cmocka_unit_test(test_index_finds_by_content),
        cmocka_unit_test(test_hash_of_bytes_sees_every_bit_and_the_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
