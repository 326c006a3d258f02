/* The order in which the records of a process are applied; event_order.c tells how. */
#ifndef SEEP_RECORD_EVENT_ORDER_H
#define SEEP_RECORD_EVENT_ORDER_H

#include "record/process_tree.h"

/* Looks at the rings of the process and applies what can be applied in order; with is_everything,
 * all that is there. Returns the bytes read. */
uint64_t event_order_drain(struct process_tree *tree, struct recorded_process *process,
                           uint64_t now, bool is_everything);

#endif
