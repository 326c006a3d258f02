#include "preload/hook.h"

#include <signal.h>
#include <string.h>

#include "preload/event_writer.h"
#include "preload/hook_inside.h"
#include "preload/hook_plain.h"
#include "preload/raw_syscall.h"
#include "preload/stack_capture.h"

static void write_birth(struct thread_state *thread, uint32_t slot, const void *block,
                        uint64_t size, enum function_kind function, enum wire_kind small,
                        enum wire_kind large)
{
    if (__builtin_expect(size <= UINT32_MAX, 1)) {
        hook_write_small(thread, slot, block, (uint32_t)size, function, small);
        return;
    }
    uint64_t *record = event_reserve(thread, 4);
    if (record == NULL)
        return;
    record[1] = event_address(block, function);
    record[2] = slot;
    record[3] = size;
    record[0] = event_stamp() | large;
    event_commit(thread, 4);
    event_count(thread);
    thread->last_birth = small == WIRE_BIRTH ? (uint64_t)(uintptr_t)block : 0;
}

/* ---- sampling ---------------------------------------------------------------------------- */

/* Is this block recorded? Asked once of each, before anybody else can know of it. */
static inline bool is_chosen(struct thread_state *thread, void *block, size_t size)
{
    if (__builtin_expect(sampled_blocks == NULL, 1))
        return true;
    if (!sampler_takes(&thread->sampler, block, size, session->bytes_per_sample))
        return false;
    sampled_blocks_add(sampled_blocks, block);
    return true;
}

/* An inner call has decided on this block already. */
static bool is_passed_over(struct thread_state *thread, const void *block)
{
    bool is_decided = thread->passed_over == block;
    thread->passed_over = NULL;
    return is_decided;
}

/* Was this block one that is recorded? Asked once of each that is released. */
static bool was_chosen(const void *block)
{
    return sampled_blocks == NULL || sampled_blocks_remove(sampled_blocks, block) != SAMPLED_NO;
}

/* A block is temporary when its thread allocated nothing between its birth and its release: of
 * samples only the target can tell. */
static void tell_age(struct hook *hook, const void *block)
{
    if (sampled_blocks == NULL)
        return;
    struct thread_state *owner = atomic_load(&process_current->threads);
    while (owner != NULL && owner->sampler.newest != block)
        owner = owner->next;
    if (owner != NULL && sampler_left(&owner->sampler) != owner->sampler.newest_left)
        hook_write_plain(hook, (uint64_t[]){WIRE_AGED, event_address(block, FUNCTION_NONE)}, 2);
}

/* ---- nesting -------------------------------------------------------------------------- */

static void write_pending(struct thread_state *thread, const struct walk_registers *caller)
{
    struct pending_birth pending = thread->pending;
    if (pending.address == NULL)
        return;
    thread->pending.address = NULL;
    uint32_t slot = stack_capture(thread, caller);
    uint64_t *record = slot != STACK_CAPTURE_LOST ? event_reserve(thread, 4) : NULL;
    if (record == NULL)
        return;
    record[1] = event_address(pending.address, (enum function_kind)pending.function);
    record[2] = slot;
    record[3] = pending.size;
    record[0] = pending.stamp | WIRE_BIRTH_LARGE;
    event_commit(thread, 4);
    event_count(thread);
    thread->last_birth = 0;
}

/* The held back birth of an inner call was an event of its own. */
static void flush_pending(struct thread_state *thread, const struct walk_registers *caller)
{
    if (thread->pending.address == NULL)
        return;
    hook_begin_busy(thread);
    write_pending(thread, caller);
    hook_end_busy(thread);
}

static bool is_inside(const struct thread_state *thread, uintptr_t frame)
{
    return frame < thread->guard &&
           *(const uintptr_t *)(thread->guard + sizeof(uintptr_t)) == thread->guard_return;
}

/* On the stack of its own that the program gave its handlers? */
static bool is_on_signal_stack(void)
{
    stack_t stack;
    return raw_failed(raw_syscall(SYS_sigaltstack, NULL, &stack, 0, 0, 0, 0)) ||
           (stack.ss_flags & SS_ONSTACK) != 0;
}

/* Did a handler that came while an event was recorded leave by siglongjmp? Then the call that
 * recorded it is not on the stack any more, as it is while a handler runs that will return to it.
 */
