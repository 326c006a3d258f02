/* Roots in a real process: a child makes blocks, each of which is known in one place only, and is
 * scanned while it stands still. What nobody can get at any more must have no root, whatever libc
 * and dead stacks remember of it. */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "snapshot/libc_facts.h"
#include "snapshot/snapshot_scan.h"
#include "snapshot/stopper.h"

enum block_name {
    GLOBAL,         /* a variable */
    LOCAL,          /* of main, in its frame */
    THREAD_LOCAL,   /* a __thread variable of a thread */
    KEY,            /* a thread's value of an early key */
    LATE_KEY,       /* of one whose values stand in memory of their own */
    DELETED_KEY,    /* of a key that was deleted since */
    RESULT,         /* of a thread that ended and may be joined */
    ARGUMENT,       /* of a thread that has forgotten it */
    BEHIND_HANDLER, /* in the frame of a thread that is in a handler on another stack */
    GENERAL_REGISTER,
    VECTOR_REGISTER,
    DEAD_FRAME,    /* in what a call of main left on its stack */
    JOINED_FRAME,  /* in the stack of a thread that was joined */
    NEIGHBOUR,     /* in front of free memory that malloc has in a list */
    NO_SUCH_FRAME, /* below the handler's thread's frame */
    BLOCK_COUNT
};

#define NO_ROOT ((enum snapshot_root_kind)SNAPSHOT_ROOT_KIND_COUNT)

static const struct {
    const char *name;
    enum snapshot_root_kind kind;
} expected[BLOCK_COUNT] = {
    [GLOBAL] = {"global", SNAPSHOT_ROOT_GLOBAL},
    [LOCAL] = {"local", SNAPSHOT_ROOT_STACK},
    [THREAD_LOCAL] = {"thread-local", SNAPSHOT_ROOT_TLS},
    [KEY] = {"key", SNAPSHOT_ROOT_KEY},
    [LATE_KEY] = {"late key", SNAPSHOT_ROOT_KEY},
    [DELETED_KEY] = {"deleted key", NO_ROOT},
    [RESULT] = {"result", SNAPSHOT_ROOT_THREAD},
    [ARGUMENT] = {"argument", SNAPSHOT_ROOT_THREAD},
    [BEHIND_HANDLER] = {"behind a handler", SNAPSHOT_ROOT_STACK},
    [GENERAL_REGISTER] = {"general register", SNAPSHOT_ROOT_REGISTER},
    [VECTOR_REGISTER] = {"vector register", SNAPSHOT_ROOT_REGISTER},
    [DEAD_FRAME] = {"dead frame", NO_ROOT},
    [JOINED_FRAME] = {"joined frame", NO_ROOT},
    [NEIGHBOUR] = {"neighbour", NO_ROOT},
    [NO_SUCH_FRAME] = {"below a handler's frame", NO_ROOT},
};

enum {
    BLOCK_BYTES = 24,
    LATE_KEYS = 40,
    DEEP_BYTES = 64 << 10
};

/* Addresses are turned around wherever they are not meant to be found. */
#define HIDE(address) (~(uint64_t)(uintptr_t)(address))

struct report {
    uint64_t hidden[BLOCK_COUNT];
    _Atomic int ready;
    _Atomic pid_t result_tid;
    uint32_t late_key;
};

static struct report *report; /* shared with the test */
static void *volatile global_pointer;
static __thread void *volatile local_pointer;
static pthread_key_t keys[LATE_KEYS];
static pthread_key_t deleted_key;

static void *seen(enum block_name name)
{
    return (void *)(uintptr_t)~report->hidden[name];
}

static void *make_blocks(void *unused)
{
    (void)unused;
    for (int i = 0; i < NEIGHBOUR; i++)
        report->hidden[i] = HIDE(malloc(BLOCK_BYTES));
    report->hidden[NO_SUCH_FRAME] = HIDE(malloc(BLOCK_BYTES));
    return NULL;
}

__attribute__((noinline)) static void leave_deep(enum block_name name)
{
    void *volatile deep[DEEP_BYTES / sizeof(void *)];
    for (size_t i = 0; i < DEEP_BYTES / sizeof(void *) / 2; i++)
        deep[i] = seen(name);
    (void)deep[7];
}

/* Near its caller the stack is cleared afterwards, and the registers: frames that come later have
 * words that nobody set, and the loader saves registers when it looks for functions. */
