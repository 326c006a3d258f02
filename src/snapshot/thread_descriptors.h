/* The descriptors of a stopped process's threads (struct pthread), as glibc's lists have them, and
 * which of the stopped threads each is of. */
#ifndef SEEP_SNAPSHOT_THREAD_DESCRIPTORS_H
#define SEEP_SNAPSHOT_THREAD_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/snapshot_scan.h"
#include "snapshot/thread_library.h"
#include "snapshot/word_cache.h"

/* A descriptor, and whose it is. */
struct described {
    uint64_t address;
    bool is_on_foreign_stack; /* not of glibc's making: the first thread's, or the program's own */
    bool is_kept;             /* nobody's: a stack for threads to come */
    uint32_t stopped;         /* position in input->threads, or SNAPSHOT_NONE */
};

struct thread_descriptors {
    struct described *items; /* by address */
    size_t count, capacity;
    uint32_t *of_stopped; /* positions in items, beside input->threads; SNAPSHOT_NONE: none */
};

/* Fills them; none where the library is not known. Clear after use. */
void thread_descriptors_find(const struct snapshot_scan_input *input,
                             const struct thread_library *library, struct word_cache *words,
                             struct thread_descriptors *descriptors);
void thread_descriptors_clear(struct thread_descriptors *descriptors);

/* The one of a stopped thread (a position in input->threads); NULL: it has none that is known. */
const struct described *thread_descriptors_of(const struct thread_descriptors *descriptors,
                                              uint32_t stopped);

#endif
