/* Records of the malloc family and of mappings, turned into events of the heap model: the path that
 * nearly every record takes, so a run of them is decoded in one go, straight from the ring into the
 * process's batch. Each word is read once: the target may change it under our eyes. */
#ifndef SEEP_RECORD_EVENT_RUN_H
#define SEEP_RECORD_EVENT_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "record/recorded_process.h"

/* Is this a kind of record that becomes an event? All of them have a fixed size. */
bool event_run_has_kind(unsigned kind);

/* Decodes from the intake's record on, as long as records become events, lie a little before the
 * end of what is there, and are not stamped later than `limit_ticks`. Returns the bytes read: 0
 * when the record must be applied by itself. */
uint64_t event_run_apply(struct recorded_process *process, const struct tick_clock *clock,
                         struct intake *intake, uint64_t limit_ticks);

/* The record that the intake looks at, of such a kind. */
void event_run_apply_one(struct recorded_process *process, const struct tick_clock *clock,
                         struct intake *intake);

#endif
