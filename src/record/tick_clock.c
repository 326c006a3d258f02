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

static void compare(struct tick_clock *clock)
{
    uint64_t before = raw_ticks(true), ns = monotonic_ns(), after = raw_ticks(true);
    uint64_t ticks = before + (after - before) / 2 - clock->epoch_ticks;
    uint64_t elapsed = ns - clock->epoch_ns;
    if (ticks == 0 || elapsed == 0)
        return;
    clock->ns_per_tick = (double)elapsed / (double)ticks;
    clock->ticks_per_second = (uint64_t)(1e9 / clock->ns_per_tick);
    clock->is_settled = elapsed > 1000000000;
}

void tick_clock_start(struct tick_clock *clock)
{
    *clock = (struct tick_clock){
        .is_tsc = does_kernel_use_tsc(), .ticks_per_second = 1000000000, .ns_per_tick = 1.0};
    clock->epoch_ns = monotonic_ns();
    clock->epoch_ticks = raw_ticks(clock->is_tsc);
    if (!clock->is_tsc) {
        clock->is_settled = true;
        return;
    }
    while (monotonic_ns() - clock->epoch_ns < 200000)
        ; /* a first estimate, good to about a thousandth */
    compare(clock);
}

void tick_clock_refine(struct tick_clock *clock)
{
    if (!clock->is_settled)
        compare(clock);
}

uint64_t tick_clock_now(const struct tick_clock *clock)
{
    return raw_ticks(clock->is_tsc) - clock->epoch_ticks;
}

uint64_t tick_clock_to_ns(const struct tick_clock *clock, uint64_t ticks)
{
    return clock->is_tsc ? (uint64_t)((double)ticks * clock->ns_per_tick) : ticks;
}

uint64_t tick_clock_from_ns(const struct tick_clock *clock, uint64_t ns)
{
    return clock->is_tsc ? (uint64_t)((double)ns / clock->ns_per_tick) : ns;
}
