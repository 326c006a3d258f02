#include "base/clock.h"

#include <time.h>

static uint64_t read_clock_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t monotonic_now_ns(void *context)
{
    (void)context;
    return read_clock_ns(CLOCK_MONOTONIC);
}

static uint64_t processor_now_ns(void *context)
{
    (void)context;
    return read_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static uint64_t fixed_now_ns(void *context)
{
    const uint64_t *now_ns = context;
    return *now_ns;
}

struct clock clock_monotonic(void)
{
    return (struct clock){.now_ns = monotonic_now_ns};
}

struct clock clock_processor(void)
{
    return (struct clock){.now_ns = processor_now_ns};
}

struct clock clock_fixed(uint64_t *now_ns)
{
    return (struct clock){.now_ns = fixed_now_ns, .context = now_ns};
}

uint64_t clock_wall_ns(void)
{
    return read_clock_ns(CLOCK_REALTIME);
}
