#define _GNU_SOURCE
#include "tests/unit/stack_shapes.h"

#include <alloca.h>
#include <link.h>
#include <locale.h>
#include <pthread.h>
#include <search.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

/* Each level stays a call with a frame of its own. */
#define LEVEL        __attribute__((noinline, noclone, noipa))
#define AFTER_CALL() __asm__ volatile("" : : : "memory")

static volatile int sink;
static __thread stack_check current_check;

/* ---- plain frames
 * --------------------------------------------------------------------------------- */

LEVEL static int many_arguments(stack_check check, long a, long b, long c, long d, long e, long f,
                                long g, double h)
{
    check();
    AFTER_CALL();
    return (int)(a + b + c + d + e + f + g + (long)h);
}

LEVEL static int many_registers(stack_check check, int n)
{
    int a = n * 3, b = n * 5, c = n * 7, d = n * 11, e = n * 13, f = n * 17;

    sink += many_arguments(check, a, b, c, d, e, f, n, 1.5);
    return a ^ b ^ c ^ d ^ e ^ f ^ sink;
}

LEVEL static void plain(stack_check check)
{
    sink += many_registers(check, 42);
    if (sink == 12345) /* an early way out: the compiler may shrink-wrap */
        return;
    sink += many_registers(check, 43);
}

struct large {
    char bytes[300];
};

LEVEL static struct large large_result(stack_check check, int n)
{
    struct large result;

    memset(result.bytes, n, sizeof result.bytes);
    check();
    result.bytes[3] = 1;
    return result;
}

LEVEL static void returns_large(stack_check check)
{
    struct large result = large_result(check, 3);

    sink += result.bytes[3];
}

LEVEL static int variadic(stack_check check, const char *format, ...)
{
    va_list arguments;
    int sum = 0;

    va_start(arguments, format);
    for (; *format; format++)
        sum += *format == 'd' ? va_arg(arguments, int) : (int)va_arg(arguments, double);
    va_end(arguments);
    check();
    return sum;
}

LEVEL static void variadic_call(stack_check check)
{
    sink += variadic(check, "dfd", 1, 2.5, 3);
}

/* The last call may become a jump. */
LEVEL static void tail_call(stack_check check)
{
    sink++;
    plain(check);
}

/* ---- frames of changing size
 * ---------------------------------------------------------------------- */

LEVEL static void with_alloca(stack_check check)
{
    for (int i = 1; i < 4; i++) {
        volatile char *room = alloca((size_t)i * 100);

        room[0] = (char)i;
        check();
        sink += room[0];
    }
}

LEVEL static int aligned_locals(stack_check check, int n)
{
    volatile char room[256] __attribute__((aligned(64)));

    room[n] = 1;
    check();
    return room[n] + ((uintptr_t)room & 63 ? 1 : 0);
}

LEVEL static void aligned_locals_alone(stack_check check)
{
    sink += aligned_locals(check, 6);
}

LEVEL static void aligned_and_alloca(stack_check check)
{
    volatile char aligned[64] __attribute__((aligned(64)));
    volatile char *room = alloca((size_t)(sink & 7) + 50);

    aligned[1] = 1;
    room[1] = 1;
    sink += aligned_locals(check, 5);
    sink += aligned[1] + room[1];
}

LEVEL static void large_frame(stack_check check)
{
    volatile char room[40000];

    room[0] = room[39999] = 1;
    check();
    sink += room[0] + room[39999];
}

LEVEL static int recurse(stack_check check, int depth)
{
    volatile char room[24];
    int result = 0;

    room[0] = (char)depth;
    if (depth == 0)
        check();
    else
        result = recurse(check, depth - 1);
    return result + room[0];
}

static void shallow_recursion(stack_check check)
{
    sink += recurse(check, 30);
}

static void deep_recursion(stack_check check)
{
    sink += recurse(check, 10000);
}

/* ---- jumps
 * ---------------------------------------------------------------------------------------- */

LEVEL __attribute__((noreturn)) static void check_and_jump(stack_check check, jmp_buf *target)
{
    check();
    longjmp(*target, 1);
}

/* The call may be its last instruction: the return address then belongs to the next function. */
LEVEL __attribute__((noreturn)) static void ends_with_call(stack_check check, jmp_buf *target)
{
    check_and_jump(check, target);
}

LEVEL static void jumps(stack_check check)
{
    jmp_buf target;

    if (setjmp(target) == 0)
        ends_with_call(check, &target);
    check(); /* on a stack that was cut */
    AFTER_CALL();
}

/* ---- through libc
 * ---------------------------------------------------------------------------------- */

LEVEL static int check_and_compare(const void *left, const void *right)
{
    current_check();
    return *(const int *)left - *(const int *)right;
}

LEVEL static void sorts(stack_check check)
{
    int numbers[] = {5, 3, 4, 1, 2}, key = 3;

    current_check = check;
    qsort(numbers, 5, sizeof numbers[0], check_and_compare);
    sink += bsearch(&key, numbers, 5, sizeof numbers[0], check_and_compare) != NULL;
}

static ssize_t check_and_write(void *cookie, const char *bytes, size_t count)
{
    (void)cookie, (void)bytes;
    current_check();
    return (ssize_t)count;
}

LEVEL static void prints(stack_check check)
{
    cookie_io_functions_t functions = {.write = check_and_write};
    FILE *stream = fopencookie(NULL, "w", functions);

    current_check = check;
    setvbuf(stream, NULL, _IONBF, 0);
    fprintf(stream, "%d %s %5.3f\n", 12, "text", 1.25);
    fclose(stream);
}

