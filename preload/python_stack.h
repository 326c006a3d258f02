/* The Python frames of the current thread.
 *
 * A thread's frames are a list that only the thread itself changes, so it needs no GIL to read it:
 * two or three loads a frame. Where the list begins is found through the thread state, which
 * PyGILState_GetThisThreadState reads from a thread-specific key. Nothing else of Python is called.
 *
 * A thread that outlives the interpreter (a daemon thread, in C code) keeps a pointer to a thread
 * state that is freed: once finalization has begun only the thread that does it is looked at. A
 * signal handler may have come while the list is changed: what stands there is not followed then
 * without being tested (python_stack_walk's `memory`). */
#ifndef SEEP_PRELOAD_PYTHON_STACK_H
#define SEEP_PRELOAD_PYTHON_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/python_frame.h"
#include "preload/python_runtime.h"
#include "preload/python_trail.h"

struct walk_memory;

enum {
    PYTHON_STACK_INNER = 768, /* of a deeper stack these are kept, and the outermost */
    PYTHON_STACK_OUTER = 256,
    PYTHON_STACK_FRAMES = PYTHON_STACK_INNER + PYTHON_STACK_OUTER,
    PYTHON_STACK_DEEPEST = 100000 /* followed no further */
};

/* Innermost first; of a deep one those behind the gap follow the inner ones. */
struct python_stack {
    uint32_t count;
    uint32_t inner_count;
    uint64_t omitted;
    uint64_t checked_thread_state; /* it was found to be one */
    struct python_frame frames[PYTHON_STACK_FRAMES];
    struct python_trail trail; /* of the last one whose hash was asked for */
};

/* Fills the stack; returns a hash over its frames and what tells their code objects from others
 * that had the same address, or 0 when there are none. `memory`: where reads must be tested, NULL
 * where they need not be. */
uint64_t python_stack_walk(struct python_stack *stack, struct walk_memory *memory);

/* Whether this is the current thread's state, and Python may be looked at on this thread. */
bool python_stack_check_state(struct python_stack *stack, uint64_t state);

/* The innermost frame of the thread, or 0. */
static inline uint64_t python_stack_innermost(struct python_stack *stack)
{
    uint64_t state = (uint64_t)(uintptr_t)python_runtime.get_thread_state();
    bool is_usual = state != 0 && state == stack->checked_thread_state &&
                    python_frame_load(python_runtime.finalizing) == 0;
    if (__builtin_expect(!is_usual, 0) && !python_stack_check_state(stack, state))
        return 0;
    uint64_t at = python_frame_load(state + python_runtime.thread_entry);
    if (python_runtime.offsets.thread_cframe == CPYTHON_NONE)
        return at;
    return python_frame_is_pointer(at)
               ? python_frame_load(at + python_runtime.offsets.cframe_current_frame)
               : 0;
}

/* A hash of the same, for who has no use for the frames; it may be another one. 0: there are none.
 */
static inline uint64_t python_stack_hash(struct python_stack *stack, struct walk_memory *memory)
{
    uint64_t hash = 0;
    if (__builtin_expect(memory == NULL, 1))
        hash = python_runtime.hash_trail(&stack->trail, &python_runtime.offsets,
                                         python_stack_innermost(stack));
    return __builtin_expect(hash != 0, 1) ? hash : python_stack_walk(stack, memory);
}

#endif
