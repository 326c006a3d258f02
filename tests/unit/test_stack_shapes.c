/* Three unwinders on the same stacks: the rules in the target, libunwind in the target, and the
 * recorder's remote one, fed with copied registers and bytes. They agree frame for frame, at the
 * bottom of all shapes, and, single-stepped, at the instructions on the way there: in prologues,
 * epilogues, PLT entries, the loader's lazy binding and the vDSO.
 *
 * While stepping the rules may end early, and then their frames are the first of the others': the
 * loader's resolver has its CFA in rbx, gcc's prologues that realign the stack theirs in r10, and
 * in the last instructions of libgcc's _Unwind_Resume, which change to the handler's frame, the
 * tables are wrong, so that all three end in the same nowhere. So they are at the `ret` of gcc's
 * realigned functions, which look for the caller's rbp through rbp after it was popped: where that
 * leads depends on what lies there, and the rules may see that it does not lead up the stack. */
#define _GNU_SOURCE
#include "tests/unit/stack_shapes.h"

#include "preload/stack_walk.h"
#include "record/remote_unwind.h"
#include "tests/unit/local_backtrace.h"
#include "tests/unit/own_modules.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

enum {
    MAX_FRAMES = 16384,
    MAX_REPORTED = 5,
    SAMPLES_BYTES = 256 << 20
};

static struct unwind_rules *rules;
static __thread struct walk_memory memory;
static struct remote_unwind *remote;

/* What one check took: this, then the frames by the rules, libunwind's, and the bytes of the stack.
 * A check may interrupt malloc, so samples are compared later, when nothing is interrupted. */
struct sample {
    size_t total_bytes;
    enum stack_walk_end end;
    uint32_t rule_count;
    uint32_t local_count;
    uint64_t first_pc;
    uint64_t registers[ARCH_REGISTER_COUNT];
    uint64_t address;
    size_t byte_count;
    uint64_t frames[];
};

static uint8_t *samples;
static size_t samples_bytes;

/* What the checks found. */
static struct {
    unsigned checks;
    unsigned differences;
    unsigned early_ends; /* of the rules */
    unsigned lost;       /* the rules led off the stack */
} tally;

static const char *current_shape;

/* ---- taking samples
 * ---------------------------------------------------------------------------------- */

__attribute__((no_sanitize("address"))) static void copy_words(void *to, uint64_t from,
                                                               size_t count)
{
    uint64_t *place = to;

    for (size_t i = 0; i < count / 8; i++)
        place[i] = ((const volatile uint64_t *)(uintptr_t)from)[i];
}

static bool has_room(size_t bytes)
{
    return samples_bytes + bytes <= SAMPLES_BYTES;
}

/* Room for the largest sample must be left. */
__attribute__((noinline)) static void check(void)
{
    struct sample *sample = (void *)(samples + samples_bytes);
    struct walk_registers registers;
    struct stack_walk walk = {.frames = sample->frames, .limit = MAX_FRAMES};
    uint64_t *end;

    if (!has_room(sizeof *sample + 2 * MAX_FRAMES * sizeof(uint64_t)))
        return;
    WALK_CALLER_REGISTERS(&registers);
    stack_walk_run(rules, &memory, &registers, &walk);
    sample->end = walk.omitted_count ? STACK_WALK_TOO_DEEP : walk.end;
    sample->rule_count = walk.count;
    sample->first_pc = registers.pc;
    end = sample->frames + walk.count;
    sample->local_count = local_backtrace(end, MAX_FRAMES);
    end += sample->local_count;
    arch_capture_registers(sample->registers);
    sample->address = sample->registers[REMOTE_UNWIND_SP];
    sample->byte_count = walk_memory_readable(&memory, sample->address, 4 << 20) & ~UINT64_C(7);
    sample->total_bytes = (size_t)((uint8_t *)end - (uint8_t *)sample) + sample->byte_count;
    if (!has_room(sample->total_bytes))
        return;
    copy_words(end, sample->address, sample->byte_count);
    samples_bytes += sample->total_bytes;
}

/* ---- comparing them
 * ----------------------------------------------------------------------------------- */

