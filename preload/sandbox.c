#include "preload/sandbox.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "preload/crash_hold.h"
#include "preload/export.h"
#include "preload/lifecycle.h"
#include "preload/park.h"
#include "preload/process_notice.h"
#include "preload/raw_syscall.h"
#include "preload/real_functions.h"
#include "preload/self_copy.h"
#include "preload/session_link.h"
#include "preload/thread_state.h"

enum {
    STACK_BELOW_MOST = 1 << 20, /* of the stack that is still to be used */
    STACK_BELOW_LEAST = 16 << 10,
    STACK_ABOVE_MOST = 8 << 20
};

bool sandbox_is_closed;
bool sandbox_is_strict;

/* What is below is found by trying: less and less, where the stack ends before. (The kernel lets
 * the main thread's stack grow for it.) */
static void find_stack(struct walk_memory *memory)
{
    uint64_t here = (uint64_t)(uintptr_t)__builtin_frame_address(0) & ~UINT64_C(4095);
    for (uint64_t below = STACK_BELOW_MOST; below >= STACK_BELOW_LEAST; below /= 4)
        if (walk_memory_readable(memory, here - below, below) == below)
            break;
    walk_memory_readable(memory, here, STACK_ABOVE_MOST);
}

static void set_forbidden(bool is_forbidden)
{
    struct thread_state *state = atomic_load(&process_current->threads);
    for (; state != NULL; state = state->next)
        state->memory.are_system_calls_forbidden = is_forbidden;
    sandbox_is_closed = is_forbidden;
    if (is_forbidden) {
        park_close();
        self_copy_withdraw();
    } else {
        park_open();
        self_copy_offer();
    }
}

bool sandbox_close(void)
{
    if (sandbox_is_closed)
        return false;
    crash_hold_stop();
    if (!lifecycle_tells()) {
        sandbox_is_closed = true;
        return true;
    }
    struct thread_state *thread = thread_state_get();
    if (thread != NULL && !thread->is_busy) {
        find_stack(&thread->memory);
        thread_state_map_ring(thread, thread->ring_slot, SESSION_RING_MAX_BYTES);
    }
    atomic_store(&session->has_sandboxed, 1);
    set_forbidden(true);
    return true;
}

void sandbox_open(void)
{
    if (lifecycle_tells())
        set_forbidden(false);
    sandbox_is_closed = false;
}

/* Of a thread in the strict mode the kernel takes the time stamp counter, too: reading it would be
 * its death. What it does then is not recorded, and is counted as lost. */
static bool is_strict(long number, long first, long second)
{
    return (number == SYS_prctl && first == PR_SET_SECCOMP && second == SECCOMP_MODE_STRICT) ||
           (number == SYS_seccomp && first == SECCOMP_SET_MODE_STRICT);
}

struct strictness {
    bool is_asked_for;
    struct thread_state *before;
};

static struct strictness enter_strictness(bool is_asked_for)
{
    struct strictness strictness = {is_asked_for, NULL};
    if (is_asked_for) {
        strictness.before = thread_state_mute();
        sandbox_is_strict = true;
    }
    return strictness;
}

static void leave_strictness(const struct strictness *strictness)
{
    if (!strictness->is_asked_for)
        return;
    sandbox_is_strict = false;
    thread_state_unmute(strictness->before);
}

/* During the lookup of the real functions. */
static long call_kernel(long number, long a, long b, long c, long d, long e, long f)
{
    int64_t result = raw_syscall(number, a, b, c, d, e, f);
    if (!raw_failed(result))
        return result;
    errno = (int)-result;
    return -1;
}

