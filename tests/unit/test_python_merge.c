/* Stacks as texts, innermost first: in native ones 'e' is a frame of the evaluation, any other
 * letter C; in Python ones a letter is a frame and '.' an entry of C's own, and ';' behind either
 * ends a group. '~' stands where frames were left out, 9 of them in each of the two. */
#include "preload/python_merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "wire/wire_format.h"

enum {
    ROOM = 64,
    LEFT_OUT = 9
};

struct stacks {
    uint64_t native[ROOM], frames[ROOM];
    struct python_merge_frame python[ROOM];
    struct python_merge merge;
};

static void read_native(struct stacks *stacks, const char *text)
{
    struct python_merge *merge = &stacks->merge;
    for (; *text != '\0'; text++) {
        if (*text == '~') {
            merge->native_omitted = LEFT_OUT;
            merge->native_inner_count = merge->native_count;
        } else {
            /* Return addresses: the last one of a function may be the first of the next. */
            stacks->native[merge->native_count++] = *text == 'e' ? 0x2000 : (uint64_t)*text;
        }
    }
    if (merge->native_omitted == 0)
        merge->native_inner_count = merge->native_count;
}

static void read_python(struct stacks *stacks, const char *text)
{
    struct python_merge *merge = &stacks->merge;
    for (; *text != '\0'; text++) {
        if (*text == '~') {
            merge->python_omitted = LEFT_OUT;
            merge->python_inner_count = merge->python_count;
        } else if (*text == ';') {
            stacks->python[merge->python_count - 1].ends_group = true;
        } else {
            uint64_t word = *text == '.' ? 0 : WIRE_FRAME_PYTHON | (uint64_t)*text;
            stacks->python[merge->python_count++] = (struct python_merge_frame){.word = word};
        }
    }
    if (merge->python_omitted == 0)
        merge->python_inner_count = merge->python_count;
}

static void write(const struct stacks *stacks, char *text)
{
    const struct python_merge *merge = &stacks->merge;
    for (uint32_t i = 0; i < merge->count; i++) {
        if (merge->omitted != 0 && i == merge->inner_count)
            *text++ = '~';
        *text++ = (char)(merge->frames[i] == 0x2000 ? 'e' : merge->frames[i] & 0x7f);
    }
    *text = '\0';
}

static const struct code_range evaluation[] = {{0x4000, 0x5000}, {0x1000, 0x2000}};

static void merge_up_to(uint32_t limit, const char *native, const char *python, bool is_whole,
                        const char *expected, uint64_t omitted, bool is_approximate)
{
    struct stacks stacks = {0};
    char text[2 * ROOM];
    stacks.merge = (struct python_merge){.native = stacks.native,
                                         .python = stacks.python,
                                         .frames = stacks.frames,
                                         .is_native_whole = is_whole,
                                         .evaluation = evaluation,
                                         .evaluation_count = 2,
                                         .limit = limit};
    read_native(&stacks, native);
    read_python(&stacks, python);
    python_merge_run(&stacks.merge);
    write(&stacks, text);
    assert_string_equal(text, expected);
    assert_int_equal(stacks.merge.omitted, omitted);
    assert_int_equal(stacks.merge.is_approximate, is_approximate);
}

static void merge(const char *native, const char *python, const char *expected)
{
    merge_up_to(ROOM, native, python, true, expected, 0, false);
}

static void merge_roughly(const char *native, const char *python, const char *expected)
{
    merge_up_to(ROOM, native, python, true, expected, 0, true);
}

static void test_groups_take_the_place_of_evaluation(void **state)
{
    (void)state;
    merge("abecdeef", "P;Q;R;", "abPcdQRf");             /* up to 3.10 each is a group */
    merge("abecdef", "PQ;RST;", "abPQcdRSTf");           /* since 3.11 */
    merge("abecdef", "PQ.;RST.;", "abPQcdRSTf");         /* since 3.12 */
    merge("sletueefem", "K;ABCD;G;M;", "slKtuABCDGfMm"); /* a sort's key between functions */
    merge("abc", "", "abc");
    merge("", "", "");
}

static void test_an_entry_without_frames_yet(void **state)
{
    (void)state;
    merge("xeyez", ".;PQ.;", "xyPQz");
}

static void test_a_cold_part_leaves_a_group_over(void **state)
{
    (void)state;
    merge_roughly("axbez", "PQ;R;S;", "axbPQRSz");
    merge_roughly("axbez", "P;QR;", "axbPQRz");
}