static bool is_abandoned(struct thread_state *thread, uintptr_t frame)
{
    uintptr_t guard = thread->guard;
    if (guard == 0 || is_on_signal_stack())
        return false;
    size_t between = frame > guard ? frame - guard : 0;
    size_t wanted = between > 2 * sizeof guard ? between : 2 * sizeof guard;
    if (walk_memory_readable(&thread->memory, guard, wanted) < wanted)
        return false; /* two stacks */
    return frame >= guard || *(const uintptr_t *)(guard + sizeof guard) != thread->guard_return;
}

/* What was half done is void, and what the recorder was not told for certain is told anew. */
static __attribute__((noinline)) void recover(struct thread_state *thread)
{
    struct ring_control *control = thread->ring.control;
    uint64_t lost = 1 + (thread->pending.address != NULL) +
                    atomic_exchange_explicit(&thread->deferred_count, 0, memory_order_relaxed);
    atomic_fetch_add(&control->lost_events, lost);
    atomic_store_explicit(&control->capacity, thread->ring.capacity, memory_order_relaxed);
    memset(thread->cache_hashes, 0, sizeof thread->cache_hashes);
    memset(&thread->memo, 0, sizeof thread->memo);
    memset(&thread->trail, 0, sizeof thread->trail);
    thread->python.trail.count = 0;
    thread->pending.address = NULL;
    thread->passed_over = NULL;
    thread->sampler.newest = NULL;
    thread->last_birth = 0;
    thread->guard = 0;
    SIGNAL_FENCE();
    thread->is_busy = false;
}

static bool is_quiet(const struct thread_state *thread)
{
    return thread->quiet_guard != 0 && thread->quiet_guard == thread->guard &&
           thread->quiet_return == thread->guard_return;
}

void hook_enter_slow(struct hook *hook, uintptr_t frame)
{
    hook->level = HOOK_OFF;
    if (preload_mode == PRELOAD_NOT_STARTED)
        lifecycle_begin();
    if (preload_mode != PRELOAD_RECORDS)
        return;
    struct thread_state *thread = thread_state_get();
    hook->thread = thread;
    if (thread == NULL)
        return;
    if (thread->is_busy && is_abandoned(thread, frame))
        recover(thread);
    if (thread->is_busy || (thread->guard != 0 && is_inside(thread, frame))) {
        hook->level = is_quiet(thread) ? HOOK_QUIET : HOOK_NESTED;
        return;
    }
    hook->level = HOOK_OUTER;
    hook_enter_outer(thread, frame, hook->caller.pc);
    flush_pending(thread, &hook->caller); /* of a call that an exception left */
    thread->outer_release = NULL;
}

void hook_done(struct hook *hook)
{
    if (hook->level != HOOK_OUTER)
        return;
    struct thread_state *thread = hook->thread;
    if (__builtin_expect(thread->pending.address != NULL, 0))
        flush_pending(thread, &hook->caller);
    thread->outer_release = NULL;
    hook_leave_outer(thread);
}

/* ---- events --------------------------------------------------------------------------- */

/* Born again inside the outer call (by a signal handler) after that released it: what is released
 * next is not the same event. */
static void forget_outer_release(struct thread_state *thread, const void *block)
{
    if (thread->outer_release == block)
        thread->outer_release = NULL;
}

static void nested_birth(struct hook *hook, void *block, size_t size, enum function_kind function)
{
    struct thread_state *thread = hook->thread;
    /* Else one more call round the same block: that is decided. */
    if (thread->pending.address != block || thread->is_busy) {
        if (!is_chosen(thread, block, size)) {
            thread->passed_over = block;
            return;
        }
    }
    if (thread->is_busy) {
        uint64_t words[4] = {WIRE_BIRTH_LARGE, event_address(block, function), 0, size};
        hook_defer(hook, words, 4, true);
        return;
    }
    if (thread->pending.address != block) /* else one more call round the same block */
        flush_pending(thread, &hook->caller);
    forget_outer_release(thread, block);
    thread->pending = (struct pending_birth){block, size, event_stamp(), (uint8_t)function};
}

static void outer_birth(struct hook *hook, void *block, size_t size, enum function_kind function)
{
    struct thread_state *thread = hook->thread;
    hook_begin_busy(thread);
    bool is_told = false; /* the same event, seen from inside */
    if (__builtin_expect(thread->pending.address != NULL, 0)) {
        is_told = thread->pending.address == block;
        if (is_told)
            thread->pending.address = NULL;
        else
            write_pending(thread, &hook->caller);
    }
    if (is_told || (!is_passed_over(thread, block) && is_chosen(thread, block, size))) {
        uint32_t slot = stack_capture(thread, &hook->caller);
        if (__builtin_expect(slot != STACK_CAPTURE_LOST, 1))
            write_birth(thread, slot, block, size, function, WIRE_BIRTH, WIRE_BIRTH_LARGE);
    }
    hook_end_busy(thread);
    hook_leave_outer(thread);
}

