/* The usual births and releases, each in one piece: all is recorded, nobody else looks at the
 * blocks, nothing waits for repair, and the event is sound. Everything else goes the long way
 * (block_events.h), which comes to the same: the tests of the model take both and compare. */
#ifndef SEEP_HEAP_PLAIN_EVENTS_H
#define SEEP_HEAP_PLAIN_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/heap_state.h"
#include "heap/look_ahead.h"

/* What holds while only plain events are applied. */
struct plain_events {
    uint64_t end_ns; /* of what is plain; 0 = nothing is */
    uint64_t thread_count;
};

/* To be asked again after each event that went the long way. */
struct plain_events plain_events_look(const struct heap_model *model);

/* `ahead`: what is known of the event, or NULL. False: it is not plain, and nothing has changed. */
bool plain_events_apply(struct heap_model *model, const struct plain_events *plain,
                        const struct heap_event *event, const struct event_ahead *ahead);

#endif
