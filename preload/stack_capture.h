/* The current stack's slot in the thread's stack cache, telling the recorder of stacks that are new
 * to the cache. The one place where a stack is found; whatever makes it faster goes behind this
 * function. */
#ifndef SEEP_PRELOAD_STACK_CAPTURE_H
#define SEEP_PRELOAD_STACK_CAPTURE_H

#include <stdint.h>

#include "preload/export.h"
#include "preload/stack_walk.h"
#include "preload/thread_state.h"

#define STACK_CAPTURE_LOST UINT32_MAX

/* The process's rules; set at start. */
INTERNAL extern struct unwind_rules *stack_capture_rules;

/* Where the dynamic loader stands. Its entry has no unwind table: a stack that ends there is whole.
 */
extern uint64_t stack_capture_loader_start, stack_capture_loader_end;

/* Counts dlcloses: a stack from before one is not taken for an equal one after it. */
extern _Atomic uint64_t stack_capture_unloads;

/* `caller`: where the hook was called from; that frame is the innermost of the stack.
 * STACK_CAPTURE_LOST when the stack could not be told (the event is then lost with it, and counted
 * already). The thread must be busy. */
uint32_t stack_capture(struct thread_state *thread, const struct walk_registers *caller);

/* The same for the caller of the function whose frame this is, whose native stack is that of the
 * memo's entry `number`, with Python's frames beside it. */
uint32_t stack_capture_with_python(struct thread_state *thread, uintptr_t frame, uint32_t number);

/* The same for the caller of the function whose frame this is: when its stack is the one that was
 * remembered last, that is found out here. */
static inline __attribute__((always_inline)) uint32_t
stack_capture_from(struct thread_state *thread, uintptr_t frame)
{
    uint64_t pc = arch_frame_return_address(frame), sp = arch_frame_caller_sp(frame);
    uint32_t key = stack_memo_key(pc, sp);
    uint32_t number = stack_memo_last(&thread->memo, key);
    if (__builtin_expect(stack_memo_is_current(&thread->memo, number, pc, sp,
                                               arch_frame_caller_bp(frame),
                                               unwind_rules_generation_number(stack_capture_rules)),
                         1)) {
        stack_memo_note_hit(&thread->memo, number);
        uint32_t slot = thread->memo.entries[number].slot;
        return __builtin_expect(slot & STACK_MEMO_WITH_PYTHON, 0)
                   ? stack_capture_with_python(thread, frame, number)
                   : slot;
    }
    struct walk_registers caller = walk_caller_registers(frame);
    return stack_capture(thread, &caller);
}

/* The same for addresses found before (a deferred event's). */
uint32_t stack_capture_frames(struct thread_state *thread, const uint64_t *frames, size_t count);

/* Only walks: at most `limit` (<= THREAD_DEFERRED_FRAMES) addresses into `frames`, with
 * WIRE_FRAME_EXACT set where due; returns how many. For signal handlers that come while busy. */
uint32_t stack_capture_walk(const struct walk_registers *caller, struct walk_memory *memory,
                            uint64_t *frames, uint32_t limit);

#endif
