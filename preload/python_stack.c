#include "preload/python_stack.h"

#include <stddef.h>

#include "preload/python_runtime.h"
#include "preload/stack_hash.h"
#include "preload/stack_walk.h"
#include "wire/cpython_offsets.h"

/* May so many bytes be read there? */
static bool is_readable(struct walk_memory *memory, uint64_t address, size_t bytes)
{
    return python_frame_is_pointer(address) &&
           (memory == NULL || walk_memory_readable(memory, address, bytes) >= bytes);
}

/* ---- where the frames begin -------------------------------------------------------------- */

/* A thread state names its interpreter, which stands in the runtime's list. What does not is none:
 * the offsets are wrong for this build. */
static bool is_thread_state(uint64_t state)
{
    enum {
        MAX_INTERPRETERS = 10000
    };
    const struct cpython_offsets *offsets = &python_runtime.offsets;
    uint64_t wanted = python_frame_load(state + offsets->thread_interpreter);
    uint64_t at = python_frame_load(python_runtime.runtime + offsets->runtime_interpreters_head);
    for (int i = 0; i < MAX_INTERPRETERS && python_frame_is_pointer(at); i++) {
        if (at == wanted)
            return true;
        at = python_frame_load(at + offsets->interpreter_next);
    }
    return false;
}

bool python_stack_check_state(struct python_stack *stack, uint64_t state)
{
    if (state == 0 || !python_frame_is_pointer(state))
        return false;
    uint64_t finalizing = python_frame_load(python_runtime.finalizing);
    if (finalizing != 0 && finalizing != state)
        return false;
    if (state != stack->checked_thread_state) {
        if (!is_thread_state(state))
            return false;
        stack->checked_thread_state = state;
    }
    return true;
}

/* ---- the frames ---------------------------------------------------------------------------- */

/* The innermost ones, and in a ring the outermost. */
static inline void keep(struct python_stack *stack, uint64_t position,
                        const struct python_frame *frame)
{
    if (position >= PYTHON_STACK_FRAMES)
        position = PYTHON_STACK_INNER + (position - PYTHON_STACK_INNER) % PYTHON_STACK_OUTER;
    stack->frames[position] = *frame;
}

static void reverse(struct python_frame *frames, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct python_frame frame = frames[i];
        frames[i] = frames[count - 1 - i];
        frames[count - 1 - i] = frame;
    }
}

static void finish(struct python_stack *stack, uint64_t depth)
{
    if (depth <= PYTHON_STACK_FRAMES) {
        stack->count = stack->inner_count = (uint32_t)depth;
        stack->omitted = 0;
        return;
    }
    struct python_frame *outer = stack->frames + PYTHON_STACK_INNER;
    size_t first = (depth - PYTHON_STACK_INNER) % PYTHON_STACK_OUTER;
    reverse(outer, first);
    reverse(outer + first, PYTHON_STACK_OUTER - first);
    reverse(outer, PYTHON_STACK_OUTER);
    stack->count = PYTHON_STACK_FRAMES;
    stack->inner_count = PYTHON_STACK_INNER;
    stack->omitted = depth - PYTHON_STACK_FRAMES;
}

enum {
    /* What is read of a frame and of a code object lies within so many bytes. */
    FRAME_BYTES = 112,
    CODE_BYTES = 144
};

uint64_t python_stack_walk(struct python_stack *stack, struct walk_memory *memory)
{
    const struct cpython_offsets *offsets = &python_runtime.offsets;
    uint64_t at = python_stack_innermost(stack);
    uint64_t depth = 0, even = 0, odd = 1;
    while (at != 0 && depth < PYTHON_STACK_DEEPEST && is_readable(memory, at, FRAME_BYTES)) {
        struct python_frame frame = python_frame_read(offsets, at);
        if (frame.code != 0) {
            if (!is_readable(memory, frame.code, CODE_BYTES))
                break;
            /* Two chains, so that multiplications overlap. */
            even = stack_hash_step(
                even, frame.code ^ python_frame_load(frame.code + offsets->code_filename) << 16);
            odd = stack_hash_step(odd, frame.instruction ^
                                           python_frame_load(frame.code + offsets->code_line_table)
                                               << 16);
        }
        odd += frame.ends_group;
        keep(stack, depth++, &frame);
        at = python_frame_load(at + offsets->frame_previous);
    }
    finish(stack, depth);
    return depth != 0 ? stack_hash_step(even, odd) | 1 : 0;
}