void hook_birth(struct hook *hook, void *block, size_t size, enum function_kind function)
{
    if (__builtin_expect(block == NULL, 0))
        hook_failed(hook, function);
    else if (__builtin_expect(hook->level == HOOK_OUTER, 1))
        outer_birth(hook, block, size, function);
    else if (hook->level == HOOK_NESTED)
        nested_birth(hook, block, size, function);
}

bool hook_write_plain(struct hook *hook, const uint64_t *words, uint32_t word_count)
{
    struct thread_state *thread = hook->thread;
    if (thread->is_busy)
        return hook_defer(hook, words, word_count, false);
    hook_begin_busy(thread);
    uint64_t *record = event_reserve(thread, word_count);
    if (__builtin_expect(record != NULL, 1)) {
        for (uint32_t word = 1; word < word_count; word++)
            record[word] = words[word];
        record[0] = event_stamp() | words[0];
        event_commit(thread, word_count);
        event_count(thread);
    }
    thread->last_birth = 0;
    hook_end_busy(thread);
    return record != NULL;
}

void hook_note_failed(struct hook *hook, enum function_kind function)
{
    if (hook->level == HOOK_OUTER)
        hook_write_plain(hook, (uint64_t[]){WIRE_FAILED, event_address(NULL, function)}, 2);
}

void hook_failed(struct hook *hook, enum function_kind function)
{
    hook_note_failed(hook, function);
    hook_done(hook);
}

void hook_tell_failed(enum function_kind function)
{
    struct hook hook;
    HOOK_ENTER(&hook);
    hook_failed(&hook, function);
}

/* An inner call that releases what the outer one released already is the same event. */
static bool is_told_already(struct hook *hook, void *block)
{
    struct thread_state *thread = hook->thread;
    if (hook->level == HOOK_NESTED && !thread->is_busy) {
        if (thread->outer_release == block) {
            thread->outer_release = NULL;
            return true;
        }
        flush_pending(thread, &hook->caller);
    }
    if (hook->level == HOOK_OUTER)
        thread->outer_release = block;
    return false;
}

static void release_with_stack(struct hook *hook, void *block, size_t size,
                               enum function_kind function)
{
    struct thread_state *thread = hook->thread;
    uint64_t claimed = size < UINT32_MAX ? size : UINT32_MAX;
    uint64_t words[3] = {WIRE_RELEASE_AT, event_address(block, function), claimed << 32};
    if (thread->is_busy) {
        hook_defer(hook, words, 3, true);
        return;
    }
    hook_begin_busy(thread);
    uint32_t slot = stack_capture(thread, &hook->caller);
    uint64_t *record = slot != STACK_CAPTURE_LOST ? event_reserve(thread, 3) : NULL;
    if (record != NULL) {
        record[1] = words[1];
        record[2] = words[2] | slot;
        record[0] = event_stamp() | WIRE_RELEASE_AT;
        event_commit(thread, 3);
        event_count(thread);
    }
    thread->last_birth = 0;
    hook_end_busy(thread);
}

/* The block of the birth just before, which is still the last record once handlers cannot add one.
 */
static bool release_last(struct hook *hook, void *block, enum function_kind function)
{
    struct thread_state *thread = hook->thread;
    if (hook->level != HOOK_OUTER || (uint64_t)(uintptr_t)block != thread->last_birth ||
        !hook_has_short_release(function))
        return false;
    hook_begin_busy(thread);
    bool is_last = (uint64_t)(uintptr_t)block == thread->last_birth; /* still */
    if (is_last)
        hook_write_release_of_last(thread,
                                   function == FUNCTION_FREE ? WIRE_FREE_LAST : WIRE_DELETE_LAST);
    hook_end_busy(thread);
    return is_last;
}

void hook_release(struct hook *hook, void *block, enum function_kind function)
{
    if (hook->level < HOOK_OUTER || is_told_already(hook, block) || !was_chosen(block))
        return;
    tell_age(hook, block);
    if (hook_wants_stack(hook->thread))
        release_with_stack(hook, block, 0, function);
    else if (!release_last(hook, block, function))
        hook_write_plain(hook, (uint64_t[]){WIRE_RELEASE, event_address(block, function)}, 2);
}

