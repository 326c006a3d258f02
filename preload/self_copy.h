/* A copy of this process that only stands still, so that the recorder can read it at leisure while
 * the process goes on: the kernel copies pages when one of the two writes to them. Where the
 * recorder may not read it the copy reads itself (preload/self_reader.h), or, while the process is
 * held, a child does that shares its memory.
 *
 * Nobody notices it: the copy has no descriptors, tells nobody of its end, and is a child of a
 * child that is gone already (and was waited for). It never returns into the program. It ends when
 * the recorder says so, or is not there any more. */
#ifndef SEEP_PRELOAD_SELF_COPY_H
#define SEEP_PRELOAD_SELF_COPY_H

/* Tells the recorder where a thread that it has stopped may be led to make one (see
 * src/snapshot/target_copy.c), once the process is claimed. */
void self_copy_offer(void);

/* No system calls any more. */
void self_copy_withdraw(void);

/* Makes one, if the recorder asks for it: by a thread that is parked, or holds itself. */
void self_copy_make_if_wanted(void);

#endif
