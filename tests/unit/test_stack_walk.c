/* Walks by the rules, compared with libunwind's own walk of the same stack, and known answers where
 * there is nothing to compare with: depth limits, memory that cannot be read, system calls that are
 * forbidden, loaded and unloaded modules. */
#define _GNU_SOURCE
#include "preload/stack_hash.h"
#include "preload/stack_trail.h"
#include "preload/stack_walk.h"

#include <alloca.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/frames_without_bp.h"
#include "tests/unit/local_backtrace.h"

enum {
    MAX_FRAMES = 20000
};

static struct unwind_rules *rules;
static __thread struct walk_memory memory;
static uint64_t frames[MAX_FRAMES];
static struct stack_walk walk = {.frames = frames};

static __thread struct stack_trail trail;
static __thread unsigned found_count;

/* By the trail of whatever this thread walked before, it must be the same; and so must be what it
 * depends on, in any order, but for words that hold a bp which never finds a frame. */
static void compare_with_trail(const struct walk_registers *registers)
{
    static __thread uint64_t along_frames[STACK_TRAIL_FRAMES];
    static __thread struct walk_read along[2 * STACK_TRAIL_FRAMES], told[2 * STACK_TRAIL_FRAMES];
    static __thread uint64_t told_frames[STACK_TRAIL_FRAMES];
    struct walk_reads along_reads = {.reads = along, .capacity = 2 * STACK_TRAIL_FRAMES};
    struct walk_reads told_reads = {.reads = told, .capacity = 2 * STACK_TRAIL_FRAMES};
    struct stack_walk telling = {.frames = told_frames, .limit = STACK_TRAIL_FRAMES};
    uint64_t seed = stack_hash_begin(1, 2), hash = seed;

    if (!stack_trail_find(&trail, rules, &memory, registers, STACK_TRAIL_FRAMES, seed))
        return;
    found_count++;
    assert_int_equal(walk.end, STACK_WALK_COMPLETE);
    assert_int_equal(stack_trail_count(&trail), walk.count + walk.omitted_count);
    stack_trail_copy(&trail, along_frames);
    assert_memory_equal(along_frames, walk.frames,
                        walk.omitted_count == 0 ? walk.count * sizeof *walk.frames : 0);
    for (uint32_t i = stack_trail_count(&trail); i-- > 0;)
        hash = stack_hash_step(hash, along_frames[i]);
    assert_int_equal(stack_trail_hash(&trail), hash);

    stack_walk_run_telling(rules, &memory, registers, &telling, &told_reads);
    stack_trail_tell_reads(&trail, &along_reads);
    assert_int_equal(along_reads.count, told_reads.count);
    assert_int_equal(along_reads.is_bp_used, told_reads.is_bp_used);
    for (uint32_t i = 0; i < told_reads.count; i++) {
        uint32_t other = 0;

        while (other < along_reads.count && along[other].address != told[i].address)
            other++;
        assert_int_not_equal(other, along_reads.count);
        assert_int_equal(along[other].value, told[i].value);
    }
}

/* As a hook does it: the walk begins in the caller. */
__attribute__((noinline)) static void walk_from_caller(uint32_t limit)
{
    struct walk_registers registers;

    WALK_CALLER_REGISTERS(&registers);
    walk.limit = limit;
    stack_walk_run(rules, &memory, &registers, &walk);
    compare_with_trail(&registers);
    __asm__ volatile("" : : : "memory"); /* no tail call: the frame stays */
}

/* Both see this function with different return addresses in it, and the same frames above. */
__attribute__((noinline)) static void compare_with_libunwind(void)
{
    static uint64_t expected[MAX_FRAMES];
    uint32_t count = local_backtrace(expected, MAX_FRAMES);

    walk_from_caller(MAX_FRAMES);
    assert_int_equal(walk.end, STACK_WALK_COMPLETE);
    assert_int_equal(walk.omitted_count, 0);
    assert_int_equal(walk.count, count);
    for (uint32_t i = 1; i < count; i++)
        assert_int_equal(walk.frames[i] & ~WIRE_FRAME_EXACT, expected[i]);
}