static void test_evaluation_without_a_group_stays(void **state)
{
    (void)state;
    merge_roughly("aebecez", "P;Q;", "aebPcQz");
    merge_roughly("aez", "", "aez");
}

static void test_no_evaluation_leaves_python_outside(void **state)
{
    (void)state;
    merge_roughly("abc", "P;Q;", "abcPQ");
}

/* A native stack that ends early pairs from the innermost. */
static void test_native_stacks_that_end_early(void **state)
{
    (void)state;
    merge_up_to(ROOM, "aebe", "P;QR;S;T;", false, "aPbQRST", 0, true);
}

static void test_a_native_gap_takes_its_groups_along(void **state)
{
    (void)state;
    merge_up_to(ROOM, "aeb~cez", "P;QR;S;T;", true, "aPb~cTz", LEFT_OUT + 3, false);
    merge_up_to(ROOM, "aeb~cez", "P;T;", true, "aPb~cTz", LEFT_OUT, false);
    merge_up_to(ROOM, "aebe~cez", "P;T;", true, "aebP~cTz", LEFT_OUT, true);
}

static void test_gaps_in_both_become_one(void **state)
{
    (void)state;
    merge_up_to(ROOM, "aeb~cez", "P;Q;~S;T;", true, "aPb~cTz", 2 * LEFT_OUT + 2, false);
    merge_up_to(ROOM, "aez", "PQ~ST;", true, "aPQ~STz", LEFT_OUT, true);
}

static void test_both_ends_stay_within_the_limit(void **state)
{
    (void)state;
    merge_up_to(8, "aez", "ABCDEFGHI;", true, "aABCDE~Iz", 3, false);
    merge_up_to(8, "aez", "ABCDEF;", true, "aABCDEFz", 0, false);
    merge_up_to(8, "abcdfe~gez", "ABCD;P;", true, "abcdfA~Pz", LEFT_OUT + 4, false);
    merge_up_to(4, "abcdf", "", true, "abc~f", 1, false);
}

/* What is done in one pass is what the way for any stacks does. */
static void test_one_pass_is_as_good(void **state)
{
    uint32_t random = 1;
    (void)state;
    for (int run = 0; run < 20000; run++) {
        struct stacks stacks = {0};
        uint64_t others[ROOM];
        char native[ROOM / 2], python[ROOM];
        size_t native_count = 0, python_count = 0;
        for (random = random * 1664525 + 1013904223; native_count < (random >> 8) % 12;) {
            bool is_evaluation = (random >> native_count) % 3 == 0;
            native[native_count++] = is_evaluation ? 'e' : 'c';
            /* Mostly a group for each, of one to three frames. */
            if (is_evaluation && (random >> 27) != 0)
                for (uint32_t i = (random >> 20 >> native_count) % 3 + 1; i > 0; i--) {
                    python[python_count++] = i == 2 ? '.' : (char)('A' + i);
                    if (i == 1 && (random >> 25) != 0)
                        python[python_count++] = ';';
                }
        }
        native[native_count] = python[python_count] = '\0';
        stacks.merge = (struct python_merge){.native = stacks.native,
                                             .python = stacks.python,
                                             .frames = stacks.frames,
                                             .limit = 8 + (random >> 30) * 16,
                                             .is_native_whole = (random >> 12) % 2 == 0,
                                             .evaluation = evaluation,
                                             .evaluation_count = 2};
        read_native(&stacks, native);
        read_python(&stacks, python);
        struct python_merge other = stacks.merge;
        other.frames = others;
        python_merge_run(&stacks.merge);
        python_merge_run_any(&other);
        assert_int_equal(stacks.merge.count, other.count);
        assert_int_equal(stacks.merge.inner_count, other.inner_count);
        assert_int_equal(stacks.merge.omitted, other.omitted);
        assert_int_equal(stacks.merge.is_approximate, other.is_approximate);
        if (other.count != 0)
            assert_memory_equal(stacks.frames, others, other.count * sizeof others[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_take_the_place_of_evaluation),
        cmocka_unit_test(test_an_entry_without_frames_yet),
        cmocka_unit_test(test_a_cold_part_leaves_a_group_over),
        cmocka_unit_test(test_evaluation_without_a_group_stays),
        cmocka_unit_test(test_no_evaluation_leaves_python_outside),
        cmocka_unit_test(test_native_stacks_that_end_early),
        cmocka_unit_test(test_a_native_gap_takes_its_groups_along),
        cmocka_unit_test(test_gaps_in_both_become_one),
        cmocka_unit_test(test_both_ends_stay_within_the_limit),
        cmocka_unit_test(test_one_pass_is_as_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
