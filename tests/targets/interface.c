/* What a program tells and asks by include/seep.h: `interface CASE`. Each line that a case prints
 * is a label, what the call returned and, of a check, blocks/bytes that are definite, indirect and
 * possible; tests/system/interface.py knows what must stand there. Built with the header alone.
 *
 * Standard output has no buffer: it would be a block. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seep.h"

static void *held[8];
static const char *chosen = "";

/* What calls have left on the stack below would count as references. */
static void __attribute__((noinline)) wipe_stack(void)
{
    char space[16384];
    memset(space, 0, sizeof space);
    __asm__ volatile("" : : "r"(space) : "memory");
}

static void *make(size_t bytes)
{
    return calloc(1, bytes);
}

static void __attribute__((noinline)) lose(size_t bytes)
{
    char space[4096];
    __asm__ volatile("" : : "r"(space) : "memory");
    make(bytes);
}

static void __attribute__((noinline)) make_pair(size_t first, size_t second)
{
    void **block = make(first);
    *block = make(second);
}

/* Far below what checks have on the stack. */
static void __attribute__((noinline)) lose_pair(size_t first, size_t second)
{
    char space[4096];
    __asm__ volatile("" : : "r"(space) : "memory");
    make_pair(first, second);
}

static void print_count(const struct seep_count *count)
{
    printf(" %lu/%lu", count->blocks, count->bytes);
}

static int check(const char *label, enum seep_check_mode mode)
{
    struct seep_leak_counts counts;
    wipe_stack();
    int status = seep_leak_check(mode, &counts);
    printf("%s %d", label, status);
    print_count(&counts.definite);
    print_count(&counts.indirect);
    print_count(&counts.possible);
    printf("\n");
    return status;
}

/* ---- checks ---- */

static void modes(void)
{
    check("clean", SEEP_CHECK_FULL);
    lose_pair(100, 200);
    check("full", SEEP_CHECK_FULL);
    check("nothing_new", SEEP_CHECK_NEW);
    lose(300);
    held[0] = (char *)make(400) + 8;
    check("new", SEEP_CHECK_NEW);
    check("nothing_changed", SEEP_CHECK_CHANGED);
    for (int i = 0; i < 3; i++)
        lose(50);
    check("changed", SEEP_CHECK_CHANGED);
    held[0] = 0;
    check("less_sure", SEEP_CHECK_NEW);
    check("all", SEEP_CHECK_FULL);
    printf("bad %d\n", seep_leak_check((enum seep_check_mode)7, 0));
    printf("no_counts %d\n", seep_leak_check(SEEP_CHECK_FULL, 0));
}

static _Atomic int is_over;

static void *do_nothing(void *unused)
{
    return unused;
}

/* Of different sizes, so that no stack is used again. */
static void *begin_threads(void *unused)
{
    for (unsigned i = 1; !is_over; i++) {
        pthread_attr_t attributes;
        pthread_t thread;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, (size_t)(1 + i % 64) << 20);
        pthread_create(&thread, &attributes, do_nothing, 0);
        pthread_join(thread, 0);
    }
    return unused;
}

/* While a thread begins or ends, nothing that can be seen refers to what glibc has for it. */
static void begins(void)
{
    struct seep_leak_counts counts;
    pthread_t beginners[2];
    long bad = 0;
    for (int i = 0; i < 2; i++)
        pthread_create(&beginners[i], 0, begin_threads, 0);
    for (int i = 0; i < 100; i++)
        bad += seep_leak_check(SEEP_CHECK_FULL, &counts) != SEEP_OK || counts.definite.bytes != 0 ||
               counts.indirect.blocks != 0 || counts.possible.blocks != 0;
    is_over = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(beginners[i], 0);
    printf("bad_answers %ld\n", bad);
}

static void *check_often(void *unused)
{
    struct seep_leak_counts counts;
    long bad = 0;
    for (int i = 0; i < 10; i++)
        bad += seep_leak_check(SEEP_CHECK_FULL, &counts) != SEEP_OK ||
               counts.definite.bytes != 500 || counts.indirect.blocks != 0;
    (void)unused;
    return (void *)bad;
}

static void threads(void)
{
    pthread_t running[6];
    long bad = 0;
    lose(500);
    wipe_stack();
    for (int i = 0; i < 6; i++)
        pthread_create(&running[i], 0, check_often, 0);
    for (int i = 0; i < 6; i++) {
        void *result;
        pthread_join(running[i], &result);
        bad += (long)result;
    }
    printf("bad_answers %ld\n", bad);
}

static void in_child(void)
{
    lose(600);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        check("child_clean", SEEP_CHECK_FULL);
        lose(601);
        check("child", SEEP_CHECK_FULL);
        _exit(0);
    }
    waitpid(child, 0, 0);
    check("parent", SEEP_CHECK_FULL);
    child = vfork();
    if (child == 0)
        _exit(seep_leak_check(SEEP_CHECK_FULL, 0) == SEEP_BUSY);
    int status;
    waitpid(child, &status, 0);
    printf("vfork %d\n", WEXITSTATUS(status));
}

static void handle(int signal)
{
    struct seep_leak_counts counts;
    int status = seep_leak_check(SEEP_CHECK_FULL, &counts);
    (void)signal;
    printf("handler %d %lu\n", status, counts.definite.bytes);
}

static void in_handler(void)
{
    signal(SIGUSR1, handle);
    lose(700);
    wipe_stack();
    raise(SIGUSR1);
}

static void at_end(void)
{
    check("atexit", SEEP_CHECK_FULL);
}

