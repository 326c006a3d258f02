/* When names are looked up: while the program runs, so that little is left when it has ended and
 * somebody waits, by a child that keeps open what it has read. Often in the beginning, when most is
 * new; looking takes a bounded part of the time; and a child that found nothing to do for long is
 * let go, with all its memory. */
#ifndef SEEP_RECORD_NAMING_H
#define SEEP_RECORD_NAMING_H

#include <stdbool.h>
#include <stdint.h>

#include "record/recording_output.h"
#include "record/session_host.h"
#include "record/tick_clock.h"

struct naming {
    struct recording_output *output; /* borrowed, as the clock */
    const struct tick_clock *clock;
    uint64_t next_ns;
    uint64_t since_ns; /* 0 = no names are being looked up */
    uint64_t named_ns; /* when that ended last */
    uint64_t anew_ns;  /* what it took when all files were read anew */
    bool is_anew;
};

/* Nothing to clear. Both stay until the last call. */
void naming_begin(struct naming *naming, struct recording_output *output,
                  const struct tick_clock *clock);

/* Starts looking, or takes what was found, when that is due. `now`: of the clock. */
void naming_go_on(struct naming *naming, uint64_t now);

/* All that is left, while whoever survives sees that we live. Shows on stderr how far it is, where
 * that is wanted and takes long. */
void naming_finish(struct naming *naming, struct session_host *host, bool is_progress_shown);

#endif
