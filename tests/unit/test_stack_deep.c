/* What is told of stacks deeper than the limit, found from the last one, is what a walk of the
 * whole stack gives: at each event of recursions that go up and down around the limit and far
 * beyond. */
#define _GNU_SOURCE
#include "preload/stack_deep.h"
#include "preload/stack_hash.h"

#include <alloca.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cmocka.h>

#include "tests/unit/frames_without_bp.h"

enum {
    SEED = 12345
};

static struct unwind_rules *rules;

/* What a thread has. */
struct tracing {
    struct walk_memory memory;
    struct plain_steps steps;
    struct stack_deep deep;
    uint32_t limit;
    unsigned events, cut, found;
    uint64_t random_state;
    uint64_t walked[STACK_DEEP_LIMIT], kept[STACK_DEEP_LIMIT];
};

static __thread struct tracing *tracing;

static struct tracing *begin_tracing(uint32_t limit)
{
    tracing = calloc(1, sizeof *tracing);
    assert_non_null(tracing);
    tracing->limit = limit;
    return tracing;
}

static void end_tracing(void)
{
    free(tracing);
    tracing = NULL;
}

static void compare(const struct walk_registers *registers)
{
    struct stack_walk walk = {.frames = tracing->walked, .limit = tracing->limit};

    tracing->events++;
    stack_walk_run(rules, &tracing->memory, registers, &walk);
    tracing->cut += walk.omitted_count != 0;
    enum stack_deep_found found = stack_deep_find(&tracing->deep, &tracing->steps, rules,
                                                  &tracing->memory, registers, tracing->limit);
    if (found == STACK_DEEP_NOT_DEEP)
        assert_int_equal(walk.omitted_count, 0);
    if (found != STACK_DEEP_FOUND)
        return;
    tracing->found++;
    assert_int_equal(walk.end, STACK_WALK_COMPLETE);
    assert_int_equal(walk.omitted_count, tracing->deep.cut.omitted);
    assert_int_equal(walk.inner_count, tracing->deep.cut.inner);
    assert_int_equal(walk.count, walk.inner_count + tracing->deep.cut.outer);
    stack_deep_copy(&tracing->deep, tracing->kept);
    assert_memory_equal(tracing->walked, tracing->kept, walk.count * sizeof *tracing->kept);
    assert_int_equal(stack_deep_hash(&tracing->deep, SEED),
                     stack_hash_cut(SEED, stack_hash_frames(walk.frames, walk.inner_count),
                                    stack_hash_frames(walk.frames + walk.inner_count,
                                                      walk.count - walk.inner_count)));
}

/* As a hook does it: the walk begins in the caller. */
__attribute__((noinline)) static void event(void)
{
    struct walk_registers registers;

    WALK_CALLER_REGISTERS(&registers);
    compare(&registers);
    __asm__ volatile("" : : : "memory"); /* no tail call: the frame stays */
}

static uint32_t random_below(uint32_t below)
{
    tracing->random_state = tracing->random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(tracing->random_state >> 33) % below;
}

/* ---- recursion that goes up and down at random -------------------------------------------------
 */

static unsigned wander_target; /* the depth that it tends to */

static void wander_on(unsigned depth);

__attribute__((noinline)) static void wander_with_room(unsigned depth)
{
    volatile char *room = alloca(16 + random_below(4) * 32);

    room[0] = 0;
    wander_on(depth);
    room[0] = 1;
}

__attribute__((noinline)) static void wander_plainly(unsigned depth)
{
    wander_on(depth);
    if (random_below(3) == 0)
        event();
    __asm__ volatile("" : : : "memory");
}

static void wander_into(unsigned depth)
{
    switch (random_below(5)) {
    case 0:
        call_with_bp(wander_plainly, depth, random_below(2));
        break;
    case 1:
        call_with_same_bp(wander_plainly, depth);
        break;
    case 2:
        call_with_same_bp(wander_with_room, depth);
        break;
    case 3:
        wander_with_room(depth);
        break;
    default:
        wander_plainly(depth);
    }
}

/* Changes where it goes now and then: so it runs down far, comes back far, and lingers. */
__attribute__((noinline)) static void wander_on(unsigned depth)
{
    enum {
        EVENTS = 6000,
        DEEPEST = 3000
    };

    while (tracing->events < EVENTS) {
        if (random_below(200) == 0)
            wander_target = random_below(4) == 0 ? random_below(DEEPEST) : 200 + random_below(400);
        if (random_below(depth < 100 ? 1 : 4) == 0)
            event();
        if (depth > wander_target && random_below(8) != 0)
            return;
        if (depth >= DEEPEST)
            return;
        wander_into(depth + 1);
    }
}

static void wander_with_limit(uint32_t limit)
{
    begin_tracing(limit);
    wander_target = 300;
    wander_on(0);
    assert_true(tracing->cut > 1000);
    assert_int_equal(tracing->found, tracing->cut);
    end_tracing();
}

static void test_wandering(void **state)
{
    (void)state;
    wander_with_limit(STACK_DEEP_LIMIT);
    wander_with_limit(64);
    wander_with_limit(STACK_WALK_MIN_LIMIT);
}

