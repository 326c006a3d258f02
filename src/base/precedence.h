/* Lets a thread run before the ordinary ones of the machine for a moment, where that is allowed:
 * what somebody waits for is then not drawn out by whoever else is busy. Such a moment is to be
 * short, and such a thread is to sleep where it waits for ordinary ones. */
#ifndef SEEP_BASE_PRECEDENCE_H
#define SEEP_BASE_PRECEDENCE_H

#include <stdbool.h>
#include <sys/types.h>

struct precedence {
    pid_t tid;
    bool is_given;
};

/* `tid` 0 is the calling thread. Nothing happens to one that was told to be modest (nice), that has
 * a policy of its own, or that may not. `is_inherited`: so do its children; else they are ordinary.
 */
void precedence_give(struct precedence *precedence, pid_t tid, bool is_inherited);

/* It is as it was; also where nothing was given. */
void precedence_take_back(struct precedence *precedence);

/* A child that has inherited it is ordinary from now on. */
void precedence_drop(pid_t tid);

#endif
