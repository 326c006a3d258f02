/* The Python frames of a process's threads. */
#ifndef SEEP_RUNTIMES_CPYTHON_FRAMES_H
#define SEEP_RUNTIMES_CPYTHON_FRAMES_H

#include "runtimes/cpython/cpython.h"

struct cpython_frame {
    uint64_t address; /* of the frame object up to 3.10, of the frame from 3.11 on */
    uint64_t code;
    char name[96]; /* of the function */
};

/* Calls `visit` for each frame that runs Python code, of each thread, innermost first. */
typedef void (*cpython_visit_frame)(void *context, const struct cpython_frame *frame);
void cpython_frames_visit(const struct cpython *python, cpython_visit_frame visit, void *context);

#endif