__attribute__((noinline)) static void wash(void)
{
    volatile char room[DEEP_BYTES / 4];
    for (size_t i = 0; i < sizeof room; i++)
        room[i] = 0;
#if defined __x86_64__
    __asm__ volatile("pxor %%xmm0, %%xmm0\n\tpxor %%xmm1, %%xmm1\n\tpxor %%xmm2, %%xmm2\n\t"
                     "xor %%ecx, %%ecx\n\txor %%edx, %%edx\n\txor %%esi, %%esi\n\t"
                     "xor %%edi, %%edi"
                     :
                     :
                     : "xmm0", "xmm1", "xmm2", "rcx", "rdx", "rsi", "rdi");
#endif
}

static void leave_behind(enum block_name name)
{
    leave_deep(name);
    wash();
}

static void *leave_in_thread(void *unused)
{
    (void)unused;
    leave_behind(JOINED_FRAME);
    return NULL;
}

static void *return_result(void *unused)
{
    (void)unused;
    atomic_store(&report->result_tid, gettid());
    return seen(RESULT);
}

static void wait_for_ever(void)
{
    atomic_fetch_add(&report->ready, 1);
    for (;;)
        pause();
}

static void *hold_values(void *argument)
{
    (void)argument;
    local_pointer = seen(THREAD_LOCAL);
    pthread_setspecific(keys[0], seen(KEY));
    pthread_setspecific(keys[LATE_KEYS - 1], seen(LATE_KEY));
    pthread_setspecific(deleted_key, seen(DELETED_KEY));
    pthread_key_delete(deleted_key);
    wait_for_ever();
    return NULL;
}

static void handle(int number)
{
    (void)number;
    wait_for_ever();
}

static void *wait_in_handler(void *unused)
{
    (void)unused;
    leave_behind(NO_SUCH_FRAME);
    void *volatile mine = seen(BEHIND_HANDLER);
    static char other_stack[64 << 10];
    sigaltstack(&(stack_t){.ss_sp = other_stack, .ss_size = sizeof other_stack}, NULL);
    raise(SIGUSR1);
    return mine;
}

/* Turns the addresses round in registers, and clears what it did that in. */
static void *spin(void *unused)
{
    (void)unused;
#if defined __x86_64__
    uint64_t general = report->hidden[GENERAL_REGISTER];
    uint64_t vector = report->hidden[VECTOR_REGISTER];
    /* clang-format off */
    __asm__ volatile("mov %0, %%r12\n\t"
                     "not %%r12\n\t"
                     "mov %1, %%rax\n\t"
                     "not %%rax\n\t"
                     "movq %%rax, %%xmm7\n\t"
                     "xor %%eax, %%eax\n\t"
                     "lock incl (%2)\n\t"
                     "1: pause\n\t"
                     "jmp 1b"
                     :
                     : "r"(general), "r"(vector), "r"(&report->ready)
                     : "r12", "rax", "xmm7", "memory");
    /* clang-format on */
#endif
    return NULL;
}

/* A piece of memory too large for a thread's cache, free between two that are not. */
__attribute__((noinline)) static void make_neighbour(void)
{
    report->hidden[NEIGHBOUR] = HIDE(malloc(BLOCK_BYTES));
    void *volatile large = malloc(3000);
    void *volatile barrier = malloc(BLOCK_BYTES);
    free(large);
    large = barrier = NULL;
    (void)barrier;
}

static void start(void *(*run)(void *), void *argument, pthread_t *thread)
{
    pthread_t started;
    pthread_create(thread ? thread : &started, NULL, run, argument);
}

static void be_target(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pthread_t thread;
    start(make_blocks, NULL, &thread);
    pthread_join(thread, NULL);
    make_neighbour();
    global_pointer = seen(GLOBAL);
    signal(SIGUSR1, handle);
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    for (int i = 0; i < LATE_KEYS; i++)
        pthread_key_create(&keys[i], NULL);
    pthread_key_create(&deleted_key, NULL);
    report->late_key = keys[LATE_KEYS - 1];
    start(leave_in_thread, NULL, &thread);
    pthread_join(thread, NULL);
    start(return_result, NULL, NULL);
    while (atomic_load(&report->result_tid) == 0 ||
           tgkill(getpid(), atomic_load(&report->result_tid), 0) == 0)
        sched_yield(); /* not joined, but gone */
    start(hold_values, seen(ARGUMENT), NULL);
    start(wait_in_handler, NULL, NULL);
    start(spin, NULL, NULL);
    leave_behind(DEAD_FRAME);
    void *volatile mine = seen(LOCAL);
    wait_for_ever();
    (void)mine;
}

static int compare_blocks(const void *left, const void *right)
{
    uint64_t a = ((const struct snapshot_block *)left)->address;
    uint64_t b = ((const struct snapshot_block *)right)->address;
    return (a > b) - (a < b);
}

