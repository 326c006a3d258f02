#include "cli/live_readings.h"

#include <assert.h>

void live_readings_add(struct live_readings *readings, struct rates_reading *reading)
{
    assert(readings->count < LIVE_READINGS_MOST);
    readings->items[readings->count++] = reading;
}

const struct rates_reading *live_readings_newest(const struct live_readings *readings)
{
    return readings->count > 0 ? readings->items[readings->count - 1] : NULL;
}

static bool is_used(const struct rates_reading *reading, const struct tui_live_use *use)
{
    return reading == use->now || reading == use->before || reading == use->mark;
}

void live_readings_sweep(struct live_readings *readings, const struct tui_live_use *use)
{
    size_t kept = 0;

    for (size_t i = 0; i < readings->count; i++) {
        if (i + LIVE_READINGS_NEWEST >= readings->count || is_used(readings->items[i], use))
            readings->items[kept++] = readings->items[i];
        else
            rates_reading_destroy(readings->items[i]);
    }
    readings->count = kept;
}

void live_readings_clear(struct live_readings *readings)
{
    for (size_t i = 0; i < readings->count; i++)
        rates_reading_destroy(readings->items[i]);
    readings->count = 0;
}
