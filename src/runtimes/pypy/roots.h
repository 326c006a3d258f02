/* Where the names of a program that PyPy runs begin: its modules, and the variables of functions
 * that run. */
#ifndef SEEP_RUNTIMES_PYPY_ROOTS_H
#define SEEP_RUNTIMES_PYPY_ROOTS_H

#include "runtimes/pypy/frames.h"
#include "runtimes/pypy/objects.h"

/* A module, and the dictionary of its variables (PYPY_NO_OBJECT: that is not known). */
typedef void (*pypy_visit_module)(void *context, uint32_t module, uint32_t dict, const char *name);
void pypy_roots_visit_modules(const struct pypy_objects *objects, pypy_visit_module visit,
                              void *context);

/* A variable of a function, called "work().rows", and the array it stands in, which is the frame's
 * own (PYPY_NO_OBJECT: that is not known). */
typedef void (*pypy_visit_local)(void *context, uint32_t object, uint32_t array, const char *name);
void pypy_roots_visit_locals(const struct pypy_objects *objects, pypy_visit_local visit,
                             void *context);

/* What stands on PyPy's own stack of references. */
void pypy_roots_visit_stack(const struct pypy_objects *objects, pypy_visit_address visit,
                            void *context);

#endif
