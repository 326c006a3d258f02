/* Ticks of the session's clock, and nanoseconds since the session began.
 *
 * The cycle counter is used where the kernel itself uses it (a constant, non-stop one); its rate is
 * learned by comparing it with CLOCK_MONOTONIC, longer and longer, until a second has passed; then
 * it stands. Events are ordered by ticks; nanoseconds are for people. */
#ifndef SEEP_RECORD_TICK_CLOCK_H
#define SEEP_RECORD_TICK_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TICK_CLOCK_SEGMENTS = 5
};

struct tick_clock_segment {
    uint64_t from_ticks;
    uint64_t from_ns;
    double ns_per_tick;
};

/* Stamps that one segment turns into nanoseconds. */
struct tick_range {
    uint64_t from_ticks, tick_count; /* 0 = not looked up yet */
    uint64_t from_ns;
    double ns_per_tick;
};

struct tick_clock {
    bool is_tsc;
    uint64_t epoch_ticks;
    uint64_t epoch_ns; /* CLOCK_MONOTONIC at the epoch */
    uint64_t ticks_per_second;
    struct tick_clock_segment segments[TICK_CLOCK_SEGMENTS];
    uint32_t segment_count;
    struct tick_range newest;     /* of the last segment: where stamps most often lie */
    const uint64_t *frozen_ticks; /* tests: the time stands here; NULL = it runs. Borrowed */
};

/* Begins a session now. */
void tick_clock_start(struct tick_clock *clock);

/* Makes the rate better; call now and then. */
void tick_clock_refine(struct tick_clock *clock);

/* What that does: since the epoch so many ticks and nanoseconds went by. The rate is used for
 * stamps from here on, so that nanoseconds that were told stay. At most TICK_CLOCK_SEGMENTS times.
 */
void tick_clock_learn(struct tick_clock *clock, uint64_t ticks, uint64_t ns);

/* Ticks since the epoch. */
uint64_t tick_clock_now(const struct tick_clock *clock);

/* The range of these ticks, until the clock is refined. */
struct tick_range tick_clock_range(const struct tick_clock *clock, uint64_t ticks);

uint64_t tick_clock_to_ns(const struct tick_clock *clock, uint64_t ticks);

/* The same for many stamps that are close together: `range` begins as the clock's newest. Signed,
 * because only that conversion is one instruction; ticks have 56 bits. */
static inline uint64_t tick_range_to_ns(const struct tick_clock *clock, struct tick_range *range,
                                        uint64_t ticks)
{
    if (ticks - range->from_ticks >= range->tick_count)
        *range = tick_clock_range(clock, ticks);
    return range->from_ns +
           (uint64_t)(int64_t)((double)(int64_t)(ticks - range->from_ticks) * range->ns_per_tick);
}

uint64_t tick_clock_from_ns(const struct tick_clock *clock, uint64_t ns);

#endif
