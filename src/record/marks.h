/* The marks of a session: instants that programs gave names to, with the figures of then. Of a site
 * that did not change since the mark before nothing is kept, so a mark in a loop costs what the
 * loop did. There is a limit to all of it: later marks have no figures, and in the end there are no
 * more. */
#ifndef SEEP_RECORD_MARKS_H
#define SEEP_RECORD_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/heap_model.h"
#include "recording/recording_records.h"

enum {
    MARK_TOTALS = 9
};

struct mark {
    uint64_t process_id;
    uint64_t ticks; /* of its record */
    uint64_t time_ns;
    char *name;
    uint64_t totals[MARK_TOTALS]; /* as in RECORDING_mark, as the next */
    uint64_t *numbers;            /* NULL = none */
    size_t number_count;
    bool has_figures;
};

/* A zeroed struct has none. */
struct marks {
    struct mark *items;
    size_t count, capacity;
    size_t number_count; /* of all marks */
};

/* What the marks of a process have told of its sites: a hash of all figures, by site. */
struct mark_trail {
    uint64_t *told;
    size_t count, capacity;
    bool is_broken; /* a mark had no figures: neither have those behind it */
};

void marks_clear(struct marks *marks);
void mark_trail_clear(struct mark_trail *trail);

/* `when` has the process and both times, `name` has `name_bytes`; the model is as it was then. */
void marks_add(struct marks *marks, struct mark_trail *trail, const struct heap_model *model,
               const struct mark *when, const char *name, size_t name_bytes);

/* The name of the mark that this process set with a record of that time; "" = none. */
const char *marks_find(const struct marks *marks, uint64_t process_id, uint64_t ticks);

/* The record of a mark; borrowed from it. */
struct recording_mark marks_record(const struct mark *mark);

#endif
