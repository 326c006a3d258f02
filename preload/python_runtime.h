/* The CPython in this process, if there is one: its place, its version, and where its structs keep
 * what is read.
 *
 * It is known by its exports, which every build has in its dynamic symbols: an executable python3,
 * a libpython that a program is linked with or opens late. So each module is looked at once, with
 * the loader's list at start and later when a stack first runs through it; no lock is taken for
 * that. A CPython that is not understood (an unknown version, a debug build, one without a GIL) is
 * told to the recorder with the reason, and nothing of it is read. */
#ifndef SEEP_PRELOAD_PYTHON_RUNTIME_H
#define SEEP_PRELOAD_PYTHON_RUNTIME_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "preload/export.h"
#include "preload/function_pieces.h"
#include "preload/python_trail.h"
#include "preload/unwind_rules.h"
#include "wire/cpython_offsets.h"
#include "wire/wire_format.h"

struct thread_state;

struct python_runtime {
    uint32_t version;             /* PY_VERSION_HEX; below 3.11 without what follows the minor */
    enum wire_python_state state; /* NONE: no CPython was seen */
    uint64_t module;              /* where its module begins */
    uint64_t bias;                /* address in memory - address in its file */
    uint64_t runtime;             /* _PyRuntime */
    uint64_t finalizing;          /* the word that holds the thread state which ends it; 0 = none */
    uint64_t code_type, text_type, bytes_type;
    struct code_range evaluation[FUNCTION_PIECES_MOST]; /* _PyEval_EvalFrameDefault */
    size_t evaluation_count;
    void *(*get_thread_state)(void); /* PyGILState_GetThisThreadState */
    struct cpython_offsets offsets;
    uint32_t thread_entry; /* where a thread state names its frame, or its thread_cframe */
    python_trail_hasher hash_trail;
};

/* Are there Python stacks? Read with every event. */
INTERNAL extern _Atomic bool python_runtime_has_stacks;

/* What was found; its fields are whole before python_runtime_has_stacks is set. */
INTERNAL extern struct python_runtime python_runtime;

/* Looks at all modules that are loaded; once, before anything is recorded. */
void python_runtime_start(void);

/* The address of what the CPython's module defines; 0 = it does not. */
uint64_t python_runtime_find(const char *name);

/* Looks at one more. */
void python_runtime_look(uint64_t start, uint64_t bias);

/* A module may have gone: forgets the CPython in it. */
void python_runtime_check(void);

/* Tells the recorder, with the process's first stack. */
void python_runtime_tell(struct thread_state *thread);

#endif