static void report(const struct sample *sample, const uint64_t *local,
                   const struct remote_unwind_result *result)
{
    if (++tally.differences > MAX_REPORTED)
        return;
    fprintf(stderr, "%s: rules %u (end %d), local %u, remote %u (end %d)\n", current_shape,
            sample->rule_count, (int)sample->end, sample->local_count - 1, result->count,
            (int)result->end);
    for (uint32_t i = 0; i < 12; i++)
        fprintf(stderr, "  %016lx %016lx %016lx\n",
                i < sample->rule_count ? (unsigned long)sample->frames[i] : 0,
                i + 1 < sample->local_count ? (unsigned long)local[i + 1] : 0,
                i < result->count ? (unsigned long)result->frames[i] : 0);
}

static bool is_early(const struct sample *sample)
{
    return sample->end == STACK_WALK_NO_RULE || sample->end == STACK_WALK_NO_TABLE;
}

static bool is_lost(const struct sample *sample)
{
    return sample->end == STACK_WALK_NO_PROGRESS || sample->end == STACK_WALK_UNREADABLE;
}

static bool is_same(const struct sample *sample, const uint64_t *local,
                    const struct remote_unwind_result *result)
{
    uint32_t local_count = sample->local_count - 1; /* local[0] is the check itself */
    /* One run of bytes was copied: of a handler's own stack, not of the one that it interrupted. */
    uint32_t remote_count = result->end == REMOTE_UNWIND_OUT_OF_BYTES ? result->count : local_count;

    if (is_early(sample))
        tally.early_ends++;
    else if (is_lost(sample) && sample->rule_count == local_count)
        tally.lost++;
    else if (sample->end != STACK_WALK_COMPLETE || sample->rule_count != local_count)
        return false;
    if (result->count != remote_count || remote_count > local_count ||
        sample->rule_count > local_count || result->end == REMOTE_UNWIND_TOO_LONG ||
        (result->end == REMOTE_UNWIND_NO_TABLE && !is_early(sample) && !is_lost(sample)))
        return false;
    for (uint32_t i = 0; i < sample->rule_count; i++)
        if ((sample->frames[i] & ~WIRE_FRAME_EXACT) != (local[i + 1] & ~WIRE_FRAME_EXACT))
            return false;
    for (uint32_t i = 0; i < remote_count; i++)
        if ((result->frames[i] & ~WIRE_FRAME_EXACT) != (local[i + 1] & ~WIRE_FRAME_EXACT) ||
            (i < sample->rule_count && result->frames[i] != sample->frames[i]))
            return false;
    return true;
}

static void compare(const struct sample *sample)
{
    const uint64_t *local = sample->frames + sample->rule_count;
    struct remote_unwind_stack stack = {.address = sample->address,
                                        .bytes = (const void *)(local + sample->local_count),
                                        .byte_count = sample->byte_count,
                                        .skip_until = sample->first_pc,
                                        .limit = MAX_FRAMES,
                                        .find_module = own_modules_find};
    struct remote_unwind_result result;

    memcpy(stack.registers, sample->registers, sizeof stack.registers);
    remote_unwind_run(remote, &stack, &result);
    tally.checks++;
    if (!is_same(sample, local, &result))
        report(sample, local, &result);
}

static void compare_samples(void)
{
    size_t place = 0;

    while (place < samples_bytes) {
        const struct sample *sample = (const void *)(samples + place);

        compare(sample);
        place += sample->total_bytes;
    }
    samples_bytes = 0;
}

/* ---- at the bottom of each shape
 * ---------------------------------------------------------------------- */

static const struct stack_shape *const tables[] = {
    stack_shapes_o0,        stack_shapes_o2,     stack_shapes_os,
    stack_shapes_realigned, stack_shapes_cxx_o0, stack_shapes_cxx_o2,
};

enum {
    TABLES = sizeof tables / sizeof tables[0]
};

static void check_all_shapes(void)
{
    memset(&tally, 0, sizeof tally);
    for (size_t i = 0; i < TABLES; i++)
        for (const struct stack_shape *shape = tables[i]; shape->name; shape++) {
            unsigned before = tally.checks;

            current_shape = shape->name;
            shape->run(check);
            compare_samples();
            assert_true(tally.checks > before || i > 0); /* pthread_once: in the first table only */
        }
    assert_int_equal(tally.differences, 0);
    assert_int_equal(tally.early_ends, 0);
    assert_int_equal(tally.lost, 0);
}