/* prctl's arguments beyond the first differ in number; all are words. */
EXPORT int prctl(int option, ...)
{
    va_list rest;
    va_start(rest, option);
    unsigned long second = va_arg(rest, unsigned long), third = va_arg(rest, unsigned long);
    unsigned long fourth = va_arg(rest, unsigned long), fifth = va_arg(rest, unsigned long);
    va_end(rest);
    lifecycle_ensure();
    if (real.prctl == NULL)
        return (int)call_kernel(SYS_prctl, option, (long)second, (long)third, (long)fourth,
                                (long)fifth, 0);
    bool is_closing = option == PR_SET_SECCOMP && sandbox_close();
    if (option == PR_SET_DUMPABLE && second == 0)
        park_start_unasked();
    struct strictness strictness = enter_strictness(is_strict(SYS_prctl, option, (long)second));
    int result = real.prctl(option, second, third, fourth, fifth);
    if (result != 0)
        leave_strictness(&strictness);
    if (is_closing && result != 0)
        sandbox_open();
    return result;
}

/* ---- syscall(2) -------------------------------------------------------------------------
 *
 * The stub jumps to libc's syscall with all registers and the stack as they are, unless the number
 * is one that the preload must know of; those come here, with the same calling convention. */

typedef long (*syscall_function)(long, long, long, long, long, long, long);

__attribute__((used, visibility("hidden"))) long
sandbox_known_syscall(long number, long a, long b, long c, long d, long e, long f);
/* What the stub jumps to; NULL until the real functions are found. */
__attribute__((visibility("hidden"))) void *sandbox_real_syscall;

static bool is_fork(long number, long flags, long stack)
{
#ifdef SYS_fork
    if (number == SYS_fork)
        return true;
#endif
    /* With a stack of its own the child could not return from here. */
    return number == SYS_clone && (flags & CLONE_VM) == 0 && stack == 0;
}

long sandbox_known_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    lifecycle_ensure();
    if (real.syscall == NULL)
        return call_kernel(number, a, b, c, d, e, f);
    sandbox_real_syscall = (void *)real.syscall;
    syscall_function call = (syscall_function)(void *)real.syscall;
    bool is_closing = (number == SYS_seccomp && a != SECCOMP_GET_ACTION_AVAIL &&
                       a != SECCOMP_GET_NOTIF_SIZES && sandbox_close()) ||
                      (number == SYS_prctl && a == PR_SET_SECCOMP && sandbox_close());
    uint64_t fork_number = is_fork(number, a, b) ? process_notice_fork() : 0;
    struct strictness strictness = enter_strictness(is_strict(number, a, b));
    long result = call(number, a, b, c, d, e, f);
    if (result < 0)
        leave_strictness(&strictness);
    if (is_closing && result < 0)
        sandbox_open();
    if (fork_number != 0 && result != 0)
        process_notice_fork_done(fork_number, result);
    return result;
}

#if defined(__x86_64__)
_Static_assert(SYS_seccomp == 317 && SYS_prctl == 157 && SYS_clone == 56 && SYS_fork == 57,
               "as in the stub");
__asm__(".text\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        "syscall:\n"
        ".cfi_startproc\n"
        "endbr64\n"
        "mov sandbox_real_syscall(%rip), %rax\n"
        "test %rax, %rax\n"
        "jz sandbox_known_syscall\n"
        "cmp $317, %edi\n"
        "je sandbox_known_syscall\n"
        "cmp $157, %edi\n"
        "je sandbox_known_syscall\n"
        "lea -56(%rdi), %r11d\n"
        "cmp $1, %r11d\n"
        "jbe sandbox_known_syscall\n"
        "jmp *%rax\n"
        ".cfi_endproc\n"
        ".size syscall, . - syscall\n");
#elif defined(__aarch64__)
_Static_assert(SYS_seccomp == 277 && SYS_prctl == 167 && SYS_clone == 220, "as in the stub");
__asm__(".text\n"
        ".globl syscall\n"
        ".type syscall, %function\n"
        "syscall:\n"
        "adrp x16, sandbox_real_syscall\n"
        "ldr x16, [x16, :lo12:sandbox_real_syscall]\n"
        "cbz x16, 1f\n"
        "cmp w0, 277\n"
        "b.eq 1f\n"
        "cmp w0, 167\n"
        "b.eq 1f\n"
        "cmp w0, 220\n"
        "b.eq 1f\n"
        "br x16\n"
        "1: b sandbox_known_syscall\n"
        ".size syscall, . - syscall\n");
#endif
