#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "record/stack_memo.h"
#include "record/stack_path.h"
#include "recording/recording_records.h"

/* A word is the offset of its frame in module 1. */
struct looks {
    struct stack_table *table;
    unsigned count;
    uint32_t module_plus_1;
};

static struct frame_id find_frame(void *context, uint64_t word)
{
    struct looks *looks = context;
    struct frame frame = {
        .kind = RECORDING_FRAME_NATIVE, .module_id_plus_1 = looks->module_plus_1, .offset = word};
    looks->count++;
    return stack_table_add_frame(looks->table, &frame);
}

struct fixture {
    struct stack_path *path;
    struct looks looks;
    struct stack_memo memo;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->path = calloc(1, sizeof *fixture->path);
    fixture->looks = (struct looks){stack_table_create(), 0, 1};
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    stack_memo_clear(&fixture->memo);
    stack_table_destroy(fixture->looks.table);
    free(fixture->path);
    free(fixture);
    return 0;
}

static struct stack_id follow(struct fixture *fixture, uint64_t owner, struct stack_words stack)
{
    return stack_path_follow(fixture->path, owner, &fixture->memo, fixture->looks.table, &stack,
                             find_frame, &fixture->looks);
}

/* The offsets of a stack, innermost first; OMITTED for a gap. */
enum {
    OMITTED = 1000000
};

static void expect(const struct fixture *fixture, struct stack_id node, const uint64_t *offsets,
                   size_t count)
{
    const struct stack_table *table = fixture->looks.table;
    for (size_t i = 0; i < count; i++) {
        struct frame frame = stack_table_frame(table, stack_table_node_frame(table, node));
        if (offsets[i] >= OMITTED) {
            assert_int_equal(frame.kind, RECORDING_FRAME_OMITTED);
            assert_int_equal(frame.offset, offsets[i] - OMITTED);
        } else {
            assert_int_equal(frame.kind, RECORDING_FRAME_NATIVE);
            assert_int_equal(frame.offset, offsets[i]);
        }
        node = stack_table_parent(table, node);
    }
    assert_int_equal(node.index, 0);
}

#define WORDS(...)                                                                                 \
    (const uint64_t[])                                                                             \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static void test_only_what_differs_is_looked_up(void **state)
{
    struct fixture *fixture = *state;
    struct stack_id node = follow(fixture, 1, (struct stack_words){WORDS(3, 2, 1), 3, 0, 0});
    expect(fixture, node, WORDS(3, 2, 1), 3);
    assert_int_equal(fixture->looks.count, 3);
    node = follow(fixture, 1, (struct stack_words){WORDS(5, 4, 2, 1), 4, 0, 0});
    expect(fixture, node, WORDS(5, 4, 2, 1), 4);
    assert_int_equal(fixture->looks.count, 5);
    node = follow(fixture, 1, (struct stack_words){WORDS(2, 1), 2, 0, 0});
    expect(fixture, node, WORDS(2, 1), 2);
    assert_int_equal(fixture->looks.count, 5);
    /* What was inside of the shorter one is not taken from the longer one before it. */
    node = follow(fixture, 1, (struct stack_words){WORDS(5, 4, 2, 1), 4, 0, 0});
    expect(fixture, node, WORDS(5, 4, 2, 1), 4);
    assert_int_equal(fixture->looks.count, 7);
    node = follow(fixture, 1, (struct stack_words){WORDS(1), 0, 0, 0});
    assert_int_equal(node.index, 0);
}

static void test_another_owner_begins_anew(void **state)
{
    struct fixture *fixture = *state;
    struct stack_id first = follow(fixture, 1, (struct stack_words){WORDS(2, 1), 2, 0, 0});
    fixture->looks.module_plus_1 = 2;
    struct stack_id second = follow(fixture, 2, (struct stack_words){WORDS(2, 1), 2, 0, 0});
    assert_int_not_equal(first.index, second.index);
    assert_int_equal(fixture->looks.count, 4);
}

