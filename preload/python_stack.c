#include "preload/python_stack.h"

#include <stddef.h>

#include "preload/python_runtime.h"
#include "preload/stack_hash.h"
#include "preload/stack_walk.h"
#include "wire/cpython_offsets.h"

/* Frames are foreign memory, read as plain words. */
#define READS_PYTHON __attribute__((no_sanitize("address", "undefined", "thread")))

READS_PYTHON static inline uint64_t load(uint64_t address)
{
    return *(const uint64_t *)(uintptr_t)address;
}

READS_PYTHON static inline uint32_t load_half(uint64_t address)
{
    return *(const uint32_t *)(uintptr_t)address;
}

READS_PYTHON static inline uint8_t load_byte(uint64_t address)
{
    return *(const uint8_t *)(uintptr_t)address;
}

static bool is_pointer(uint64_t word)
{
    return (word & 7) == 0 && word >= 4096 && word <= WIRE_ADDRESS_MASK;
}

/* May so many bytes be read there? */
static bool is_readable(struct walk_memory *memory, uint64_t address, size_t bytes)
{
    return is_pointer(address) &&
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
    uint64_t wanted = load(state + offsets->thread_interpreter);
    uint64_t at = load(python_runtime.runtime + offsets->runtime_interpreters_head);
    for (int i = 0; i < MAX_INTERPRETERS && is_pointer(at); i++) {
        if (at == wanted)
            return true;
        at = load(at + offsets->interpreter_next);
    }
    return false;
}

static uint64_t find_thread_state(struct python_stack *stack)
{
    uint64_t state = (uint64_t)(uintptr_t)python_runtime.get_thread_state();
    if (state == 0 || !is_pointer(state))
        return 0;
    uint64_t finalizing = load(python_runtime.finalizing);
    if (finalizing != 0 && finalizing != state)
        return 0;
    if (state != stack->checked_thread_state) {
        if (!is_thread_state(state))
            return 0;
        stack->checked_thread_state = state;
    }
    return state;
}

static uint64_t find_innermost(uint64_t state)
{
    const struct cpython_offsets *offsets = &python_runtime.offsets;
    if (offsets->thread_current_frame != CPYTHON_NONE)
        return load(state + offsets->thread_current_frame);
    if (offsets->thread_frame != CPYTHON_NONE)
        return load(state + offsets->thread_frame);
    uint64_t entry = load(state + offsets->thread_cframe);
    return is_pointer(entry) ? load(entry + offsets->cframe_current_frame) : 0;
}

/* ---- the frames ---------------------------------------------------------------------------- */

static inline bool is_entry_of_c(uint64_t frame)
{
    const struct cpython_offsets *offsets = &python_runtime.offsets;
    return offsets->minor >= 12 && load_byte(frame + offsets->frame_owner) == CPYTHON_FRAME_OF_C;
}

static inline struct python_frame read_frame(uint64_t frame)
{
    enum {
        TAGS = 3 /* of 3.14 */
    };
    const struct cpython_offsets *offsets = &python_runtime.offsets;
    if (is_entry_of_c(frame))
        return (struct python_frame){.ends_group = true};
    struct python_frame read = {.code = load(frame + offsets->frame_code) & ~(uint64_t)TAGS};
    if (offsets->minor >= 11)
        read.instruction = load(frame + offsets->frame_instruction);
    else
        read.instruction = load_half(frame + offsets->frame_instruction);
    if (offsets->minor == 11)
        read.ends_group = load_byte(frame + offsets->frame_is_entry) != 0;
    else
        read.ends_group = offsets->minor < 11;
    return read;
}

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
    uint64_t state = find_thread_state(stack);
    uint64_t at = state != 0 ? find_innermost(state) : 0;
    uint64_t depth = 0, even = 0, odd = 1;
    while (at != 0 && depth < PYTHON_STACK_DEEPEST && is_readable(memory, at, FRAME_BYTES)) {
        struct python_frame frame = read_frame(at);
        if (frame.code != 0) {
            if (!is_readable(memory, frame.code, CODE_BYTES))
                break;
            /* Two chains, so that multiplications overlap. */
            even = stack_hash_step(even, frame.code ^ load(frame.code + offsets->code_filename)
                                                          << 16);
            odd = stack_hash_step(odd, frame.instruction ^
                                           load(frame.code + offsets->code_line_table) << 16);
        }
        odd += frame.ends_group;
        keep(stack, depth++, &frame);
        at = load(at + offsets->frame_previous);
    }
    finish(stack, depth);
    return depth != 0 ? stack_hash_step(even, odd) | 1 : 0;
}
