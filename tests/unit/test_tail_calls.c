/* Functions that ended in a jump, found again by debug information of several kinds. The program
 * notes where its calls return to, and is asked about just those. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "symbols/symbol_batch.h"
#include "symbols/symbolizer.h"
#include "workshop.h"

/* clang-format off */
static const char program[] =
    "#include <stdio.h>\n"
    "#define OWN __attribute__((noinline))\n"
    "static volatile int n; static void *seen[16]; static int count; static char heap[256];\n"
    "OWN void found(int i) { n += i; seen[count++ % 16] = __builtin_return_address(0); }\n"
    "OWN void *malloc(unsigned long i) { n += i; seen[count++ % 16] = __builtin_return_address(0);\n"
    "    return heap + n % 99; }\n"
    "OWN static void last(int i) { n += i;\n"
    "    found(i + 1); }\n"
    "OWN void first(int i) { n -= i;\n"
    "    last(i * 2); }\n"
    "OWN void one(int i) { n += 3; found(i); }\n"
    "OWN void other(int i) { n -= 7; found(i); }\n"
    "OWN void either(int i) {\n"
    "    if (i & 1) one(i + n); else other(i - n); }\n"
    "OWN void hidden(int i, void (*f)(int)) { n += i; f(i); }\n"
    "OWN void *grab(unsigned long i) { n++;\n"
    "    return malloc(i + 9); }\n"
    "int main(int argc, char **argv) {\n"
    "    void (*volatile f)(int) = found; int written = 0;\n"
    "    first(argc); n++; found(argc); n++; either(argc); n++; hidden(argc, f); n++;\n"
    "    void *block = grab(argc); n++; f(argc); n++;\n"
    "    for (int i = 0; i < 6; i++) written += printf(\"%lx\\n\", (long)seen[i]) > 0;\n"
    "    printf(\"%lx %lx\\n\", (long)(void *)found, (long)(void *)last);\n"
    "    return written != 6 || block == argv; }\n";
/* clang-format on */

enum { /* the calls in their order */
    CALL_FIRST,
    CALL_FOUND,
    CALL_EITHER,
    CALL_HIDDEN,
    CALL_GRAB,
    CALL_POINTER,
    CALL_COUNT
};

static struct workshop workshop;

struct subject {
    struct symbolizer *symbolizer;
    int module;
    uint64_t returns[CALL_COUNT], found, last;
};

static bool open_subject(struct subject *subject, const char *compiler)
{
    const struct symbolizer_options options = {.is_line_wanted = true};
    struct symbolizer_module module = {.path = workshop_path(&workshop, "program"), .fd = -1};
    workshop_write_text(&workshop, "program.c", program);
    if (!workshop_run(&workshop, "%s -fno-builtin -no-pie -o program ./program.c", compiler))
        return false;
    assert_true(workshop_run(&workshop, "./program >places"));
    FILE *places = fopen(workshop_path(&workshop, "places"), "r");
    assert_non_null(places);
    for (int i = 0; i < CALL_COUNT; i++)
        assert_int_equal(fscanf(places, "%lx", &subject->returns[i]), 1);
    assert_int_equal(fscanf(places, "%lx %lx", &subject->found, &subject->last), 2);
    fclose(places);
    subject->symbolizer = symbolizer_create(&options);
    subject->module = symbolizer_add_module(subject->symbolizer, &module);
    return true;
}

/* The functions that are gone, innermost first, as "last:8 first:10 ". Where it is not known which
 * jump it was, the line is any of the function's: then `expected` has none. */