static int check_at_module(struct dl_phdr_info *info, size_t bytes, void *context)
{
    (void)info, (void)bytes, (void)context;
    current_check();
    return 1;
}

static void check_once(void)
{
    current_check();
}

static void check_at_node(const void *node, VISIT visit, int depth)
{
    (void)node, (void)visit, (void)depth;
    current_check();
}

LEVEL static void other_callbacks(stack_check check)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    void *root = NULL;
    int key = 1;

    current_check = check;
    dl_iterate_phdr(check_at_module, NULL);
    pthread_once(&once, check_once);
    tsearch(&key, &root, check_and_compare);
    twalk(root, check_at_node);
    tdelete(&key, &root, check_and_compare);
}

/* Nothing is checked inside; for those who go step by step. */
LEVEL static void libc_calls(stack_check check)
{
    char text[100];
    struct timespec now;
    char *end, *copy;

    check();
    snprintf(text, sizeof text, "%s %d %.3f %lc", "abc", sink, 3.25, L'x');
    sink += (int)strtod("12.75e3x", &end) + *end;
    clock_gettime(CLOCK_MONOTONIC, &now);
    copy = strdup(text);
    copy = realloc(copy, 5000);
    memset(copy, 1, 5000);
    sink += copy[17] + (getenv("HOME") != NULL) + (strstr(text, "abc") != NULL);
    free(copy);
    sink += (int)now.tv_nsec;
}

/* ---- signals
 * --------------------------------------------------------------------------------------- */

static void check_in_handler(int number)
{
    current_check();
    if (number == SIGUSR1)
        raise(SIGUSR2); /* a handler above a handler */
    current_check();
}

static void raise_with(stack_check check, int flags)
{
    struct sigaction action = {.sa_handler = check_in_handler, .sa_flags = flags};
    struct sigaction before_1, before_2;

    current_check = check;
    sigaction(SIGUSR1, &action, &before_1);
    sigaction(SIGUSR2, &action, &before_2);
    raise(SIGUSR1);
    sigaction(SIGUSR1, &before_1, NULL);
    sigaction(SIGUSR2, &before_2, NULL);
}

LEVEL static void signals(stack_check check)
{
    raise_with(check, 0);
    AFTER_CALL();
}

LEVEL static void signals_on_other_stack(stack_check check)
{
    stack_t stack = {.ss_size = 1 << 18}, before;

    stack.ss_sp = malloc(stack.ss_size);
    sigaltstack(&stack, &before);
    raise_with(check, SA_ONSTACK);
    sigaltstack(&before, NULL);
    free(stack.ss_sp);
}

/* The instruction that faults is the interrupted one; the handler leaves by a jump. */
static sigjmp_buf after_fault;

static void check_and_leave(int number)
{
    (void)number;
    current_check();
    siglongjmp(after_fault, 1);
}

LEVEL static void divide_by(int divisor)
{
    __asm__ volatile("cltd\n\tidivl %1" : : "a"(1), "r"(divisor) : "edx", "cc");
}

LEVEL static void fault(stack_check check)
{
    struct sigaction action = {.sa_handler = check_and_leave}, before;

    current_check = check;
    sigaction(SIGFPE, &action, &before);
    if (sigsetjmp(after_fault, 1) == 0)
        divide_by(0);
    sigaction(SIGFPE, &before, NULL);
}

/* ---- other stacks
 * ----------------------------------------------------------------------------------- */

static ucontext_t main_context, other_context;

static void coroutine(void)
{
    current_check();
    swapcontext(&other_context, &main_context);
    sink += recurse(current_check, 3);
}

LEVEL static void coroutines(stack_check check)
{
    size_t bytes = 1 << 17;
    char *stack = malloc(bytes);

    current_check = check;
    getcontext(&other_context);
    other_context.uc_stack = (stack_t){.ss_sp = stack, .ss_size = bytes};
    other_context.uc_link = &main_context;
    makecontext(&other_context, coroutine, 0);
    swapcontext(&main_context, &other_context);
    check();
    swapcontext(&main_context, &other_context);
    check();
    free(stack);
}

static void *check_in_thread(void *argument)
{
    stack_check check = *(stack_check *)argument;

    sink += recurse(check, 20);
    return NULL;
}

LEVEL static void thread(stack_check check)
{
    pthread_t id;

    pthread_create(&id, NULL, check_in_thread, &check);
    pthread_join(id, NULL);
}

const struct stack_shape STACK_SHAPES_TABLE[] = {
    {"plain", plain, true},
    {"returns_large", returns_large, true},
    {"variadic", variadic_call, true},
    {"tail_call", tail_call, true},
    {"alloca", with_alloca, true},
    /* gcc's table says up to the end that rbp is saved at rbp, where `leave` has restored it. */
    {"aligned_and_alloca", aligned_and_alloca, false},
    {"aligned_locals", aligned_locals_alone, true},
    {"large_frame", large_frame, true},
    {"shallow_recursion", shallow_recursion, true},
    {"deep_recursion", deep_recursion, false},
    {"jumps", jumps, false}, /* inside, the table of glibc's longjmp tells of mangled pointers */
    {"sorts", sorts, true},
    {"prints", prints, true},
    {"other_callbacks", other_callbacks, false}, /* libunwind would wait for the loader's lock */
    {"libc_calls", libc_calls, true},
    {"signals", signals, false},
    {"signals_on_other_stack", signals_on_other_stack, false},
    {"fault", fault, false},
    {"coroutines", coroutines, false},
    {"thread", thread, false},
    {NULL, NULL, false},
};
