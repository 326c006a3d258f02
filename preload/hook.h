/* What every hook of the malloc family does around its real call.
 *
 *   struct hook hook;
 *   HOOK_ENTER(&hook);
 *   void *block = real.malloc(size);
 *   hook_birth(&hook, block, size, FUNCTION_MALLOC);
 *
 * A call inside another hook's real call (operator new calls malloc; a new-handler frees its
 * reserve) is nested: its birth is held back until the outer call returns, and dropped if that
 * returns the very same address, so that a block is recorded once, as the program asked for it.
 *
 * A nested call is recognised by the frame address of the outer hook, and by that frame still being
 * there (its return address): after an exception or longjmp passed the outer frame, it is void.
 *
 * A signal handler may come at any point. While a stack is captured or a record written (is_busy)
 * its events are set aside with their stacks and written right after. */
#ifndef SEEP_PRELOAD_HOOK_H
#define SEEP_PRELOAD_HOOK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "preload/lifecycle.h"
#include "preload/stack_walk.h"
#include "preload/thread_state.h"
#include "wire/function_kinds.h"

enum hook_level {
    HOOK_OFF,
    HOOK_OUTER,
    HOOK_NESTED
};

struct hook {
    struct thread_state *thread;
    struct walk_registers caller;
    enum hook_level level;
    bool is_lost; /* the LEAVE of this call was not recorded, so its ARRIVE must not be */
};

/* Out of line: anything but the first hook on a claimed thread's stack. */
void hook_enter_slow(struct hook *hook, uintptr_t frame);

/* A signal handler's hook never finds the one half with another call's other half: the return
 * address stands there before the frame does, and again after it, since a handler in between leaves
 * its own. */
static inline __attribute__((always_inline)) void hook_set_guard(struct thread_state *thread,
                                                                 uintptr_t frame, uintptr_t caller)
{
    thread->guard_return = caller;
    atomic_signal_fence(memory_order_seq_cst);
    thread->guard = frame;
    atomic_signal_fence(memory_order_seq_cst);
    thread->guard_return = caller;
}

static inline __attribute__((always_inline)) void hook_enter(struct hook *hook, uintptr_t frame)
{
    struct thread_state *thread = thread_current;
    hook->is_lost = false;
    if (__builtin_expect(preload_mode != PRELOAD_RECORDS || thread == NULL || !thread->is_claimed ||
                             thread->guard != 0 || thread->is_busy,
                         0)) {
        hook_enter_slow(hook, frame);
        return;
    }
    hook->thread = thread;
    hook->level = HOOK_OUTER;
    hook_set_guard(thread, frame, hook->caller.pc);
    /* Before the time stamp of whatever this call records; see record/event_order.c. */
    atomic_store_explicit(&thread->ring.control->in_hook, 1, memory_order_relaxed);
}

/* In the exported function itself: it names the caller's registers by its own frame. */
#define HOOK_ENTER(hook)                                                                           \
    do {                                                                                           \
        ARCH_CALLER_REGISTERS((hook)->caller.pc, (hook)->caller.sp, (hook)->caller.bp);            \
        (hook)->caller.is_exact = false;                                                           \
        hook_enter((hook), (uintptr_t)__builtin_frame_address(0));                                 \
    } while (0)

/* Each of these ends the hook, but hook_release and hook_leave, which come before the real call,
 * and hook_note_failed, after which the call tries something else. */
void hook_note_failed(struct hook *hook, enum function_kind function);
void hook_birth(struct hook *hook, void *block, size_t size, enum function_kind function);
void hook_failed(struct hook *hook, enum function_kind function);
void hook_release(struct hook *hook, void *block, enum function_kind function);
void hook_release_sized(struct hook *hook, void *block, size_t size, enum function_kind function);
void hook_leave(struct hook *hook, void *block, enum function_kind function);
void hook_arrive(struct hook *hook, void *block, size_t size, enum function_kind function);
void hook_undo(struct hook *hook);
void hook_done(struct hook *hook);

/* Mappings: recorded outright, whatever is around them; `is_inner`: inside a real allocator call.
 */
void hook_map(struct hook *hook, void *address, size_t size, uint32_t flags,
              enum function_kind function);
void hook_unmap(struct hook *hook, void *address, size_t size, enum function_kind function);
void hook_break(struct hook *hook, void *new_end, void *old_end, enum function_kind function);

#endif
