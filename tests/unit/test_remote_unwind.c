/* Unwinding from copied registers and bytes: this process is the "other" one. What a stack should
 * be is known from the addresses of the functions that call each other here. */
#define _GNU_SOURCE
#include "record/remote_unwind.h"

#include "record/unwind_index.h"
#include "wire/wire_format.h"

#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "preload/arch/arch.h"
#include "tests/unit/own_modules.h"

enum {
    COPY_BYTES = 64 << 10
};

static struct remote_unwind *unwind;

static int set_up(void **state)
{
    struct error error;

    (void)state;
    unwind = remote_unwind_create(&error);
    return unwind && own_modules_open() ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    remote_unwind_destroy(unwind);
    own_modules_close();
    return 0;
}

/* ---- a stack that is known ----------------------------------------------------------------------
 */

/* The registers and bytes of a stack in which `outer` called `middle`, some times itself, and that
 * `inner`, which took them. */
struct capture {
    uint64_t registers[ARCH_REGISTER_COUNT];
    uint8_t bytes[COPY_BYTES];
    size_t byte_count;
    uint64_t stack_end;
    uint64_t caller_of_inner; /* return addresses */
    uint64_t caller_of_outer;
};

static struct capture capture;

#define DOES_NOT_VANISH __attribute__((noinline))
#define STAYS_A_FRAME() __asm__ volatile("" : : : "memory")

__attribute__((no_sanitize("address"))) static void copy_bytes(uint8_t *to, const uint8_t *from,
                                                               size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = ((const volatile uint8_t *)from)[i];
}

DOES_NOT_VANISH static void inner(void)
{
    uint64_t available;

    arch_capture_registers(capture.registers);
    available = capture.stack_end - capture.registers[ARCH_REGISTER_RSP];
    capture.byte_count = available < COPY_BYTES ? available : COPY_BYTES;
    copy_bytes(capture.bytes, (const uint8_t *)(uintptr_t)capture.registers[ARCH_REGISTER_RSP],
               capture.byte_count);
    capture.caller_of_inner = (uintptr_t)__builtin_return_address(0);
}

DOES_NOT_VANISH static void middle(int depth)
{
    if (depth > 1)
        middle(depth - 1);
    else
        inner();
    STAYS_A_FRAME();
}

DOES_NOT_VANISH static void outer(int depth)
{
    capture.caller_of_outer = (uintptr_t)__builtin_return_address(0);
    middle(depth);
    STAYS_A_FRAME();
}

/* The stack's end, as the kernel laid it out. */
static uint64_t find_stack_end(void)
{
    extern char **environ;
    uint64_t page = 4096;

    return ((uintptr_t)environ + page) & ~(page - 1);
}

static struct remote_unwind_stack captured_stack(void)
{
    struct remote_unwind_stack stack = {
        .address = capture.registers[ARCH_REGISTER_RSP],
        .bytes = capture.bytes,
        .byte_count = capture.byte_count,
        .limit = 256,
        .find_module = own_modules_find,
    };

    memcpy(stack.registers, capture.registers, sizeof stack.registers);
    return stack;
}

/* Fills `capture`: outer, `depth` times middle, inner. */
static struct remote_unwind_stack capture_stack(int depth)
{
    memset(&capture, 0, sizeof capture);
    capture.stack_end = find_stack_end();
    outer(depth);
    return captured_stack();
}

static void test_known_stack(void **state)
{
    struct remote_unwind_stack stack = capture_stack(5);
    struct remote_unwind_result result;

    (void)state;
    remote_unwind_run(unwind, &stack, &result);
    assert_int_equal(result.end, REMOTE_UNWIND_COMPLETE);
    assert_true(result.count > 9);
    assert_int_equal(result.omitted_count, 0);
    assert_int_equal(result.innermost_count, result.count);
    /* inner, exact; middle, whose call stands in inner's return address; four more; outer. */
    assert_int_equal(result.frames[0], capture.registers[ARCH_REGISTER_RIP] | WIRE_FRAME_EXACT);
    assert_int_equal(result.frames[1], capture.caller_of_inner);
    for (int i = 3; i <= 5; i++)
        assert_int_equal(result.frames[i], result.frames[2]);
    assert_int_equal(result.frames[7], capture.caller_of_outer);
}

static void test_skip_until(void **state)
{
    struct remote_unwind_stack stack = capture_stack(2);
    struct remote_unwind_result result;

    (void)state;
    stack.skip_until = capture.caller_of_outer;
    remote_unwind_run(unwind, &stack, &result);
    assert_int_equal(result.end, REMOTE_UNWIND_COMPLETE);
    assert_int_equal(result.frames[0], capture.caller_of_outer);
    /* One that never comes leaves all. */
    stack.skip_until = 0x1234;
    remote_unwind_run(unwind, &stack, &result);
    assert_int_equal(result.frames[1], capture.caller_of_inner);
}

