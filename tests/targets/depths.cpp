/* Recursion around the depth limit and far beyond, for unwinders.py: up and down at random, left by
 * exceptions and jumps, on a coroutine's stack, in signal handlers and on several threads. Each
 * block's size tells on what way it was allocated and how many frames of ours are on the stack, so
 * each stack can be judged by itself: what is kept and what is left out must add up. Built as
 * depths_o0 and, without frame pointers, as depths_o2. */
#include <alloca.h>
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define LEVEL        __attribute__((noinline, noclone, used))
#define AFTER_CALL() __asm__ volatile("" : : : "memory")

enum {
    WAY_BYTES = 5000, /* more than any depth */
    DEEPEST = 3000,
    EVENTS = 800,
    STACK_BYTES = 1 << 20,
    THREADS = 2
};

enum way {
    WANDERING = 1,
    THROWING,
    JUMPING,
    SWITCHING,
    WAITING,
    HANDLING,
    THREADING
};

static __thread uint64_t random_state;
static __thread int event_count, wanted_depth;

LEVEL static void allocate(enum way way, int depth)
{
    free(malloc((size_t)way * WAY_BYTES + (size_t)depth));
    AFTER_CALL();
}

static int random_below(int below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (int)((uint32_t)(random_state >> 33) % (uint32_t)below);
}

/* ---- up and down at random ---------------------------------------------------------------- */

static void wander(enum way way, int depth);

LEVEL static void wander_with_room(enum way way, int depth)
{
    volatile char *room = static_cast<volatile char *>(alloca(16 + random_below(4) * 48));
    room[0] = 1;
    wander(way, depth + 1);
    room[0] = 2;
}

LEVEL static void wander_plainly(enum way way, int depth)
{
    if (random_below(6) == 0)
        allocate(way, depth);
    wander(way, depth + 1);
    AFTER_CALL();
}

LEVEL static void wander(enum way way, int depth)
{
    for (; event_count < EVENTS; event_count++) {
        if (random_below(100) == 0)
            wanted_depth = random_below(3) == 0 ? random_below(DEEPEST) : 180 + random_below(200);
        if (random_below(3) == 0)
            allocate(way, depth);
        if ((depth > wanted_depth && random_below(10) != 0) || depth >= DEEPEST)
            return;
        if (random_below(2) == 0)
            wander_with_room(way, depth + 1);
        else
            wander_plainly(way, depth + 1);
    }
    AFTER_CALL();
}

static void wander_from(enum way way, int seed)
{
    random_state = (uint64_t)seed;
    event_count = 0;
    wanted_depth = 300;
    wander(way, 0);
}

/* ---- left at once ------------------------------------------------------------------------- */

static jmp_buf way_back;

LEVEL static void leave(enum way way, int depth, int end)
{
    if (depth % 40 == 0)
        allocate(way, depth);
    if (depth < end) {
        leave(way, depth + 1, end);
    } else if (way == THROWING) {
        throw depth;
    } else {
        longjmp(way_back, 1);
    }
    AFTER_CALL();
}

LEVEL static void catch_in_the_middle(enum way way, int depth, int middle)
{
    if (depth < middle) {
        catch_in_the_middle(way, depth + 1, middle);
    } else if (way == THROWING) {
        try {
            leave(way, depth + 1, middle + 700);
        } catch (int) {
            allocate(way, depth);
        }
    } else if (setjmp(way_back) == 0) {
        leave(way, depth + 1, middle + 700);
    }
    if (depth % 60 == 0)
        allocate(way, depth);
    AFTER_CALL();
}

/* ---- on other stacks ---------------------------------------------------------------------- */

static ucontext_t outside, inside;
static bool is_inside_done;

LEVEL static void switch_at(int depth, int end)
{
    if (depth % 50 == 0) {
        allocate(SWITCHING, depth);
        swapcontext(&inside, &outside);
        allocate(SWITCHING, depth);
    }
    if (depth < end)
        switch_at(depth + 1, end);
    AFTER_CALL();
}

static void run_inside()
{
    switch_at(0, 1000);
    is_inside_done = true;
}

LEVEL static void go_inside(int depth, int end)
{
    if (depth < end)
        go_inside(depth + 1, end);
    else if (!is_inside_done)
        swapcontext(&outside, &inside);
    if (depth % 70 == 0)
        allocate(WAITING, depth);
    AFTER_CALL();
}

static void switch_stacks()
{
    void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                       0);
    if (stack == MAP_FAILED)
        abort();
    getcontext(&inside);
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = STACK_BYTES;
    inside.uc_link = &outside;
    makecontext(&inside, run_inside, 0);
    for (int end = 100; !is_inside_done; end += 60)
        go_inside(0, end);
}

/* ---- in handlers and threads -------------------------------------------------------------- */

static volatile int depth_at_signal;

LEVEL static void go_on_in_handler(int depth, int end)
{
    if (depth % 25 == 0)
        allocate(HANDLING, depth);
    if (depth < end)
        go_on_in_handler(depth + 1, end);
    AFTER_CALL();
}

static void handle(int)
{
    go_on_in_handler(depth_at_signal, depth_at_signal + 200);
}

LEVEL static void interrupt_at(int depth, int end)
{
    if (depth < end) {
        interrupt_at(depth + 1, end);
    } else {
        depth_at_signal = depth;
        kill(getpid(), SIGUSR1);
    }
    AFTER_CALL();
}

static void *run_thread(void *argument)
{
    wander_from(THREADING, static_cast<int>(reinterpret_cast<intptr_t>(argument)));
    return NULL;
}

int main()
{
    wander_from(WANDERING, 1);
    for (int middle = 10; middle < 500; middle += 60) {
        catch_in_the_middle(THROWING, 0, middle);
        catch_in_the_middle(JUMPING, 0, middle);
    }
    switch_stacks();
    signal(SIGUSR1, handle);
    for (int end = 20; end < 1000; end += 150)
        interrupt_at(0, end);
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, run_thread, reinterpret_cast<void *>(i + 2)) != 0)
            abort();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
