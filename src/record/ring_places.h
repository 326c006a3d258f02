/* Rings and the processes that they belong to: claims are noticed, watched, placed and given back.
 */
#ifndef SEEP_RECORD_RING_PLACES_H
#define SEEP_RECORD_RING_PLACES_H

#include "record/process_tree.h"

/* Lets a process go on that waits on this futex word for being watched. */
void ring_places_answer(_Atomic uint32_t *word);

/* Processes that claimed a slot wait for a moment until they are watched: one that dies at once
 * would otherwise be reaped before its first record is read, and nobody could tell how it ended. */
void ring_places_watch_claims(struct process_tree *tree);

/* Closes the pidfd of a claim that came to nothing. */
void ring_places_drop_claim_watch(struct process_tree *tree, uint32_t slot);

/* The control page of a slot, in shared memory. */
struct ring_control *ring_places_ring(const struct process_tree *tree, uint32_t slot);

/* The ring is one of the process's from here on. */
void ring_places_attach(struct recorded_process *process, struct intake *intake);

/* Rings were only ever claimed below this slot. */
uint32_t ring_places_high(const struct process_tree *tree);

/* Takes note of the rings claimed since the last look. */
void ring_places_look(struct process_tree *tree);

/* What a look at rings at this time may take for granted (intake.h). */
struct intake_times ring_places_look_times(const struct process_tree *tree, uint64_t now);

/* Rings that wait to belong to a process: some wait for others of them. Returns the bytes read. */
uint64_t ring_places_place(struct process_tree *tree, uint64_t now);

/* Claims whose process died before it could say who it was. What it left behind before it died is
 * seen by a look after its death. */
void ring_places_free_stale_claims(struct process_tree *tree);

#endif
