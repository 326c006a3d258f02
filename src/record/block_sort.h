/* Blocks by address, while their process waits. */
#ifndef SEEP_RECORD_BLOCK_SORT_H
#define SEEP_RECORD_BLOCK_SORT_H

#include "snapshot/snapshot.h"

/* Called by the calling thread again and again, so that who waits for the recorder sees it work. */
typedef void (*block_sort_beat)(void *context);

/* Sorts by address; the array may become another one. By so many threads; 0: as many as are worth
 * it. The answer is always the same. */
void block_sort(struct snapshot_block **blocks, size_t count, size_t threads, block_sort_beat beat,
                void *context);

#endif
