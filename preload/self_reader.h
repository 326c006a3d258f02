/* Reads this process's own memory for the recorder, which may not: the process said that it is not
 * dumpable, or runs where nobody may look at others. It answers until it is told to end.
 *
 * Runs in a copy of the process or in a child that shares its memory (preload/self_copy.c), never
 * in the process itself: it opens files. What cannot be read is found out by the kernel, not by a
 * fault.
 */
#ifndef SEEP_PRELOAD_SELF_READER_H
#define SEEP_PRELOAD_SELF_READER_H

#include "wire/session.h"

/* `copy`: by which it was asked for, with SESSION_COPY_READS. */
void self_reader_serve(struct session_process *shared, uint32_t copy);

#endif
