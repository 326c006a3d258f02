/* Which C code holds an object that no other object does: a variable of a module, also one of a
 * thread's own, a block of malloc's, a stack, a register. */
#ifndef SEEP_RUNTIMES_CPYTHON_HOLDERS_H
#define SEEP_RUNTIMES_CPYTHON_HOLDERS_H

#include "runtimes/cpython/objects.h"
#include "runtimes/cpython/used_memory.h"
#include "snapshot/snapshot.h"

/* The first is the most telling: of several one is told. */
enum cpython_holder_kind {
    CPYTHON_HELD_BY_VARIABLE, /* of a module that is not the interpreter's */
    CPYTHON_HELD_BY_LOCAL,    /* the same, of a thread */
    CPYTHON_HELD_BY_BLOCK,    /* of malloc's */
    CPYTHON_HELD_BY_INTERPRETER,
    CPYTHON_HELD_BY_STACK,
    CPYTHON_HELD_BY_REGISTER,
    CPYTHON_HELD_BY_MEMORY /* that is none of these */
};

struct cpython_holder {
    uint32_t object;
    enum cpython_holder_kind kind;
    uint64_t address;                    /* of the word; of a register its number */
    uint64_t offset;                     /* among the thread-local variables of the module */
    const struct target_module *module;  /* of a variable, or NULL. Borrowed, as what follows */
    const struct stopped_thread *thread; /* of a stack or register, or NULL */
};

struct cpython_holders {
    struct cpython_holder *items; /* by kind, then by address */
    size_t count, capacity;
    struct hash_map index; /* by object: position */
};

/* Of objects where `is_wanted` is not 0. `memory` is planned; all is borrowed. What is not found
 * within its time has none. */
void cpython_holders_find(struct cpython_holders *holders, const uint8_t *is_wanted,
                          struct used_memory *memory);
void cpython_holders_clear(struct cpython_holders *holders);

/* NULL: none was found. */
const struct cpython_holder *cpython_holders_of(const struct cpython_holders *holders,
                                                uint32_t object);

/* "(C variable _foo.so+0x4048)": the name of a root; "(thread-local C variable _foo.so+0x8)", with
 * the offset. */
void cpython_holder_name(const struct cpython_holder *holder, char *name, size_t name_bytes);

#endif