static int create_rules(void **state)
{
    (void)state;
    rules = mmap(NULL, sizeof *rules, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (rules == MAP_FAILED)
        return -1;
    unwind_rules_init(rules, false);
    unw_set_caching_policy(unw_local_addr_space, UNW_CACHE_NONE);
    return 0;
}

static int destroy_rules(void **state)
{
    (void)state;
    return munmap(rules, sizeof *rules);
}

typedef void (*at_the_bottom)(void);

/* Frames of several sizes, with and without a frame pointer in use. */
__attribute__((noinline)) static int descend(int depth, at_the_bottom call)
{
    volatile char *room = alloca((size_t)(16 + depth % 5 * 16));

    room[0] = 1;
    if (depth == 0)
        call();
    else
        room[0] = (char)descend(depth - 1, call);
    return room[0];
}

static void test_depths(void **state)
{
    static const int depths[] = {0, 1, 10, 100, 1000, 10000};

    (void)state;
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++)
        descend(depths[i], compare_with_libunwind);
}

static void walk_64(void)
{
    walk_from_caller(64);
}

static void walk_all(void)
{
    walk_from_caller(MAX_FRAMES);
}

static uint64_t wander_state;
enum {
    WANDERINGS = 20000
};
static unsigned wander_count;

static uint32_t wander_random(uint32_t below)
{
    wander_state = wander_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(wander_state >> 33) % below;
}

static void wander_and_walk(unsigned is_walked)
{
    if (is_walked)
        walk_from_caller(STACK_TRAIL_FRAMES);
    wander_count++;
}

/* Recursion that comes back to its frames in several places, with a frame of changing size, and
 * others in between. */
__attribute__((noinline)) static void wander(unsigned depth)
{
    volatile char *room = alloca(16 + wander_random(4) * 32);

    room[0] = 0;
    for (uint32_t times = 1 + wander_random(3); times > 0 && wander_count < WANDERINGS; times--) {
        uint32_t way = depth > 0 ? wander_random(10) : 0;

        if (way > 3)
            wander(depth - 1);
        else if (way == 1)
            call_with_same_bp(wander, depth - 1);
        else if (way == 2)
            call_with_bp(wander, depth - 1, wander_random(2));
        else if (way == 3)
            wander(depth - 1); /* from another place */
        if (wander_random(2) == 0)
            call_with_bp(wander_and_walk, 1, wander_random(3));
        else
            call_with_same_bp(wander_and_walk, 1);
    }
    room[0] = 1;
}

static void test_along_the_trail(void **state)
{
    (void)state;
    found_count = 0;
    while (wander_count < WANDERINGS)
        wander(60);
    assert_int_equal(found_count, wander_count);
}

/* Pages of a large frame that nobody has touched lie between two that a walk reads. */
__attribute__((noinline)) static void walk_beyond_large_frame(size_t bytes)
{
    volatile char *room = alloca(bytes);

    memory = (struct walk_memory){0};
    walk_from_caller(STACK_TRAIL_FRAMES);
    room[0] = 0;
}

static void test_large_frame(void **state)
{
    (void)state;
    found_count = 0;
    walk_beyond_large_frame(20 * ARCH_PAGE_BYTES);
    assert_int_equal(found_count, 1);
    walk_beyond_large_frame(2 * WALK_MEMORY_GAP_PAGES * ARCH_PAGE_BYTES);
    assert_int_equal(found_count, 1);
    memory = (struct walk_memory){0};
}

static void test_limit_keeps_both_ends(void **state)
{
    static uint64_t all[MAX_FRAMES];
    uint32_t count;

    (void)state;
    descend(500, walk_all);
    count = walk.count;
    memcpy(all, frames, count * sizeof *all);
    descend(500, walk_64);
    assert_int_equal(walk.end, STACK_WALK_COMPLETE);
    assert_int_equal(walk.count, walk.inner_count + 16);
    assert_int_equal(walk.count + walk.omitted_count, count);
    assert_int_equal(walk.omitted_count % 16, 0);
    assert_in_range(walk.inner_count, 48 - 15, 48);
    /* The two innermost lie in different callers. */
    assert_memory_equal(frames + 2, all + 2, (walk.inner_count - 2) * sizeof *all);
    /* This function's own frame differs too: two calls. Three frames are above it at least. */
    for (int i = 1; i <= 16; i++)
        if (all[count - i] != frames[walk.count - (uint32_t)i])
            assert_in_range(i, 4, 12);
}

