/* What one look at a C library tells for all processes that have the same one: where its symbols are
 * and what they say, and where its allocator's lists stand. Finding that anew takes most of the time
 * that a small process's scan takes, and thousands of them may end in a session.
 *
 * A build is known by its build-id. What is kept was checked when it was read, so a process that
 * only says that it has that build gets wrong roots, no more. */
#ifndef SEEP_SNAPSHOT_LIBC_FACTS_H
#define SEEP_SNAPSHOT_LIBC_FACTS_H

#include "snapshot/target_modules.h"
#include "snapshot/thread_library.h"

enum {
    LIBC_BUILDS_MAX = 8 /* further ones are looked at anew each time */
};

struct libc_build {
    uint8_t id[40];
    uint32_t id_bytes;
    struct thread_facts threads;
    struct address_range arena; /* main_arena, from the bias; empty = not known yet */
};

/* All zero at first; holds nothing that would have to be given back. */
struct libc_facts {
    struct libc_build builds[LIBC_BUILDS_MAX];
    size_t count;
};

/* What is known of the module's build, to be filled in further; NULL where nothing is kept. `facts`
 * may be NULL. Borrowed until facts go. */
struct libc_build *libc_facts_find(struct libc_facts *facts, const struct target_module *module);

#endif
