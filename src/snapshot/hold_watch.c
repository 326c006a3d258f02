#define _GNU_SOURCE
#include "snapshot/hold_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

enum {
    STACK_BYTES = 32 << 10,
    LOOK_MS = 200,
    LOOKS_TO_WAKE = 4 /* stopped in so many looks, one after the other: it is made to go on */
};

struct hold_watch {
    _Atomic uint32_t is_over; /* a futex word */
    pid_t holder;
    int stat_fd; /* /proc/PID/stat of the holder */
    pid_t watcher;
    char *stack;
    siginfo_t message; /* goes with SIGCONT */
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PLAIN __attribute__((no_sanitize("address", "thread", "undefined")))
#else
#define PLAIN
#endif

/* ---- the watcher: no errno, no libc -------------------------------------------------------- */

#if defined(__x86_64__)
PLAIN static long call(long number, long a, long b, long c, long d)
{
    long result;
    register long fourth __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
PLAIN static long call(long number, long a, long b, long c, long d)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}
#endif

/* The letter behind the name, which is in brackets and may contain any character. */
PLAIN static char state_of_holder(const struct hold_watch *watch)
{
    char text[128];
    long count = call(SYS_pread64, watch->stat_fd, (long)text, sizeof text, 0);
    for (long at = count - 1; at >= 0; at--)
        if (text[at] == ')')
            return at + 2 < count ? text[at + 2] : '\0';
    return '\0';
}

PLAIN static int watch_holder(void *context)
{
    struct hold_watch *watch = context;
    int stopped_looks = 0;
    call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
    if (call(SYS_getppid, 0, 0, 0, 0) != watch->holder)
        return 0;
    call(SYS_setpgid, 0, 0, 0, 0);
    while (atomic_load(&watch->is_over) == 0) {
        struct timespec wait = {0, LOOK_MS * 1000000};
        call(SYS_futex, (long)&watch->is_over, FUTEX_WAIT, 0, (long)&wait);
        stopped_looks = state_of_holder(watch) == 'T' ? stopped_looks + 1 : 0;
        if (stopped_looks >= LOOKS_TO_WAKE)
            call(SYS_rt_sigqueueinfo, watch->holder, SIGCONT, (long)&watch->message, 0);
    }
    return 0;
}

/* ---- the holder ---------------------------------------------------------------------------- */

static void forget(struct hold_watch *watch)
{
    if (watch->stack != MAP_FAILED)
        munmap(watch->stack, STACK_BYTES);
    if (watch->stat_fd >= 0)
        close(watch->stat_fd);
    free(watch);
}

struct hold_watch *hold_watch_begin(void)
{
    struct hold_watch *watch = memory_allocate_zeroed(1, sizeof *watch);
    watch->holder = getpid();
    watch->message.si_signo = SIGCONT;
    watch->message.si_code = SI_QUEUE;
    watch->message.si_pid = watch->holder;
    watch->message.si_uid = getuid();
    watch->message.si_ptr = (void *)(uintptr_t)HOLD_WATCH_MARK;
    watch->stat_fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    watch->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    /* It begins with no signal to its name; its end is told to nobody. */
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    watch->watcher = watch->stat_fd >= 0 && watch->stack != MAP_FAILED
                         ? clone(watch_holder, watch->stack + STACK_BYTES, CLONE_VM, watch)
                         : -1;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (watch->watcher > 0)
        return watch;
    forget(watch);
    return NULL;
}

void hold_watch_end(struct hold_watch *watch)
{
    if (watch == NULL)
        return;
    atomic_store(&watch->is_over, 1);
    syscall(SYS_futex, &watch->is_over, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    while (waitpid(watch->watcher, NULL, __WALL) < 0 && errno == EINTR)
        ;
    forget(watch);
}