/* Vector registers hold what any library function left there: they are looked at for the thread
 * that uses them. */
static void take_thread(const struct stopper_thread *from, struct stopped_thread *to)
{
    *to = (struct stopped_thread){
        .tid = (uint32_t)from->tid,
        .has_registers = from->state == STOPPER_STOPPED,
        .pc = from->general[PROCESSOR_WORD_PC],
        .sp = from->general[PROCESSOR_WORD_SP],
        .thread_pointer = processor_thread_pointer(from->general),
        .register_count = PROCESSOR_GENERAL_WORDS,
    };
    memcpy(to->registers, from->general, sizeof from->general);
    if (processor_system_call(from->general) < 0) {
        to->vector_registers = from->extended;
        to->vector_register_bytes = from->extended_bytes;
    }
}

static bool has_root(const struct snapshot *snapshot, uint64_t address,
                     enum snapshot_root_kind kind, const struct snapshot_root **found)
{
    bool has_any = false;
    *found = NULL;
    for (size_t i = 0; i < snapshot->root_count; i++) {
        const struct snapshot_root *root = &snapshot->roots[i];
        if (snapshot->blocks[root->block].address != address)
            continue;
        has_any = true;
        if (!*found || root->kind == kind)
            *found = root;
    }
    return has_any;
}

__attribute__((unused)) static void check_roots(const struct snapshot *snapshot)
{
    for (int i = 0; i < BLOCK_COUNT; i++) {
        const struct snapshot_root *root;
        bool has_any = has_root(snapshot, ~report->hidden[i], expected[i].kind, &root);
        if (expected[i].kind == NO_ROOT && has_any)
            fail_msg("%s: a root of kind %s at %#llx", expected[i].name,
                     snapshot_root_kind_name((enum snapshot_root_kind)root->kind),
                     (unsigned long long)root->address);
        if (expected[i].kind != NO_ROOT && (!has_any || root->kind != expected[i].kind))
            fail_msg("%s: %s", expected[i].name,
                     has_any ? snapshot_root_kind_name((enum snapshot_root_kind)root->kind)
                             : "no root");
        if (i == LATE_KEY)
            assert_int_equal(root->number, report->late_key);
        if (i == GLOBAL)
            assert_non_null(strstr(snapshot->modules[root->module].path, "test_snapshot_threads"));
        if (i == THREAD_LOCAL)
            assert_true(root->module != SNAPSHOT_NONE && root->thread != SNAPSHOT_NONE);
    }
    assert_int_equal(snapshot->missing_threads, 0);
    assert_int_equal(snapshot->unreadable_bytes, 0);
}

/* The target's memory, run wild: words of what is read are replaced by others, or by what they
 * would be if everything were shifted. */
struct wild_memory {
    struct target_memory real;
    uint64_t random;
    unsigned one_in;
};

static uint64_t next_random(struct wild_memory *wild)
{
    wild->random = wild->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return wild->random >> 24;
}

static size_t read_wild(void *context, uint64_t address, void *bytes, size_t count)
{
    struct wild_memory *wild = context;
    size_t got = wild->real.read(wild->real.context, address, bytes, count);
    for (size_t at = 0; at + 8 <= got; at += 8) {
        uint64_t word;
        if (next_random(wild) % wild->one_in != 0)
            continue;
        memcpy(&word, (char *)bytes + at, sizeof word);
        switch (next_random(wild) % 4) {
        case 0:
            word = next_random(wild) << 24 | next_random(wild);
            break;
        case 1:
            word = address + next_random(wild) % 4096;
            break;
        case 2:
            word += next_random(wild) % 64;
            break;
        default:
            word = next_random(wild) % 8 ? ~UINT64_C(0) - 7 : 0;
        }
        memcpy((char *)bytes + at, &word, sizeof word);
    }
    return next_random(wild) % 50 ? got : got / 2;
}

static bool find_touched(void *context, uint64_t start, uint64_t end, uint64_t *touched_start,
                         uint64_t *touched_end)
{
    struct wild_memory *wild = context;
    return wild->real.find_touched(wild->real.context, start, end, touched_start, touched_end);
}