static void assert_gone(struct subject *subject, int call, const struct symbolizer_callee *callee,
                        const char *expected)
{
    struct symbolizer_tail_call calls[8];
    char text[256] = "";
    size_t count = symbolizer_find_tail_calls(subject->symbolizer, subject->module,
                                              subject->returns[call], callee, calls, 8);
    for (size_t i = 0; i < count; i++) {
        struct source_location found[4];
        char one[128];
        assert_int_equal(calls[i].module, subject->module);
        assert_true(symbolizer_lookup(subject->symbolizer, calls[i].module,
                                      calls[i].offset - !calls[i].is_exact, found, 4) >= 1);
        if (strchr(expected, ':') == NULL)
            snprintf(one, sizeof one, "%s ", found[0].function);
        else
            snprintf(one, sizeof one, "%s:%u ", found[0].function, found[0].line);
        strncat(text, one, sizeof text - strlen(text) - 1);
    }
    assert_string_equal(text, expected);
}

static void check_all(const char *compiler)
{
    struct subject subject;
    if (!open_subject(&subject, compiler)) {
        print_message("%s: cannot build\n", compiler);
        return;
    }
    const struct symbolizer_callee found = {subject.module, subject.found + 1, FUNCTION_NONE};
    const struct symbolizer_callee allocation = {-1, 0, FUNCTION_MALLOC};
    const struct symbolizer_callee other_allocation = {-1, 0, FUNCTION_CALLOC};
    const struct symbolizer_callee nowhere = {subject.module, 3, FUNCTION_NONE};
    assert_gone(&subject, CALL_FIRST, &found, "last:8 first:10 ");
    assert_gone(&subject, CALL_FOUND, &found, "");
    /* Two ways lead there: only the function that was called is known. */
    assert_gone(&subject, CALL_EITHER, &found, "either ");
    assert_gone(&subject, CALL_HIDDEN, &found, "hidden ");
    assert_gone(&subject, CALL_POINTER, &found, "");
    assert_gone(&subject, CALL_GRAB, &allocation, "grab:17 ");
    assert_gone(&subject, CALL_GRAB, &other_allocation, "grab ");
    assert_gone(&subject, CALL_FIRST, &nowhere, "");
    /* What was called is there. */
    assert_gone(&subject, CALL_FIRST,
                &(struct symbolizer_callee){subject.module, subject.last + 1, FUNCTION_NONE},
                "first:10 ");
    symbolizer_destroy(subject.symbolizer);
}

static void test_gcc(void **state)
{
    (void)state;
    check_all("$CC -O2 -gdwarf-4");
    check_all("$CC -O2 -gdwarf-5");
    check_all("$CC -O2 -g -gsplit-dwarf");
}

static void test_clang(void **state)
{
    (void)state;
    check_all("clang -O2 -gdwarf-4");
    check_all("clang -O2 -gdwarf-5");
}

/* Nothing is gone, and nobody says what is called. */
static void test_without_optimisation(void **state)
{
    struct subject subject;
    (void)state;
    assert_true(open_subject(&subject, "$CC -O0 -g"));
    for (int i = 0; i < CALL_COUNT; i++)
        assert_gone(&subject, i,
                    &(struct symbolizer_callee){subject.module, subject.found + 1, FUNCTION_NONE},
                    "");
    symbolizer_destroy(subject.symbolizer);
}

static void test_nonsense(void **state)
{
    struct symbolizer_tail_call calls[4];
    struct subject subject;
    (void)state;
    assert_true(open_subject(&subject, "$CC -O2 -g"));
    const struct symbolizer_callee callees[] = {{-1, 0, FUNCTION_MALLOC},
                                                {-1, 0, FUNCTION_NONE},
                                                {-1, 0, FUNCTION_KIND_COUNT},
                                                {7, 5, FUNCTION_NONE},
                                                {subject.module, UINT64_MAX, FUNCTION_NONE}};
    const uint64_t places[] = {0, 1, UINT64_MAX, subject.returns[0] + 1};
    for (size_t i = 0; i < sizeof callees / sizeof *callees; i++)
        for (size_t j = 0; j < sizeof places / sizeof *places; j++) {
            assert_int_equal(symbolizer_find_tail_calls(subject.symbolizer, subject.module,
                                                        places[j], &callees[i], calls, 4),
                             0);
            assert_int_equal(
                symbolizer_find_tail_calls(subject.symbolizer, 9, places[j], &callees[i], calls, 4),
                0);
        }
    symbolizer_destroy(subject.symbolizer);
}

