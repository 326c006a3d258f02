/* Signal handlers inside the recording of another event: a stack is captured or a record half
 * written, so what they tell is set aside in the thread's state, with its stack, and written as
 * soon as that is done. */
#include <stdatomic.h>

#include "preload/event_writer.h"
#include "preload/hook_inside.h"
#include "preload/sandbox.h"
#include "preload/stack_capture.h"

bool hook_defer(struct hook *hook, const uint64_t *words, uint32_t word_count, bool has_stack)
{
    struct thread_state *thread = hook->thread;
    /* One instruction: a handler inside this handler takes the next place. */
    uint32_t place = atomic_fetch_add_explicit(&thread->deferred_count, 1, memory_order_relaxed);
    if (place >= THREAD_DEFERRED_EVENTS) {
        atomic_fetch_sub_explicit(&thread->deferred_count, 1, memory_order_relaxed);
        atomic_fetch_add(&thread->ring.control->lost_events, 1);
        return false;
    }
    struct deferred_event *event = &thread->deferred[place];
    for (uint32_t i = 0; i < word_count; i++)
        event->words[i] = words[i];
    /* Stamped now: what is released now another thread may get before this is written. */
    event->words[0] |= event_stamp();
    event->word_count = word_count;
    event->frame_count = 0;
    if (has_stack) {
        struct walk_memory memory = {.are_system_calls_forbidden = sandbox_is_closed};
        event->frame_count = stack_capture_walk(&hook->caller, &memory, event->frames,
                                                THREAD_DEFERRED_FRAMES);
    }
    return true;
}

static void write_deferred_event(struct thread_state *thread, struct deferred_event *event)
{
    if (event->frame_count != 0) {
        uint32_t slot = stack_capture_frames(thread, event->frames, event->frame_count);
        if (slot == STACK_CAPTURE_LOST)
            return;
        event->words[2] |= slot;
    }
    uint64_t *record = event_reserve(thread, event->word_count);
    if (record == NULL)
        return;
    for (uint32_t word = 0; word < event->word_count; word++)
        record[word] = event->words[word];
    event_commit(thread, event->word_count);
    event_count(thread);
}

/* More may be set aside meanwhile: only when none came since the last one was written, which the
 * exchange finds out and settles at once, are all of them done. */
static void write_deferred(struct thread_state *thread)
{
    uint32_t written = 0,
             count = atomic_load_explicit(&thread->deferred_count, memory_order_relaxed);
    do {
        for (; written < count; written++)
            write_deferred_event(thread, &thread->deferred[written]);
        thread->last_birth = 0;
    } while (!atomic_compare_exchange_strong_explicit(&thread->deferred_count, &count, 0,
                                                      memory_order_relaxed, memory_order_relaxed));
}

void hook_write_deferred(struct thread_state *thread)
{
    do {
        hook_begin_busy(thread);
        write_deferred(thread);
        SIGNAL_FENCE();
        thread->is_busy = false;
        SIGNAL_FENCE();
    } while (atomic_load_explicit(&thread->deferred_count, memory_order_relaxed) != 0);
}
