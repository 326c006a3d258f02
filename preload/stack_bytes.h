/* A stack that the rules cannot do to its end travels as registers and raw stack bytes, and is
 * unwound in the recorder by libunwind (src/record/remote_unwind.c). In the oracle's mode every new
 * stack does, to be compared. */
#ifndef SEEP_PRELOAD_STACK_BYTES_H
#define SEEP_PRELOAD_STACK_BYTES_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/stack_walk.h"
#include "preload/thread_state.h"

/* Follows the STACK record of the same slot. is_oracle: the slot's stack is whole, only compare. */
void stack_bytes_send(struct thread_state *thread, uint32_t slot, bool is_oracle,
                      const struct walk_registers *caller);

#endif
