/* Names found in a child: what comes back, and what is left when the child dies over a module. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "symbols/symbol_batch.h"

/* Looked up by name below. */
__attribute__((noinline)) static int one_known_function(int number)
{
    __asm__ volatile("" : "+r"(number));
    return number + 1;
}

static int take_bias(struct dl_phdr_info *info, size_t bytes, void *context)
{
    (void)bytes;
    *(uint64_t *)context = info->dlpi_addr;
    return 1; /* the first is the program */
}

static uint64_t offset_of_known_function(void)
{
    uint64_t bias = 0;
    dl_iterate_phdr(take_bias, &bias);
    return (uint64_t)(uintptr_t)one_known_function - bias;
}

struct answers {
    uint32_t frames[4];
    char functions[4][64];
    size_t frame_count;
    uint32_t modules[4];
    enum symbolizer_detail details[4];
    char reasons[4][256];
    size_t module_count;
};

static void take_frame(void *context, uint32_t frame, const struct symbol_batch_location *locations,
                       size_t count)
{
    struct answers *answers = context;
    assert_in_range(answers->frame_count, 0, 3);
    answers->frames[answers->frame_count] = frame;
    snprintf(answers->functions[answers->frame_count++], 64, "%s", locations[count - 1].function);
}

static void take_module(void *context, uint32_t module, enum symbolizer_detail detail,
                        const char *reason)
{
    struct answers *answers = context;
    assert_in_range(answers->module_count, 0, 3);
    answers->modules[answers->module_count] = module;
    answers->details[answers->module_count] = detail;
    snprintf(answers->reasons[answers->module_count++], 256, "%s", reason);
}

/* Returns whether the child died, and over what. */
static bool look_up(const struct symbolizer_module *modules, size_t module_count,
                    const struct symbol_batch_frame *frames, size_t frame_count,
                    struct answers *answers, uint32_t *died_over)
{
    const struct symbolizer_options options = {.is_line_wanted = true};
    const struct symbol_batch_input input = {.modules = modules,
                                             .module_count = module_count,
                                             .frames = frames,
                                             .frame_count = frame_count,
                                             .options = &options};
    const struct symbol_batch_result result = {
        .context = answers, .frame = take_frame, .module = take_module};
    struct symbol_batch *batch = symbol_batch_start(&input, NULL);
    assert_non_null(batch);
    assert_int_equal(symbol_batch_frame_count(batch), frame_count);
    struct pollfd ready = {symbol_batch_fd(batch), POLLIN, 0};
    while (!symbol_batch_poll(batch))
        poll(&ready, 1, -1);
    symbol_batch_read(batch, &result);
    bool has_died = symbol_batch_has_died(batch, died_over);
    symbol_batch_close(batch);
    return has_died;
}

static void test_names_come_back_by_module(void **state)
{
    (void)state;
    const struct symbolizer_module modules[] = {{.path = "/no/such/file", .fd = -1},
                                                {.path = "/proc/self/exe", .fd = -1}};
    uint64_t offset = offset_of_known_function();
    const struct symbol_batch_frame frames[] = {
        {70, 1, offset}, {71, 0, 5}, {72, 9, 5}, {73, 1, 1}};
    struct answers answers = {0};
    uint32_t died_over;
    assert_false(look_up(modules, 2, frames, 4, &answers, &died_over));
    assert_int_equal(answers.frame_count, 1);
    assert_int_equal(answers.frames[0], 70);
    assert_string_equal(answers.functions[0], "one_known_function");
    assert_int_equal(answers.module_count, 2);
    assert_int_equal(answers.modules[0], 0);
    assert_int_equal(answers.details[0], SYMBOLIZER_NOTHING);
    assert_string_equal(answers.reasons[0], "cannot open /no/such/file: No such file or directory");
    assert_int_equal(answers.modules[1], 1);
    assert_true(answers.details[1] >= SYMBOLIZER_SYMBOL_TABLE);
}

