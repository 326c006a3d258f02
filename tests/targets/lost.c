/* What is lost, and what is held: `lost CASE` does one of the things below and ends. Each block has
 * a size of its own, so that a sum of bytes tells which ones are in it; what each case leaves
 * behind is said beside it, and tests/system/leaks.py expects it. Memory is zeroed, so that nothing
 * in it looks like a pointer, and no case prints, which would allocate.
 *
 * A case that needs the folder of the plugin gets it as its second argument. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <search.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static void *roots[16];
static __thread void *by_thread;
static const char *folder;
static atomic_bool is_ready;

/* ---- blocks ---- */

static void *make(size_t bytes)
{
    return calloc(1, bytes);
}

/* The word at this position of `block` refers to `target`, `inside` bytes behind its start. */
static void set(void *block, size_t word, void *target, size_t inside)
{
    ((char **)block)[word] = (char *)target + inside;
}

static void *make_pair(size_t first_bytes, size_t second_bytes, size_t inside)
{
    void *first = make(first_bytes);
    set(first, 1, make(second_bytes), inside);
    return first;
}

/* ---- memcheck's cases: definite 104 105 114, indirect 106 115,
 *      possible 107 109 110 111 112 113, reachable 101 102 103 108 ---- */

static void nine(void)
{
    roots[0] = make(101);
    roots[1] = make_pair(102, 103, 0);
    make(104);
    make_pair(105, 106, 0);
    roots[2] = (char *)make(107) + 16;
    roots[3] = make_pair(108, 109, 16);
    roots[4] = (char *)make_pair(110, 111, 0) + 16;
    roots[5] = (char *)make_pair(112, 113, 24) + 16;
    make_pair(114, 115, 32);
}

/* ---- edges of blocks: reachable 0, definite 200 201, possible 202 ---- */

static char unaligned[64] __attribute__((aligned(8)));

static void edges(void)
{
    roots[0] = malloc(0);
    roots[1] = (char *)make(200) + 200; /* behind its end */
    void *block = make(201);
    memcpy(unaligned + 3, &block, sizeof block); /* no aligned word of it is the pointer */
    roots[2] = (char *)make(202) + 201;
}

/* ---- shapes ---- */

/* definite 300, indirect 301 */
static void cycle(void)
{
    void *first = make(300), *second = make(301);
    set(first, 0, second, 0);
    set(second, 2, first, 0);
}

/* definite 302 */
static void self(void)
{
    void *block = make(302);
    set(block, 0, block, 0);
}

/* One set of three: definite 303, indirect 304 305 */
static void nested(void)
{
    void *first = make(303), *second = make(304), *third = make(305);
    set(first, 0, second, 0);
    set(second, 0, first, 0);
    set(second, 1, third, 0);
    set(third, 0, second, 0);
}

/* A cycle that hangs from a younger one: definite 308, indirect 306 307 309 */
static void cycle_from_cycle(void)
{
    void *first = make(306), *second = make(307), *third = make(308), *fourth = make(309);
    set(first, 0, second, 0);
    set(second, 0, first, 0);
    set(third, 0, fourth, 0);
    set(fourth, 0, third, 0);
    set(fourth, 1, first, 0);
}

/* Two cycles and what both refer to: definite 310 312, indirect 311 313 314 315; the tail belongs
 * to the older one */
static void shared_tail(void)
{
    void *first = make(310), *second = make(311), *third = make(312), *fourth = make(313);
    void *tail = make_pair(314, 315, 0);
    set(first, 0, second, 0);
    set(second, 0, first, 0);
    set(second, 1, tail, 0);
    set(third, 0, fourth, 0);
    set(fourth, 0, third, 0);
    set(fourth, 1, tail, 0);
}

/* definite 316, indirect 317 318 319 320 321 322 */
static void tree(void)
{
    void *top = make(316), *left = make(317), *right = make(318);
    set(top, 0, left, 0);
    set(top, 1, right, 0);
    set(left, 0, make(319), 0);
    set(left, 1, make(320), 0);
    set(right, 0, make(321), 0);
    set(right, 1, make(322), 0);
}

