/* A single-producer single-consumer ring of records in shared memory.
 *
 * Positions count bytes for ever; a position's place is position & (capacity - 1). The producer
 * owns `head`, the consumer `tail`, each on its own cache line. Publishing is one release store a
 * record, so whatever a hook wrote before it returned can be read even if the target is killed
 * next. A record never wraps; PAD fills the end. The ring may grow when it is empty: then the place
 * of the positions may change, because nothing lies between them.
 *
 * in_hook is set from before the time stamp until after the record is published: the consumer
 * learns from it that an older record may still come (see record/event_order.c, its other half). */
#ifndef SEEP_WIRE_RING_H
#define SEEP_WIRE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/session.h"
#include "wire/wire_format.h"

struct ring_control {
    /* claim, written rarely */
    _Atomic uint32_t state; /* enum session_slot_state */
    uint32_t process_slot;
    _Atomic uint32_t tid;
    _Atomic uint32_t capacity;             /* bytes, a power of two */
    _Atomic uint32_t wants_release_stacks; /* releases are to carry their stacks, too */
    struct session_range own;              /* what the preload keeps for the thread */
    _Atomic uint64_t thread_pointer;       /* of the thread: fs_base, tpidr_el0 */
    /* Where it keeps the registers that calls preserve, while it waits for the recorder (struct
     * exit_registers of the preload); 0 = nowhere. */
    _Atomic uint64_t kept_registers;

    /* the producer's line */
    _Alignas(64) _Atomic uint64_t head;
    _Atomic uint32_t in_hook;
    uint32_t spare;
    _Atomic uint64_t lost_events;
    _Atomic uint64_t wait_ticks;  /* spent on a full ring */
    _Atomic uint64_t event_count; /* of malloc-family and mapping events, lost ones not counted */

    /* the consumer's line */
    _Alignas(64) _Atomic uint64_t tail;
    _Atomic uint32_t tail_futex; /* changes with tail while a producer waits */
    _Atomic uint32_t producer_waits;
};
_Static_assert(sizeof(struct ring_control) <= SESSION_RING_CONTROL_BYTES, "control page");

/* One side's view of a ring. */
struct ring {
    struct ring_control *control;
    char *data;
    uint64_t head;      /* producer: own position; consumer: last seen */
    uint64_t tail_seen; /* producer: last seen; consumer: own position */
    uint32_t capacity;
    /* Producer: up to this position there is room in one piece; head or before: look. */
    uint64_t limit;
    uint64_t lap; /* producer: added to a position up to the limit it is the place's address */
};

/* Producer. Is there room without another look? */
static inline bool ring_has_room(const struct ring *ring, uint32_t bytes)
{
    return (int64_t)(ring->limit - ring->head - bytes) >= 0;
}

/* A producer that has filled such a part of the ring looks round. */
enum {
    RING_STEPS = 16
};

/* Producer: what ring_reserve does beyond the limit: goes round at the ring's end, looks at the
 * tail, and sets the next limit. */
static inline __attribute__((cold)) void *ring_reserve_further(struct ring *ring, uint32_t bytes)
{
    uint64_t place = ring->head & (ring->capacity - 1);
    uint64_t to_end = ring->capacity - place;
    uint64_t wanted = bytes <= to_end ? bytes : to_end + bytes;
    if (ring->head + wanted - ring->tail_seen > ring->capacity) {
        /* Acquire: pairs with the release in ring_consume. */
        ring->tail_seen = atomic_load_explicit(&ring->control->tail, memory_order_acquire);
        if (ring->head + wanted - ring->tail_seen > ring->capacity)
            return NULL;
    }
    if (bytes > to_end) {
        *(uint64_t *)(ring->data + place) = WIRE_PAD | to_end << WIRE_TICKS_SHIFT;
        ring->head += to_end;
        place = 0;
        to_end = ring->capacity;
    }
    uint64_t room = ring->tail_seen + ring->capacity - ring->head;
    uint64_t step = ring->capacity / RING_STEPS > bytes ? ring->capacity / RING_STEPS : bytes;
    room = room < to_end ? room : to_end;
    ring->lap = (uint64_t)(uintptr_t)ring->data + place - ring->head;
    /* The limit last: a signal may end this by a jump. */
    atomic_signal_fence(memory_order_seq_cst);
    ring->limit = ring->head + (room < step ? room : step);
    return ring->data + place;
}

/* Producer. Room for a record of `bytes` (a multiple of 8, at most capacity / 2), contiguous; NULL
 * when the ring is full. Borrowed until ring_commit of the same size. */
static inline void *ring_reserve(struct ring *ring, uint32_t bytes)
{
    if (__builtin_expect(!ring_has_room(ring, bytes), 0))
        return ring_reserve_further(ring, bytes);
    return (void *)(uintptr_t)(ring->lap + ring->head);
}

/* Publishes what was written into the reserved room. */
static inline void ring_commit(struct ring *ring, uint32_t bytes)
{
    ring->head += bytes;
    /* Release: pairs with the acquire in ring_peek. */
    atomic_store_explicit(&ring->control->head, ring->head, memory_order_release);
}

/* Producer, on a full ring that the consumer has emptied: takes a larger capacity. */
static inline bool ring_grow(struct ring *ring, uint32_t capacity)
{
    ring->tail_seen = atomic_load_explicit(&ring->control->tail, memory_order_acquire);
    if (ring->tail_seen != ring->head)
        return false;
    ring->capacity = capacity;
    ring->limit = ring->head;
    /* Published by the next release store of head; nothing is read before that. */
    atomic_store_explicit(&ring->control->capacity, capacity, memory_order_relaxed);
    return true;
}

/* Consumer. Takes note of what is published; returns the number of bytes between tail and head, or
 * UINT64_MAX when the positions or the capacity make no sense (a target that went wild). */
uint64_t ring_peek(struct ring *ring);

/* Consumer. The contiguous bytes at the tail, at most up to the ring's end; 0 = nothing. Borrowed
 * until ring_consume. Call ring_peek first. */
size_t ring_span(const struct ring *ring, const void **bytes);

/* Consumer: gives room back, and wakes a producer that waits for it. */
void ring_consume(struct ring *ring, uint64_t bytes);

#endif