static void test_limit(void **state)
{
    struct remote_unwind_stack stack = capture_stack(100);
    struct remote_unwind_result result;
    uint64_t whole[256];
    uint32_t count;

    (void)state;
    remote_unwind_run(unwind, &stack, &result);
    count = result.count;
    assert_in_range(count, 103, 200);
    memcpy(whole, result.frames, count * sizeof *whole);
    stack.limit = 16;
    remote_unwind_run(unwind, &stack, &result);
    assert_int_equal(result.end, REMOTE_UNWIND_COMPLETE);
    assert_int_equal(result.omitted_count, (count - 16 + 3) / 4 * 4);
    assert_int_equal(result.count + result.omitted_count, count);
    uint32_t inner = result.innermost_count;
    assert_int_equal(inner, result.count - 4);
    assert_memory_equal(result.frames, whole, inner * sizeof *whole);
    assert_memory_equal(result.frames + inner, whole + count - 4, 4 * sizeof *whole);
}

static void test_too_few_bytes(void **state)
{
    struct remote_unwind_stack stack = capture_stack(100);
    struct remote_unwind_result result;

    (void)state;
    stack.byte_count = 512;
    remote_unwind_run(unwind, &stack, &result);
    assert_int_equal(result.end, REMOTE_UNWIND_OUT_OF_BYTES);
    assert_in_range(result.count, 3, 64);
    stack.byte_count = 0;
    remote_unwind_run(unwind, &stack, &result);
    assert_int_equal(result.end, REMOTE_UNWIND_OUT_OF_BYTES);
    assert_int_equal(result.count, 1);
}

static bool find_nothing(void *context, uint64_t address, struct remote_unwind_module *module)
{
    (void)context, (void)address, (void)module;
    return false;
}

static void test_no_modules(void **state)
{
    struct remote_unwind_stack stack = capture_stack(3);
    struct remote_unwind_result result;

    (void)state;
    stack.find_module = find_nothing;
    remote_unwind_run(unwind, &stack, &result);
    assert_int_equal(result.end, REMOTE_UNWIND_NO_TABLE);
    assert_int_equal(result.count, 1);
}

/* ---- signals ------------------------------------------------------------------------------------
 */

static void capture_in_handler(int number)
{
    (void)number;
    outer(1);
    STAYS_A_FRAME();
}

static void test_signal_frame(void **state)
{
    struct sigaction action = {.sa_handler = capture_in_handler}, before;
    struct remote_unwind_stack stack;
    struct remote_unwind_result result;
    unsigned exact_count = 0;

    (void)state;
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    capture.stack_end = find_stack_end();
    raise(SIGUSR1);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    stack = captured_stack();
    remote_unwind_run(unwind, &stack, &result);
    assert_int_equal(result.end, REMOTE_UNWIND_COMPLETE);
    for (uint32_t i = 0; i < result.count; i++)
        exact_count += (result.frames[i] & WIRE_FRAME_EXACT) != 0;
    assert_int_equal(exact_count, 2); /* inner itself, and what the signal interrupted */
    /* inner, middle, outer, handler, the restorer, the interrupted one */
    assert_true(result.frames[5] & WIRE_FRAME_EXACT);
}

/* ---- files in other forms
 * ------------------------------------------------------------------------- */

/* This program's own file, changed. */
static uint8_t *read_self(size_t *count)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct stat status;
    uint8_t *bytes;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    *count = (size_t)status.st_size;
    bytes = malloc(*count);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, *count), status.st_size);
    close(fd);
    return bytes;
}

static void without_table(uint8_t *bytes)
{
    Elf64_Ehdr *header = (void *)bytes;
    Elf64_Phdr *segments = (void *)(bytes + header->e_phoff);

    for (int i = 0; i < header->e_phnum; i++)
        if (segments[i].p_type == PT_GNU_EH_FRAME)
            segments[i].p_type = PT_NULL;
}

/* Unwinds the stack with another file in place of this program's. */
static void run_with_own_file(struct unwind_file *file, const struct remote_unwind_stack *stack,
                              struct remote_unwind_result *result)
{
    struct remote_unwind_module *own = own_modules_at((uintptr_t)inner);
    struct unwind_file *original;

    assert_non_null(own);
    original = own->file;
    own->file = file;
    remote_unwind_run(unwind, stack, result);
    own->file = original;
}

static void test_file_without_table(void **state)
{
    struct remote_unwind_stack stack = capture_stack(5);
    struct remote_unwind_result result;
    uint64_t expected[256];
    uint32_t count;
    struct error error;
    struct unwind_file *file;
    size_t byte_count;
    uint8_t *bytes = read_self(&byte_count);

    (void)state;
    remote_unwind_run(unwind, &stack, &result);
    count = result.count;
    memcpy(expected, result.frames, count * sizeof *expected);
    without_table(bytes);
    file = unwind_file_open_image(bytes, byte_count, &error);
    assert_non_null(file);
    run_with_own_file(file, &stack, &result);
    assert_int_equal(result.end, REMOTE_UNWIND_COMPLETE);
    assert_int_equal(result.count, count);
    assert_memory_equal(result.frames, expected, count * sizeof *expected);
    unwind_file_close(file);
    free(bytes);
}

