/* The Python functions that each thread runs. */
#ifndef SEEP_RUNTIMES_PYPY_FRAMES_H
#define SEEP_RUNTIMES_PYPY_FRAMES_H

#include "runtimes/pypy/objects.h"
#include "snapshot/python_heap.h"

struct pypy_frame {
    uint64_t address; /* of the frame object */
    uint64_t code;    /* of its PyCode */
    char name[96];    /* of the function */
};

/* Calls `visit` for each frame of each thread, innermost first. */
typedef void (*pypy_visit_frame)(void *context, const struct pypy_frame *frame);
void pypy_frames_visit(const struct pypy_objects *objects, pypy_visit_frame visit, void *context);

/* "work (app.py:12)" of a code object, at an instruction (bytes); -1: where it begins. False: that
 * is none. */
bool pypy_code_tell(const struct pypy *pypy, uint64_t code, int64_t instruction, char *text,
                    size_t text_bytes);

/* Adds the stack of each thread, as a text; says how many threads there are. */
void pypy_frames_tell(const struct pypy_objects *objects, struct python_heap *heap);

#endif
