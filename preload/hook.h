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
 * In a sampled recording most calls are passed over, at the very beginning:
 *
 *   if (hook_passes_allocation(size))
 *       return hook_passed(real.malloc(size), FUNCTION_MALLOC);
 *
 * and so are the frees of their blocks (hook_passes_release). Of calls that nest, the innermost
 * that returns an address decides whether the block is a sample.
 *
 * A signal handler may come at any point. While a stack is captured or a record written (is_busy)
 * its events are set aside with their stacks and written right after. */
#ifndef SEEP_PRELOAD_HOOK_H
#define SEEP_PRELOAD_HOOK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "preload/hook_write.h"
#include "preload/lifecycle.h"
#include "preload/sampled_blocks.h"
#include "preload/stack_walk.h"
#include "preload/thread_state.h"
#include "wire/function_kinds.h"

enum hook_level {
    HOOK_OFF,
    HOOK_QUIET, /* inside a call of another allocator: only mappings are told, as the allocator's */
    HOOK_OUTER,
    HOOK_NESTED
};

struct hook {
    struct thread_state *thread;
    struct walk_registers caller;
    enum hook_level level;
    bool is_lost;      /* the LEAVE of this call was not recorded, so its ARRIVE must not be */
    bool is_unsampled; /* what this realloc moves is no sample; what it returns may be one */
    void *left;        /* what it moves */
};

/* A block of this size is no sample and has been counted: call the real function, and nothing else.
 * Asked before anything else: a thread that samples has started. */
static inline __attribute__((always_inline)) bool hook_passes_allocation(size_t size)
{
    struct thread_state *thread = thread_current;
    return __builtin_expect(thread != NULL && sampler_passes(&thread->sampler, size), 0);
}

/* The block is no sample, or NULL; what the bootstrap heap gave does not pass. */
static inline __attribute__((always_inline)) bool hook_passes_release(const void *block)
{
    return __builtin_expect(!sampled_blocks_may_have(block), 0);
}

/* Of `old`, which may be NULL. */
static inline __attribute__((always_inline)) bool hook_passes_realloc(const void *old, size_t size)
{
    bool passes_old = old == NULL ? sampled_blocks != NULL : hook_passes_release(old);
    return __builtin_expect(passes_old, 0) && hook_passes_allocation(size);
}

/* The passed over call returned no block: that is counted all the same. */
void hook_tell_failed(enum function_kind function);

/* What the real function returned. */
static inline __attribute__((always_inline)) void *hook_passed(void *block,
                                                               enum function_kind function)
{
    if (__builtin_expect(block == NULL, 0))
        hook_tell_failed(function);
    return block;
}

/* Out of line: anything but the first hook on a claimed thread's stack. */
void hook_enter_slow(struct hook *hook, uintptr_t frame);

static inline __attribute__((always_inline)) void hook_enter(struct hook *hook, uintptr_t frame)
{
    struct thread_state *thread = thread_current;
    hook->caller = walk_caller_registers(frame);
    hook->is_lost = false;
    if (__builtin_expect(preload_mode != PRELOAD_RECORDS || thread == NULL || !thread->is_claimed ||
                             thread->guard != 0 || thread->is_busy,
                         0)) {
        hook_enter_slow(hook, frame);
        return;
    }
    hook->thread = thread;
    hook->level = HOOK_OUTER;
    hook_enter_outer(thread, frame, hook->caller.pc);
}

/* Of an exported function, in itself. */
#define HOOK_FRAME() ((uintptr_t)__builtin_frame_address(0))

/* In the exported function, or given its frame: it names the caller's registers by that. */
#define HOOK_ENTER(hook) hook_enter((hook), HOOK_FRAME())

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
/* The one of these two that is due after a realloc that was told to leave. */
void hook_end_reallocation(struct hook *hook, void *block, size_t size,
                           enum function_kind function);
void hook_done(struct hook *hook);

/* Around the real call of another allocator (allocator_family.h), of an outer hook: what that asks
 * for is not told. Void once an exception or longjmp has passed, as the guard is. */
static inline void hook_begin_quiet(struct hook *hook)
{
    hook->thread->quiet_return = hook->thread->guard_return;
    hook->thread->quiet_guard = hook->thread->guard;
}

static inline void hook_end_quiet(struct hook *hook)
{
    hook->thread->quiet_guard = 0;
}

/* Objects of pools (include/seep.h): told, not hooked. False: nothing was told. */
bool hook_pool_birth(struct hook *hook, const void *pool, const void *object, size_t size);
bool hook_pool_release(struct hook *hook, const void *pool, const void *object);

/* Mappings: recorded outright, whatever is around them; `is_inner`: inside a real allocator call.
 */
void hook_map(struct hook *hook, void *address, size_t size, uint32_t flags,
              enum function_kind function);
void hook_unmap(struct hook *hook, void *address, size_t size, enum function_kind function);
void hook_break(struct hook *hook, void *new_end, void *old_end, enum function_kind function);

#endif
