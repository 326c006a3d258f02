/* The marks of a session: instants that programs gave names to, with what each site had allocated
 * and freed until then. Of a site that did not change since the mark before nothing is kept, so a
 * mark in a loop costs what the loop did. There is a limit to all of it: later marks have no
 * figures, and in the end there are no more. */
#ifndef SEEP_RECORD_MARKS_H
#define SEEP_RECORD_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/heap_model.h"
#include "recording/recording_records.h"

struct mark {
    uint64_t process_id;
    uint64_t time_ns;
    char *name;
    uint64_t *numbers; /* as in RECORDING_mark; NULL = none */
    size_t number_count;
    bool has_figures;
};

/* A zeroed struct has none. */
struct marks {
    struct mark *items;
    size_t count, capacity;
    size_t number_count;    /* of all marks */
    uint64_t refused_count; /* beyond the limit */
};

/* What the marks of a process have told of its sites: the sum of both counts, by site. */
struct mark_trail {
    uint64_t *calls;
    size_t count, capacity;
    bool is_broken; /* a mark had no figures: neither have those behind it */
};

void marks_clear(struct marks *marks);
void mark_trail_clear(struct mark_trail *trail);

/* `name` has `name_bytes`; the model is as it was at that time. */
void marks_add(struct marks *marks, struct mark_trail *trail, const struct heap_model *model,
               uint64_t process_id, uint64_t time_ns, const char *name, size_t name_bytes);

/* The record of a mark; borrowed from it. */
struct recording_mark marks_record(const struct mark *mark);

#endif