static void ends(void)
{
    atexit(at_end);
    lose(800);
    check("main", SEEP_CHECK_FULL);
}

static __attribute__((constructor)) void begin(int count, char **words)
{
    setvbuf(stdout, 0, _IONBF, 0);
    chosen = count > 1 ? words[1] : "";
    if (strcmp(chosen, "ends") == 0)
        check("constructor", SEEP_CHECK_FULL);
}

/* ---- what is no leak ---- */

static void ignored(void)
{
    void **block = make(100);
    *block = make(101);
    printf("ignore %d\n", seep_ignore(block));
    block = make(102);
    printf("inside %d\n", seep_ignore((char *)block + 50));
    free(block);
    lose(102);
    block = make(103);
    seep_ignore(block);
    block = realloc(block, 5000);
    block = 0;
    check("ignored", SEEP_CHECK_FULL);
}

static void *make_in_thread(void *unused)
{
    lose(200);
    return unused;
}

static void ignoring(void)
{
    pthread_t thread;
    seep_begin_ignoring();
    lose_pair(100, 101);
    seep_begin_ignoring();
    lose(102);
    printf("inner %d\n", seep_end_ignoring());
    lose(103);
    pthread_create(&thread, 0, make_in_thread, 0);
    pthread_join(thread, 0);
    pid_t child = fork();
    if (child == 0) {
        lose(104);
        check("ignoring_child", SEEP_CHECK_FULL);
        _exit(0);
    }
    waitpid(child, 0, 0);
    printf("outer %d\n", seep_end_ignoring());
    printf("once_more %d\n", seep_end_ignoring());
    lose(105);
    check("ignoring", SEEP_CHECK_FULL);
}

/* A block that only another block's memory refers to, which nobody scans: it is lost itself. */
static void roots(void)
{
    void **place = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    place[7] = make(100);
    mprotect(place, 4096, PROT_READ);
    check("no_root", SEEP_CHECK_FULL);
    printf("add %d\n", seep_add_root(place, 4096));
    check("root", SEEP_CHECK_FULL);
    seep_remove_root(place, 8);
    check("still", SEEP_CHECK_FULL);
    printf("remove %d\n", seep_remove_root(place, 4096));
    check("gone", SEEP_CHECK_FULL);
    seep_add_root((void *)16, (size_t)-1);
    seep_add_root((void *)4096, 4096);
    check("nonsense", SEEP_CHECK_FULL);
}

/* ---- pools ---- */

static void pools(void)
{
    /* A head, then objects; what the head refers to is the allocator's. */
    char *memory = make(4096);
    held[0] = memory;
    *(void **)memory = make(3000);
    printf("create %d\n", seep_pool_create(memory, 4096));
    check("empty", SEEP_CHECK_FULL);
    held[1] = memory + 64; /* reachable, and refers to the next */
    *(void **)(memory + 64) = memory + 128;
    printf("alloc %d\n", seep_pool_alloc(memory, memory + 64, 40));
    seep_pool_alloc(memory, memory + 128, 50);
    seep_pool_alloc(memory, memory + 256, 60);
    *(void **)(memory + 256) = memory + 512;
    seep_pool_alloc(memory, memory + 512, 70);
    check("lost", SEEP_CHECK_FULL);
    seep_mark("full");
    printf("free %d\n", seep_pool_free(memory, memory + 256));
    *(void **)(memory + 256) = 0;
    check("freed", SEEP_CHECK_FULL);
    seep_mark("less");
    printf("destroy %d\n", seep_pool_destroy(memory));
    *(void **)(memory + 64) = 0;
    check("destroyed", SEEP_CHECK_FULL);
    seep_mark("none");
    free(*(void **)memory);
    free(memory);
    held[0] = held[1] = 0;
    /* An object at the very start; a pool in an object of a pool, and both gone at once. */
    memory = make(8192);
    seep_pool_create(memory, 8192);
    seep_pool_alloc(memory, memory, 1024);
    seep_pool_alloc(memory, memory + 2048, 1024);
    seep_pool_create(memory + 2048, 1024);
    seep_pool_alloc(memory + 2048, memory + 2064, 100);
    seep_pool_destroy(memory);
    free(memory);
    printf("bad %d %d\n", seep_pool_create(0, 5), seep_pool_alloc(memory, 0, 5));
    check("end", SEEP_CHECK_FULL);
}

/* ---- instants ---- */

static void marks(void)
{
    held[0] = make(1000);
    printf("mark %d\n", seep_mark("one"));
    held[1] = make(2000);
    free(held[0]);
    held[0] = 0;
    seep_mark("two");
    lose(3000);
    wipe_stack();
    printf("snapshot %d\n", seep_snapshot("three"));
    held[2] = make(4000);
    printf("unnamed %d\n", seep_snapshot(0));
    printf("bad %d %d\n", seep_mark(0), seep_mark(""));
}

/* Without the header. */
static void by_name(void)
{
    int (*mark)(const char *) = (int (*)(const char *))dlsym(RTLD_DEFAULT, "seep_mark");
    printf("is_recorded %d\n", seep_is_recorded());
    printf("by_name %d\n", mark != 0 ? mark("by name") : SEEP_NOT_RECORDED);
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"modes", modes},           {"threads", threads}, {"begins", begins},   {"in_child", in_child},
    {"in_handler", in_handler}, {"ends", ends},       {"ignored", ignored}, {"ignoring", ignoring},
    {"roots", roots},           {"marks", marks},     {"by_name", by_name}, {"pools", pools},
};

int main(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (strcmp(cases[i].name, chosen) == 0)
            cases[i].run();
    return 0;
}
