#include "record/intake.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "wire/wire_check.h"

/* Read bytes are given back at least this often, so that a fast producer need not wait. */
enum {
    CONSUME_STEP_BYTES = 16 << 10
};

struct intake *intake_create(struct ring_control *control, uint32_t slot)
{
    struct intake *intake = memory_allocate_zeroed(1, sizeof *intake);
    intake->slot = slot;
    intake->process_slot = control->process_slot;
    intake->ring.control = control;
    intake->ring.data = (char *)control + SESSION_RING_CONTROL_BYTES;
    intake->ring.tail_seen = atomic_load_explicit(&control->tail, memory_order_acquire);
    return intake;
}

void intake_destroy(struct intake *intake)
{
    if (intake == NULL)
        return;
    free(intake->backlog);
    free(intake->stack_slots);
    free(intake);
}

size_t intake_backlog_bytes(const struct intake *intake)
{
    return intake->backlog_end - intake->backlog_start;
}

static void append_to_backlog(struct intake *intake, const void *bytes, size_t count)
{
    if (intake->backlog_start == intake->backlog_end)
        intake->backlog_start = intake->backlog_end = 0;
    if (intake->backlog_end + count > intake->backlog_capacity && intake->backlog_start > count) {
        memmove(intake->backlog, intake->backlog + intake->backlog_start,
                intake->backlog_end - intake->backlog_start);
        intake->backlog_end -= intake->backlog_start;
        intake->backlog_start = 0;
    }
    intake->backlog = memory_grow(intake->backlog, &intake->backlog_capacity,
                                  intake->backlog_end + count, 1);
    memcpy(intake->backlog + intake->backlog_end, bytes, count);
    intake->backlog_end += count;
}

static void give_back(struct intake *intake)
{
    if (intake->taken == 0)
        return;
    ring_consume(&intake->ring, intake->taken);
    intake->taken = 0;
}

/* Everything that is published moves into the backlog. */
static void empty_ring(struct intake *intake)
{
    const void *bytes;
    for (size_t count; (count = ring_span(&intake->ring, &bytes)) != 0;) {
        append_to_backlog(intake, bytes, count);
        ring_consume(&intake->ring, count);
    }
}

static bool is_in_backlog(const struct intake *intake)
{
    return intake->backlog_end != intake->backlog_start;
}

static void look_at_next_span(struct intake *intake)
{
    if (is_in_backlog(intake)) {
        intake->at = intake->backlog + intake->backlog_start;
        intake->there = intake->backlog_end - intake->backlog_start;
        return;
    }
    give_back(intake);
    const void *bytes;
    intake->there = ring_span(&intake->ring, &bytes);
    intake->at = intake->there != 0 ? bytes : NULL;
}

/* A ring whose positions make no sense is emptied by force: the target overwrote it. */
static void resynchronise(struct intake *intake)
{
    intake->bad_records++;
    struct ring *ring = &intake->ring;
    ring->tail_seen = atomic_load(&ring->control->head) & ~UINT64_C(7);
    ring->head = ring->tail_seen;
    atomic_store(&ring->control->tail, ring->tail_seen);
}

void intake_refresh(struct intake *intake, uint64_t now_ticks, uint64_t slack_ticks,
                    uint64_t patience_ticks)
{
    struct ring_control *control = intake->ring.control;
    /* Acquire: pairs with the release that clears the flag after publishing (preload/hook.c); so
     * what a finished hook published is seen by the peek below. A hook that began within the slack
     * may not be seen yet: nothing younger than that is promised. */
    bool is_in_hook = atomic_load_explicit(&control->in_hook, memory_order_acquire) != 0;
    if (!is_in_hook)
        intake->in_hook_since = 0;
    else if (intake->in_hook_since == 0)
        intake->in_hook_since = now_ticks;
    bool is_waited_for = is_in_hook && now_ticks - intake->in_hook_since < patience_ticks;
    uint64_t bound = intake->last_ticks;
    if (!is_waited_for && now_ticks > slack_ticks && now_ticks - slack_ticks > bound)
        bound = now_ticks - slack_ticks;
    intake->bound_ticks = bound;

    uint64_t published = ring_peek(&intake->ring);
    if (published == UINT64_MAX)
        resynchronise(intake);
    else if (published != 0 && is_in_backlog(intake))
        empty_ring(intake);
    intake->kind = 0;
    look_at_next_span(intake);
}

static void step(struct intake *intake, size_t bytes)
{
    intake->at += bytes;
    intake->there -= bytes;
    if (is_in_backlog(intake)) {
        intake->backlog_start += bytes;
    } else {
        intake->taken += bytes;
        if (intake->taken >= CONSUME_STEP_BYTES)
            give_back(intake);
    }
    if (intake->there == 0)
        look_at_next_span(intake);
}

bool intake_has_record(struct intake *intake)
{
    if (intake->kind != 0)
        return true;
    while (intake->there != 0) {
        size_t size = wire_check(intake->at, intake->there);
        if (size == 0) {
            intake->bad_records++;
            step(intake, intake->there); /* no telling where the next one begins */
            continue;
        }
        uint64_t word = *(const volatile uint64_t *)intake->at;
        if ((word & 0xff) == WIRE_PAD) {
            step(intake, size);
            continue;
        }
        intake->kind = (uint8_t)word;
        intake->ticks = word >> WIRE_TICKS_SHIFT;
        intake->size = size;
        if (intake->ticks > intake->last_ticks)
            intake->last_ticks = intake->ticks;
        if (intake->last_ticks > intake->bound_ticks)
            intake->bound_ticks = intake->last_ticks;
        return true;
    }
    return false;
}

void intake_advance(struct intake *intake)
{
    intake->kind = 0;
    step(intake, intake->size);
}

void intake_settle(struct intake *intake, bool is_blocked)
{
    if (is_in_backlog(intake))
        return;
    give_back(intake);
    if (!is_blocked)
        return;
    empty_ring(intake);
    intake->kind = 0;
    look_at_next_span(intake);
}