/* ---- from one depth to another -----------------------------------------------------------------
 */

typedef void (*at_the_bottom)(void);

/* Each frame is as large as `bytes` asks for, and leaves nothing of what stood there; events at the
 * bottom, and on the way back. */
__attribute__((noinline)) static void descend(unsigned depth, size_t bytes, at_the_bottom call,
                                              unsigned event_every)
{
    volatile char *room = alloca(bytes);

    for (size_t i = 0; i < bytes; i++)
        room[i] = 1;
    if (depth == 0)
        call();
    else
        descend(depth - 1, bytes, call, event_every);
    if (event_every != 0 && depth % event_every == 0)
        event();
    room[0] = 1;
}

static void test_depths(void **state)
{
    static const unsigned depths[] = {10,   252,  253,  254,  300, 767,  768, 769,
                                      1023, 1024, 1025, 5000, 300, 5000, 100, 5000};

    (void)state;
    begin_tracing(STACK_DEEP_LIMIT);
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++)
        for (unsigned event_every = 0; event_every < 400; event_every = event_every * 3 + 1)
            descend(depths[i], 16, event, event_every);
    assert_true(tracing->cut > 10000);
    assert_int_equal(tracing->found, tracing->cut);
    end_tracing();
}

/* ---- what changes without an event in between --------------------------------------------------
 */

static uint64_t sp_at_bottom;

__attribute__((noinline)) static void note_sp(void)
{
    struct walk_registers registers;

    WALK_CALLER_REGISTERS(&registers);
    sp_at_bottom = registers.sp;
    __asm__ volatile("" : : : "memory");
}

static unsigned narrow_count;

static void narrow_event(void)
{
    descend(narrow_count, 16, event, 0);
}

static void narrow_note(void)
{
    descend(narrow_count, 16, note_sp, 0);
}

static unsigned below_count;
static size_t below_bytes;
static at_the_bottom below_call;

/* The outermost frames are narrow too; those between them are `below_count` of `below_bytes`. */
static void go_below(void)
{
    descend(below_count, below_bytes, below_call, 0);
}

__attribute__((noinline)) static void go(unsigned count, size_t bytes, at_the_bottom call)
{
    below_count = count;
    below_bytes = bytes;
    below_call = call;
    descend(100, 16, go_below, 0);
    __asm__ volatile("" : : : "memory");
}

/* Both ends stay where they are, frame by frame; between them lie a third as many, of three times
 * the size. */
static void change_middle(unsigned inner_count)
{
    enum {
        FRAMES = 2001
    };
    size_t bytes = 16;

    narrow_count = inner_count;
    go(FRAMES - 1, bytes, narrow_note);
    uint64_t sp = sp_at_bottom;
    do
        go(FRAMES / 3 - 1, bytes += 16, narrow_note);
    while (sp_at_bottom > sp);
    assert_int_equal(sp_at_bottom, sp);
    begin_tracing(STACK_DEEP_LIMIT);
    /* From one place: the outer end stays, too. */
    for (int i = 0; i < 6; i++)
        go((i % 2 == 0 ? FRAMES : FRAMES / 3) - 1, i % 2 == 0 ? 16 : bytes, narrow_event);
    assert_int_equal(tracing->found, 6);
    end_tracing();
}

/* Among the frames that are kept, and beyond. */
static void test_middle(void **state)
{
    (void)state;
    change_middle(400);
    change_middle(1000);
}

__attribute__((noinline)) static void go_from_one_place(void)
{
    go(1000, 16, narrow_event);
    __asm__ volatile("" : : : "memory");
}

__attribute__((noinline)) static void go_from_another(void)
{
    go(1000, 16, narrow_event);
    __asm__ volatile("" : : : "memory");
}

static void test_outer_end(void **state)
{
    (void)state;
    narrow_count = 400;
    begin_tracing(STACK_DEEP_LIMIT);
    for (int i = 0; i < 3; i++) {
        go_from_one_place();
        go_from_another();
    }
    assert_int_equal(tracing->found, 6);
    end_tracing();
}

/* ---- ways that are not calls and returns -------------------------------------------------------
 */

static jmp_buf way_back;

static void jump_back(void)
{
    event();
    longjmp(way_back, 1);
}

static volatile unsigned jumps;

static void jump_from(unsigned depth)
{
    if (setjmp(way_back) == 0)
        descend(depth, 32, jump_back, 0);
    jumps++;
    descend(depth / 2, 16, event, 50);
}

static void start_jumps(void)
{
    for (unsigned depth = 1; depth < 3000; depth += 97)
        jump_from(depth);
}

static void test_jumps(void **state)
{
    (void)state;
    begin_tracing(STACK_DEEP_LIMIT);
    jumps = 0;
    descend(500, 16, start_jumps, 10);
    assert_int_equal(jumps, 31);
    assert_int_equal(tracing->found, tracing->cut);
    end_tracing();
}

static void in_handler(int number)
{
    (void)number;
    descend(300, 16, event, 100);
}

static void raise_a_signal(void)
{
    event();
    raise(SIGUSR1);
    event();
}