static void test_gaps(void **state)
{
    struct fixture *fixture = *state;
    struct stack_id node = follow(fixture, 1, (struct stack_words){WORDS(9, 8, 2, 1), 4, 2, 7});
    expect(fixture, node, WORDS(9, 8, OMITTED + 7, 2, 1), 5);
    assert_int_equal(fixture->looks.count, 4);
    /* The same gap: one frame differs. */
    node = follow(fixture, 1, (struct stack_words){WORDS(10, 8, 2, 1), 4, 2, 7});
    expect(fixture, node, WORDS(10, 8, OMITTED + 7, 2, 1), 5);
    assert_int_equal(fixture->looks.count, 5);
    /* A longer gap, and then none: what is inside of it hangs elsewhere. */
    node = follow(fixture, 1, (struct stack_words){WORDS(10, 8, 2, 1), 4, 2, 6});
    expect(fixture, node, WORDS(10, 8, OMITTED + 6, 2, 1), 5);
    assert_int_equal(fixture->looks.count, 7);
    node = follow(fixture, 1, (struct stack_words){WORDS(10, 8, 2, 1), 4, 2, 0});
    expect(fixture, node, WORDS(10, 8, 2, 1), 4);
    assert_int_equal(fixture->looks.count, 9);
    /* The same words, with a gap again; and one in another place. */
    node = follow(fixture, 1, (struct stack_words){WORDS(10, 8, 2, 1), 4, 2, 6});
    expect(fixture, node, WORDS(10, 8, OMITTED + 6, 2, 1), 5);
    node = follow(fixture, 1, (struct stack_words){WORDS(10, 8, 2, 1), 4, 3, 6});
    expect(fixture, node, WORDS(10, 8, 2, OMITTED + 6, 1), 5);
    node = follow(fixture, 1, (struct stack_words){WORDS(10, 8, 2, 1), 4, 1, 6});
    expect(fixture, node, WORDS(10, OMITTED + 6, 8, 2, 1), 5);
}

static void test_stacks_that_come_again_are_known(void **state)
{
    struct fixture *fixture = *state;
    struct stack_words a = {WORDS(5, 4, 3, 2, 1), 5, 0, 0},
                       b = {WORDS(15, 14, 13, 12, 11), 5, 0, 0};
    struct stack_words gap = {WORDS(5, 4, 3, 2, 1), 5, 2, 9};
    struct stack_id first = follow(fixture, 1, a);
    follow(fixture, 1, b);
    assert_int_equal(fixture->looks.count, 10);
    struct stack_id again = follow(fixture, 1, a);
    assert_int_equal(again.index, first.index);
    assert_int_equal(fixture->looks.count, 10);
    /* Not with a gap, and not where the words may mean something else. */
    struct stack_id other = follow(fixture, 1, gap);
    expect(fixture, other, WORDS(5, 4, OMITTED + 9, 3, 2, 1), 6);
    fixture->looks.module_plus_1 = 2;
    assert_int_not_equal(follow(fixture, 2, a).index, first.index);
}

static void test_a_full_memo_begins_anew(void **state)
{
    struct fixture *fixture = *state;
    uint64_t words[4];
    uint64_t stacks = 2 * (uint64_t)STACK_MEMO_MAX_STACKS + STACK_MEMO_PAUSE;
    for (uint64_t i = 0; i < stacks + 10; i++) {
        uint64_t place = i < stacks ? i : i - stacks; /* the last ones again */
        for (uint64_t j = 0; j < 4; j++)
            words[3 - j] = 1 + place % 1000 + 1000 * j;
        words[3] = 10000 + place % 7;
        struct stack_words stack = {words, 4, 0, 0};
        struct stack_id node = follow(fixture, 1 + place, stack);
        expect(fixture, node, words, 4);
    }
    assert_true(fixture->memo.count <= STACK_MEMO_MAX_STACKS);
    assert_true(fixture->memo.word_count <= STACK_MEMO_MAX_WORDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_only_what_differs_is_looked_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_owner_begins_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gaps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stacks_that_come_again_are_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_full_memo_begins_anew, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
