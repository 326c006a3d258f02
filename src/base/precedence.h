/* Lets the calling thread run before the ordinary ones of the machine for a moment, where that is
 * allowed: what somebody waits for is then not drawn out by whoever else is busy. Such a moment is
 * to be short, and the thread is to sleep where it waits for ordinary ones. It is for our own
 * threads alone: a thread of another process would keep it if we died in that moment. */
#ifndef SEEP_BASE_PRECEDENCE_H
#define SEEP_BASE_PRECEDENCE_H

#include <stdbool.h>

struct precedence {
    bool is_given;
};

/* Nothing happens to one that was told to be modest (nice), that has a policy of its own, or that
 * may not. Children and threads that begin meanwhile are ordinary. */
void precedence_give(struct precedence *precedence);

/* By the same thread: it is as it was; also where nothing was given. */
void precedence_take_back(struct precedence *precedence);

#endif
