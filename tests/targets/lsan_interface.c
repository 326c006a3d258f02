/* A program that was written for LeakSanitizer's interface: `lsan_interface CASE`. Each line is a
 * label and whether a check found leaks; tests/system/interface.py knows what must stand there, and
 * in long runs asks LeakSanitizer itself. Weak, so that the program also runs without either. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define WEAK __attribute__((weak))
WEAK void __lsan_disable(void);
WEAK void __lsan_enable(void);
WEAK void __lsan_ignore_object(const void *object);
WEAK void __lsan_register_root_region(const void *start, size_t bytes);
WEAK void __lsan_unregister_root_region(const void *start, size_t bytes);
WEAK void __lsan_do_leak_check(void);
WEAK int __lsan_do_recoverable_leak_check(void);

static void **held;

static void __attribute__((noinline)) wipe_stack(void)
{
    char space[16384];
    memset(space, 0, sizeof space);
    __asm__ volatile("" : : "r"(space) : "memory");
}

static void __attribute__((noinline)) make_pair(size_t first, size_t second)
{
    void **block = calloc(1, first);
    *block = calloc(1, second);
}

/* Far below what checks have on the stack. */
static void __attribute__((noinline)) lose_pair(size_t first, size_t second)
{
    char space[4096];
    __asm__ volatile("" : : "r"(space) : "memory");
    make_pair(first, second);
}

static void check(const char *label)
{
    wipe_stack();
    printf("%s %d\n", label,
           __lsan_do_recoverable_leak_check != 0 ? __lsan_do_recoverable_leak_check() : -1);
}

static void lost(void)
{
    check("clean");
    lose_pair(100, 200);
    check("lost");
    check("again");
}

static void interior(void)
{
    held = (void **)((char *)calloc(1, 100) + 16);
    check("interior");
    held = 0;
    check("gone");
}

static void ignored(void)
{
    void **block = calloc(1, 100);
    *block = calloc(1, 101);
    if (__lsan_ignore_object != 0)
        __lsan_ignore_object(block);
    block = 0;
    check("ignored");
}

static void disabled(void)
{
    if (__lsan_disable != 0)
        __lsan_disable();
    lose_pair(100, 101);
    if (__lsan_enable != 0)
        __lsan_enable();
    check("disabled");
    lose_pair(102, 103);
    check("enabled");
}

static void region(void)
{
    void **place = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    place[5] = calloc(1, 100);
    mprotect(place, 4096, PROT_READ);
    if (__lsan_register_root_region != 0)
        __lsan_register_root_region(place, 4096);
    check("region");
    if (__lsan_unregister_root_region != 0)
        __lsan_unregister_root_region(place, 4096);
    check("no_region");
}

static void *check_in_thread(void *result)
{
    wipe_stack();
    for (int i = 0; i < 5; i++)
        *(int *)result += __lsan_do_recoverable_leak_check != 0 ? __lsan_do_recoverable_leak_check()
                                                                : -1;
    return 0;
}

static void threads(void)
{
    static int found[4];
    pthread_t running[4];
    lose_pair(100, 200);
    wipe_stack();
    for (int i = 0; i < 4; i++)
        pthread_create(&running[i], 0, check_in_thread, &found[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(running[i], 0);
    printf("threads %d\n", found[0] + found[1] + found[2] + found[3]);
}

static void at_end(void)
{
    check("atexit");
}

static void ends(void)
{
    atexit(at_end);
    lose_pair(100, 200);
}

/* Behind this one nothing is looked for any more. */
static void final(void)
{
    lose_pair(100, 200);
    wipe_stack();
    if (__lsan_do_leak_check != 0)
        __lsan_do_leak_check();
    lose_pair(300, 400);
    if (__lsan_do_leak_check != 0)
        __lsan_do_leak_check();
}

static __attribute__((constructor)) void begin(int count, char **words)
{
    setvbuf(stdout, 0, _IONBF, 0);
    if (count > 1 && strcmp(words[1], "constructor") == 0)
        check("constructor");
}

/* Suppressed by the program itself, which does not export this. Not by the checks that answer at
 * once. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "# what is known\nleak:known_to_*\n";
}

static void __attribute__((noinline)) known_to_lose(void)
{
    char space[4096];
    __asm__ volatile("" : : "r"(space) : "memory");
    make_pair(500, 600);
}

static void suppressed(void)
{
    known_to_lose();
    lose_pair(700, 800);
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"lost", lost},         {"interior", interior}, {"ignored", ignored},
    {"disabled", disabled}, {"region", region},     {"threads", threads},
    {"ends", ends},         {"final", final},       {"suppressed", suppressed},
};

int main(int count, char **words)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (count > 1 && strcmp(cases[i].name, words[1]) == 0)
            cases[i].run();
    return 0;
}
