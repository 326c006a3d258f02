/* Return from main can be seen by nobody: libc calls its own exit. But the first thing that exit
 * does, before any handler, is to run the destructors of the thread's variables, and what was
 * registered first among them runs last. So one is registered before the program begins. libc keeps
 * it in a block of its own, which the bootstrap heap gives: nothing of it is seen in the program's
 * heap. */
#include "preload/exit_hold.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preload/event_writer.h"
#include "preload/lifecycle.h"
#include "preload/python_runtime.h"
#include "preload/raw_syscall.h"
#include "preload/real_functions.h"
#include "preload/stack_capture.h"
#include "preload/symbol_search.h"

enum {
    EXIT_BYTES = 128, /* no longer is exit, which only calls what it is made of */
    EXIT_FRAMES = 16,
    EXIT_READS = 64
};

/* libc's __cxa_thread_atexit_impl, since 2.18; the C++ library registers destructors of
 * thread_local variables by it. */
typedef int (*register_destructor)(void (*destructor)(void *), void *object, void *module);

/* A forked child is looked at only once it runs an image of its own; the child of a vfork is in its
 * parent's memory. */
static bool is_to_be_held(void)
{
    return preload_mode == PRELOAD_RECORDS && !sandbox_is_strict &&
           (session->flags & SESSION_SCAN_AT_EXIT) != 0 &&
           atomic_load(&process_current->is_claimed) != 0 &&
           (process_current->is_own_image || (session->flags & SESSION_SCAN_FORKS) != 0) &&
           (sandbox_is_closed || raw_getpid() == process_current->own_pid);
}

static uint32_t own_tid(void)
{
    const struct thread_state *thread = thread_current;
    return thread != NULL && thread->is_claimed ? thread->tid : raw_gettid();
}

void exit_hold_begin(struct exit_registers *registers)
{
    if (!is_to_be_held() || process_current->exit_sp != 0)
        return;
    process_current->exit_tid = own_tid();
    process_current->exit_sp = (uint64_t)(uintptr_t)registers;
}

void exit_hold_cancel(void)
{
    if (preload_mode == PRELOAD_RECORDS && raw_getpid() == process_current->own_pid)
        process_current->exit_sp = 0;
}

static void wait_at(struct session_process *shared, uint32_t held)
{
    atomic_store(&shared->hold, held);
    atomic_fetch_add(&session->hold_count, 1);
    if (sandbox_is_closed)
        event_writer_await_busily(&shared->hold, held, session->hold_limit_ms);
    else
        event_writer_await(&shared->hold, held, session->hold_limit_ms);
    atomic_compare_exchange_strong(&shared->hold, &held, SESSION_HOLD_NONE);
}

/* What the recorder needs to find the frames of a thread that it need not stop. */
static void tell_registers(const struct exit_registers *registers)
{
    const struct thread_state *thread = thread_current;
    if (thread != NULL && thread->is_claimed)
        atomic_store(&thread->ring.control->kept_registers, (uint64_t)(uintptr_t)registers);
}

/* Of one that others may not look at, /proc may show them nothing at all (hidepid=2), not even that
 * it has no other thread. It sees itself. */
static bool is_known_alone(void)
{
    struct stat folder;
    return !sandbox_is_closed && raw_syscall(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0, 0) != 1 &&
           !raw_failed(
               raw_syscall(SYS_newfstatat, AT_FDCWD, "/proc/self/task", &folder, 0, 0, 0)) &&
           folder.st_nlink == 3; /* itself, its parent, and the one thread */
}

/* No handler runs meanwhile, so a process of one thread stands still of itself, and the recorder
 * need not stop it. */
static __attribute__((noinline)) void wait_quietly_at(struct session_process *shared, uint32_t why)
{
    uint64_t all = UINT64_MAX, before;
    bool is_quiet = !raw_failed(
        raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof before, 0, 0));
    struct exit_registers registers;
    arch_capture_registers((uint64_t *)registers.values);
    tell_registers(&registers);
    if (is_quiet)
        why |= SESSION_HOLD_IS_QUIET | (is_known_alone() ? SESSION_HOLD_IS_ALONE : 0);
    wait_at(shared, why);
    tell_registers(NULL);
    if (is_quiet)
        raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before, 0, 0);
}

void exit_hold_wait(enum session_hold why)
{
    if (!is_to_be_held() ||
        (why == SESSION_HOLD_BEFORE_EXIT && process_current->was_interpreter_held))
        return;
    struct session_process *shared = process_current->shared;
    uint32_t tid = own_tid(), none = SESSION_HOLD_NONE;
    uint64_t here = (uint64_t)(uintptr_t)__builtin_frame_address(0);
    uint64_t sp = process_current->exit_tid == tid && process_current->exit_sp != 0
                      ? process_current->exit_sp
                      : here;
    /* Two threads that end the program at once: the second one waits for nothing. */
    if (!atomic_compare_exchange_strong(&shared->hold_tid, &none, tid))
        return;
    atomic_store(&shared->hold_sp, sp);
    wait_quietly_at(shared, (uint32_t)why);
    atomic_store(&shared->hold_tid, 0);
}

