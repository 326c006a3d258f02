/* Where the stacks of threads are that glibc made, also those that it keeps for threads to come.
 * A thread's descriptor stands at the top of its stack: from the beginning of its mapping, or from
 * what stands below it in the same one, to the end of the descriptor's page. */
#ifndef SEEP_SNAPSHOT_THREAD_STACKS_H
#define SEEP_SNAPSHOT_THREAD_STACKS_H

#include "snapshot/libc_facts.h"
#include "snapshot/target_modules.h"
#include "snapshot/word_cache.h"

struct thread_stack {
    struct address_range range;
    bool is_kept; /* of no thread now */
};

/* By address, disjoint. Caller frees. `facts` may be NULL. */
struct thread_stack *thread_stacks_list(const struct target_mappings *mappings,
                                        const struct target_modules *modules,
                                        struct word_cache *words, struct libc_facts *facts,
                                        size_t *count);

#endif
