/* Time comes in as a parameter, so that tests need no real clock. */
#ifndef SEEP_BASE_CLOCK_H
#define SEEP_BASE_CLOCK_H

#include <stdint.h>

struct clock {
    uint64_t (*now_ns)(void *context); /* monotonic nanoseconds */
    void *context;
};

/* CLOCK_MONOTONIC of this machine. */
struct clock clock_monotonic(void);

/* Processor time of the thread that asks: what it did itself, however busy the machine is. */
struct clock clock_processor(void);

/* A clock that stands at *now_ns (borrowed as long as the clock is used). */
struct clock clock_fixed(uint64_t *now_ns);

/* CLOCK_REALTIME, nanoseconds since 1970. */
uint64_t clock_wall_ns(void);

#endif
