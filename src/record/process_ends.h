/* How images end: their last records are applied, their slots given back, their exit found out. */
#ifndef SEEP_RECORD_PROCESS_ENDS_H
#define SEEP_RECORD_PROCESS_ENDS_H

#include "record/process_tree.h"

/* Rings of a process that is gone, whose threads never said a word in them. The tid is what a claim
 * writes last: before it, process_slot is nobody's. */
void process_ends_free_silent_rings(struct process_tree *tree, uint32_t process_slot);

/* Gives its rings and its process slot back, keeping what they counted. */
void process_ends_release_slots(struct process_tree *tree, struct recorded_process *process);

/* What is there is applied, whatever its order. Whoever writes as fast as we read, because it lives
 * on or because somebody else wrote over its ring, is not listened to for ever. */
void process_ends_drain(struct process_tree *tree, struct recorded_process *process);

/* The same for a process that is gone; rings that began to speak after the last look for rings,
 * too. (A ring at its first record is another process's: start_newcomers has it in its hands.) */
void process_ends_hear_last_words(struct process_tree *tree, struct recorded_process *process);

/* Nothing of this image can come any more. UNKNOWN = find out. */
void process_ends_end_image(struct process_tree *tree, struct recorded_process *process,
                            enum recording_exit_kind kind, uint64_t value, uint64_t ticks);

/* No process has this pid any more (a zombie still has it). */
bool process_ends_is_pid_gone(uint32_t pid);

/* The blocks of an image that ended are of no use once nothing that was forked from it can still
 * begin. */
void process_ends_retire(struct process_tree *tree, uint64_t now_ns);

/* Its end may not have been looked at yet, when the command ended right after it. */
bool process_ends_has_pidfd_ended(int pidfd);

#endif
