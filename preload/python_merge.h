/* One stack out of two: the native one, in which Python's functions are all the same few functions
 * of the interpreter, and Python's own.
 *
 * The interpreter's evaluation function runs one or more Python frames each time it is entered: one
 * up to 3.10, since 3.11 as many as call each other without C in between. Those of one entry are a
 * group; the k-th evaluation frame from the outermost stands for the k-th group from the outermost,
 * and the group's frames take its place. What C does in between stays where it is.
 *
 * Where there are not as many of the one as of the other (a frame is just being made; an
 * interpreter that jumps from one instruction's function to the next), no frame is dropped: pairs
 * are made from the outermost on, and what is left of the groups stands inside of the innermost
 * pair. Such a stack is approximate, and counted.
 *
 * Either stack may have a gap where frames were left out. The result has one. */
#ifndef SEEP_PRELOAD_PYTHON_MERGE_H
#define SEEP_PRELOAD_PYTHON_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/function_pieces.h"

/* Of Python: a word for the frame, or 0 for one that is none (an entry of C's own). */
struct python_merge_frame {
    uint64_t word;
    bool ends_group; /* it is the outermost of its group */
};

struct python_merge {
    /* Given, innermost first. Gaps: frames that were left out behind the first so many; 0 omitted:
     * none. */
    const uint64_t *native;
    uint32_t native_count, native_inner_count;
    uint64_t native_omitted;
    bool is_native_whole; /* it goes to the end of the stack */
    const struct python_merge_frame *python;
    uint32_t python_count, python_inner_count;
    uint64_t python_omitted;
    const struct code_range *evaluation; /* where the code of the evaluation stands */
    size_t evaluation_count;
    uint64_t *frames; /* room for `limit`, at least 4 */
    uint32_t limit;

    /* Found. */
    uint32_t count, inner_count;
    uint64_t omitted;
    bool is_approximate;
};

void python_merge_run(struct python_merge *merge);

/* The same, slower, for any stacks: the usual ones are also done in one pass. */
void python_merge_run_any(struct python_merge *merge);

#endif
