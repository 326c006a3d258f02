/* Instants of a recording, as people name them: "end", "peak", "snapshot:2", "mark:ready", "+90s"
 * (since the session began), "-10m" (before its end). */
#ifndef SEEP_ANALYSIS_INSTANT_H
#define SEEP_ANALYSIS_INSTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"
#include "base/error.h"
#include "base/text.h"
#include "snapshot/snapshot_store.h"

enum instant_kind {
    INSTANT_END,
    INSTANT_PEAK,
    INSTANT_SNAPSHOT, /* with a number */
    INSTANT_MARK,     /* with the name that the program gave it */
    INSTANT_START,
    INSTANT_TIME /* with a distance from the start, or from the end */
};

struct instant {
    enum instant_kind kind;
    uint64_t snapshot; /* its number */
    const char *mark;  /* its name: the rest of what was parsed. Borrowed */
    uint64_t time_ns;  /* since the start, or before the end */
    bool is_before_the_end;
};

/* "end", "peak", "snapshot", "mark", "start", "time". */
const char *instant_name(enum instant_kind kind);

bool instant_parse(const char *name, struct instant *instant, struct error *error);

/* As it is parsed: "snapshot:2", "+1.5 s". */
void instant_print(const struct instant *instant, struct text *out);

/* When it was, in nanoseconds since the session began. Of the peak: that of `process` (position),
 * or of QUERY_ALL_PROCESSES that of the process with the highest. `snapshots`: all of the
 * recording. False: there is no such instant. */
bool instant_find_time(const struct profile *profile, const struct snapshot_list *snapshots,
                       uint32_t process, const struct instant *instant, uint64_t *time_ns,
                       struct error *error);

/* The first mark of this name; NULL: there is none. */
const struct recording_mark *instant_find_mark(const struct profile *profile, const char *name);

#endif
