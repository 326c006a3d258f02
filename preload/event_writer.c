#include "preload/event_writer.h"

#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "preload/lifecycle.h"
#include "preload/park.h"
#include "preload/raw_syscall.h"
#include "preload/self_copy.h"

enum {
    WAIT_STEP_MS = 20,
    WAIT_LIMIT_MS = 2000,
    PAUSE_LIMIT_MS = 500,
    EMPTINESS_WAITS = 8
};

bool event_writer_is_alone(void)
{
    if (atomic_load(&session->state) == SESSION_OVER)
        return true;
    return (atomic_load(&session->recorder_lock) & FUTEX_OWNER_DIED) != 0;
}

/* recorder_sleeps: 0 awake, 1 asleep, 2 somebody wants it (src/record/session_host.c hands that
 * on). A trickle is left for the recorder's next look by itself. */
static void wake_recorder(void)
{
    uint32_t asleep = 1;
    if (!sandbox_is_closed && atomic_compare_exchange_strong(&session->recorder_sleeps, &asleep, 2))
        raw_futex(&session->recorder_sleeps, FUTEX_WAKE, INT_MAX, NULL);
}

/* Also from a nap, which is not to be disturbed for less than a wait. */
static void wake_recorder_to_answer(void)
{
    uint32_t naps = 1;
    wake_recorder();
    if (!sandbox_is_closed && atomic_compare_exchange_strong(&session->recorder_naps, &naps, 0))
        raw_futex(&session->recorder_naps, FUTEX_WAKE, INT_MAX, NULL);
}

static void wake_recorder_for(const struct thread_state *thread)
{
    const struct ring *ring = &thread->ring;
    uint64_t tail = atomic_load_explicit(&ring->control->tail, memory_order_relaxed);
    if (ring->head - tail > ring->capacity / 4)
        wake_recorder();
}

/* Without a beat for so long it is stopped, or as good as. */
static bool is_recorder_still(void)
{
    uint64_t age = event_clock() - atomic_load(&session->heartbeat_ticks);
    return (int64_t)age > (int64_t)(session->ticks_per_second / 1000 * WAIT_LIMIT_MS);
}

bool event_writer_is_worth_waiting(_Atomic uint32_t *word, uint32_t seen, uint64_t end)
{
    return atomic_load(word) == seen && !event_writer_is_alone() &&
           atomic_load(&session->state) == SESSION_RUNNING && event_clock() < end &&
           !is_recorder_still();
}

static uint64_t end_of(uint32_t limit_ms)
{
    return event_clock() + session->ticks_per_second / 1000 * limit_ms;
}

void event_writer_await(_Atomic uint32_t *word, uint32_t seen, uint32_t limit_ms)
{
    uint64_t end = end_of(limit_ms);
    while (!sandbox_is_closed && event_writer_is_worth_waiting(word, seen, end)) {
        struct timespec step = {0, 1000000};
        wake_recorder_to_answer();
        park_start_if_wanted();
        self_copy_make_if_wanted();
        raw_futex(word, FUTEX_WAIT, seen, &step);
    }
}

void event_writer_await_busily(_Atomic uint32_t *word, uint32_t seen, uint32_t limit_ms)
{
    uint64_t end = end_of(limit_ms);
    while (event_writer_is_worth_waiting(word, seen, end))
        ;
}

