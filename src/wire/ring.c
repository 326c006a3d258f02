#include "wire/ring.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool capacity_makes_sense(uint32_t capacity)
{
    return capacity >= SESSION_RING_SMALL_BYTES && capacity <= SESSION_RING_MAX_BYTES &&
           (capacity & (capacity - 1)) == 0;
}

uint64_t ring_peek(struct ring *ring)
{
    /* Acquire: pairs with the release in ring_commit; the capacity that goes with this head, too.
     */
    uint64_t head = atomic_load_explicit(&ring->control->head, memory_order_acquire);
    if (head == ring->tail_seen) {
        ring->head = head;
        return 0;
    }
    uint32_t capacity = atomic_load_explicit(&ring->control->capacity, memory_order_relaxed);
    if (!capacity_makes_sense(capacity) || head - ring->tail_seen > capacity || (head & 7) != 0)
        return UINT64_MAX;
    ring->head = head;
    ring->capacity = capacity;
    return head - ring->tail_seen;
}

size_t ring_span(const struct ring *ring, const void **bytes)
{
    if (ring->head == ring->tail_seen)
        return 0;
    uint64_t place = ring->tail_seen & (ring->capacity - 1);
    uint64_t to_end = ring->capacity - place;
    uint64_t there = ring->head - ring->tail_seen;
    *bytes = ring->data + place;
    return there < to_end ? there : to_end;
}

void ring_consume(struct ring *ring, uint64_t bytes)
{
    ring->tail_seen += bytes;
    /* Pairs with the acquire in ring_reserve. The producer says that it waits before it looks at tail
     * again (preload/event_writer.c); all four accesses are sequentially consistent, so one of the two
     * sees the other. */
    atomic_store(&ring->control->tail, ring->tail_seen);
    if (atomic_load(&ring->control->producer_waits) != 0) {
        atomic_fetch_add_explicit(&ring->control->tail_futex, 1, memory_order_relaxed);
        syscall(SYS_futex, &ring->control->tail_futex, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    }
}
