/* Work beside the caller's: one more thread, for what can be cut in two. */
#ifndef SEEP_BASE_SIDE_WORK_H
#define SEEP_BASE_SIDE_WORK_H

#include <pthread.h>

typedef void (*side_work_function)(void *context);

struct side_work {
    pthread_t thread;
    side_work_function function;
    void *context;
    int trouble; /* errno: why there is no thread; 0 = there is one */
};

/* Has `function` called with the context, by the end of side_work_end at the latest: that does it
 * where no thread is to be had. The process's signals are none of the thread's business, but for
 * those of its own mistakes. */
void side_work_begin(struct side_work *work, side_work_function function, void *context);
void side_work_end(struct side_work *work);

#endif
