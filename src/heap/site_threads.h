/* How the blocks of one site divide among the threads that allocated them.
 *
 * Most sites belong to one thread; then its figures are the site's own, and nothing but the
 * thread's index is kept. A second thread, or inherited blocks (they belong to no thread of this
 * process), make a list. A list has at most SITE_THREADS_MAX entries, and all lists together at
 * most a budget; after that the last entry stands for all further threads, so that sums stay exact.
 */
#ifndef SEEP_HEAP_SITE_THREADS_H
#define SEEP_HEAP_SITE_THREADS_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/estimates.h"

struct site;

enum {
    SITE_THREADS_MAX = 1024,
    SITE_THREADS_TOTAL_MAX = 1 << 22
};

struct site_thread {
    uint32_t thread;
    uint64_t allocations;
    uint64_t allocated_bytes;
    uint64_t frees; /* by any thread, of blocks that this one allocated */
    uint64_t freed_bytes;
};

/* A zeroed struct is valid: no thread yet. */
struct site_threads {
    struct site_thread *list; /* by thread; NULL while the site's own figures say it all */
    uint32_t first;           /* the list's first thread, or the only one while there is no list */
    uint16_t count;
    bool is_full; /* the last entry stands for all others from now on */
};

void site_threads_clear(struct site_threads *threads, uint64_t *total_count);

/* Call before a site that may have threads already inherits a block. */
void site_threads_make_list(struct site *site, uint64_t *total_count);

/* Where the thread's entry stands when the list has no gaps before it, as where all threads of a
 * pool run through a site. */
static inline struct site_thread *site_threads_guess(const struct site_threads *threads,
                                                     uint32_t thread)
{
    uint32_t place = thread - threads->first;
    return threads->list && place < threads->count ? &threads->list[place] : NULL;
}

/* Call before the site's own figures change (site.h has the quick ones). `total_count` counts the
 * entries of all lists. */
void site_threads_birth_slowly(struct site *site, uint32_t thread, struct weight weight,
                               uint64_t *total_count);
void site_threads_release_slowly(struct site *site, uint32_t thread, struct weight weight);

/* How many threads there are, and the one at a place. */
uint32_t site_threads_count(const struct site *site);
struct site_thread site_threads_at(const struct site *site, uint32_t place);

#endif
