/* Reads what there is of Python in a process, unless all its modules are known from processes
 * before it to have no interpreter: most programs of a build or a test suite have none, and are
 * small.
 *
 * A module is known by its build-id; one that has none is looked at each time. */
#ifndef SEEP_RECORD_PYTHON_SEARCH_H
#define SEEP_RECORD_PYTHON_SEARCH_H

#include <stdbool.h>

#include "base/hash_map.h"
#include "runtimes/python_runtimes.h"
#include "snapshot/snapshot.h"

/* A zeroed struct knows nothing. */
struct python_search {
    struct hash_map strangers; /* modules without an interpreter, by the front of their build-ids */
};

void python_search_clear(struct python_search *search);

/* Is there none in the snapshot's process, by what is known of its modules? `search` may be NULL.
 */
bool python_search_has_none(const struct python_search *search, const struct snapshot *snapshot);

/* Reads it of the snapshot's process, of which python_search_has_none is not known. `search` may be
 * NULL. */
void python_search_read(struct python_search *search, const struct python_runtimes_input *input,
                        struct snapshot *snapshot);

#endif
