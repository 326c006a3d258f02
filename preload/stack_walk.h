/* Walks the current thread's call stack by the rules of unwind_rules.h: one table look-up and one
 * or two loads a frame, no lock, no allocation, no read of memory that is not there.
 *
 * What makes a read safe: each thread keeps a few ranges of stack memory that were found readable.
 * A word outside of them is tested with one system call per page (rt_sigprocmask with an operation
 * that does not exist reads its argument first: EFAULT when it cannot, EINVAL when it can; nothing
 * changes), and the page joins its range. Where system calls are forbidden, such a word ends the
 * walk.
 *
 * A walk goes to the end of the stack at any depth. When that is deeper than the limit, both ends
 * are kept (wire/stack_cut.h). */
#ifndef SEEP_PRELOAD_STACK_WALK_H
#define SEEP_PRELOAD_STACK_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/arch/arch.h"
#include "preload/unwind_rules.h"
#include "wire/stack_cut.h"
#include "wire/wire_format.h"

struct walk_registers {
    uint64_t pc;
    uint64_t sp;
    uint64_t bp;
    bool is_exact; /* pc is an instruction that was interrupted, not a return address */
};

/* Those of the caller of a function, by the address of that function's frame. It is compiled with a
 * frame pointer. */
static inline struct walk_registers walk_caller_registers(uintptr_t frame)
{
    return (struct walk_registers){.pc = arch_frame_return_address(frame),
                                   .sp = arch_frame_caller_sp(frame),
                                   .bp = arch_frame_caller_bp(frame)};
}

/* In that function itself. */
#define WALK_CALLER_REGISTERS(registers)                                                           \
    (*(registers) = walk_caller_registers((uintptr_t)__builtin_frame_address(0)))

/* ---- memory that may be read -------------------------------------------------------------------
 */

enum {
    WALK_MEMORY_RANGES = 4, /* stacks that a thread switches between without new tests */
    WALK_MEMORY_GAP_PAGES = 64,
    WALK_MEMORY_GAPS = 64 /* so many that stay gaps are tested */
};

struct walk_range {
    uint64_t low;
    uint64_t high; /* exclusive */
};

/* One per thread; zeroes are a valid start. */
struct walk_memory {
    struct walk_range ranges[WALK_MEMORY_RANGES];
    uint32_t next_range; /* the one that is given up when a fifth is needed */
    uint32_t gap_count;  /* met between ranges, and not readable */
    bool are_system_calls_forbidden;
};

/* Tells of memory that is known to be readable as long as the thread lives: at a thread's start its
 * whole stack, so that no test is needed later. */
void walk_memory_add(struct walk_memory *memory, uint64_t low, uint64_t high);

/* Forgets what was found: to be called when the program may have unmapped a stack (of a coroutine).
 */
void walk_memory_forget(struct walk_memory *memory);

/* The range that a walk from `sp` begins in. The word below `sp` is the return address of the
 * function that asks for the walk: its page is there. */
struct walk_range walk_memory_enter(struct walk_memory *memory, uint64_t sp);

/* Widens *range so that it has the word at `address` as well, which lies above it. What lies in
 * between is tested too, unless it is much: a frame may be larger than a page. */
bool walk_memory_widen(struct walk_memory *memory, struct walk_range *range, uint64_t address);

/* How many of the bytes from `address` on can be read, at most `wanted`. */
size_t walk_memory_readable(struct walk_memory *memory, uint64_t address, size_t wanted);

/* ---- the walk ----------------------------------------------------------------------------------
 */

enum {
    STACK_WALK_DEFAULT_LIMIT = 256,
    STACK_WALK_MIN_LIMIT = 4,
    STACK_WALK_MAX_FRAMES = 1000000, /* no stack is followed beyond this */
    STACK_WALK_MAX_SIGNALS = 1000
};

enum stack_walk_end {
    STACK_WALK_COMPLETE,    /* the outermost frame was reached */
    STACK_WALK_NO_RULE,     /* at `last`, though an unwinder with all registers may go on */
    STACK_WALK_NO_TABLE,    /* at `last`: none in memory; its file may have .debug_frame */
    STACK_WALK_UNREADABLE,  /* the rule of `last` leads to memory that cannot be read */
    STACK_WALK_NO_PROGRESS, /* the rule of `last` does not lead up the stack */
    STACK_WALK_TOO_DEEP     /* STACK_WALK_MAX_FRAMES */
};

struct stack_walk {
    /* Given: room for `limit` frames, at least STACK_WALK_MIN_LIMIT. */
    uint64_t *frames;
    uint32_t limit;

    /* Found: frames[0 .. count-1], innermost first. Each is an address, a return address unless
     * WIRE_FRAME_EXACT is set: then it is the instruction that a signal interrupted. */
    uint32_t count;
    uint32_t inner_count; /* `count`, unless frames were left out behind these */
    uint64_t omitted_count;
    enum stack_walk_end end;
    struct walk_registers last; /* of the outermost frame that was reached */
};

/* What a walk depended on, in its order: it is a pure function of pc and sp that it begins with, of
 * these words, and of bp where is_bp_used. So as long as all of them hold these values, the stack
 * is the same. A saved bp counts only if a frame was found by it: compilers keep all sorts of
 * values in that register. */
struct walk_read {
    uint64_t address;
    uint64_t value;
};

struct walk_reads {
    struct walk_read *reads; /* given */
    uint32_t capacity;       /* given */
    uint32_t count;          /* found; more than capacity: not all are there */
    bool is_bp_used;         /* the bp that the walk began with */
};

/* The same as stack_walk_run, some nanoseconds a frame slower, and tells what it read. */
void stack_walk_run_telling(struct unwind_rules *rules, struct walk_memory *memory,
                            const struct walk_registers *from, struct stack_walk *walk,
                            struct walk_reads *reads);

/* Walks from a frame of the calling thread, which is still on the stack. Can be called from a
 * signal handler that interrupted another walk of the same thread, with another `walk` and `memory`
 * or the same `memory`. */
void stack_walk_run(struct unwind_rules *rules, struct walk_memory *memory,
                    const struct walk_registers *from, struct stack_walk *walk);

#endif