static int compare_in_qsort(const void *left, const void *right)
{
    compare_with_libunwind();
    return *(const int *)left - *(const int *)right;
}

static void test_qsort_callback(void **state)
{
    int numbers[] = {3, 1, 2};

    (void)state;
    qsort(numbers, 3, sizeof numbers[0], compare_in_qsort);
    assert_int_equal(numbers[0], 1);
}

static void compare_in_handler(int number)
{
    unsigned exact_count = 0;

    (void)number;
    compare_with_libunwind();
    for (uint32_t i = 0; i < walk.count; i++)
        exact_count += (walk.frames[i] & WIRE_FRAME_EXACT) != 0;
    assert_int_equal(exact_count, 1);
}

static void raise_with_handler(int flags)
{
    struct sigaction action = {.sa_handler = compare_in_handler, .sa_flags = flags};
    struct sigaction before;

    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    raise(SIGUSR1);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
}

static void raise_plainly(void)
{
    raise_with_handler(0);
}

static void test_signal(void **state)
{
    (void)state;
    descend(20, raise_plainly);
}

static void raise_on_other_stack(void)
{
    raise_with_handler(SA_ONSTACK);
}

static void test_signal_on_other_stack(void **state)
{
    stack_t stack = {.ss_size = 1 << 18}, before;

    (void)state;
    stack.ss_sp = malloc(stack.ss_size);
    assert_int_equal(sigaltstack(&stack, &before), 0);
    descend(20, raise_on_other_stack);
    assert_int_equal(sigaltstack(&before, NULL), 0);
    free(stack.ss_sp);
}

static void *compare_in_thread(void *argument)
{
    descend(50, compare_with_libunwind);
    return argument;
}