void hook_release_sized(struct hook *hook, void *block, size_t size, enum function_kind function)
{
    if (hook->level < HOOK_OUTER || is_told_already(hook, block) || !was_chosen(block))
        return;
    tell_age(hook, block);
    if (hook_wants_stack(hook->thread)) {
        release_with_stack(hook, block, size, function);
        return;
    }
    hook_write_plain(hook, (uint64_t[]){WIRE_RELEASE_SIZED, event_address(block, function), size},
                     3);
}

void hook_leave(struct hook *hook, void *block, enum function_kind function)
{
    if (hook->level < HOOK_OUTER)
        return;
    if (hook->level == HOOK_NESTED && !hook->thread->is_busy) {
        if (hook->thread->outer_release == block) { /* the same event: the outer call tells it */
            hook->thread->outer_release = NULL;
            hook->is_lost = true;
            return;
        }
        flush_pending(hook->thread, &hook->caller);
    }
    hook->left = block;
    hook->is_unsampled = !was_chosen(block);
    hook->is_lost = !hook->is_unsampled &&
                    !hook_write_plain(hook,
                                      (uint64_t[]){WIRE_LEAVE, event_address(block, function)}, 2);
}

void hook_undo(struct hook *hook)
{
    if (hook->level < HOOK_OUTER)
        return;
    if (hook->is_unsampled) {
        hook_failed(hook, FUNCTION_REALLOC);
        return;
    }
    if (sampled_blocks != NULL)
        sampled_blocks_add(sampled_blocks, hook->left);
    if (!hook->is_lost)
        hook_write_plain(hook, (uint64_t[]){WIRE_UNDO}, 1);
    hook_done(hook);
}

/* In a sampled recording a sample may arrive as none, which is told as the end of it, and what was
 * none may arrive as a sample: a birth. */
void hook_arrive(struct hook *hook, void *block, size_t size, enum function_kind function)
{
    if (hook->level < HOOK_OUTER)
        return;
    struct thread_state *thread = hook->thread;
    bool is_decided = !thread->is_busy && thread->pending.address == block; /* by an inner call */
    bool is_new = block != NULL && !hook->is_lost &&
                  (is_decided ||
                   (!is_passed_over(thread, block) && is_chosen(thread, block, size)));
    bool is_told = !hook->is_lost && (is_new || !hook->is_unsampled);
    enum wire_kind small = hook->is_unsampled ? WIRE_BIRTH : WIRE_ARRIVE;
    enum wire_kind large = hook->is_unsampled ? WIRE_BIRTH_LARGE : WIRE_ARRIVE_LARGE;
    void *arrived = is_new ? block : NULL;
    if (thread->is_busy) {
        uint64_t words[4] = {large, event_address(arrived, function), 0, size};
        if (is_told)
            hook_defer(hook, words, 4, is_new);
        return;
    }
    if (thread->pending.address == block)
        thread->pending.address = NULL;
    if (hook->level == HOOK_NESTED)
        forget_outer_release(thread, block);
    if (is_told) {
        hook_begin_busy(thread);
        uint32_t slot = is_new ? stack_capture(thread, &hook->caller) : 0;
        if (slot != STACK_CAPTURE_LOST)
            write_birth(thread, slot, arrived, size, function, small, large);
        hook_end_busy(thread);
    }
    hook_done(hook);
}

void hook_end_reallocation(struct hook *hook, void *block, size_t size, enum function_kind function)
{
    if (block != NULL || size == 0)
        hook_arrive(hook, block, size, function);
    else
        hook_undo(hook);
}

/* ---- plain hooks that turn out not to be -----------------------------------------------------
 */

static struct hook outer_hook(struct thread_state *thread, uintptr_t frame)
{
    return (struct hook){
        .thread = thread, .caller = walk_caller_registers(frame), .level = HOOK_OUTER};
}

void hook_birth_otherwise(struct thread_state *thread, uintptr_t frame, void *block, size_t size,
                          enum function_kind function)
{
    struct hook hook = outer_hook(thread, frame);
    hook_birth(&hook, block, size, function);
}

void hook_release_otherwise(struct thread_state *thread, uintptr_t frame, void *block, size_t size,
                            enum function_kind function)
{
    struct hook hook = outer_hook(thread, frame);
    release_with_stack(&hook, block, size, function);
}

void hook_arrive_otherwise(struct thread_state *thread, uintptr_t frame, void *left, void *block,
                           size_t size, enum function_kind function, bool is_lost)
{
    struct hook hook = outer_hook(thread, frame);
    hook.left = left;
    hook.is_lost = is_lost;
    hook_end_reallocation(&hook, block, size, function);
}

void hook_end_otherwise(struct thread_state *thread, uintptr_t frame)
{
    struct hook hook = outer_hook(thread, frame);
    hook_done(&hook);
}
