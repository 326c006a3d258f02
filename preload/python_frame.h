/* Reading a frame of Python, in any of its versions: two or three loads, as plain words. */
#ifndef SEEP_PRELOAD_PYTHON_FRAME_H
#define SEEP_PRELOAD_PYTHON_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/cpython_offsets.h"

/* Frames are foreign memory. */
#define PYTHON_FRAME_READS __attribute__((no_sanitize("address", "undefined", "thread")))

enum {
    PYTHON_FRAME_TAGS = 3 /* lowest bits of 3.14's word for the code */
};

struct python_frame {
    uint64_t code; /* 0: an entry of C's own, which runs no code */
    uint64_t instruction;
    bool ends_group; /* the outermost of those that one evaluation runs */
};

PYTHON_FRAME_READS static inline uint64_t python_frame_load(uint64_t address)
{
    return *(const uint64_t *)(uintptr_t)address;
}

PYTHON_FRAME_READS static inline uint32_t python_frame_load_half(uint64_t address)
{
    return *(const uint32_t *)(uintptr_t)address;
}

PYTHON_FRAME_READS static inline uint8_t python_frame_load_byte(uint64_t address)
{
    return *(const uint8_t *)(uintptr_t)address;
}

static inline bool python_frame_is_pointer(uint64_t word)
{
    return (word & 7) == 0 && word >= 4096 && word <= (UINT64_C(1) << 48) - 1;
}

static inline struct python_frame python_frame_read(const struct cpython_offsets *offsets,
                                                    uint64_t frame)
{
    if (offsets->minor >= 12 &&
        python_frame_load_byte(frame + offsets->frame_owner) == CPYTHON_FRAME_OF_C)
        return (struct python_frame){.ends_group = true};
    struct python_frame read = {.code = python_frame_load(frame + offsets->frame_code) &
                                        ~(uint64_t)PYTHON_FRAME_TAGS};
    if (offsets->minor >= 11)
        read.instruction = python_frame_load(frame + offsets->frame_instruction);
    else
        read.instruction = python_frame_load_half(frame + offsets->frame_instruction);
    if (offsets->minor == 11)
        read.ends_group = python_frame_load_byte(frame + offsets->frame_is_entry) != 0;
    else
        read.ends_group = offsets->minor < 11;
    return read;
}

#endif
