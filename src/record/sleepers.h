/* Processes whose threads were stopped in a sleep that nothing interrupts: those are let go when
 * they wake. */
#ifndef SEEP_RECORD_SLEEPERS_H
#define SEEP_RECORD_SLEEPERS_H

#include <stddef.h>

#include "snapshot/stopper.h"

/* A zeroed struct is empty. */
struct sleepers {
    struct stopper *items;
    size_t count, capacity;
};

/* Takes over what `stopper` has not let go yet, and leaves it empty. */
void sleepers_keep(struct sleepers *sleepers, struct stopper *stopper);

/* Lets those go that have woken. Now and then. */
void sleepers_settle(struct sleepers *sleepers);
void sleepers_clear(struct sleepers *sleepers);

#endif