static void test_thread(void **state)
{
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, compare_in_thread, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* A pc without a module ends the walk there, and the registers say where. */
static void test_no_rule(void **state)
{
    uint64_t stack[64] = {0};
    struct walk_registers registers = {.pc = 0x1234, .sp = (uintptr_t)(stack + 1)};

    (void)state;
    walk.limit = 8;
    stack_walk_run(rules, &memory, &registers, &walk);
    assert_int_equal(walk.end, STACK_WALK_NO_TABLE);
    assert_int_equal(walk.count, 1);
    assert_int_equal(walk.frames[0], 0x1234);
    assert_int_equal(walk.last.pc, 0x1234);
}

/* A page, readable, followed by one that is not. */
static uint8_t *map_page_and_hole(void)
{
    uint8_t *pages = mmap(NULL, 2 * ARCH_PAGE_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(pages, MAP_FAILED);
    assert_int_equal(mprotect(pages + ARCH_PAGE_BYTES, ARCH_PAGE_BYTES, PROT_NONE), 0);
    return pages;
}

static void test_readable_memory(void **state)
{
    uint8_t *pages = map_page_and_hole();
    struct walk_memory fresh = {0};
    uint64_t end = (uintptr_t)pages + ARCH_PAGE_BYTES;

    (void)state;
    assert_int_equal(walk_memory_readable(&fresh, end - 100, 1000), 100);
    assert_int_equal(walk_memory_readable(&fresh, end - 100, 50), 50);
    assert_int_equal(walk_memory_readable(&fresh, end, 8), 0);
    assert_int_equal(walk_memory_readable(&fresh, UINT64_MAX - 3, 100), 0);
    assert_int_equal(walk_memory_readable(&fresh, 0, 100), 0);

    walk_memory_forget(&fresh);
    fresh.are_system_calls_forbidden = true;
    assert_int_equal(walk_memory_readable(&fresh, end - 100, 50), 0);
    walk_memory_add(&fresh, (uintptr_t)pages, end);
    assert_int_equal(walk_memory_readable(&fresh, end - 100, 1000), 100);
    munmap(pages, 2 * ARCH_PAGE_BYTES);
}

/* A stack whose return address would stand in the hole. The pc is that of a plain function here, at
 * whose first instruction the CFA is sp + 8. */
static void test_unreadable_stack(void **state)
{
    uint8_t *pages = map_page_and_hole();
    struct walk_registers registers = {
        .pc = (uintptr_t)descend, .sp = (uintptr_t)pages + ARCH_PAGE_BYTES, .is_exact = true};

    (void)state;
    walk.limit = 8;
    stack_walk_run(rules, &memory, &registers, &walk);
    assert_int_equal(walk.end, STACK_WALK_UNREADABLE);
    assert_int_equal(walk.count, 1);
    assert_int_equal(walk.frames[0], (uintptr_t)descend | WIRE_FRAME_EXACT);
    munmap(pages, 2 * ARCH_PAGE_BYTES);
}

static void test_forbidden_system_calls(void **state)
{
    (void)state;
    walk_memory_forget(&memory);
    memory.are_system_calls_forbidden = true;
    descend(1000, walk_all); /* far more than a page */
    assert_int_equal(walk.end, STACK_WALK_UNREADABLE);
    assert_in_range(walk.count, 1, 900);
    memory.are_system_calls_forbidden = false;
    descend(1000, compare_with_libunwind);
    memory.are_system_calls_forbidden = true;
    descend(1000, compare_with_libunwind);
    memory.are_system_calls_forbidden = false;
}

/* ---- modules that come and go
 * --------------------------------------------------------------------- */

/* Two plug-ins have functions of the same name at the same place, with frames of different sizes.
 */
static uint64_t run_plugin(const char *path)
{
    typedef int (*plugin_call)(at_the_bottom call);
    void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    plugin_call call;
    uint64_t address;

    if (!plugin)
        fail_msg("%s", dlerror());
    unwind_rules_refresh_modules(rules);
    unwind_rules_modules_changed(rules);
    *(void **)&call = dlsym(plugin, "stack_plugin_call");
    assert_non_null(call);
    assert_int_equal(call(compare_with_libunwind), 7);
    assert_in_range(walk.count, 5, 100);
    address = (uintptr_t)call;
    unwind_rules_modules_changed(rules);
    assert_int_equal(dlclose(plugin), 0);
    unwind_rules_modules_changed(rules);
    return address;
}

static void test_plugins_at_the_same_place(void **state)
{
    unsigned same_count = 0;
    uint64_t before = 0;

    (void)state;
    for (int i = 0; i < 6; i++) {
        uint64_t address = run_plugin(i % 2 ? STACK_PLUGIN_LARGE : STACK_PLUGIN_SMALL);

        same_count += address == before;
        before = address;
    }
    if (same_count == 0)
        print_message("the loader never used an address again\n");
}

static void test_plugins_in_own_list(void **state)
{
    struct unwind_rules *usual = rules;

    rules = mmap(NULL, sizeof *rules, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(rules, MAP_FAILED);
    unwind_rules_init(rules, true);
    test_plugins_at_the_same_place(state);
    munmap(rules, sizeof *rules);
    rules = usual;
}

/* A child goes on with its copy of the table, also when a refresh was under way at the fork. */
static void test_after_fork(void **state)
{
    pid_t child;
    int status;

    (void)state;
    descend(10, compare_with_libunwind);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        atomic_fetch_add(&rules->list_version, 1);
        unwind_rules_after_fork(rules);
        descend(10, walk_all);
        _exit(walk.end == STACK_WALK_COMPLETE && atomic_load(&rules->list_version) % 2 == 0 ? 0
                                                                                            : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* Nothing of a walk is seen outside: errno stays. */
static void test_errno_stays(void **state)
{
    (void)state;
    walk_memory_forget(&memory);
    errno = 4321;
    descend(1000, walk_all);
    assert_int_equal(errno, 4321);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depths),
        cmocka_unit_test(test_along_the_trail),
        cmocka_unit_test(test_large_frame),
        cmocka_unit_test(test_limit_keeps_both_ends),
        cmocka_unit_test(test_qsort_callback),
        cmocka_unit_test(test_signal),
        cmocka_unit_test(test_signal_on_other_stack),
        cmocka_unit_test(test_thread),
        cmocka_unit_test(test_no_rule),
        cmocka_unit_test(test_readable_memory),
        cmocka_unit_test(test_unreadable_stack),
        cmocka_unit_test(test_forbidden_system_calls),
        cmocka_unit_test(test_plugins_at_the_same_place),
        cmocka_unit_test(test_plugins_in_own_list),
        cmocka_unit_test(test_after_fork),
        cmocka_unit_test(test_errno_stays),
    };

    return cmocka_run_group_tests(tests, create_rules, destroy_rules);
}