/* A list of 100,000 blocks: definite 32, indirect 3199968 */
static void long_list(void)
{
    void *next = NULL;
    for (int i = 0; i < 100000; i++) {
        void *block = make(32);
        *(void **)block = next;
        next = block;
    }
}

/* ---- roots: all hold their block ---- */

static void root_global(void) /* 400 */
{
    roots[0] = make(400);
}

static void root_stack(void) /* 401 */
{
    void *volatile local = make(401);
    exit(local == NULL);
}

static void root_tls(void) /* 402 */
{
    by_thread = make(402);
}

static void root_key(void) /* 403 */
{
    pthread_key_t key;
    pthread_key_create(&key, NULL);
    pthread_setspecific(key, make(403));
}

/* Beyond the keys whose values stand in the thread's own descriptor. reachable 404, and 512: libc's
 * table for 32 keys */
static void root_far_key(void)
{
    pthread_key_t key = 0;
    while (key < 40)
        pthread_key_create(&key, NULL);
    pthread_setspecific(key, make(404));
}

static void root_mapping(void) /* 405 */
{
    void **page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[7] = make(405);
}

static void *plugin;

static void keep_in_plugin(const char *name, void *block)
{
    char path[4096];
    void (*keep)(void *);
    snprintf(path, sizeof path, "%s/tls_plugin.so", folder);
    plugin = dlopen(path, RTLD_NOW);
    keep = (void (*)(void *))dlsym(plugin, name);
    keep(block);
}

static void root_plugin(void) /* 406, beside what the loader holds */
{
    keep_in_plugin("plugin_keep", make(406));
}

static void root_plugin_tls(void) /* 407, the same */
{
    keep_in_plugin("plugin_keep_by_thread", make(407));
}

/* The variable that held the block is gone with its library: definite 408 */
static void plugin_closed(void)
{
    keep_in_plugin("plugin_keep", make(408));
    dlclose(plugin);
    plugin = NULL;
}

static void root_context_run(void)
{
    void *volatile local = make(409);
    exit(local == NULL);
}

static int compare_texts(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* glibc's tree keeps its colours in pointers: 20 nodes of 24 bytes, which hold 20 texts of 412; the
 * texts of setenv are in such a tree, too. Another tree is lost: its root is definite. */
static void root_tree(void)
{
    void *volatile lost = NULL;
    for (int i = 0; i < 20; i++) {
        char *text = make(412), *other = make(413);
        text[0] = other[0] = (char)('a' + i);
        tsearch(text, &roots[0], compare_texts);
        tsearch(other, (void **)&lost, compare_texts);
        setenv(text, text, 1);
    }
    lost = NULL;
}

static void on_other_stack(int number)
{
    void *volatile local = make(410);
    /* What looks as if another context had been saved here, of a stack from nearly nowhere on. */
    volatile uintptr_t decoy[64] = {[2] = 16, [4] = UINTPTR_MAX / 2};
    for (int i = 20; i < 64; i++)
        decoy[i] = (uintptr_t)roots[15];
    exit(local == NULL || number == 0 || decoy[2] == 0);
}

/* A handler on a stack of its own ends the program: what it interrupted keeps its blocks, too. */
static void root_handler(void)
{
    stack_t other = {.ss_size = 65536};
    struct sigaction action = {.sa_handler = on_other_stack, .sa_flags = SA_ONSTACK};
    void *volatile local = make(411);
    other.ss_sp = mmap(NULL, other.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                       0);
    sigaltstack(&other, NULL);
    sigaction(SIGUSR1, &action, NULL);
    roots[15] = (char *)__builtin_frame_address(0) + 64; /* above all that must be kept */
    raise(SIGUSR1);
    (void)local;
}

/* Another stack, in a mapping: the pointer to it is in the context. 409 */
static void root_context(void)
{
    static ucontext_t context, back;
    getcontext(&context);
    context.uc_stack.ss_sp = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                  -1, 0);
    context.uc_stack.ss_size = 65536;
    context.uc_link = &back;
    makecontext(&context, root_context_run, 0);
    swapcontext(&back, &context);
}