/* A signal's frame is not plain: its stacks are not found, and those before and after are. */
static void test_signals(void **state)
{
    struct sigaction action = {.sa_handler = in_handler}, before;

    (void)state;
    begin_tracing(STACK_DEEP_LIMIT);
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    for (int i = 0; i < 4; i++)
        descend(1000, 16, raise_a_signal, 0);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
    assert_int_equal(tracing->events, 4 * (2 + 5));
    assert_true(tracing->found >= 8);
    end_tracing();
}

static ucontext_t main_context, own_context;
static unsigned switch_count;

static void switch_over(void)
{
    for (int i = 0; i < 20; i++) {
        event();
        switch_count++;
        swapcontext(&own_context, &main_context);
    }
}

static void run_coroutine(void)
{
    descend(700, 16, switch_over, 0);
}

static void switch_into(void)
{
    event();
    swapcontext(&main_context, &own_context);
    event();
}

static void test_coroutines(void **state)
{
    size_t bytes = 1 << 20;
    void *stack = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_true(stack != MAP_FAILED);
    begin_tracing(STACK_DEEP_LIMIT);
    switch_count = 0;
    getcontext(&own_context);
    own_context.uc_stack.ss_sp = stack;
    own_context.uc_stack.ss_size = bytes;
    own_context.uc_link = &main_context;
    makecontext(&own_context, run_coroutine, 0);
    for (int i = 0; i < 20; i++)
        descend(200 + (unsigned)i * 50, 16, switch_into, 0);
    assert_int_equal(switch_count, 20);
    assert_int_equal(tracing->events, 60);
    end_tracing();
    munmap(stack, bytes);
}

static void *trace_in_thread(void *argument)
{
    unsigned depth = (unsigned)(uintptr_t)argument;

    begin_tracing(STACK_DEEP_LIMIT);
    for (int i = 0; i < 20; i++)
        descend(depth + (unsigned)i, 16, event, 7);
    uintptr_t missing = tracing->cut - tracing->found;
    end_tracing();
    return (void *)missing;
}

static void test_threads(void **state)
{
    enum {
        THREADS = 4
    };
    pthread_t threads[THREADS];

    (void)state;
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, trace_in_thread, (void *)(uintptr_t)(240 + i * 200)),
            0);
    for (unsigned i = 0; i < THREADS; i++) {
        void *missing;

        assert_int_equal(pthread_join(threads[i], &missing), 0);
        assert_null(missing);
    }
}

/* ---- what it costs -----------------------------------------------------------------------------
 */

static void come_and_go(void)
{
    for (unsigned i = 0; i < 300; i++)
        descend(i % 50, 16, event, 0);
}

/* Nothing is walked to the end while frames come and go at the top. */
static void test_is_not_walked_anew(void **state)
{
    (void)state;
    begin_tracing(STACK_DEEP_LIMIT);
    descend(3000, 16, event, 0);
    descend(3000, 16, come_and_go, 0);
    assert_int_equal(tracing->found, tracing->events);
    uint64_t beyond = tracing->deep.beyond;
    descend(3000, 16, come_and_go, 0);
    assert_int_equal(tracing->deep.beyond, beyond);
    end_tracing();
}

/* ---- which frames are kept ---------------------------------------------------------------------
 */

static void assert_cut(uint64_t count, uint32_t limit, uint32_t inner, uint32_t outer,
                       uint64_t omitted)
{
    struct stack_cut cut = stack_cut_of(count, limit);

    assert_int_equal(cut.inner, inner);
    assert_int_equal(cut.outer, outer);
    assert_int_equal(cut.omitted, omitted);
    assert_int_equal(cut.inner + cut.outer + cut.omitted, count);
}

static void test_cut(void **state)
{
    (void)state;
    assert_cut(0, 256, 0, 0, 0);
    assert_cut(256, 256, 256, 0, 0);
    assert_cut(257, 256, 129, 64, 64);
    assert_cut(319, 256, 191, 64, 64);
    assert_cut(320, 256, 192, 64, 64);
    assert_cut(321, 256, 129, 64, 128);
    assert_cut(5, 4, 3, 1, 1);
    assert_cut(6, 4, 3, 1, 2);
    assert_cut(8, 7, 6, 1, 1);
    assert_cut(2, 1, 1, 0, 1);
    assert_cut(UINT64_C(1) << 40, 1024, 768, 256, (UINT64_C(1) << 40) - 1024);
}

static int create_rules(void **state)
{
    (void)state;
    rules = mmap(NULL, sizeof *rules, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (rules == MAP_FAILED)
        return -1;
    unwind_rules_init(rules, false);
    return 0;
}

static int destroy_rules(void **state)
{
    (void)state;
    return munmap(rules, sizeof *rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_wandering),
        cmocka_unit_test(test_depths),
        cmocka_unit_test(test_middle),
        cmocka_unit_test(test_outer_end),
        cmocka_unit_test(test_jumps),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_coroutines),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_is_not_walked_anew),
    };

    return cmocka_run_group_tests(tests, create_rules, destroy_rules);
}
