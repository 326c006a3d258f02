/* Work that may take long tells how far it is, and asks whether it is still wanted. */
#ifndef SEEP_BASE_PROGRESS_H
#define SEEP_BASE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct progress {
    /* `share` of the work is done, 0.0 .. 1.0. False: stop. NULL: nobody asks. */
    bool (*goes_on)(void *context, double share);
    void *context;
};

enum {
    PROGRESS_STEP = 1 << 15 /* items between two questions; a power of two */
};

/* For loops: asks now and then only. */
static inline bool progress_goes_on(const struct progress *progress, size_t done, size_t all)
{
    return !progress || !progress->goes_on || done & (PROGRESS_STEP - 1) ||
           progress->goes_on(progress->context, all ? (double)done / (double)all : 0);
}

/* For work in few parts: asks at the end of each. */
static inline bool progress_reaches(const struct progress *progress, double share)
{
    return !progress || !progress->goes_on || progress->goes_on(progress->context, share);
}

#endif
