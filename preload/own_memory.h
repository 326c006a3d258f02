/* Memory that recording takes in the program, and what it leaves where memory is limited: the
 * program's own comes first.
 *
 * RLIMIT_DATA counts private memory that can be written, but no stacks; ours is mapped as one.
 * RLIMIT_AS counts every mapping: of it we take an eighth at most, and never more than is left. A
 * thread that finds no room for its state or its ring is not recorded, and what it does is counted
 * as lost. */
#ifndef SEEP_PRELOAD_OWN_MEMORY_H
#define SEEP_PRELOAD_OWN_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed, and left out of core dumps. NULL = there is none. */
void *own_memory_map(size_t bytes);

/* RLIMIT_AS: a mapping that is larger than it need be, even for a moment, may be missing elsewhere.
 */
bool own_memory_is_short_of_addresses(void);

/* May all that we have come to so many bytes? */
bool own_memory_may_be(uint64_t bytes);

#endif