/* CPython is done with its program when it says that it finalizes. It then locks its list of
 * threads, flushes its streams, and gives SIGINT back its default where it had taken it; all before
 * it destroys the first module. */
void exit_hold_interpreter(void)
{
    struct exit_registers registers;
    if (!atomic_load(&python_runtime_has_stacks) || python_runtime.finalizing == 0 ||
        *(const volatile uint64_t *)(uintptr_t)python_runtime.finalizing == 0 || !is_to_be_held() ||
        process_current->exit_sp != 0 || process_current->was_interpreter_held)
        return;
    EXIT_HOLD_BEGIN(&registers);
    exit_hold_wait(SESSION_HOLD_BEFORE_EXIT);
    exit_hold_cancel(); /* the rest of the end has its own stack */
    process_current->was_interpreter_held = true;
}

/* From 3.9 on the first lock that is a semaphore after that mark; from 3.13 on locks are others. */
void exit_hold_interpreter_at_lock(void)
{
    if (python_runtime.offsets.minor >= 9 && python_runtime.offsets.minor <= 12)
        exit_hold_interpreter();
}

void exit_hold_crash(const void *context)
{
    if (!is_to_be_held() || sandbox_is_closed)
        return;
    process_current->exit_tid = own_tid();
    process_current->exit_sp = (uint64_t)(uintptr_t)context;
    exit_hold_wait(SESSION_HOLD_CRASH);
}

void exit_hold_before_exec(int folder, const char *path)
{
    if (!is_to_be_held())
        return;
    bool is_there = path != NULL &&
                    (path[0] == '\0' ||
                     !raw_failed(raw_syscall(SYS_faccessat, folder, path, X_OK, 0, 0, 0)));
    if (is_there)
        exit_hold_wait(SESSION_HOLD_EXEC);
}

/* Where the stack pointer was when exit was called, or 0: nobody called it, the thread alone ends.
 */
static __attribute__((noinline)) uint64_t find_exit_sp(const struct walk_registers *caller)
{
    uint64_t frames[EXIT_FRAMES];
    struct walk_read reads[EXIT_READS];
    struct walk_memory memory = {.are_system_calls_forbidden = sandbox_is_closed};
    struct stack_walk walk = {.frames = frames, .limit = EXIT_FRAMES};
    struct walk_reads told = {.reads = reads, .capacity = EXIT_READS};
    stack_walk_run_telling(stack_capture_rules, &memory, caller, &walk, &told);
    uint64_t begin = (uint64_t)(uintptr_t)real.exit;
    for (uint32_t i = 0; i + 1 < walk.count; i++) {
        if (frames[i] <= begin || frames[i] > begin + EXIT_BYTES)
            continue;
        for (uint32_t read = 0; read < told.count && read < EXIT_READS; read++)
            if (reads[read].value == frames[i + 1])
                return reads[read].address + 8; /* behind the return address */
    }
    return 0;
}

static void hold_before_handlers(void *unused)
{
    struct walk_registers caller;
    (void)unused;
    WALK_CALLER_REGISTERS(&caller);
    if (!is_to_be_held() || process_current->exit_sp != 0)
        return;
    uint64_t sp = find_exit_sp(&caller);
    if (sp == 0)
        return;
    process_current->exit_tid = own_tid();
    process_current->exit_sp = sp;
    exit_hold_wait(SESSION_HOLD_BEFORE_EXIT);
}

void exit_hold_watch_main(void)
{
    bool is_alone = atomic_load(&process_current->threads) == NULL ||
                    atomic_load(&process_current->threads)->next == NULL;
    if (!is_to_be_held() || !is_alone)
        return;
    register_destructor enlist;
    *(void **)&enlist = symbol_search_in_tables("__cxa_thread_atexit_impl", NULL);
    if (enlist == NULL)
        return;
    struct thread_state *thread = thread_current;
    bool was_plain = thread != NULL && thread->is_plain;
    if (was_plain)
        thread->is_plain = false; /* plain hooks do not ask what is ready */
    __atomic_store_n(&real_is_ready, false, __ATOMIC_RELEASE);
    enlist(hold_before_handlers, NULL, (void *)(uintptr_t)hold_before_handlers);
    __atomic_store_n(&real_is_ready, true, __ATOMIC_RELEASE);
    if (was_plain)
        thread->is_plain = true;
}
