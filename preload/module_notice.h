/* Tells the recorder of the modules that stacks run through, when a stack first does, and of those
 * that dlclose took away. No list of the loader is read and no lock of it taken: each new stack's
 * addresses are looked up one by one (unwind_rules_find_module), so a module is known before any
 * stack names it. */
#ifndef SEEP_PRELOAD_MODULE_NOTICE_H
#define SEEP_PRELOAD_MODULE_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/thread_state.h"

/* Before a STACK record with these addresses (WIRE_FRAME_EXACT may be set in them). False when
 * there was no room to tell of a module. */
bool module_notice_frames(struct thread_state *thread, const uint64_t *frames, size_t count);

/* After dlclose: tells which of the modules told before are gone. */
void module_notice_closed(struct thread_state *thread);

#endif
