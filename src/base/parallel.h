/* Work in parts that may be done side by side, by as many threads as there are processors. */
#ifndef SEEP_BASE_PARALLEL_H
#define SEEP_BASE_PARALLEL_H

#include <stddef.h>

enum {
    PARALLEL_MOST = 8 /* threads, however many processors there are */
};

/* How many threads are worth it: one for each processor that this process may run on. */
size_t parallel_threads(void);

/* Does one part; `thread`, below the number of threads, is nobody else's meanwhile. */
typedef void (*parallel_work)(void *context, size_t part, size_t thread);

/* Has all parts done, those with low numbers first begun, and returns when they are. The calling
 * thread is thread 0; where others cannot be made it does all of it, so nothing may wait for
 * another part. With one thread the parts are done in their order. */
void parallel_run(size_t thread_count, size_t part_count, parallel_work work, void *context);

#endif
