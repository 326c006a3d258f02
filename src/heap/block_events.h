/* What births, releases and reallocs do to a heap model, also when they come in the wrong order.
 * The event's thread, function and times have been checked. */
#ifndef SEEP_HEAP_BLOCK_EVENTS_H
#define SEEP_HEAP_BLOCK_EVENTS_H

#include "heap/heap_state.h"

void block_events_birth(struct heap_model *model, const struct heap_event *event);
void block_events_release(struct heap_model *model, const struct heap_event *event);
/* A birth directly followed by its release, of the same thread, in one step: the table of blocks,
 * where the block would only come and go, is looked at but not changed. All else is as by the two.
 * False: nothing was done, they must be applied one by one. */
bool block_events_birth_and_release(struct heap_model *model, const struct heap_event *birth,
                                    const struct heap_event *release);

/* What is wrong with the function or size by which this block was released. */
void block_events_note_bad_pair(struct heap_model *model, const struct block *block,
                                const struct heap_event *release);

void block_events_leave(struct heap_model *model, const struct heap_event *event);
void block_events_arrive(struct heap_model *model, const struct heap_event *event);
void block_events_undo(struct heap_model *model, const struct heap_event *event);

/* In a sampled recording: what its thread allocated after this block, it did not tell. */
void block_events_aged(struct heap_model *model, const struct heap_event *event);

/* A thread is gone: what it left without arriving is put back. */
void block_events_end_thread(struct heap_model *model, uint32_t thread);

/* Early releases that have waited too long are what they seemed to be. */
void block_events_expire(struct heap_model *model);

/* All that waits is decided. */
void block_events_settle(struct heap_model *model);

#endif
