/* The order of events. Records of one thread stand in order in its ring; those of different threads
 * of one process are merged by their stamps. A record may be applied when no older one can still
 * come from another thread of that process: each ring promises a bound (intake.c), and the smallest
 * is the watermark. What must wait is copied out of the ring, so that waiting never fills rings.
 * Records that come later than that all the same are marked late, and the model repairs per
 * address.
 *
 * Processes do not wait for each other, but for one thing: a forked child begins with its parent's
 * heap as it was at the fork, so its first record waits until the parent's have been applied up to
 * then. */
#define _GNU_SOURCE
#include "record/event_order.h"

#include <stdlib.h>

#include "base/memory.h"
#include "record/ring_places.h"

/* So much backlog of one process ends the waiting. */
#define MAX_BACKLOG_BYTES (UINT64_C(512) << 20)
enum {
    BLOCKED_SHARE = 4, /* rings are emptied into backlogs when they are this full and must wait */
    BEAT_BYTES = 4 << 20, /* the heart beats at least this often while backlogs are applied */
};

static bool is_before(const struct intake *a, const struct intake *b)
{
    return a->ticks != b->ticks ? a->ticks < b->ticks : a->slot < b->slot;
}

static void sift_down(struct intake **heap, size_t count, size_t at)
{
    for (;;) {
        size_t first = at, left = 2 * at + 1, right = left + 1;
        if (left < count && is_before(heap[left], heap[first]))
            first = left;
        if (right < count && is_before(heap[right], heap[first]))
            first = right;
        if (first == at)
            return;
        struct intake *moved = heap[at];
        heap[at] = heap[first];
        heap[first] = moved;
        at = first;
    }
}

static uint64_t apply_up_to(struct process_tree *tree, struct recorded_process *process,
                            uint64_t watermark)
{
    struct intake *few[16];
    struct intake **heap = few;
    if (process->intake_count > sizeof few / sizeof *few)
        heap = memory_allocate(process->intake_count * sizeof *heap);
    size_t count = 0;
    for (size_t i = 0; i < process->intake_count; i++)
        if (intake_has_record(process->intakes[i]) && process->intakes[i]->ticks <= watermark)
            heap[count++] = process->intakes[i];
    for (size_t i = count / 2; i-- > 0;)
        sift_down(heap, count, i);
    uint64_t bytes = 0, next_beat = BEAT_BYTES;
    while (count != 0) {
        struct intake *first = heap[0];
        uint64_t limit = watermark;
        for (size_t next = 1; next < 3 && next < count; next++)
            if (heap[next]->ticks < limit)
                limit = heap[next]->ticks;
        do {
            bytes += recorded_process_apply(process, tree, first, limit);
            if (bytes >= next_beat) { /* a long backlog takes its time, but nobody is dead */
                session_host_beat(tree->host, tree->clock);
                next_beat = bytes + BEAT_BYTES;
            }
        } while (intake_has_record(first) && first->ticks <= limit);
        if (first->kind == 0 || first->ticks > watermark)
            heap[0] = heap[--count];
        sift_down(heap, count, 0);
    }
    if (heap != few)
        free(heap);
    return bytes;
}

/* Misuse is worth its stacks: from the first one on, releases of this process carry them. */
static void ask_for_release_stacks(struct recorded_process *process)
{
    if (!process->wants_release_stacks && heap_model_misuse_count(process->model) == 0)
        return;
    process->wants_release_stacks = true;
    for (size_t i = 0; i < process->intake_count; i++)
        atomic_store_explicit(&process->intakes[i]->ring.control->wants_release_stacks, 1,
                              memory_order_relaxed);
}

uint64_t event_order_drain(struct process_tree *tree, struct recorded_process *process,
                           uint64_t now, bool is_everything)
{
    struct intake_times times = ring_places_look_times(tree, now);
    times.is_alone = process->intake_count == 1;
    /* A ring that was claimed after the look for rings may hold records from then on. */
    uint64_t watermark = now > times.slack_ticks ? now - times.slack_ticks : 0;
    uint64_t bound = watermark, backlog = 0;
    bool has_losses = process->lost_events != 0;
    for (size_t i = 0; i < process->intake_count; i++) {
        struct intake *intake = process->intakes[i];
        intake_refresh(intake, &times);
        backlog += intake_backlog_bytes(intake);
        /* Looked at after the ring: what was lost before a record that is there counts. */
        has_losses |= atomic_load_explicit(&intake->ring.control->lost_events,
                                           memory_order_relaxed) != 0;
        if (intake->bound_ticks < bound)
            bound = intake->bound_ticks;
    }
    /* The records of a single ring are in order, whatever else its thread has under way. */
    if (!times.is_alone)
        watermark = bound;
    if (is_everything || backlog > MAX_BACKLOG_BYTES)
        watermark = UINT64_MAX;
    if (has_losses || atomic_load(&session_host_header(tree->host)->refused_events) != 0)
        heap_model_note_losses(process->model);
    uint64_t bytes = apply_up_to(tree, process, watermark);
    recorded_process_flush(process);
    ask_for_release_stacks(process);
    if (bound > process->applied_ticks)
        process->applied_ticks = bound;
    for (size_t i = 0; i < process->intake_count; i++) {
        struct intake *intake = process->intakes[i];
        process->bad_records += intake->bad_records;
        intake->bad_records = 0;
        uint64_t waiting = intake->ring.head - intake->ring.tail_seen - intake->taken;
        intake_settle(intake, waiting > intake->ring.capacity / BLOCKED_SHARE);
    }
    return bytes;
}
