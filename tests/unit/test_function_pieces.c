/* A function of which the compiler has put a part elsewhere, as it does where told what is rare;
 * and one that has no such part, though it ends in a jump to another. */
#define _GNU_SOURCE
#include "preload/function_pieces.h"

#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "preload/arch/arch.h"

/* Whoever is called rarely is told where it was called from. */
static uint64_t called_from;

__attribute__((noinline, cold)) static int rare(int value)
{
    called_from = (uint64_t)(uintptr_t)__builtin_return_address(0);
    return value * 3;
}

__attribute__((noinline)) static int split(volatile int *values, int count)
{
    int sum = 0;
    for (int i = 0; i < count; i++) {
        if (values[i] > 1000)
            values[i] = rare(values[i]) + values[i];
        sum += values[i];
        if (values[i] < -1000)
            values[i] = rare(values[i]) - values[i];
        sum ^= values[i];
    }
    return sum;
}

__attribute__((noinline)) static int whole(volatile int *values, int count)
{
    values[0] = count;
    return split(values, count);
}

static int find_module(struct dl_phdr_info *info, size_t bytes, void *context)
{
    (void)bytes;
    struct eh_frame_module *module = context;
    module->start = UINT64_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uint64_t at = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        uint64_t end = at + info->dlpi_phdr[i].p_filesz;
        if (info->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
            module->header = at;
        if (info->dlpi_phdr[i].p_type != PT_LOAD)
            continue;
        module->start = at < module->start ? at : module->start;
        module->end = end > module->end ? end : module->end;
    }
    return 1; /* the program itself comes first */
}

static size_t find_pieces(int (*function)(volatile int *, int),
                          struct code_range pieces[FUNCTION_PIECES_MOST])
{
    struct eh_frame_module module = {0};
    struct eh_frame_entry entry;
    dl_iterate_phdr(find_module, &module);
    assert_true(eh_frame_find(&module, (uint64_t)(uintptr_t)function, NULL, &entry));
    const struct code_range code = {module.start, module.end};
    const struct code_range range = {entry.pc_begin, entry.pc_end};
    return function_pieces_find(&module, &code, &range, pieces);
}

static bool is_in(const struct code_range *range, uint64_t address)
{
    return address > range->start && address <= range->end;
}

static void finds_what_was_put_elsewhere(void **state)
{
    (void)state;
    struct code_range pieces[FUNCTION_PIECES_MOST];
    volatile int values[] = {1, 2000, 3};
    size_t count = find_pieces(split, pieces);
    split(values, 3);
    assert_int_equal(pieces[0].start, (uint64_t)(uintptr_t)split);
    if (is_in(&pieces[0], called_from) || arch_jump_target((const uint8_t *)"\xe9\0\0\0\0\0") == 0)
        skip(); /* this compiler, or processor, does without */
    assert_int_equal(count, 2);
    assert_true(is_in(&pieces[1], called_from));
}

static void finds_nothing_else(void **state)
{
    (void)state;
    struct code_range pieces[FUNCTION_PIECES_MOST];
    volatile int values[] = {1, 2, 3};
    assert_int_equal(whole(values, 3), split(values, 3));
    assert_int_equal(find_pieces(whole, pieces), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_put_elsewhere),
        cmocka_unit_test(finds_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
