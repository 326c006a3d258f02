/* Programs that lock themselves in: after the filter every system call but a few kills the process,
 * so one that the recorder's library made would show as SIGSYS. And syscall(2) itself, which is
 * replaced only to notice filters.
 *
 * Known answers
 *   run prctl
 *     output alive
 *     totals allocations=>=1301 frees=1101 live_bytes=>=200*24
 *     site step<keep_all allocations=100 live_bytes=2400
 *     site step<descend<descend<descend allocations=99 live_bytes=99*24
 *     site step<churn allocations=1000 frees=1000
 *   run seccomp
 *     output alive
 *     site step<descend<descend<descend allocations=99 live_bytes=99*24
 *     site step<churn allocations=1000 frees=1000
 *   run refused
 *     output alive
 *     site step<thread_main allocations=1 live_bytes=77
 *   run flood
 *     output alive
 *     quality lost_events=>=0
 *   run thread_after
 *     output alive
 *     quality lost_events=>=1
 *     site step<churn allocations=1000 frees=1000
 *   run strict
 *     output alive
 *     quality lost_events=>=2000
 *     site step<churn allocations=1000 frees=1000
 *   run strict_seccomp
 *     output alive
 *     quality lost_events=>=2000
 *     site step<churn allocations=1000 frees=1000
 *   run arguments
 *     output alive
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *volatile kept;

static void require(int holds)
{
    if (!holds)
        _exit(99);
}

static void *step(size_t size)
{
    return kept = malloc(size);
}

/* ---- the filter */

#define LOAD_NUMBER BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ALLOW(number)                                                                              \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Others are allowed that pthread_create needs, where that is what is tested. */
static void lock_in(int is_syscall, int is_with_threads)
{
    struct sock_filter strict[] = {
        LOAD_NUMBER,
        ALLOW(SYS_write),
        ALLOW(SYS_exit_group),
        ALLOW(SYS_brk),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_filter with_threads[] = {
        LOAD_NUMBER,
        ALLOW(SYS_write),
        ALLOW(SYS_exit_group),
        ALLOW(SYS_brk),
        ALLOW(SYS_clone3),
        ALLOW(SYS_clone),
        ALLOW(SYS_mmap),
        ALLOW(SYS_mprotect),
        ALLOW(SYS_munmap),
        ALLOW(SYS_madvise),
        ALLOW(SYS_exit),
        ALLOW(SYS_futex),
        ALLOW(SYS_rseq),
        ALLOW(SYS_rt_sigaction),
        ALLOW(SYS_set_robust_list),
        ALLOW(SYS_rt_sigprocmask),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof strict / sizeof *strict, strict};
    if (is_with_threads)
        program = (struct sock_fprog){sizeof with_threads / sizeof *with_threads, with_threads};
    free(step(1)); /* the allocator begins with system calls of its own */
    require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (is_syscall)
        require(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
    else
        require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

/* ---- what goes on inside */

static void churn(void)
{
    for (int i = 0; i < 1000; i++)
        free(step(100));
}

/* Deeper than the stack that was in use before the filter, and each stack a new one. */
static void descend(int depth)
{
    volatile char room[1000];
    room[0] = (char)depth;
    step(24);
    if (depth > 1)
        descend(depth - 1);
    room[1] = room[0];
}

static void keep_all(void **blocks)
{
    for (int i = 0; i < 100; i++)
        blocks[i] = step(24);
}

static int finish(void)
{
    require(write(STDOUT_FILENO, "alive\n", 6) == 6);
    return 0;
}

static int run_inside(int is_syscall)
{
    static void *blocks[100];
    lock_in(is_syscall, 0);
    for (int i = 0; i < 100; i++)
        free(step(50));
    keep_all(blocks);
    descend(101);
    churn();
    return finish();
}

static int case_prctl(void)
{
    return run_inside(0);
}

static int case_seccomp(void)
{
    return run_inside(1);
}

static void *thread_main(void *unused)
{
    step(77);
    return unused;
}

/* A call that installs nothing leaves everything as it was: a thread that comes later is seen. */
static int case_refused(void)
{
    pthread_t thread;
    struct sock_fprog none = {0, NULL};
    require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &none) == -1);
    require(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &none) == -1 && errno == EINVAL);
    require(pthread_create(&thread, NULL, thread_main, NULL) == 0);
    pthread_join(thread, NULL);
    return finish();
}

/* More than any ring holds, and nobody may be woken. */
static int case_flood(void)
{
    lock_in(0, 0);
    for (int i = 0; i < 300; i++)
        churn();
    return finish();
}

/* The same once there is a byte of input: tests/system/full_ring_sandbox.py. */
static int case_flood_later(void)
{
    char byte;
    require(write(STDOUT_FILENO, "ready\n", 6) == 6 && read(STDIN_FILENO, &byte, 1) == 1);
    return case_flood();
}

/* It finds no ring; its events are counted as lost. */
static int case_thread_after(void)
{
    pthread_t thread;
    lock_in(1, 1);
    churn();
    require(pthread_create(&thread, NULL, thread_main, NULL) == 0);
    pthread_join(thread, NULL);
    return finish();
}

/* The kernel takes even the time from such a thread. What it can still do is not recorded. Nor does
 * libc know how to end it. */
static int run_strictly(int is_syscall)
{
    churn();
    require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT + 100) == -1);
    require((is_syscall ? syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL)
                        : prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)) == 0);
    churn();
    finish();
    syscall(SYS_exit, 0);
    return 1;
}

static int case_strict(void)
{
    return run_strictly(0);
}

static int case_strict_seccomp(void)
{
    return run_strictly(1);
}

/* All six arguments arrive, results and errors come back. */
static int case_arguments(void)
{
    char byte = 'x', copy = 0;
    int ends[2];
    void *page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require((long)page == syscall(SYS_mmap, page, 4096L, (long)(PROT_READ | PROT_WRITE),
                                  (long)(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), -1L, 0L));
    *(char *)page = 1;
    errno = 0;
    require(syscall(SYS_close, -1) == -1 && errno == EBADF);
    errno = 0;
    require(syscall(SYS_mmap, 1, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, -1, 0) == -1 &&
            errno == EBADF);
    require(syscall(SYS_getpid) == getpid() && errno == EBADF);
    require(pipe(ends) == 0 && write(ends[1], &byte, 1) == 1);
    require(syscall(SYS_read, ends[0], &copy, 1) == 1 && copy == byte);
    require(syscall(SYS_prctl, PR_SET_NAME, "renamed", 0, 0, 0) == 0);
    char name[16] = "";
    require(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "renamed") == 0);
    return finish();
}

static const struct {
    const char *name;
    int (*run)(void);
} cases[] = {
    {"prctl", case_prctl},
    {"seccomp", case_seccomp},
    {"refused", case_refused},
    {"flood", case_flood},
    {"flood_later", case_flood_later},
    {"thread_after", case_thread_after},
    {"strict", case_strict},
    {"strict_seccomp", case_strict_seccomp},
    {"arguments", case_arguments},
};

int main(int count, char **arguments)
{
    for (size_t i = 0; count > 1 && i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].name, arguments[1]) == 0)
            return cases[i].run();
    return 2;
}
