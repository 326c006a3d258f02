/* Functions that a stack does not show, because each ended in a jump to the next: their frames were
 * gone when the allocation came. Debug information knows them all the same.
 *
 * The call that a frame waits for names the function that was called. Where another function is
 * found there, the one that was called has left by a jump, or by a chain of them; and debug
 * information says of each call whether it is such a jump, and to where. When just one chain leads
 * from what was called to what was found, its functions are known, and so are their lines.
 * Otherwise only the first is: it was called, whatever came then. (GDB does alike, by the same
 * information.) */
#ifndef SEEP_SYMBOLS_TAIL_CALLS_H
#define SEEP_SYMBOLS_TAIL_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbols/module_file.h"
#include "wire/function_kinds.h"

enum {
    TAIL_CALLS_MAX = 16
};

/* A frame that is gone, as recordings have frames. */
struct tail_call {
    struct module_file *file;
    uint64_t offset; /* where the jump would return to; or what is_exact says */
    bool is_exact;   /* of the jump itself; or in the function, when it is not known which jump */
};

struct tail_chain {
    struct tail_call calls[TAIL_CALLS_MAX]; /* innermost first */
    size_t count;
};

/* What was found on the stack: a function of a file, or one that allocates. */
struct tail_callee {
    struct module_file *file; /* NULL = the latter */
    uint64_t address;         /* in the function */
    enum function_kind kind;
};

/* What is gone between a call that returns to `return_address` and what was found. */
void tail_calls_find(struct module_file *caller, uint64_t return_address,
                     const struct tail_callee *callee, struct tail_chain *chain);

#endif
