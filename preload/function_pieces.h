/* The pieces that a compiler has cut a function into: what it takes for rarely run stands
 * elsewhere, without a symbol where the program is stripped, but with an unwind table entry of its
 * own.
 *
 * A piece is code that the function jumps to and that jumps back into the midst of the function;
 * other functions do the one (the end of a call at the end) but not the other. Instructions are not
 * decoded: every byte may begin a jump. What is no jump leads anywhere among four billion bytes, so
 * that both ways fit by chance is out of the question. */
#ifndef SEEP_PRELOAD_FUNCTION_PIECES_H
#define SEEP_PRELOAD_FUNCTION_PIECES_H

#include <stddef.h>
#include <stdint.h>

#include "preload/eh_frame.h"

enum {
    FUNCTION_PIECES_MOST = 8
};

struct code_range {
    uint64_t start, end;
};

/* Of a function, which is the first of them; returns how many. `code` is the segment that it stands
 * in: nothing else is taken for code. */
size_t function_pieces_find(const struct eh_frame_module *module, const struct code_range *code,
                            const struct code_range *function,
                            struct code_range pieces[FUNCTION_PIECES_MOST]);

#endif