/* Whatever comes of it: an end, and references to what is there. */
static void scan_wild(const struct snapshot_scan_input *sane)
{
    struct libc_facts libc = {0};
    static const unsigned one_in[] = {2, 20, 200, 2000};
    for (unsigned round = 0; round < 40; round++) {
        struct wild_memory wild = {*sane->memory, round, one_in[round % 4]};
        struct target_memory memory = {
            .read = read_wild, .find_touched = find_touched, .context = &wild};
        struct snapshot_scan_input input = *sane;
        input.memory = &memory;
        if (round % 2 != 0)
            input.libc = &libc;
        struct snapshot snapshot;
        snapshot_init(&snapshot);
        if (snapshot_scan(&input, &snapshot, NULL))
            for (size_t i = 0; i < snapshot.root_count; i++)
                assert_true(snapshot.roots[i].block < BLOCK_COUNT &&
                            (snapshot.roots[i].thread == SNAPSHOT_NONE ||
                             snapshot.roots[i].thread < snapshot.thread_count) &&
                            snapshot.roots[i].reference <= SNAPSHOT_INTERIOR);
        snapshot_clear(&snapshot);
    }
}

/* Returns how many roots there are. */
static size_t scan_sane(const struct snapshot_scan_input *input)
{
    struct error error = {""};
    struct snapshot snapshot;
    snapshot_init(&snapshot);
    if (!snapshot_scan(input, &snapshot, &error))
        fail_msg("%s", error.message);
#if !defined __SANITIZE_ADDRESS__ /* whose malloc keeps addresses elsewhere */
    check_roots(&snapshot);
#endif
    size_t count = snapshot.root_count;
    snapshot_clear(&snapshot);
    return count;
}

/* What is known of libc from the first look gives the second one the same roots. */
static void scan_with_facts(struct snapshot_scan_input input)
{
    struct libc_facts libc = {0};
    size_t count = scan_sane(&input);
    input.libc = &libc;
    assert_int_equal(scan_sane(&input), count);
    assert_int_equal(libc.count, 1);
    assert_true(libc.builds[0].threads.is_known);
#if !defined __SANITIZE_ADDRESS__
    assert_true(libc.builds[0].arena.end != 0);
#endif
    assert_int_equal(scan_sane(&input), count);
}

static void scan_target(pid_t pid, const struct stopper *stopper)
{
    struct error error = {""};
    struct snapshot_block blocks[BLOCK_COUNT];
    struct stopped_thread threads[16];
    assert_true(stopper->count <= 16);
    for (size_t i = 0; i < BLOCK_COUNT; i++)
        blocks[i] = (struct snapshot_block){.address = ~report->hidden[i], .bytes = BLOCK_BYTES};
    qsort(blocks, BLOCK_COUNT, sizeof *blocks, compare_blocks);
    for (size_t i = 0; i < stopper->count; i++)
        take_thread(&stopper->threads[i], &threads[i]);
    struct target_process *process = target_process_open((uint32_t)pid, &error);
    assert_non_null(process);
    struct target_memory memory = target_process_memory(process);
    struct target_mappings mappings;
    assert_true(target_mappings_read(&mappings, (uint32_t)pid, &error));
    const struct snapshot_scan_input input = {.memory = &memory,
                                              .mappings = &mappings,
                                              .blocks = blocks,
                                              .block_count = BLOCK_COUNT,
                                              .threads = threads,
                                              .thread_count = stopper->count};
    scan_with_facts(input);
    scan_wild(&input);
    target_mappings_clear(&mappings);
    target_process_close(process);
}

static size_t count_in_calls(const struct stopper *stopper)
{
    size_t count = 0;
    for (size_t i = 0; i < stopper->count; i++)
        count += processor_system_call(stopper->threads[i].general) >= 0;
    return count;
}

static void test_each_block_has_its_root(void **state)
{
    (void)state;
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();
    if (pid == 0)
        be_target();
    struct clock clock = clock_monotonic();
    while (atomic_load(&report->ready) < 4) /* main and three threads */
        sched_yield();
    struct stopper stopper;
    struct error error = {""};
    bool is_stopped = true, is_waiting = false;
    /* The threads say that they are ready just before they are. */
    while (is_stopped && !is_waiting) {
        is_stopped = stopper_stop(&stopper, pid, false, &clock,
                                  clock.now_ns(clock.context) + UINT64_C(60000000000), &error);
        if (!is_stopped)
            break;
        is_waiting = count_in_calls(&stopper) + 1 == stopper.count; /* one spins */
        if (is_waiting)
            scan_target(pid, &stopper);
        stopper_release(&stopper);
        stopper_clear(&stopper);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    munmap(report, sizeof *report);
    if (!is_stopped) {
        print_message("cannot stop a child: %s\n", error.message);
        skip();
    }
}

int main(void)
{
#if !defined __x86_64__
    puts("needs an x86-64");
    return 77;
#endif
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_block_has_its_root)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
