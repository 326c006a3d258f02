/* A CPython interpreter within a stopped process, as far as it was found. What is read of it may be
 * anything: every walk is bounded, and every address is asked for through a view. */
#ifndef SEEP_RUNTIMES_CPYTHON_CPYTHON_H
#define SEEP_RUNTIMES_CPYTHON_CPYTHON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtimes/memory_view.h"
#include "snapshot/snapshot_scan.h"
#include "snapshot/target_modules.h"
#include "wire/cpython_offsets.h"

enum {
    CPYTHON_INTERPRETERS_MAX = 64,
    CPYTHON_THREADS_MAX = 65536,
    CPYTHON_STATIC_RANGES = MODULE_SEGMENTS_MAX,
    CPYTHON_CODE_RANGES = 256,
    CPYTHON_REFERENCE_TAGS = 3 /* bits of references on stacks and in tables, from 3.14 on */
};

struct cpython {
    struct memory_view *view;
    struct cpython_offsets offsets;
    uint32_t version_hex;
    uint64_t runtime;                                /* _PyRuntime */
    uint64_t type_type;                              /* PyType_Type */
    uint64_t interpreters[CPYTHON_INTERPRETERS_MAX]; /* the main one first */
    size_t interpreter_count;
    size_t thread_count;
    struct address_range data[CPYTHON_STATIC_RANGES]; /* its module's variables */
    size_t data_count;
    struct address_range code[CPYTHON_CODE_RANGES]; /* of CPython and its own extension modules */
    size_t code_count;
    const struct target_mappings *mappings; /* borrowed */
};

enum cpython_presence {
    CPYTHON_ABSENT,  /* no CPython in this process */
    CPYTHON_REFUSED, /* there is one, of which nothing can be said: see the reason */
    CPYTHON_FOUND
};

/* Finds the interpreter in the modules of the process and checks that what the table of offsets
 * says of it is so. The version is known (not 0) also of many that are refused. */
enum cpython_presence cpython_locate(struct cpython *python, struct memory_view *view,
                                     const struct target_mappings *mappings,
                                     const struct target_modules *modules, struct word_cache *words,
                                     char *reason, size_t reason_bytes);

static inline bool cpython_has_field(uint32_t offset)
{
    return offset != CPYTHON_NONE;
}

/* A field of something; 0 where it cannot be read or the version has none. */
static inline uint64_t cpython_field(const struct cpython *python, uint64_t address,
                                     uint32_t offset)
{
    return address == 0 || offset == CPYTHON_NONE
               ? 0
               : memory_view_word_or_0(python->view, address + offset);
}

/* The collector's state of an interpreter. */
uint64_t cpython_collector(const struct cpython *python, size_t interpreter);

/* What the names of a module of an interpreter's are called: "__main__" of the main one, and
 * "interpreter 2: __main__" of others. */
void cpython_root_name(const struct cpython *python, size_t interpreter, const char *module,
                       char *name, size_t name_bytes);

/* Is this the address of something aligned as objects are? */
static inline bool cpython_is_pointer(uint64_t value)
{
    return value >= 4096 && (value & 7) == 0 && value < UINT64_C(1) << 47;
}

#endif