static void test_a_death_costs_what_stands_behind(void **state)
{
    (void)state;
    /* A name that is not in memory ends the child as a damaged file might. */
    const struct symbolizer_module modules[] = {{.path = "/proc/self/exe", .fd = -1},
                                                {.path = (const char *)(uintptr_t)8, .fd = -1},
                                                {.path = "/proc/self/exe", .fd = -1}};
    signal(SIGSEGV, SIG_DFL); /* cmocka would go on in the child */
    uint64_t offset = offset_of_known_function();
    const struct symbol_batch_frame frames[] = {{1, 2, offset}, {2, 1, offset}, {3, 0, offset}};
    struct answers answers = {0};
    uint32_t died_over;
    assert_true(look_up(modules, 3, frames, 3, &answers, &died_over));
    assert_int_equal(died_over, 1);
    assert_int_equal(answers.frame_count, 1);
    assert_int_equal(answers.frames[0], 3);
    assert_string_equal(answers.functions[0], "one_known_function");
}

static void test_nothing_to_look_up(void **state)
{
    (void)state;
    struct answers answers = {0};
    uint32_t died_over;
    assert_false(look_up(NULL, 0, NULL, 0, &answers, &died_over));
    assert_int_equal(answers.module_count, 0);
}

/* ---- children that last --------------------------------------------------------------------- */

enum {
    MANY = 450 /* modules whose descriptors take several messages */
};

static const struct symbolizer_options lines_wanted = {.is_line_wanted = true};

static void wait_for(struct symbol_batch *batch)
{
    struct pollfd ready = {symbol_batch_fd(batch), POLLIN, 0};
    while (!symbol_batch_poll(batch))
        assert_int_equal(poll(&ready, 1, -1), 1);
}

static struct answers read_answers(struct symbol_batch *batch)
{
    struct answers answers = {0};
    const struct symbol_batch_result result = {
        .context = &answers, .frame = take_frame, .module = take_module};
    uint32_t module;
    wait_for(batch);
    assert_false(symbol_batch_has_died(batch, &module));
    symbol_batch_read(batch, &result);
    return answers;
}

static struct symbol_batch *start_lasting(const struct symbolizer_module *modules,
                                          size_t module_count)
{
    const struct symbol_batch_frame frame = {1, 0, 5};
    const struct symbol_batch_input input = {.modules = modules,
                                             .module_count = module_count,
                                             .frames = &frame,
                                             .frame_count = module_count != 0,
                                             .is_lasting = true,
                                             .options = &lines_wanted};
    struct symbol_batch *batch = symbol_batch_start(&input, NULL);
    assert_non_null(batch);
    assert_false(symbol_batch_is_lasting(batch)); /* not yet: it is at work */
    assert_int_equal(read_answers(batch).frame_count, 0);
    assert_true(symbol_batch_is_lasting(batch));
    return batch;
}

/* Its file was opened when the child was there already, and has no other name. */
static void test_a_lasting_child_takes_new_modules(void **state)
{
    (void)state;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    const struct symbolizer_module modules[] = {{.path = "/no/such/file", .fd = -1},
                                                {.path = "/no/such/program", .fd = fd},
                                                {.path = "/no/third", .fd = -1}};
    uint64_t offset = offset_of_known_function();
    const struct symbol_batch_frame frames[] = {{70, 1, offset}, {71, 2, 5}, {72, 0, 7}};
    struct symbol_batch_input input = {
        .modules = modules, .module_count = 1, .is_lasting = true, .options = &lines_wanted};
    struct symbol_batch *batch = start_lasting(modules, 1);
    input.module_count = 3;
    input.frames = frames;
    input.frame_count = 3;
    assert_true(symbol_batch_renew(batch, &input));
    assert_int_equal(symbol_batch_frame_count(batch), 3);
    struct answers answers = read_answers(batch);
    assert_int_equal(symbol_batch_done_count(batch), 3);
    assert_int_equal(answers.frame_count, 1);
    assert_int_equal(answers.frames[0], 70);
    assert_string_equal(answers.functions[0], "one_known_function");
    assert_int_equal(answers.module_count, 2); /* the first was told before */
    assert_int_equal(answers.modules[0], 1);
    assert_true(answers.details[0] >= SYMBOLIZER_SYMBOL_TABLE);
    assert_string_equal(answers.reasons[1], "cannot open /no/third: No such file or directory");
    /* Nothing at all, and then the same again. */
    input.frame_count = 0;
    assert_true(symbol_batch_renew(batch, &input));
    assert_int_equal(read_answers(batch).frame_count, 0);
    input.frame_count = 3;
    assert_true(symbol_batch_renew(batch, &input));
    answers = read_answers(batch);
    assert_int_equal(answers.frame_count, 1);
    assert_int_equal(answers.module_count, 0);
    symbol_batch_close(batch);
    close(fd);
}

