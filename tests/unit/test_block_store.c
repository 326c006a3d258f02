#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "heap/block_store.h"

/* Stores are compared with plain arrays of sizes by address, which a fork copies. */

enum {
    ADDRESSES = 400000,
    STORES = 8
};

struct twin {
    struct block_store store;
    uint32_t *sizes; /* by address; 0 = nothing lives there */
    bool is_used;
};

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % limit;
}

static void translate(void *context, struct block *block)
{
    (void)context;
    block->thread = BLOCK_THREAD_INHERITED;
}

static void init(struct twin *twin)
{
    *twin = (struct twin){.sizes = calloc(ADDRESSES, sizeof *twin->sizes), .is_used = true};
}

static void clear(struct twin *twin)
{
    block_store_clear(&twin->store);
    free(twin->sizes);
    *twin = (struct twin){0};
}

static void put(struct twin *twin, uint32_t address, uint32_t size)
{
    struct block block = {.address = 16 + address, .size = size}, old = {0};
    assert_int_equal(block_store_put(&twin->store, &block, &old), twin->sizes[address] != 0);
    assert_int_equal(old.size, twin->sizes[address]);
    twin->sizes[address] = size;
}

static void take(struct twin *twin, uint32_t address)
{
    struct block old = {0};
    assert_int_equal(block_store_remove(&twin->store, 16 + address, &old),
                     twin->sizes[address] != 0);
    assert_int_equal(old.size, twin->sizes[address]);
    twin->sizes[address] = 0;
}

static void fork_twin(struct twin *parent, struct twin *child)
{
    init(child);
    memcpy(child->sizes, parent->sizes, ADDRESSES * sizeof *child->sizes);
    block_store_fork(&parent->store, &child->store, translate, NULL);
}

static void visit(void *context, const struct block *block)
{
    uint32_t *left = context;
    assert_int_equal(left[block->address - 16], block->size);
    left[block->address - 16] = 0; /* each only once */
}

static void check(const struct twin *twin)
{
    uint32_t *left = malloc(ADDRESSES * sizeof *left);
    memcpy(left, twin->sizes, ADDRESSES * sizeof *left);
    uint64_t count = 0;
    for (uint32_t i = 0; i < ADDRESSES; i++) {
        struct block block = {0};
        count += twin->sizes[i] != 0;
        assert_int_equal(block_store_find(&twin->store, 16 + i, &block), twin->sizes[i] != 0);
        assert_int_equal(block.size, twin->sizes[i]);
    }
    assert_int_equal(twin->store.count, count);
    block_store_visit(&twin->store, visit, left);
    for (uint32_t i = 0; i < ADDRESSES; i++)
        assert_int_equal(left[i], 0);
    free(left);
}

static void test_a_fork_copies_nothing(void **state)
{
    (void)state;
    struct twin parent, child;
    init(&parent);
    for (uint32_t i = 0; i < 100000; i++)
        put(&parent, i, i + 1);
    fork_twin(&parent, &child);
    assert_int_equal(block_store_own_bytes(&child.store), 0);
    take(&child, 5);
    put(&child, 6, 1000000);
    put(&child, 200000, 7);
    take(&parent, 7);
    put(&parent, 8, 2000000);
    put(&parent, 300000, 9);
    take(&parent, 300000);
    put(&parent, 7, 3);
    check(&parent);
    check(&child);
    assert_true(block_store_own_bytes(&child.store) < 4096);
    clear(&child);
    assert_null(parent.store.newest);
    check(&parent);
    clear(&parent);
}

static void test_children_outlive_their_parent(void **state)
{
    (void)state;
    struct twin parent, first, second;
    init(&parent);
    for (uint32_t i = 0; i < 1000; i++)
        put(&parent, i, 10);
    fork_twin(&parent, &first);
    for (uint32_t i = 0; i < 500; i++)
        take(&parent, i);
    fork_twin(&parent, &second);
    for (uint32_t i = 0; i < 1000; i += 2)
        put(&parent, i, 20);
    take(&first, 900);
    clear(&parent);
    assert_null(first.store.base);
    assert_null(second.store.base);
    check(&first);
    check(&second);
    struct block block;
    assert_true(block_store_find(&first.store, 16 + 901, &block));
    assert_int_equal(block.thread, BLOCK_THREAD_INHERITED);
    clear(&first);
    clear(&second);
}

