/* The preload's memo of stacks: what it finds again, and when it must not. */
#include "preload/stack_memo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    GENERATION = 7,
    WORDS = 5,
    OTHERS = 1000
};

static uint64_t words[WORDS]; /* of the stack */

static int create_memo(void **state)
{
    *state = aligned_alloc(64, sizeof(struct stack_memo));
    *(struct stack_memo *)*state = (struct stack_memo){0};
    for (uint64_t i = 0; i < WORDS; i++)
        words[i] = 100 + i;
    return 0;
}

static int destroy_memo(void **state)
{
    free(*state);
    return 0;
}

static struct walk_registers registers_of(uint64_t pc)
{
    return (struct walk_registers){.pc = pc, .sp = 0x7000 + pc * 16, .bp = 55};
}

static struct stack_memo_entry *find(struct stack_memo *memo, uint64_t pc)
{
    struct walk_registers registers = registers_of(pc);
    return stack_memo_find(memo, stack_memo_key(registers.pc, registers.sp), &registers,
                           GENERATION);
}

/* The stack from this pc with the words as they are now. False: not remembered this time. */
static bool remember(struct stack_memo *memo, uint64_t pc, uint32_t slot)
{
    struct walk_registers registers = registers_of(pc);
    struct stack_memo_entry *entry = stack_memo_place(memo,
                                                      stack_memo_key(registers.pc, registers.sp));
    if (entry == NULL)
        return false;
    entry->pc = registers.pc;
    entry->sp = registers.sp;
    entry->bp = registers.bp;
    entry->bp_mask = 0;
    entry->slot = slot;
    for (uint32_t i = 0; i < WORDS; i++)
        stack_memo_reads(memo, entry)[i] = (struct walk_read){(uintptr_t)&words[i], words[i]};
    stack_memo_seal(memo, entry, WORDS, GENERATION);
    return true;
}

static void remember_at_last(struct stack_memo *memo, uint64_t pc, uint32_t slot)
{
    for (int i = 0; !remember(memo, pc, slot); i++)
        assert_int_not_equal(i, 2 * STACK_MEMO_RETRY);
}

static void test_second_time(void **state)
{
    struct stack_memo *memo = *state;
    assert_null(find(memo, 1));
    assert_false(remember(memo, 1, 20));
    assert_null(find(memo, 1));
    assert_true(remember(memo, 1, 20));
    assert_non_null(find(memo, 1));
    assert_int_equal(find(memo, 1)->slot, 20);
    assert_null(find(memo, 2));
}

static void test_every_word_counts(void **state)
{
    struct stack_memo *memo = *state;
    remember_at_last(memo, 1, 20);
    for (uint32_t i = 0; i < WORDS; i++) {
        words[i]++;
        assert_null(find(memo, 1));
        words[i]--;
        assert_non_null(find(memo, 1));
    }
}

static void test_registers(void **state)
{
    struct stack_memo *memo = *state;
    struct walk_registers registers = registers_of(1);
    uint32_t key = stack_memo_key(registers.pc, registers.sp);
    remember_at_last(memo, 1, 20);
    registers.bp++;
    struct stack_memo_entry *entry = stack_memo_find(memo, key, &registers, GENERATION);
    assert_non_null(entry);
    entry->bp_mask = UINT64_MAX;
    assert_null(stack_memo_find(memo, key, &registers, GENERATION));
    registers.bp--;
    assert_non_null(stack_memo_find(memo, key, &registers, GENERATION));
    assert_null(stack_memo_find(memo, key, &registers, GENERATION + 1));
    registers.sp++;
    assert_null(stack_memo_find(memo, key, &registers, GENERATION));
}

static void test_two_of_the_same_registers(void **state)
{
    struct stack_memo *memo = *state;
    remember_at_last(memo, 1, 20);
    words[3] = 0;
    remember_at_last(memo, 1, 21);
    for (int i = 0; i < 3; i++) {
        words[3] = 103;
        assert_int_equal(find(memo, 1)->slot, 20);
        words[3] = 0;
        assert_int_equal(find(memo, 1)->slot, 21);
    }
}