/* ---- threads that are alive when the process exits ---- */

static void wait_for_ever(void)
{
    is_ready = true;
    for (;;)
        pause();
}

static void start(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    pthread_create(&thread, NULL, run, argument);
    while (!is_ready)
        sched_yield();
}

static void *stack_thread(void *argument)
{
    void *volatile local = make(500);
    wait_for_ever();
    return local ? argument : NULL;
}

static void *tls_thread(void *argument)
{
    by_thread = make(501);
    wait_for_ever();
    return argument;
}

static void *key_thread(void *argument)
{
    pthread_setspecific(*(pthread_key_t *)argument, make(502));
    wait_for_ever();
    return NULL;
}

static void *plugin_thread(void *argument)
{
    keep_in_plugin("plugin_keep_by_thread", make(503));
    wait_for_ever();
    return argument;
}

static void *forgetful_thread(void *argument)
{
    make(504);
    wait_for_ever();
    return argument;
}

static void *argument_thread(void *argument)
{
    (void)argument;
    wait_for_ever();
    return NULL;
}

static void *result_thread(void *argument)
{
    *(pid_t *)argument = gettid();
    return make(506);
}

static void thread_stack(void) /* 500 */
{
    start(stack_thread, NULL);
}

static void thread_tls(void) /* 501 */
{
    start(tls_thread, NULL);
}

static void thread_key(void) /* 502 */
{
    static pthread_key_t key;
    pthread_key_create(&key, NULL);
    start(key_thread, &key);
}

static void thread_plugin_tls(void) /* 503 */
{
    start(plugin_thread, NULL);
}

enum {
    REPLACERS = 20
};

static pthread_barrier_t all_replaced;

/* The block's address is nowhere but in the variable that the next thread writes over. What calls
 * left of it below the stack pointer is dead, also where a signal's frame comes to stand. */
static void *replacing_thread(void *argument)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    roots[0] = make(508);
    pthread_mutex_unlock(&lock);
    pthread_barrier_wait(&all_replaced);
    wait_for_ever();
    return argument;
}

static void thread_replaced(void) /* definite 19 of 508 */
{
    pthread_t thread;
    pthread_barrier_init(&all_replaced, NULL, REPLACERS + 1);
    for (int i = 0; i < REPLACERS; i++)
        pthread_create(&thread, NULL, replacing_thread, NULL);
    pthread_barrier_wait(&all_replaced);
}

static void thread_lost(void) /* definite 504 */
{
    start(forgetful_thread, NULL);
}

static void thread_argument(void) /* 505 */
{
    start(argument_thread, make(505));
}

/* The result of a thread that ended and that nobody has joined. 506 */
static void thread_result(void)
{
    static volatile pid_t tid;
    pthread_t thread;
    char path[64];
    pthread_create(&thread, NULL, result_thread, (void *)&tid);
    while (!tid)
        sched_yield();
    snprintf(path, sizeof path, "/proc/self/task/%d", (int)tid);
    while (access(path, F_OK) == 0)
        sched_yield();
}

