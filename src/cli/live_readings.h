/* Readings (analysis/rates.h) of one picture after the other, which outlive them: as long as the
 * viewer looks at them, and those of the two newest, of which it may not have told yet. */
#ifndef SEEP_CLI_LIVE_READINGS_H
#define SEEP_CLI_LIVE_READINGS_H

#include <stddef.h>

#include "analysis/rates.h"
#include "tui/tui.h"

enum {
    LIVE_READINGS_NEWEST = 2,
    LIVE_READINGS_USED = 3, /* tui_live_use: now, before, mark */
    LIVE_READINGS_MOST = LIVE_READINGS_NEWEST + LIVE_READINGS_USED + 1
};

struct live_readings {
    struct rates_reading *items[LIVE_READINGS_MOST]; /* by age, the newest last */
    size_t count;
};

/* Takes it over. No more than one between two sweeps. */
void live_readings_add(struct live_readings *readings, struct rates_reading *reading);

/* Borrowed until it is swept away; NULL = there is none. */
const struct rates_reading *live_readings_newest(const struct live_readings *readings);

/* Destroys the others. */
void live_readings_sweep(struct live_readings *readings, const struct tui_live_use *use);

void live_readings_clear(struct live_readings *readings);

#endif
