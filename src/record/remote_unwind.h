/* Unwinds a stack of another process from its registers and a copy of its stack's bytes, with the
 * full unwind tables of its modules' files, through libunwind's remote interface.
 *
 * It is the fallback for stacks that the target's own rules cannot do, and the oracle that tests
 * those rules. Everything that comes in may be hostile: memory is read only out of the given bytes
 * and the modules' files, and the number of reads is limited, so a table that loops ends. */
#ifndef SEEP_RECORD_REMOTE_UNWIND_H
#define SEEP_RECORD_REMOTE_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "record/unwind_file.h"

/* A module of the process. file: NULL = not to be had; borrowed as long as the unwinding takes. */
struct remote_unwind_module {
    uint64_t start;
    uint64_t end;
    uint64_t bias; /* address in memory - address in the file */
    struct unwind_file *file;
};

/* Finds the module at `address`; false = there is none. */
typedef bool (*remote_unwind_find_module)(void *context, uint64_t address,
                                          struct remote_unwind_module *module);

/* A word of the process that is neither in the bytes nor in a module's file. */
typedef bool (*remote_unwind_read_word)(void *context, uint64_t address, uint64_t *word);

enum remote_unwind_register { /* as in struct wire_stack_bytes */
    REMOTE_UNWIND_PC,
    REMOTE_UNWIND_SP,
    REMOTE_UNWIND_BP,
    REMOTE_UNWIND_BX,
    REMOTE_UNWIND_R12,
    REMOTE_UNWIND_R13,
    REMOTE_UNWIND_R14,
    REMOTE_UNWIND_R15,
    REMOTE_UNWIND_REGISTER_COUNT
};

/* What to unwind. All pointers are borrowed. */
struct remote_unwind_stack {
    uint64_t registers[REMOTE_UNWIND_REGISTER_COUNT]; /* the pc is no return address */
    uint64_t address;                                 /* of the first byte */
    const uint8_t *bytes;
    size_t byte_count;
    uint64_t skip_until; /* the result begins with the first frame of this pc, if there is one; 0 =
                            with the registers' own */
    uint32_t limit;      /* frames kept: the innermost three quarters, the outermost quarter */
    remote_unwind_find_module find_module;
    remote_unwind_read_word read_word; /* NULL = there are no words but those of the bytes */
    void *context;
};

enum remote_unwind_end {
    REMOTE_UNWIND_COMPLETE,     /* the outermost frame was reached */
    REMOTE_UNWIND_NO_TABLE,     /* no unwind table for the last frame, or none that can be used */
    REMOTE_UNWIND_OUT_OF_BYTES, /* the stack goes on where no bytes were given */
    REMOTE_UNWIND_TOO_LONG      /* frames or reads beyond any sensible number */
};

struct remote_unwind_result {
    const uint64_t *frames; /* innermost first; WIRE_FRAME_EXACT as in a STACK record. Borrowed
                               until the next run */
    const uint64_t *stack_pointers; /* beside them: of each frame, in the order of frames */
    uint32_t count;
    uint32_t innermost_count; /* of the frames kept, those before the omitted ones */
    uint64_t omitted_count;
    enum remote_unwind_end end;
};

struct remote_unwind;

/* Caller owns. One serves any number of processes, one after another. */
struct remote_unwind *remote_unwind_create(struct error *error);
void remote_unwind_destroy(struct remote_unwind *unwind);

/* Cannot fail: at worst the result holds the registers' pc alone. Frames that libunwind would only
 * guess (by following rbp without a table) are left out. */
void remote_unwind_run(struct remote_unwind *unwind, const struct remote_unwind_stack *stack,
                       struct remote_unwind_result *result);

#endif
