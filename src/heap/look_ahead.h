/* What the events of a batch will touch, asked for while earlier ones are applied.
 *
 * At tens of millions of blocks every event misses the cache at its slot, at its site and at the
 * site's histogram. The slot is asked for first; with the slot at hand, the site that it names;
 * with the site at hand, its histogram and its figures of the thread. What is found out on the way
 * and stays true is kept until the event's turn comes. */
#ifndef SEEP_HEAP_LOOK_AHEAD_H
#define SEEP_HEAP_LOOK_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/heap_state.h"

enum {
    LOOK_AHEAD_ROUND = 32 /* more than are looked at ahead */
};

/* Of an event whose turn comes. */
struct event_ahead {
    uint64_t hash;           /* of its address: live_blocks.h */
    const struct site *site; /* that it will change, of a birth or a release; NULL = not known */
    uint32_t site_id;        /* of a birth: sites keep their numbers; BLOCK_SITE_NONE = not known */
    uint32_t thread;         /* whose figures of the site change */
    uint64_t value;          /* that goes into a histogram of the site */
};

struct look_ahead {
    const struct heap_event *events;
    size_t count;
    /* Slots when the table is too large for the cache, and sites, too, when they are many. */
    bool at_slots, at_sites;
    struct event_ahead ahead[LOOK_AHEAD_ROUND];
};

void look_ahead_begin(struct look_ahead *look, const struct heap_model *model,
                      const struct heap_event *events, size_t count);

/* Looks beyond the event `at`, where there is anything to ask for. */
void look_ahead_beyond(struct look_ahead *look, const struct heap_model *model, size_t at);

/* For each event in turn: what is known of it, or NULL. Borrowed until the next one's. */
static inline const struct event_ahead *look_ahead_at(struct look_ahead *look,
                                                      const struct heap_model *model, size_t at)
{
    if (!look->at_slots)
        return NULL;
    look_ahead_beyond(look, model, at);
    return &look->ahead[at % LOOK_AHEAD_ROUND];
}

#endif
