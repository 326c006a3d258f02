/* The pieces that hooks are made of once they know what to tell: each on the path of every event.
 */
#ifndef SEEP_PRELOAD_HOOK_WRITE_H
#define SEEP_PRELOAD_HOOK_WRITE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "preload/event_writer.h"
#include "preload/thread_state.h"

/* Orders plain stores of this thread as a signal handler on it sees them; costs nothing. */
#define SIGNAL_FENCE() atomic_signal_fence(memory_order_seq_cst)

#define ALWAYS_INLINE __attribute__((always_inline))

/* Writes what signal handlers set aside while the thread was busy, and what they set aside
 * meanwhile. */
void hook_write_deferred(struct thread_state *thread);

static inline ALWAYS_INLINE void hook_begin_busy(struct thread_state *thread)
{
    thread->is_busy = true;
    SIGNAL_FENCE();
}

static inline ALWAYS_INLINE void hook_end_busy(struct thread_state *thread)
{
    SIGNAL_FENCE();
    thread->is_busy = false;
    SIGNAL_FENCE();
    /* Looked at only now that nothing is set aside any more. */
    if (__builtin_expect(atomic_load_explicit(&thread->deferred_count, memory_order_relaxed) != 0,
                         0))
        hook_write_deferred(thread);
}

/* A signal handler's hook never finds the one half with another call's other half: the return
 * address stands there before the frame does, and again after it, since a handler in between leaves
 * its own. */
static inline ALWAYS_INLINE void hook_set_guard(struct thread_state *thread, uintptr_t frame,
                                                uintptr_t caller)
{
    thread->guard_return = caller;
    SIGNAL_FENCE();
    thread->guard = frame;
    SIGNAL_FENCE();
    thread->guard_return = caller;
}

static inline ALWAYS_INLINE void hook_enter_outer(struct thread_state *thread, uintptr_t frame,
                                                  uintptr_t caller)
{
    hook_set_guard(thread, frame, caller);
    /* Before the time stamp of whatever this call records; see record/event_order.c. */
    atomic_store_explicit(&thread->ring.control->in_hook, 1, memory_order_relaxed);
}

static inline ALWAYS_INLINE void hook_leave_outer(struct thread_state *thread)
{
    /* Release: the record that this hook published is seen by whoever sees the flag cleared. */
    atomic_store_explicit(&thread->ring.control->in_hook, 0, memory_order_release);
    thread->guard = 0;
}

/* Releases carry their stacks when the user asks for it, or once the recorder has seen misuse in
 * this process: then it wants to say where. */
static inline ALWAYS_INLINE bool hook_wants_stack(const struct thread_state *thread)
{
    return __builtin_expect(atomic_load_explicit(&thread->ring.control->wants_release_stacks,
                                                 memory_order_relaxed) != 0,
                            0);
}

/* BIRTH, ARRIVE: a block below 4 GiB. `stamp`: 0 = now. */
static inline ALWAYS_INLINE void hook_write_small_at(struct thread_state *thread, uint64_t stamp,
                                                     uint32_t slot, const void *block,
                                                     uint32_t size, enum function_kind function,
                                                     enum wire_kind kind)
{
    uint64_t *record = event_reserve(thread, 3);
    if (__builtin_expect(record == NULL, 0))
        return;
    record[1] = event_address(block, function);
    record[2] = slot | (uint64_t)size << 32;
    record[0] = (stamp != 0 ? stamp : event_stamp()) | kind;
    event_commit(thread, 3);
    event_count(thread);
    thread->last_birth = kind == WIRE_BIRTH ? (uint64_t)(uintptr_t)block : 0;
}

static inline ALWAYS_INLINE void hook_write_small(struct thread_state *thread, uint32_t slot,
                                                  const void *block, uint32_t size,
                                                  enum function_kind function, enum wire_kind kind)
{
    hook_write_small_at(thread, 0, slot, block, size, function, kind);
}

/* The short record means the birth just before it, so nothing may come in between once it is
 * chosen: the thread is busy. */
static inline ALWAYS_INLINE void hook_write_release_of_last(struct thread_state *thread,
                                                            enum wire_kind kind)
{
    uint64_t *record = event_reserve(thread, 1);
    if (__builtin_expect(record == NULL, 0))
        return;
    record[0] = event_stamp_alone() | kind;
    event_commit(thread, 1);
    event_count(thread);
    thread->last_birth = 0;
}

/* RELEASE, LEAVE. Returns the record's first word; 0: there was no room. */
static inline ALWAYS_INLINE uint64_t hook_write_release(struct thread_state *thread,
                                                        const void *block,
                                                        enum function_kind function,
                                                        enum wire_kind kind)
{
    uint64_t *record = event_reserve(thread, 2);
    thread->last_birth = 0;
    if (__builtin_expect(record == NULL, 0))
        return 0;
    record[1] = event_address(block, function);
    uint64_t word = event_stamp() | kind;
    record[0] = word;
    event_commit(thread, 2);
    event_count(thread);
    return word;
}

static inline ALWAYS_INLINE void hook_write_release_sized(struct thread_state *thread,
                                                          const void *block, size_t size,
                                                          enum function_kind function)
{
    uint64_t *record = event_reserve(thread, 3);
    thread->last_birth = 0;
    if (__builtin_expect(record == NULL, 0))
        return;
    record[1] = event_address(block, function);
    record[2] = size;
    record[0] = event_stamp() | WIRE_RELEASE_SIZED;
    event_commit(thread, 3);
    event_count(thread);
}

static inline bool hook_has_short_release(enum function_kind function)
{
    return function == FUNCTION_FREE || function == FUNCTION_DELETE;
}

#endif