/* ---- in a batch -------------------------------------------------------------------------- */

struct batch_answers {
    struct subject *subject;
    size_t found_count; /* calls that are gone, each as often as a pair has it */
    struct symbolizer_tail_call named[16];
    size_t named_count;
};

static void take_tail_calls(void *context, const struct symbol_batch_pair *pair,
                            const struct symbolizer_tail_call *calls, size_t count)
{
    struct batch_answers *answers = context;
    (void)pair;
    (void)calls;
    answers->found_count += count;
}

/* As a symbolizer of our own names it; and told once. */
static void take_gone(void *context, const struct symbolizer_tail_call *call,
                      const struct symbol_batch_location *locations, size_t count)
{
    struct batch_answers *answers = context;
    struct source_location expected[8];
    assert_int_equal(call->module, 0);
    assert_int_equal(count,
                     symbolizer_lookup(answers->subject->symbolizer, answers->subject->module,
                                       call->offset - !call->is_exact, expected, 8));
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(locations[i].function, expected[i].function);
        assert_string_equal(locations[i].file, expected[i].file);
        assert_int_equal(locations[i].line, expected[i].line);
        assert_int_equal(locations[i].is_inlined, expected[i].is_inlined);
    }
    for (size_t i = 0; i < answers->named_count; i++)
        assert_false(answers->named[i].offset == call->offset &&
                     answers->named[i].is_exact == call->is_exact);
    assert_in_range(answers->named_count, 0, 15);
    answers->named[answers->named_count++] = *call;
}

static struct batch_answers ask_batch(struct subject *subject, bool is_gone_named)
{
    const struct symbolizer_options options = {.is_line_wanted = true};
    const struct symbolizer_module module = {.path = workshop_path(&workshop, "program"), .fd = -1};
    struct batch_answers answers = {.subject = subject};
    struct symbol_batch_pair pairs[3];
    for (size_t i = 0; i < 3; i++) /* one of them twice */
        pairs[i] = (struct symbol_batch_pair){
            .caller = {(uint32_t)i, 0, subject->returns[i < 2 ? CALL_FIRST : CALL_HIDDEN]},
            .callee = {true, {9, 0, subject->found + 1}, FUNCTION_NONE}};
    const struct symbol_batch_input input = {.modules = &module,
                                             .module_count = 1,
                                             .pairs = pairs,
                                             .pair_count = 3,
                                             .is_gone_named = is_gone_named,
                                             .options = &options};
    const struct symbol_batch_result result = {
        .context = &answers, .tail_calls = take_tail_calls, .gone = take_gone};
    struct symbol_batch *batch = symbol_batch_start(&input, NULL);
    struct pollfd ready = {symbol_batch_fd(batch), POLLIN, 0};
    uint32_t died_over;
    while (!symbol_batch_poll(batch))
        poll(&ready, 1, -1);
    symbol_batch_read(batch, &result);
    assert_false(symbol_batch_has_died(batch, &died_over));
    symbol_batch_close(batch);
    return answers;
}

static void test_a_batch_names_what_is_gone(void **state)
{
    struct subject subject;
    (void)state;
    assert_true(open_subject(&subject, "$CC -O2 -g"));
    struct batch_answers answers = ask_batch(&subject, true);
    assert_int_equal(answers.found_count, 5);
    assert_int_equal(answers.named_count, 3);
    answers = ask_batch(&subject, false);
    assert_int_equal(answers.found_count, 5);
    assert_int_equal(answers.named_count, 0);
    symbolizer_destroy(subject.symbolizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gcc),
        cmocka_unit_test(test_clang),
        cmocka_unit_test(test_without_optimisation),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_a_batch_names_what_is_gone),
    };
    return workshop_run_tests(tests, &workshop, NULL);
}