#ifdef __x86_64__
/* Only a register has the pointer: the block is made and forgotten within the assembly. */
#define HOLD_IN(first, rest)                                                                       \
    static void *first##_thread(void *argument)                                                    \
    {                                                                                              \
        __asm__ volatile("sub $256, %%rsp\n\t"                                                     \
                         "and $-16, %%rsp\n\t"                                                     \
                         "mov %0, %%rdi\n\t"                                                       \
                         "call make\n\t" rest "xor %%eax, %%eax\n\t"                               \
                         "movb $1, is_ready(%%rip)\n\t"                                            \
                         "1: pause\n\t"                                                            \
                         "jmp 1b\n\t"                                                              \
                         :                                                                         \
                         : "r"((uint64_t)507)                                                      \
                         : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",     \
                           "xmm7", "memory");                                                      \
        return argument;                                                                           \
    }                                                                                              \
    static void first(void)                                                                        \
    {                                                                                              \
        start(first##_thread, NULL);                                                               \
    }
HOLD_IN(thread_register, "mov %%rax, %%rbx\n\t")          /* 507 */
HOLD_IN(thread_vector_register, "movq %%rax, %%xmm7\n\t") /* 507 */
#else
#define thread_register        thread_stack
#define thread_vector_register thread_stack
#endif

/* ---- ways to end ---- */

static void end_exit(void) /* definite 600, freed in time 601 */
{
    make(600);
    roots[0] = make(601);
    exit(3);
}

static void free_late(void)
{
    free(roots[0]);
    roots[0] = NULL;
    make(602);
}

static void end_atexit(void) /* definite 602; what is freed at the very end is no leak */
{
    roots[0] = make(603);
    atexit(free_late);
}

static void end_immediately(void) /* definite 604 */
{
    make(604);
    _exit(4);
}

static void end_quickly(void) /* definite 605 */
{
    make(605);
    quick_exit(5);
}

static void end_last_thread(void) /* definite 606 */
{
    make(606);
    pthread_exit(NULL);
}

static void end_killed(void) /* not scanned */
{
    make(607);
    raise(SIGKILL);
}

static void end_crashed(void) /* not scanned */
{
    make(608);
    raise(SIGSEGV);
}

static void end_exec(void) /* definite 609 in the image that goes; the next one is `clean` */
{
    make(609);
    execl("/proc/self/exe", "lost", "clean", (char *)NULL);
}

/* libc calls exit by itself; what the functions hold is held: reachable 614 */
static void end_err(void)
{
    void *volatile local = make(614);
    errno = 0;
    err(local == NULL, "an error, as it should be");
}

/* The child loses 611; what it has from its parent is not its own to lose. The parent: reachable
 * 610. */
static void end_fork(void)
{
    roots[0] = make(610);
    pid_t child = fork();
    if (child == 0) {
        make(611);
        roots[0] = NULL;
        exit(0);
    }
    waitpid(child, NULL, 0);
}

static void clean(void) /* reachable 612 */
{
    roots[0] = make(612);
}

static void returned(void *volatile *local)
{
    *local = make(613);
}

/* ---- */

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {{"nine", nine},
             {"edges", edges},
             {"cycle", cycle},
             {"self", self},
             {"nested", nested},
             {"cycle_from_cycle", cycle_from_cycle},
             {"shared_tail", shared_tail},
             {"tree", tree},
             {"long_list", long_list},
             {"root_global", root_global},
             {"root_stack", root_stack},
             {"root_tls", root_tls},
             {"root_key", root_key},
             {"root_far_key", root_far_key},
             {"root_mapping", root_mapping},
             {"root_plugin", root_plugin},
             {"root_plugin_tls", root_plugin_tls},
             {"root_context", root_context},
             {"root_handler", root_handler},
             {"root_tree", root_tree},
             {"plugin_closed", plugin_closed},
             {"thread_stack", thread_stack},
             {"thread_tls", thread_tls},
             {"thread_key", thread_key},
             {"thread_plugin_tls", thread_plugin_tls},
             {"thread_lost", thread_lost},
             {"thread_replaced", thread_replaced},
             {"thread_argument", thread_argument},
             {"thread_result", thread_result},
             {"thread_register", thread_register},
             {"thread_vector_register", thread_vector_register},
             {"end_exit", end_exit},
             {"end_atexit", end_atexit},
             {"end_immediately", end_immediately},
             {"end_quickly", end_quickly},
             {"end_last_thread", end_last_thread},
             {"end_killed", end_killed},
             {"end_crashed", end_crashed},
             {"end_exec", end_exec},
             {"end_err", end_err},
             {"end_fork", end_fork},
             {"clean", clean}};

int main(int count, char **arguments)
{
    void *volatile local = NULL;
    folder = count > 2 ? arguments[2] : ".";
    if (count < 2)
        return 98;
    if (strcmp(arguments[1], "returned") == 0) { /* main's own variables are gone: definite 613 */
        returned(&local);
        return 0;
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].name, arguments[1]) == 0) {
            cases[i].run();
            return 0;
        }
    return 97;
}
