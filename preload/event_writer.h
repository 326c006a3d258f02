/* Fills records in the thread's ring; the only caller of ring_reserve. What to do when the ring is
 * full (grow, wait, drop) is decided here. */
#ifndef SEEP_PRELOAD_EVENT_WRITER_H
#define SEEP_PRELOAD_EVENT_WRITER_H

#include <time.h>

#include <stdbool.h>

#include "preload/arch/arch.h"
#include "preload/session_link.h"
#include "preload/thread_state.h"

enum {
    EVENT_PREFETCH_BYTES = 512
};

/* Room for `bytes` beyond the ring's limit, waiting or growing as need be; NULL when the event must
 * be lost (it is counted). Wakes the sleeping recorder if much has gathered in this thread's ring.
 */
void *event_writer_make_room(struct thread_state *thread, uint32_t bytes);

/* The recorder is dead, or listens to nobody any more. */
bool event_writer_is_alone(void);

/* Is it worth to wait until `word` is not `seen` any more? Not behind `end` (of event_clock), nor
 * where nobody is there who would change it in time. */
bool event_writer_is_worth_waiting(_Atomic uint32_t *word, uint32_t seen, uint64_t end);

/* Waits until the recorder has changed `word` from `seen`, for at most `limit_ms`. It may ask for a
 * copy of the process meanwhile. */
void event_writer_await(_Atomic uint32_t *word, uint32_t seen, uint32_t limit_ms);

/* The same where no system call may be made (preload/sandbox.h). */
void event_writer_await_busily(_Atomic uint32_t *word, uint32_t seen, uint32_t limit_ms);

/* Ticks of the session's clock. The cycle counter, unless the kernel itself does not trust it. As
 * long as a process has but one thread nothing is handed from one to another, and the cheaper
 * reading is exact. Of a block that came from a second thread this one knows after that thread set
 * the way. */
static inline uint64_t event_clock(void)
{
    uint32_t way = atomic_load_explicit(&thread_state_stamp.way, memory_order_relaxed);
    if (__builtin_expect(way == STAMP_UNORDERED, 1))
        return arch_time_stamp_unordered();
    if (way == STAMP_ORDERED)
        return arch_time_stamp();
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The time as word 0 of a record has it; the kind is to be added. */
static inline uint64_t event_stamp(void)
{
    return (event_clock() - thread_state_stamp.epoch_ticks) << WIRE_TICKS_SHIFT;
}

/* The same for a release of what this thread allocated last: nobody else has had that block, so nothing
 * that another thread did comes before. */
static inline uint64_t event_stamp_alone(void)
{
    if (__builtin_expect(atomic_load_explicit(&thread_state_stamp.way, memory_order_relaxed) ==
                             STAMP_BY_KERNEL,
                         0))
        return event_stamp();
    return (arch_time_stamp_unordered() - thread_state_stamp.epoch_ticks) << WIRE_TICKS_SHIFT;
}

static inline uint64_t *event_reserve(struct thread_state *thread, uint32_t words)
{
    struct ring *ring = &thread->ring;
    if (__builtin_expect(!ring_has_room(ring, words * 8), 0))
        return event_writer_make_room(thread, words * 8);
    return ring_reserve(ring, words * 8);
}

static inline void event_commit(struct thread_state *thread, uint32_t words)
{
    struct ring *ring = &thread->ring;
    ring_commit(ring, words * 8);
    /* The lines ahead are in the recorder's cache; it takes long to get them back. Those behind the
     * ring's end, a few in each lap, need not be there. */
    uint64_t ahead = ring->lap + ring->head + EVENT_PREFETCH_BYTES;
    arch_prefetch_for_write((const void *)(uintptr_t)ahead);
}

/* For events that count. */
static inline void event_count(struct thread_state *thread)
{
    struct ring_control *control = thread->ring.control;
    uint64_t count = atomic_load_explicit(&control->event_count, memory_order_relaxed);
    atomic_store_explicit(&control->event_count, count + 1, memory_order_relaxed);
}

static inline uint64_t event_address(const void *address, enum function_kind function)
{
    return ((uint64_t)(uintptr_t)address & WIRE_ADDRESS_MASK) | (uint64_t)function
                                                                    << WIRE_FUNCTION_SHIFT;
}

#endif
