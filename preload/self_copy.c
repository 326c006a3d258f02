#include "preload/self_copy.h"

#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "preload/event_writer.h"
#include "preload/lifecycle.h"
#include "preload/raw_syscall.h"
#include "preload/self_reader.h"
#include "preload/session_link.h"

enum {
    STACK_BYTES = 16 << 10,
    NO_RIGHT = 1, /* EPERM */
    MOST_DESCRIPTORS = 65536
};

/* Of a thread that was led here; only one is, at a time, with all others stopped. */
__attribute__((used, visibility("hidden"), aligned(64))) char self_copy_stack[STACK_BYTES];

static void close_descriptors(void)
{
#ifdef SYS_close_range
    if (!raw_failed(raw_syscall(SYS_close_range, 0, UINT32_MAX, 0, 0, 0, 0)))
        return;
#endif
    for (uint32_t fd = 0; fd < MOST_DESCRIPTORS; fd++)
        raw_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
}

static __attribute__((noreturn)) void end(void)
{
    for (;;)
        raw_syscall(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

/* Files, folders and terminals are not kept in use by it. */
static void begin(struct session_process *shared)
{
    close_descriptors();
    raw_syscall(SYS_chdir, "/", 0, 0, 0, 0, 0);
    raw_syscall(SYS_prctl, PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0, 0);
    atomic_store(&shared->copy_pid, raw_getpid());
    raw_futex(&shared->copy_pid, FUTEX_WAKE, INT32_MAX, NULL);
}

/* What is shared with the process is what its slot points to, not the pages that a fork wipes. */
static __attribute__((noreturn)) void stand_still(struct session_process *shared, uint32_t copy)
{
    begin(shared);
    if ((copy & SESSION_COPY_READS) != 0) {
        self_reader_serve(shared, copy);
        end();
    }
    while (atomic_load(&shared->copy) == copy && atomic_load(&session->state) == SESSION_RUNNING &&
           (atomic_load(&session->recorder_lock) & FUTEX_OWNER_DIED) == 0) {
        struct timespec step = {1, 0};
        raw_futex(&shared->copy, FUTEX_WAIT, copy, &step);
    }
    end();
}

/* Who would have to wait for the copy's end: the first process of its pid namespace, or an ancestor
 * that takes in orphans. If that is this very process it would see a child that it does not know.
 */
static bool is_reaper(void)
{
    int is_subreaper = 0;
    raw_syscall(SYS_prctl, PR_GET_CHILD_SUBREAPER, &is_subreaper, 0, 0, 0, 0);
    return raw_getpid() == 1 || is_subreaper != 0;
}

/* Its descriptors, folder and pid are its own; all else is the process's. */
static __attribute__((noreturn)) void read_in_place(struct session_process *shared, uint32_t copy)
{
    begin(shared);
    self_reader_serve(shared, copy);
    end();
}

static void make(struct session_process *shared)
{
    uint32_t copy = atomic_load(&shared->copy);
    bool is_in_place = (copy & SESSION_COPY_IN_PLACE) != 0;
    if (session_link_has_own_numbers() || (!is_in_place && is_reaper())) {
        atomic_store(&shared->copy_error, NO_RIGHT);
        return;
    }
    /* The first child shares memory and stack, and this thread waits until it has gone: so all is
     * copied once only, by its own child. No signal is named: nobody is told of their ends. */
    int64_t child = raw_syscall(SYS_clone, CLONE_VM | CLONE_VFORK, 0, 0, 0, 0, 0);
    if (child == 0) {
        if (is_in_place)
            read_in_place(shared, copy);
        int64_t grandchild = raw_syscall(SYS_clone, 0, 0, 0, 0, 0, 0);
        if (grandchild == 0)
            stand_still(shared, copy);
        if (raw_failed(grandchild))
            atomic_store(&shared->copy_error, (uint32_t)-grandchild);
        end();
    }
    if (raw_failed(child))
        atomic_store(&shared->copy_error, (uint32_t)-child);
    else
        raw_syscall(SYS_wait4, child, NULL, __WALL, NULL, 0, 0);
}

/* Led here by the recorder, which knows what to do next when this stops at its end. */
__attribute__((used, visibility("hidden"), noreturn)) void self_copy_run(void);
void self_copy_run(void)
{
    if (process_current != NULL && process_current->shared != NULL)
        make(process_current->shared);
    __builtin_trap();
}

__attribute__((visibility("hidden"))) void self_copy_entry(void);
#if defined(__x86_64__)
__asm__(".text\n"
        ".hidden self_copy_entry\n"
        ".globl self_copy_entry\n"
        ".type self_copy_entry, @function\n"
        "self_copy_entry:\n"
        "lea self_copy_stack+16384(%rip), %rsp\n"
        "xor %ebp, %ebp\n"
        "cld\n"
        "call self_copy_run\n"
        ".size self_copy_entry, . - self_copy_entry\n");
#elif defined(__aarch64__)
__asm__(".text\n"
        ".hidden self_copy_entry\n"
        ".globl self_copy_entry\n"
        ".type self_copy_entry, %function\n"
        "self_copy_entry:\n"
        "adrp x0, self_copy_stack\n"
        "add x0, x0, :lo12:self_copy_stack\n"
        "add sp, x0, #16384\n"
        "mov x29, xzr\n"
        "bl self_copy_run\n"
        ".size self_copy_entry, . - self_copy_entry\n");
#endif
_Static_assert(STACK_BYTES == 16384, "as above");

static struct session_process *own_process(void)
{
    return preload_mode == PRELOAD_RECORDS && process_current != NULL ? process_current->shared
                                                                      : NULL;
}

void self_copy_offer(void)
{
    struct session_process *shared = own_process();
    if (shared != NULL && !sandbox_is_closed)
        atomic_store(&shared->copy_entry, (uint64_t)(uintptr_t)self_copy_entry);
}

void self_copy_withdraw(void)
{
    struct session_process *shared = own_process();
    if (shared != NULL)
        atomic_store(&shared->copy_entry, 0);
}

void self_copy_make_if_wanted(void)
{
    struct session_process *shared = own_process();
    uint32_t asked = (uint32_t)SESSION_COPY_BY_PARKED;
    if (shared == NULL || atomic_load(&shared->copy_pid) != asked ||
        atomic_load(&shared->copy) == 0 || sandbox_is_closed ||
        raw_getpid() != process_current->own_pid)
        return;
    /* All who wait are asked; one does it. */
    if (atomic_compare_exchange_strong(&shared->copy_pid, &asked, (uint32_t)SESSION_COPY_UNDER_WAY))
        make(shared);
}