static void test_slot_of_another_stack(void **state)
{
    struct stack_memo *memo = *state;
    remember_at_last(memo, 1, 20);
    remember_at_last(memo, 2, 20);
    remember_at_last(memo, 3, 21);
    stack_memo_forget_slot(memo, 20);
    assert_null(find(memo, 1));
    assert_null(find(memo, 2));
    assert_int_equal(find(memo, 3)->slot, 21);
    remember_at_last(memo, 1, 20);
    stack_memo_forget_slot(memo, 20);
    assert_null(find(memo, 1));
}

/* Whoever named a slot, and in whatever order: when it is forgotten all entries that name it go,
 * and no others. */
static void test_slots_named_by_chance(void **state)
{
    enum {
        PLACES = 12,
        SLOTS = 6
    };
    struct stack_memo *memo = *state;
    uint32_t slot_of[PLACES + 1] = {0}; /* 0 = not remembered */
    uint64_t random = 88172645463325252;
    for (int step = 0; step < 5000; step++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        uint64_t pc = 1 + (random >> 20) % PLACES;
        uint32_t slot = 1 + (uint32_t)(random >> 40) % SLOTS;
        struct stack_memo_entry *entry = find(memo, pc);
        if (random % 3 == 0) {
            stack_memo_forget_slot(memo, slot);
            for (uint64_t i = 1; i <= PLACES; i++)
                slot_of[i] = slot_of[i] == slot ? 0 : slot_of[i];
        } else if (entry == NULL) {
            remember_at_last(memo, pc, slot);
            slot_of[pc] = slot;
        } else {
            stack_memo_rename(memo, entry, slot);
            slot_of[pc] = slot;
        }
        for (uint64_t i = 1; i <= PLACES; i++) {
            entry = find(memo, i);
            assert_int_equal(entry == NULL ? 0 : stack_memo_slot(entry), slot_of[i]);
        }
    }
}

static void test_what_is_of_use_stays(void **state)
{
    struct stack_memo *memo = *state;
    remember_at_last(memo, 1, 20);
    remember_at_last(memo, 2, 22);
    uint32_t key = stack_memo_key(registers_of(1).pc, registers_of(1).sp) % STACK_MEMO_KEYS;
    uint32_t others = 0;
    for (uint64_t pc = 3; pc < OTHERS; pc++) {
        /* A key that both have is given to the later one; so is what stands beside it. */
        struct walk_registers other = registers_of(pc);
        if (stack_memo_key(other.pc, other.sp) % STACK_MEMO_KEYS == key)
            continue;
        others += remember(memo, pc, 23) || remember(memo, pc, 23);
        assert_int_equal(find(memo, 1)->slot, 20);
    }
    assert_true(others > 2 * STACK_MEMO_ENTRIES);
    assert_null(find(memo, 2));
}

/* Each time another stack from the same registers: after a while it is not worth it. */
static void test_in_vain(void **state)
{
    struct stack_memo *memo = *state;
    unsigned remembered = 0;
    for (int i = 0; i < OTHERS; i++) {
        words[4] = 1000 + (unsigned)i;
        assert_null(find(memo, 1));
        remembered += remember(memo, 1, 20);
    }
    assert_in_range(remembered, STACK_MEMO_WASTE, STACK_MEMO_WASTE + OTHERS / 50);
    /* It is tried again, and then it is. */
    remember_at_last(memo, 1, 21);
    assert_int_equal(find(memo, 1)->slot, 21);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_second_time, create_memo, destroy_memo),
        cmocka_unit_test_setup_teardown(test_every_word_counts, create_memo, destroy_memo),
        cmocka_unit_test_setup_teardown(test_registers, create_memo, destroy_memo),
        cmocka_unit_test_setup_teardown(test_two_of_the_same_registers, create_memo, destroy_memo),
        cmocka_unit_test_setup_teardown(test_slot_of_another_stack, create_memo, destroy_memo),
        cmocka_unit_test_setup_teardown(test_slots_named_by_chance, create_memo, destroy_memo),
        cmocka_unit_test_setup_teardown(test_what_is_of_use_stays, create_memo, destroy_memo),
        cmocka_unit_test_setup_teardown(test_in_vain, create_memo, destroy_memo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
