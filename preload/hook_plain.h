/* The plain case of a hook, in one piece without calls: what nearly every malloc and free of a
 * program is.
 *
 *   struct thread_state *thread = hook_begin_plain(HOOK_FRAME());
 *   if (thread != NULL) {
 *       void *block = real.malloc(size);
 *       hook_birth_plain(thread, HOOK_FRAME(), block, size, FUNCTION_MALLOC);
 *       return block;
 *   }
 *
 * Plain is the outermost hook of a thread that is_plain: its ring is claimed, nothing is sampled or
 * compared, and the allocator's functions do not call each other by name, so that only a signal
 * handler can come in between. Whatever else turns up on the way is left to the functions of
 * hook.h, which can do all of it: so this is only faster. The frame address is passed on in place
 * of the registers, which are read from there when they are needed. */
#ifndef SEEP_PRELOAD_HOOK_PLAIN_H
#define SEEP_PRELOAD_HOOK_PLAIN_H

#include <stddef.h>

#include "preload/hook.h"
#include "preload/hook_write.h"
#include "preload/stack_capture.h"

/* NULL, and nothing has been done, when this call is not plain. Otherwise one of the functions that
 * end a hook must follow the real call. */
static inline ALWAYS_INLINE struct thread_state *hook_begin_plain(uintptr_t frame)
{
    struct thread_state *thread = thread_current;
    if (__builtin_expect(thread == NULL, 0))
        return NULL;
    if (__builtin_expect(!thread->is_plain || thread->is_busy || thread->guard != 0, 0))
        return NULL;
    hook_enter_outer(thread, frame, arch_frame_return_address(frame));
    return thread;
}

/* The same hook as hook.h knows it. */
void hook_birth_otherwise(struct thread_state *thread, uintptr_t frame, void *block, size_t size,
                          enum function_kind function);
void hook_release_otherwise(struct thread_state *thread, uintptr_t frame, void *block, size_t size,
                            enum function_kind function);
void hook_arrive_otherwise(struct thread_state *thread, uintptr_t frame, void *left, void *block,
                           size_t size, enum function_kind function, bool is_lost);
void hook_end_otherwise(struct thread_state *thread, uintptr_t frame);

/* What a realloc that has begun has told. */
struct hook_leave {
    uint64_t word; /* the LEAVE record's first; 0 = it is lost */
    uint64_t head; /* of the ring behind it */
};

enum {
    HOOK_QUICK_BYTES = 64 << 10 /* copied in microseconds */
};

/* Ends the hook. */
static inline ALWAYS_INLINE void hook_birth_plain(struct thread_state *thread, uintptr_t frame,
                                                  void *block, size_t size,
                                                  enum function_kind function)
{
    hook_begin_busy(thread);
    /* A handler's block may be pending, if it came while the real function ran. */
    if (__builtin_expect(block == NULL || size > UINT32_MAX || thread->pending.address != NULL,
                         0)) {
        hook_end_busy(thread);
        hook_birth_otherwise(thread, frame, block, size, function);
        return;
    }
    uint32_t slot = stack_capture_from(thread, frame);
    if (__builtin_expect(slot != STACK_CAPTURE_LOST, 1))
        hook_write_small(thread, slot, block, (uint32_t)size, function, WIRE_BIRTH);
    hook_end_busy(thread);
    hook_leave_outer(thread);
}

/* Before the real call; hook_end_plain after it. */
static inline ALWAYS_INLINE void hook_release_plain(struct thread_state *thread, uintptr_t frame,
                                                    void *block, enum function_kind function)
{
    if (hook_wants_stack(thread)) {
        hook_release_otherwise(thread, frame, block, 0, function);
        return;
    }
    hook_begin_busy(thread);
    if (hook_has_short_release(function) && (uint64_t)(uintptr_t)block == thread->last_birth)
        hook_write_release_of_last(thread,
                                   function == FUNCTION_FREE ? WIRE_FREE_LAST : WIRE_DELETE_LAST);
    else
        hook_write_release(thread, block, function, WIRE_RELEASE);
    hook_end_busy(thread);
}

static inline ALWAYS_INLINE void hook_release_sized_plain(struct thread_state *thread,
                                                          uintptr_t frame, void *block, size_t size,
                                                          enum function_kind function)
{
    if (hook_wants_stack(thread)) {
        hook_release_otherwise(thread, frame, block, size, function);
        return;
    }
    hook_begin_busy(thread);
    hook_write_release_sized(thread, block, size, function);
    hook_end_busy(thread);
}

/* Before the real call of a realloc; hook_arrive_plain after it. */
static inline ALWAYS_INLINE struct hook_leave
hook_leave_plain(struct thread_state *thread, void *block, enum function_kind function)
{
    hook_begin_busy(thread);
    uint64_t word = hook_write_release(thread, block, function, WIRE_LEAVE);
    struct hook_leave leave = {word, thread->ring.head};
    hook_end_busy(thread);
    return leave;
}

/* The stamp of the arrival that a departure becomes. Between the two of a process with one thread
 * nothing has happened, unless a signal handler or a new stack has told of something: they are one
 * event, and reading the clock, the dearest part of a hook, once is enough. What takes time may
 * have taken long. Where there are several threads another one's release, by which there was room
 * for this block, may lie between. 0: now. */
static inline ALWAYS_INLINE uint64_t hook_arrival_stamp(const struct thread_state *thread,
                                                        const struct hook_leave *leave, size_t size)
{
    bool is_one_event = thread->ring.head == leave->head && size <= HOOK_QUICK_BYTES &&
                        atomic_load_explicit(&thread_state_stamp.way, memory_order_relaxed) ==
                            STAMP_UNORDERED;
    return is_one_event ? leave->word >> WIRE_TICKS_SHIFT << WIRE_TICKS_SHIFT : 0;
}

/* Ends the hook of a realloc of `left`. */
static inline ALWAYS_INLINE void hook_arrive_plain(struct thread_state *thread, uintptr_t frame,
                                                   void *left, void *block, size_t size,
                                                   enum function_kind function,
                                                   const struct hook_leave *leave)
{
    bool is_lost = leave->word == 0;
    hook_begin_busy(thread);
    if (__builtin_expect(
            block == NULL || size > UINT32_MAX || is_lost || thread->pending.address != NULL, 0)) {
        hook_end_busy(thread);
        hook_arrive_otherwise(thread, frame, left, block, size, function, is_lost);
        return;
    }
    uint32_t slot = stack_capture_from(thread, frame);
    uint64_t stamp = hook_arrival_stamp(thread, leave, size);
    if (__builtin_expect(slot != STACK_CAPTURE_LOST, 1))
        hook_write_small_at(thread, stamp, slot, block, (uint32_t)size, function, WIRE_ARRIVE);
    hook_end_busy(thread);
    hook_leave_outer(thread);
}

static inline ALWAYS_INLINE void hook_end_plain(struct thread_state *thread, uintptr_t frame)
{
    if (__builtin_expect(thread->pending.address != NULL, 0)) {
        hook_end_otherwise(thread, frame);
        return;
    }
    hook_leave_outer(thread);
}

#endif