/* Damaged files give other stacks, never a crash or an endless run (the sanitizers watch). */
static void test_damaged_files(void **state)
{
    struct remote_unwind_stack stack = capture_stack(5);
    struct remote_unwind_result result;
    struct error error;
    size_t byte_count;
    uint8_t *original = read_self(&byte_count), *bytes = malloc(byte_count);
    uint64_t random = 1;

    (void)state;
    for (int round = 0; round < 60; round++) {
        struct unwind_file *file;

        memcpy(bytes, original, byte_count);
        if (round % 3 == 0)
            without_table(bytes);
        for (int i = 0; i < (round % 3 == 2 ? 20 : 5000); i++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
            /* The first kilobytes have the headers; everywhere else are tables and code. */
            bytes[(random >> 20) % (round % 3 == 2 ? 1024 : byte_count)] = (uint8_t)(random >> 12);
        }
        file = unwind_file_open_image(bytes, byte_count >> (round % 5 == 4), &error);
        if (file)
            run_with_own_file(file, &stack, &result);
        unwind_file_close(file);
    }
    free(bytes);
    free(original);
}

static void test_damaged_stack(void **state)
{
    struct remote_unwind_stack stack = capture_stack(5);
    struct remote_unwind_result result;
    uint64_t random = 7;

    (void)state;
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 3; i++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
            capture.bytes[(random >> 20) % 512] = (uint8_t)(random >> 50);
            stack.registers[(random >> 30) % 8] ^= random >> 60;
        }
        remote_unwind_run(unwind, &stack, &result);
        assert_true(result.count >= 1);
    }
}

static void test_what_is_no_elf_file(void **state)
{
    struct error error;

    (void)state;
    assert_null(unwind_file_open(-1, "/nowhere/at/all", &error));
    assert_non_null(strstr(error.message, "/nowhere/at/all"));
    assert_null(unwind_file_open(-1, "/", &error));
    assert_null(unwind_file_open(-1, "/dev/null", &error));
    assert_null(unwind_file_open_image("", 0, &error));
    assert_null(unwind_file_open_image("\177ELF", 4, &error));
}

/* ---- .debug_frame
 * -------------------------------------------------------------------------------- */

/* A CIE (CFA = rsp + 8, rip at CFA - 8) and an FDE for 0x1000 .. 0x1100 (from 1 byte on CFA = rsp +
 * 16). */
static const uint8_t DEBUG_FRAME[] = {20, 0,    0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 1, 0x78,
                                      16, 0x0c, 7, 8, 0x90, 1,    0,    0,    0, 0, 0, 0,
                                      28, 0,    0, 0, 0,    0,    0,    0, /* FDE of the CIE at 0 */
                                      0,  0x10, 0, 0, 0,    0,    0,    0,    0, 1, 0, 0,
                                      0,  0,    0, 0, 0x41, 0x0e, 16,   0,    0, 0, 0, 0};

static void test_debug_frame(void **state)
{
    struct unwind_index index;
    const struct unwind_index_entry *entry;
    uint8_t *section = malloc(sizeof DEBUG_FRAME), copy[128];
    size_t fde, count;
    uint64_t word;

    (void)state;
    memcpy(section, DEBUG_FRAME, sizeof DEBUG_FRAME);
    unwind_index_init(&index, section, sizeof DEBUG_FRAME, 0, false);
    assert_int_equal(index.count, 1);
    assert_null(unwind_index_find(&index, 0xfff));
    assert_null(unwind_index_find(&index, 0x1100));
    entry = unwind_index_find(&index, 0x10ff);
    assert_non_null(entry);
    assert_int_equal(entry->start, 0x1000);
    assert_int_equal(entry->end, 0x1100);

    count = unwind_index_copy(&index, entry, 0x70000000, copy, sizeof copy, &fde);
    assert_in_range(count, 48, 64);
    memcpy(&word, copy + fde + 8, 8);
    assert_int_equal(word, 0x70001000);
    memcpy(&word, copy + fde + 16, 8);
    assert_int_equal(word, 0x100);
    assert_int_equal(copy[fde + 4], fde + 4); /* the CIE is at 0 */
    assert_int_equal(copy[fde + 24], 0x41);
    assert_int_equal(unwind_index_copy(&index, entry, 0, copy, 40, &fde), 0);
    unwind_index_clear(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_stack),
        cmocka_unit_test(test_skip_until),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_too_few_bytes),
        cmocka_unit_test(test_no_modules),
        cmocka_unit_test(test_signal_frame),
        cmocka_unit_test(test_file_without_table),
        cmocka_unit_test(test_damaged_files),
        cmocka_unit_test(test_damaged_stack),
        cmocka_unit_test(test_what_is_no_elf_file),
        cmocka_unit_test(test_debug_frame),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
