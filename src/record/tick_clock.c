#define _GNU_SOURCE
#include "record/tick_clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t raw_ticks(bool is_tsc)
{
#if defined(__x86_64__)
    if (is_tsc) {
        unsigned processor;
        return __rdtscp(&processor);
    }
#else
    (void)is_tsc;
#endif
    return monotonic_ns();
}

/* The kernel has tested the counter; when it does not use it, neither do we. */
static bool does_kernel_use_tsc(void)
{
#if defined(__x86_64__)
    char name[32] = "";
    FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    if (file == NULL)
        return false;
    if (fgets(name, sizeof name, file) == NULL)
        name[0] = '\0';
    fclose(file);
    return strcmp(name, "tsc\n") == 0;
#else
    return false;
#endif
}

/* When the rate is looked at again, in nanoseconds since the epoch. */
static const uint64_t refine_at_ns[TICK_CLOCK_SEGMENTS] = {200000, 2000000, 20000000, 200000000,
                                                           2000000000};

struct reading {
    uint64_t ticks;
    uint64_t ns;
};

/* Both clocks at one instant: of several readings the quickest, so that no interruption stands
 * between the two. */
static struct reading read_clocks(bool is_tsc)
{
    struct reading best = {0, 0};
    uint64_t best_width = UINT64_MAX;
    for (int attempt = 0; attempt < 5; attempt++) {
        uint64_t before = raw_ticks(is_tsc), ns = monotonic_ns(),
                 width = raw_ticks(is_tsc) - before;
        if (width < best_width) {
            best = (struct reading){before + width / 2, ns};
            best_width = width;
        }
    }
    return best;
}

void tick_clock_learn(struct tick_clock *clock, uint64_t ticks, uint64_t ns)
{
    if (ticks == 0 || ns == 0 || clock->segment_count == TICK_CLOCK_SEGMENTS)
        return;
    double ns_per_tick = (double)ns / (double)ticks;
    struct tick_clock_segment segment = {0, 0, ns_per_tick};
    if (clock->segment_count != 0) {
        segment.from_ticks = ticks;
        segment.from_ns = tick_clock_to_ns(clock, ticks);
    }
    clock->segments[clock->segment_count++] = segment;
    clock->newest = tick_clock_range(clock, ticks);
    clock->ticks_per_second = (uint64_t)(1e9 / ns_per_tick);
}

static void compare(struct tick_clock *clock)
{
    struct reading now = read_clocks(true);
    tick_clock_learn(clock, now.ticks - clock->epoch_ticks, now.ns - clock->epoch_ns);
}

void tick_clock_start(struct tick_clock *clock)
{
    *clock = (struct tick_clock){.is_tsc = does_kernel_use_tsc(), .ticks_per_second = 1000000000};
    struct reading epoch = read_clocks(clock->is_tsc);
    clock->epoch_ns = epoch.ns;
    clock->epoch_ticks = clock->is_tsc ? epoch.ticks : epoch.ns;
    if (!clock->is_tsc)
        return;
    while (monotonic_ns() - clock->epoch_ns < refine_at_ns[0])
        ; /* a first estimate, good to about a thousandth */
    while (clock->segment_count == 0)
        compare(clock);
}

void tick_clock_refine(struct tick_clock *clock)
{
    if (clock->is_tsc && clock->segment_count < TICK_CLOCK_SEGMENTS &&
        monotonic_ns() - clock->epoch_ns >= refine_at_ns[clock->segment_count])
        compare(clock);
}

uint64_t tick_clock_now(const struct tick_clock *clock)
{
    if (clock->frozen_ticks != NULL)
        return *clock->frozen_ticks;
    return raw_ticks(clock->is_tsc) - clock->epoch_ticks;
}

struct tick_range tick_clock_range(const struct tick_clock *clock, uint64_t ticks)
{
    if (!clock->is_tsc) /* nearby ticks, so that a double holds their distance */
        return (struct tick_range){ticks, UINT64_C(1) << 52, ticks, 1};
    uint32_t i = clock->segment_count - 1;
    while (i > 0 && ticks < clock->segments[i].from_ticks)
        i--;
    const struct tick_clock_segment *segment = &clock->segments[i];
    uint64_t end = i + 1 < clock->segment_count ? segment[1].from_ticks : UINT64_MAX;
    return (struct tick_range){segment->from_ticks, end - segment->from_ticks, segment->from_ns,
                               segment->ns_per_tick};
}

uint64_t tick_clock_to_ns(const struct tick_clock *clock, uint64_t ticks)
{
    struct tick_range range = clock->newest;
    return tick_range_to_ns(clock, &range, ticks);
}

uint64_t tick_clock_from_ns(const struct tick_clock *clock, uint64_t ns)
{
    if (!clock->is_tsc)
        return ns;
    return (uint64_t)((double)ns / clock->segments[clock->segment_count - 1].ns_per_tick);
}