static void lose(struct thread_state *thread)
{
    _Atomic uint64_t *lost = &thread->ring.control->lost_events;
    atomic_store_explicit(lost, atomic_load_explicit(lost, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    thread->last_birth = 0;
}

static bool is_ring_empty(const struct thread_state *thread)
{
    return atomic_load(&thread->ring.control->tail) == thread->ring.head;
}

/* Asks for a bigger ring while the old one is empty. Doubling twice keeps the number of steps
 * small. */
static bool grow(struct thread_state *thread)
{
    uint32_t capacity = thread->ring.capacity;
    uint32_t wanted = capacity * 4 < SESSION_RING_MAX_BYTES ? capacity * 4 : SESSION_RING_MAX_BYTES;
    if (wanted == capacity || !is_ring_empty(thread))
        return false;
    struct session_process *shared = process_current->shared;
    uint64_t taken = atomic_fetch_add(&shared->ring_bytes, wanted - capacity);
    if (taken + wanted - capacity <= SESSION_PROCESS_RING_BYTES) {
        /* The window first: both old and new windows show the same pages. */
        if ((thread->ring_window_bytes >= SESSION_RING_CONTROL_BYTES + wanted ||
             thread_state_map_ring(thread, thread->ring_slot, wanted)) &&
            ring_grow(&thread->ring, wanted))
            return true;
    }
    atomic_fetch_sub(&shared->ring_bytes, wanted - capacity);
    return false;
}

/* In a closed sandbox: the recorder looks every millisecond by itself. */
static void spin_a_little(const struct thread_state *thread)
{
    uint64_t end = end_of(WAIT_STEP_MS);
    while (atomic_load(&thread->ring.control->tail) == thread->ring.tail_seen &&
           event_clock() < end)
        ;
}

/* One bounded sleep until the consumer moves. The word is read before producer_waits is set and
 * tail looked at again; the consumer stores tail before it looks at producer_waits (wire/ring.c).
 */
static void wait_a_little(struct thread_state *thread)
{
    struct ring_control *control = thread->ring.control;
    uint32_t seen = atomic_load(&control->tail_futex);
    atomic_store(&control->producer_waits, 1);
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load(&control->tail) == thread->ring.tail_seen) {
        wake_recorder_for(thread);
        struct timespec step = {0, WAIT_STEP_MS * 1000000};
        raw_futex(&control->tail_futex, FUTEX_WAIT, seen, &step);
    }
    atomic_store(&control->producer_waits, 0);
}

/* Has the recorder's heart stood still for too long? */
struct patience {
    uint64_t beat;
    uint64_t beat_seen_at;
};

static bool is_patience_over(struct patience *patience)
{
    uint64_t now = event_clock();
    uint64_t beat = atomic_load(&session->heartbeat_ticks);
    if (beat != patience->beat) {
        patience->beat = beat;
        patience->beat_seen_at = now;
        return false;
    }
    /* A recorder that stopped itself with the target (^Z) is continued with it, if a moment later;
     * for a process that was not stopped it stays away. */
    uint32_t limit = atomic_load(&session->state) == SESSION_PAUSED ? PAUSE_LIMIT_MS
                                                                    : WAIT_LIMIT_MS;
    return (now - patience->beat_seen_at) / (session->ticks_per_second / 1000 + 1) > limit;
}

static bool may_wait(void)
{
    return (session->flags & SESSION_DROP_WHEN_FULL) == 0;
}

/* Room by growing or waiting; NULL when there is none to be had. Waiting is bounded by the
 * recorder's liveness: it beats at every drain. Without a beat for 2 s the thread drops what it has
 * to tell, and waits no more until the recorder beats again. */
static void *wait_for_room(struct thread_state *thread, uint32_t bytes)
{
    struct patience patience = {0, 0};
    bool is_large = bytes > thread->ring.capacity / 2;
    int waits_for_emptiness = thread->ring.capacity < SESSION_RING_MAX_BYTES ? EMPTINESS_WAITS : 0;
    for (bool has_waited = false;; has_waited = true) {
        if (event_writer_is_alone()) {
            preload_mode = PRELOAD_PASSES;
            thread->is_plain = false;
            return NULL;
        }
        bool is_grown = (has_waited || is_large) && grow(thread);
        /* Looked at before there is no room: the consumer may empty the ring right after. */
        bool is_empty = is_ring_empty(thread);
        if (is_grown || is_empty)
            waits_for_emptiness = 0;
        /* A ring that was full once is too small, but only an empty one can grow: a part that was
         * given back is left alone a few times, while the consumer takes the rest. */
        void *room = waits_for_emptiness > 0 && has_waited ? NULL
                                                           : ring_reserve(&thread->ring, bytes);
        if (room != NULL)
            return room;
        if (waits_for_emptiness > 0) {
            waits_for_emptiness--;
            thread->ring.tail_seen = atomic_load(&thread->ring.control->tail);
        }
        if (is_empty || !may_wait())
            return NULL; /* too large even for the empty ring, or not to be waited for */
        if (is_patience_over(&patience)) {
            thread->is_dropping = true;
            thread->dropping_since_heartbeat = patience.beat;
            return NULL;
        }
        park_start_if_wanted(); /* the recorder may take nothing until it is there */
        if (sandbox_is_closed)
            spin_a_little(thread);
        else
            wait_a_little(thread);
    }
}

/* Handlers that ran while a thread waits would soon have no place for what they tell: signals wait
 * with it, as if it had got no processor. Not those of glibc itself, for which other threads may
 * wait (32, 33), nor ours, for which the recorder does. What a handler cannot come into, it cannot
 * jump out of either: so all of them. */
static bool hold_signals(uint64_t *before)
{
    uint64_t held = ~(UINT64_C(3) << 31 | UINT64_C(1) << (SESSION_PARK_SIGNAL - 1));
    return !raw_failed(
        raw_syscall(SYS_rt_sigprocmask, SIG_BLOCK, &held, before, sizeof held, 0, 0));
}

/* Also when another thread has closed the sandbox meanwhile: a signal mask is the program's. */
static void let_signals_come(uint64_t before)
{
    arch_system_call(SYS_rt_sigprocmask, SIG_SETMASK, (uint64_t)(uintptr_t)&before, 0,
                     sizeof before, 0, 0);
}

static void *make_room(struct thread_state *thread, uint32_t bytes)
{
    void *room = NULL;
    if (thread->is_dropping)
        thread->is_dropping = atomic_load(&session->heartbeat_ticks) ==
                              thread->dropping_since_heartbeat;
    if (!thread->is_dropping) {
        uint64_t begin = event_clock();
        uint64_t mask;
        bool holds_signals = may_wait() && hold_signals(&mask);
        room = wait_for_room(thread, bytes);
        if (holds_signals)
            let_signals_come(mask);
        _Atomic uint64_t *waited = &thread->ring.control->wait_ticks;
        atomic_store(waited, atomic_load(waited) + event_clock() - begin);
    }
    if (room == NULL)
        lose(thread);
    return room;
}

void *event_writer_make_room(struct thread_state *thread, uint32_t bytes)
{
    if (atomic_load_explicit(&session->recorder_sleeps, memory_order_relaxed) != 0)
        wake_recorder_for(thread);
    park_start_if_wanted();
    void *room = ring_reserve(&thread->ring, bytes);
    return room != NULL ? room : make_room(thread, bytes);
}