/* Views of views, down to some depth: the one that forks beyond it gets a copy. */
static void test_a_child_that_forks_copies_nothing(void **state)
{
    (void)state;
    struct twin family[BLOCK_STORE_DEPTH_MAX + 2];
    init(&family[0]);
    for (uint32_t i = 0; i < 1000; i++)
        put(&family[0], i, 10);
    for (uint32_t i = 0; i <= BLOCK_STORE_DEPTH_MAX; i++) {
        fork_twin(&family[i], &family[i + 1]);
        take(&family[i], 10 * i + 3);     /* the child still has it */
        take(&family[i + 1], 10 * i + 4); /* and of this one its parent */
        put(&family[i], 10 * i + 5, 20);
        put(&family[i + 1], 2000 + i, 30);
    }
    for (uint32_t i = 1; i < BLOCK_STORE_DEPTH_MAX; i++)
        assert_non_null(family[i].store.base);
    assert_null(family[BLOCK_STORE_DEPTH_MAX].store.base);
    for (uint32_t i = 0; i < BLOCK_STORE_DEPTH_MAX + 2; i++)
        check(&family[i]);
    for (uint32_t i = 0; i < BLOCK_STORE_DEPTH_MAX + 2; i++) {
        clear(&family[i]);
        for (uint32_t j = i + 1; j < BLOCK_STORE_DEPTH_MAX + 2; j++)
            check(&family[j]);
    }
}

static void test_a_long_log_gives_way_to_a_copy(void **state)
{
    (void)state;
    struct twin parent, first, second;
    init(&parent);
    for (uint32_t i = 0; i < 200000; i++)
        put(&parent, i, 10);
    fork_twin(&parent, &first);
    for (uint32_t i = 0; i < 40000; i++)
        take(&parent, i);
    fork_twin(&parent, &second);
    for (uint32_t i = 100000; i < 100000 + BLOCK_STORE_LOG_MIN; i++)
        take(&parent, i);
    assert_non_null(second.store.base);
    take(&parent, 199999); /* one too many; and merged with the older log, again too many */
    assert_null(second.store.base);
    assert_null(first.store.base);
    assert_null(parent.store.oldest);
    check(&parent);
    check(&first);
    check(&second);
    clear(&second);
    clear(&first);
    clear(&parent);
}

static void test_many_notes_give_way_to_a_copy(void **state)
{
    (void)state;
    struct twin parent, child;
    init(&parent);
    for (uint32_t i = 0; i < 100000; i++)
        put(&parent, i, 10);
    fork_twin(&parent, &child);
    for (uint32_t i = 0; i < 90000; i++)
        take(&child, i);
    assert_null(child.store.base);
    check(&child);
    clear(&child);
    clear(&parent);
}

/* (What is left of them a sanitizer tells.) */
static void test_a_family_goes_in_any_order(void **state)
{
    (void)state;
    struct twin parent, first, second, grandchild;
    init(&parent);
    for (uint32_t i = 0; i < 1000; i++)
        put(&parent, i, 10);
    fork_twin(&parent, &first);
    take(&parent, 1);
    fork_twin(&parent, &second);
    take(&parent, 2);
    fork_twin(&first, &grandchild);
    take(&first, 3);
    put(&grandchild, 4, 20);
    struct twin *twins[] = {&parent, &grandchild, &first, &second};
    for (size_t i = 0; i < sizeof twins / sizeof *twins; i++) {
        block_store_discard(&twins[i]->store);
        assert_int_equal(twins[i]->store.count, 0);
        clear(twins[i]);
    }
}

static struct twin *random_twin(struct twin *twins)
{
    for (;;) {
        struct twin *twin = &twins[random_below(STORES)];
        if (twin->is_used)
            return twin;
    }
}

/* Bursts, so that logs pass their limit now and then. */
static void change(struct twin *twin)
{
    uint32_t count = random_below(20) == 0 ? random_below(90000) : random_below(100);
    uint32_t start = random_below(ADDRESSES), stride = 1 + random_below(7);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t address = (start + i * stride) % ADDRESSES;
        if (random_below(2) == 0)
            put(twin, address, 1 + random_below(1000));
        else
            take(twin, address);
    }
}

static void test_random_families(void **state)
{
    (void)state;
    struct twin twins[STORES] = {0};
    init(&twins[0]);
    for (uint32_t i = 0; i < 60000; i++)
        put(&twins[0], random_below(ADDRESSES), 5);
    uint32_t used = 1;
    for (int step = 0; step < 600; step++) {
        struct twin *twin = random_twin(twins);
        uint32_t choice = random_below(12);
        if (choice == 0 && used < STORES) {
            struct twin *child = twins;
            while (child->is_used)
                child++;
            fork_twin(twin, child);
            used++;
        } else if (choice == 1 && used > 1) {
            clear(twin);
            used--;
        } else {
            change(twin);
        }
        if (step % 60 == 0)
            check(random_twin(twins));
    }
    for (int i = 0; i < STORES; i++)
        if (twins[i].is_used) {
            check(&twins[i]);
            clear(&twins[i]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fork_copies_nothing),
        cmocka_unit_test(test_children_outlive_their_parent),
        cmocka_unit_test(test_a_child_that_forks_copies_nothing),
        cmocka_unit_test(test_a_long_log_gives_way_to_a_copy),
        cmocka_unit_test(test_many_notes_give_way_to_a_copy),
        cmocka_unit_test(test_a_family_goes_in_any_order),
        cmocka_unit_test(test_random_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
