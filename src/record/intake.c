#include "record/intake.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "wire/wire_check.h"

/* Read bytes are given back at least this often, so that a fast producer need not wait. */
enum {
    CONSUME_STEP_BYTES = 16 << 10,
    KEPT_BACKLOG_BYTES = 1 << 20 /* an empty backlog that is larger is given back */
};

struct intake *intake_create(struct ring_control *control, uint32_t slot, uint32_t process_slot)
{
    struct intake *intake = memory_allocate_zeroed(1, sizeof *intake);
    intake->slot = slot;
    intake->process_slot = process_slot;
    intake->ring.control = control;
    intake->ring.data = (char *)control + SESSION_RING_CONTROL_BYTES;
    intake->ring.tail_seen = atomic_load_explicit(&control->tail, memory_order_acquire) &
                             ~UINT64_C(7);
    intake->scanned = intake->ring.tail_seen;
    return intake;
}

void intake_destroy(struct intake *intake)
{
    if (intake == NULL)
        return;
    free(intake->backlog);
    free(intake->stack_slots);
    free(intake->path);
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
    /* Moved only when no more is moved than was read since, so a byte is moved about once. */
    if (intake->backlog_end + count > intake->backlog_capacity && intake->backlog_start > 0 &&
        intake->backlog_start >= intake_backlog_bytes(intake)) {
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

/* The stamp of the newest record that is published: what comes after it is not older. Each record
 * is looked at once for that. */
static void scan_published(struct intake *intake)
{
    const struct ring *ring = &intake->ring;
    uint64_t there = ring->head - ring->tail_seen;
    if (ring->head - intake->scanned > there)
        intake->scanned = ring->tail_seen;
    while (intake->scanned != ring->head) {
        uint64_t place = intake->scanned & (ring->capacity - 1);
        uint64_t to_end = ring->capacity - place, to_head = ring->head - intake->scanned;
        uint64_t available = to_head < to_end ? to_head : to_end;
        size_t size = wire_check(ring->data + place, available);
        uint64_t word = *(const volatile uint64_t *)(ring->data + place);
        uint64_t ticks = word >> WIRE_TICKS_SHIFT;
        if (size != 0 && (word & 0xff) != WIRE_PAD && ticks <= intake->future_ticks &&
            ticks > intake->published_ticks)
            intake->published_ticks = ticks;
        intake->scanned += size != 0 ? size : available;
    }
}

/* Everything that is published moves into the backlog. */
static void empty_ring(struct intake *intake)
{
    scan_published(intake);
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
    if (intake->backlog_capacity > KEPT_BACKLOG_BYTES) {
        free(intake->backlog);
        intake->backlog = NULL;
        intake->backlog_start = intake->backlog_end = intake->backlog_capacity = 0;
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

/* How long the thread has been in one hook without publishing anything. */
static bool is_waited_for(struct intake *intake, const struct intake_times *times, bool is_in_hook,
                          bool has_published)
{
    if (!is_in_hook)
        intake->in_hook_since = 0;
    else if (intake->in_hook_since == 0 || has_published)
        intake->in_hook_since = times->now_ticks;
    return is_in_hook && times->now_ticks - intake->in_hook_since < times->patience_ticks;
}

void intake_refresh(struct intake *intake, const struct intake_times *times)
{
    struct ring *ring = &intake->ring;
    /* Acquire: pairs with the release that clears the flag after publishing (preload/hook.c); so
     * what a finished hook published is seen by the peek below. A hook that began within the slack
     * may not be seen yet: nothing younger than that is promised. */
    bool is_in_hook = atomic_load_explicit(&ring->control->in_hook, memory_order_acquire) != 0;
    uint64_t head_before = ring->head;
    uint64_t published = ring_peek(ring);
    if (published == UINT64_MAX) {
        resynchronise(intake);
        published = 0;
    }
    uint64_t now = times->now_ticks, slack = times->slack_ticks;
    intake->future_ticks = now + times->future_ticks;
    intake->bound_ticks = intake->last_ticks;
    if (is_waited_for(intake, times, is_in_hook, ring->head != head_before)) {
        /* What its hook will publish is not older than what it published last. */
        if (!times->is_alone)
            scan_published(intake);
        if (intake->published_ticks > intake->bound_ticks)
            intake->bound_ticks = intake->published_ticks;
    } else if (now > slack && now - slack > intake->bound_ticks) {
        intake->bound_ticks = now - slack;
    }
    if (published != 0 && is_in_backlog(intake))
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

void intake_note_record(struct intake *intake, uint64_t word, size_t size)
{
    uint64_t ticks = word >> WIRE_TICKS_SHIFT;
    if (ticks > intake->future_ticks) {
        intake->bad_records++;
        ticks = intake->last_ticks;
    }
    intake->kind = (uint8_t)word;
    intake->ticks = ticks;
    intake->size = size;
    if (ticks > intake->last_ticks)
        intake->last_ticks = ticks;
    if (intake->last_ticks > intake->bound_ticks)
        intake->bound_ticks = intake->last_ticks;
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
        size_t fixed = wire_fixed_bytes(word & 0xff);
        if (fixed == 0 || fixed > size) { /* it became another one after the check */
            intake->bad_records++;
            step(intake, size);
            continue;
        }
        intake_note_record(intake, word, size);
        return true;
    }
    return false;
}

void intake_advance(struct intake *intake)
{
    intake->kind = 0;
    step(intake, intake->size);
}

void intake_skip(struct intake *intake, size_t bytes, uint64_t last_ticks)
{
    intake->last_ticks = last_ticks;
    if (last_ticks > intake->bound_ticks)
        intake->bound_ticks = last_ticks;
    intake->kind = 0;
    step(intake, bytes);
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