static void test_shapes(void **state)
{
    (void)state;
    check_all_shapes();
}

static void test_shapes_with_own_list(void **state)
{
    struct unwind_rules *before = rules;

    (void)state;
    rules = mmap(NULL, sizeof *rules, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(rules, MAP_FAILED);
    unwind_rules_init(rules, true);
    check_all_shapes();
    munmap(rules, sizeof *rules);
    rules = before;
}

/* ---- at every instruction
 * ------------------------------------------------------------------------------ */

/* The processor's trap flag raises SIGTRAP after each instruction; the kernel clears it for
 * handlers. */
void set_trap_flag(void);
void clear_trap_flag(void);
__asm__(".text\n"
        ".type set_trap_flag, @function\n"
        "set_trap_flag:\n"
        ".cfi_startproc\n"
        "pushfq\n"
        ".cfi_adjust_cfa_offset 8\n"
        "orl $0x100, (%rsp)\n"
        "popfq\n"
        ".cfi_adjust_cfa_offset -8\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size set_trap_flag, .-set_trap_flag\n"
        ".type clear_trap_flag, @function\n"
        "clear_trap_flag:\n"
        ".cfi_startproc\n"
        "pushfq\n"
        ".cfi_adjust_cfa_offset 8\n"
        "andl $0xfffffeff, (%rsp)\n"
        "popfq\n"
        ".cfi_adjust_cfa_offset -8\n"
        "ret\n"
        ".cfi_endproc\n"
        ".size clear_trap_flag, .-clear_trap_flag\n");

enum {
    STEPS_CHECKED_FULLY = 400,
    STEPS_BETWEEN_CHECKS = 37
};

static unsigned step_count;

/* On long ways only some are looked at; a prime number, so that loops come by with all of theirs.
 */
static void check_step(int number)
{
    (void)number;
    if (++step_count < STEPS_CHECKED_FULLY || step_count % STEPS_BETWEEN_CHECKS == 0)
        check();
    __asm__ volatile("" : : : "memory");
}

static void do_nothing(void)
{
}

static void step_through(const struct stack_shape *shape)
{
    step_count = 0;
    current_shape = shape->name;
    set_trap_flag();
    shape->run(do_nothing);
    clear_trap_flag();
    compare_samples();
}

static void test_every_instruction(void **state)
{
    struct sigaction action = {.sa_handler = check_step}, before;

    (void)state;
    memset(&tally, 0, sizeof tally);
    assert_int_equal(sigaction(SIGTRAP, &action, &before), 0);
    for (size_t i = 0; i < TABLES; i++)
        for (const struct stack_shape *shape = tables[i]; shape->name; shape++)
            if (shape->can_be_stepped)
                step_through(shape);
    assert_int_equal(sigaction(SIGTRAP, &before, NULL), 0);
    print_message("%u instructions, %u without a rule\n", tally.checks, tally.early_ends);
    assert_int_equal(tally.differences, 0);
    assert_true(tally.checks > 1000);
    assert_true(tally.early_ends * 2 < tally.checks);
    assert_true(tally.lost <= TABLES * 2); /* realigned functions, and what they call */
}

static int set_up(void **state)
{
    struct error error;

    (void)state;
    setvbuf(stdout, NULL, _IOLBF, 0);
    rules = mmap(NULL, sizeof *rules, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    samples = mmap(NULL, SAMPLES_BYTES, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    remote = remote_unwind_create(&error);
    if (rules == MAP_FAILED || samples == MAP_FAILED || !remote)
        return -1;
    unwind_rules_init(rules, false);
    /* What libunwind 1.6 remembers of a pc includes whether its caller's pc is a return address,
     * and for a PLT entry that is wrong then: a call at the end of a function is taken for the next
     * one. Nor is unw_backtrace used here, whose fast path always remembers. */
    unw_set_caching_policy(unw_local_addr_space, UNW_CACHE_NONE);
    return own_modules_open() ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    own_modules_close();
    remote_unwind_destroy(remote);
    munmap(samples, SAMPLES_BYTES);
    return munmap(rules, sizeof *rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_instruction), /* first: later all symbols are bound */
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_shapes_with_own_list),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