/* The other end of a pipe that only the child could have open is closed in it. */
static void test_a_lasting_child_holds_nothing_else_open(void **state)
{
    (void)state;
    int ends[2];
    char byte;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct symbol_batch *batch = start_lasting(NULL, 0);
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    symbol_batch_close(batch);
    close(ends[0]);
}

static void test_many_descriptors_travel(void **state)
{
    (void)state;
    static struct symbolizer_module modules[MANY];
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < MANY; i++)
        modules[i] = (struct symbolizer_module){.path = "/no/such/program",
                                                .fd = fd,
                                                .build_id = (const uint8_t *)"",
                                                .build_id_bytes = 0};
    uint64_t offset = offset_of_known_function();
    const struct symbol_batch_frame frames[] = {{1, 0, offset}, {2, 224, offset}, {3, 449, offset}};
    const struct symbol_batch_input input = {.modules = modules,
                                             .module_count = MANY,
                                             .frames = frames,
                                             .frame_count = 3,
                                             .is_lasting = true};
    struct symbol_batch *batch = start_lasting(NULL, 0);
    assert_true(symbol_batch_renew(batch, &input));
    struct answers answers = read_answers(batch);
    assert_int_equal(answers.frame_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(answers.functions[i], "one_known_function");
    symbol_batch_close(batch);
    close(fd);
}

static void test_the_last_request_ends_the_child(void **state)
{
    (void)state;
    const struct symbolizer_module module = {.path = "/proc/self/exe", .fd = -1};
    const struct symbol_batch_frame frame = {9, 0, offset_of_known_function()};
    const struct symbol_batch_input input = {
        .modules = &module, .module_count = 1, .frames = &frame, .frame_count = 1};
    struct symbol_batch *batch = start_lasting(&module, 1);
    assert_true(symbol_batch_renew(batch, &input));
    assert_int_equal(read_answers(batch).frame_count, 1);
    assert_false(symbol_batch_is_lasting(batch));
    assert_false(symbol_batch_renew(batch, &input));
    symbol_batch_close(batch);
}

static void test_a_dismissed_child_takes_no_more(void **state)
{
    (void)state;
    const struct symbolizer_module module = {.path = "/proc/self/exe", .fd = -1};
    const struct symbol_batch_input input = {.modules = &module, .module_count = 1};
    struct symbol_batch *batch = start_lasting(&module, 1);
    symbol_batch_dismiss(batch);
    assert_false(symbol_batch_renew(batch, &input));
    symbol_batch_close(batch);
}

int main(void)
{
    if (one_known_function(1) != 2)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_come_back_by_module),
        cmocka_unit_test(test_a_death_costs_what_stands_behind),
        cmocka_unit_test(test_nothing_to_look_up),
        cmocka_unit_test(test_a_lasting_child_takes_new_modules),
        cmocka_unit_test(test_a_lasting_child_holds_nothing_else_open),
        cmocka_unit_test(test_many_descriptors_travel),
        cmocka_unit_test(test_the_last_request_ends_the_child),
        cmocka_unit_test(test_a_dismissed_child_takes_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
