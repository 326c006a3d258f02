/* Numbers for code objects, told to the recorder with what names them: function, file, first line
 * and the table of lines, which the recorder decodes.
 *
 * A code object can die, and another begin at its address. So a number is looked up by the address
 * and by what the object says there of itself (its texts' addresses, its first line). Numbers are
 * given once in a session: forked children go on with those of their parent, and workers that run
 * the same code end as the same frames, for the recorder compares what it is told.
 *
 * The table is the process's. Nobody waits for it: a thread that finds it in use tells a number of
 * its own. */
#ifndef SEEP_PRELOAD_PYTHON_CODE_H
#define SEEP_PRELOAD_PYTHON_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/python_stack.h"
#include "preload/thread_state.h"

/* The word of a frame (WIRE_FRAME_PYTHON) once the recorder was told of its code; 0: it could not
 * be. Needs the code object as it is now. */
uint64_t python_code_word(struct thread_state *thread, const struct python_frame *frame);

#endif
