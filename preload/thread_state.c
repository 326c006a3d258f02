#include "preload/thread_state.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "preload/lifecycle.h"
#include "preload/own_memory.h"
#include "preload/raw_syscall.h"
#include "preload/real_functions.h"
#include "preload/sampled_blocks.h"
#include "preload/session_link.h"
#include "preload/stack_capture.h"
#include "preload/unwind_rules.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

__thread struct thread_state *thread_current __attribute__((tls_model("initial-exec")));
struct process_state *process_current;
struct stamp_clock thread_state_stamp;

static void *map_wiped(size_t bytes)
{
    void *memory = own_memory_map(bytes);
    if (memory == NULL)
        return NULL;
    if (raw_failed(raw_syscall(SYS_madvise, memory, bytes, MADV_WIPEONFORK, 0, 0, 0))) {
        raw_munmap(memory, bytes);
        return NULL;
    }
    return memory;
}

static void set_stamp_way(bool are_several)
{
    enum stamp_way way = session->clock != SESSION_CLOCK_TSC ? STAMP_BY_KERNEL
                         : are_several                       ? STAMP_ORDERED
                                                             : STAMP_UNORDERED;
    atomic_store(&thread_state_stamp.way, way);
}

bool thread_state_start(void)
{
    process_current = map_wiped(sizeof *process_current);
    set_stamp_way(false);
    thread_state_stamp.epoch_ticks = session->epoch_ticks;
    return process_current != NULL;
}

static void raise_to(_Atomic uint32_t *high, uint32_t wanted)
{
    uint32_t seen = atomic_load(high);
    while (seen < wanted && !atomic_compare_exchange_weak(high, &seen, wanted))
        ;
}

/* The first thread of a process is recorded in any case. What is asked for has been added before,
 * so that several threads do not all take what is left. */
static bool has_room(void)
{
    const struct session_process *shared = process_current->shared;
    return atomic_load(&process_current->threads) == NULL ||
           own_memory_may_be(atomic_load(&shared->own_bytes) + atomic_load(&shared->ring_bytes));
}

static struct thread_state *make_state(void)
{
    _Atomic uint64_t *own_bytes = &process_current->shared->own_bytes;
    atomic_fetch_add(own_bytes, sizeof(struct thread_state));
    struct thread_state *state = has_room() ? map_wiped(sizeof *state) : NULL;
    if (state == NULL)
        atomic_fetch_sub(own_bytes, sizeof *state);
    return state;
}

static void drop_state(struct thread_state *state)
{
    raw_munmap(state, sizeof *state);
    atomic_fetch_sub(&process_current->shared->own_bytes, sizeof *state);
}

static size_t ring_window_bytes(uint32_t capacity)
{
    return SESSION_RING_CONTROL_BYTES + (size_t)capacity;
}

static void *map_ring_window(uint32_t slot, uint32_t capacity)
{
    return has_room() ? session_link_map(session_ring_offset(slot), ring_window_bytes(capacity))
                      : NULL;
}

static void take_ring_window(struct thread_state *thread, void *window, uint32_t capacity)
{
    void *old_window = thread->ring_window;
    size_t old_bytes = thread->ring_window_bytes;
    thread->ring_window = window;
    thread->ring_window_bytes = ring_window_bytes(capacity);
    thread->ring.control = window;
    thread->ring.data = (char *)window + SESSION_RING_CONTROL_BYTES;
    thread->ring.limit = thread->ring.head; /* places are looked for anew */
    /* A signal handler that comes before this line finds either window whole. */
    atomic_signal_fence(memory_order_seq_cst);
    if (old_window != NULL)
        session_link_unmap(old_window, old_bytes);
}

bool thread_state_map_ring(struct thread_state *thread, uint32_t slot, uint32_t capacity)
{
    void *window = map_ring_window(slot, capacity);
    if (window != NULL)
        take_ring_window(thread, window, capacity);
    return window != NULL;
}

static void tell_own_range(struct session_range *range, const void *start, size_t bytes)
{
    atomic_store(&range->start, (uint64_t)(uintptr_t)start);
    atomic_store(&range->bytes, start != NULL ? bytes : 0);
}

/* A slot that was handed back, else one that nobody had; or any, when all of them were asked for: a
 * process may have been killed in the middle of a claim. */
static uint32_t next_ring_slot(uint32_t attempt)
{
    for (uint32_t word = 0; word < SESSION_RING_SLOTS / 64; word++) {
        uint64_t bits = atomic_load_explicit(&session->free_rings[word], memory_order_relaxed);
        for (; bits != 0; bits &= bits - 1) {
            uint64_t lowest = bits & -bits;
            uint32_t slot = word * 64 + (uint32_t)__builtin_ctzll(lowest);
            if ((atomic_fetch_and(&session->free_rings[word], ~lowest) & lowest) != 0 &&
                slot < session->ring_slots)
                return slot;
        }
    }
    if (atomic_load(&session->ring_next) < session->ring_slots) {
        uint32_t next = atomic_fetch_add(&session->ring_next, 1);
        if (next < session->ring_slots)
            return next;
    }
    return attempt;
}

/* Takes a free slot of the session's ring table, and maps its ring. The first look at it is a read,
 * which shows whatever there is of a ring that others had before, page by page for a write: one
 * fault instead of many. */
static bool claim_ring_slot(struct thread_state *thread, uint32_t capacity)
{
    for (uint32_t attempt = 0; attempt < session->ring_slots; attempt++) {
        uint32_t slot = next_ring_slot(attempt);
        struct ring_control *control = map_ring_window(slot, capacity);
        if (control == NULL) { /* no address space for it; others may have */
            atomic_fetch_or(&session->free_rings[slot / 64], UINT64_C(1) << slot % 64);
            return false;
        }
        uint32_t free_state = SESSION_SLOT_FREE;
        /* Acquire: pairs with the recorder's release when it hands the slot back. */
        if (atomic_load(&control->state) == SESSION_SLOT_FREE &&
            atomic_compare_exchange_strong(&control->state, &free_state, SESSION_SLOT_CLAIMED)) {
            take_ring_window(thread, control, capacity);
            thread->ring_slot = slot;
            return true;
        }
        session_link_unmap(control, ring_window_bytes(capacity));
    }
    return false;
}

static bool claim_ring(struct thread_state *thread)
{
    struct session_process *shared = process_current->shared;
    bool is_much_taken = atomic_load(&shared->ring_bytes) >= SESSION_PROCESS_RING_BYTES / 2;
    /* A ring that is never waited for cannot grow under pressure: it begins large. */
    bool is_dropping = (session->flags & SESSION_DROP_WHEN_FULL) != 0;
    uint32_t capacity = is_much_taken ? SESSION_RING_SMALL_BYTES
                        : is_dropping ? SESSION_RING_MAX_BYTES
                                      : SESSION_RING_MIN_BYTES;
    uint64_t taken = atomic_fetch_add(&shared->ring_bytes, capacity);
    thread->ring_window = NULL;
    if (taken + capacity > SESSION_PROCESS_RING_BYTES || !claim_ring_slot(thread, capacity)) {
        atomic_fetch_sub(&shared->ring_bytes, capacity);
        return false;
    }
    struct ring *ring = &thread->ring;
    ring->control->process_slot = process_current->slot;
    atomic_store(&ring->control->tid, thread->tid);
    ring->capacity = capacity;
    atomic_store(&ring->control->capacity, capacity);
    ring->head = atomic_load(&ring->control->head);
    ring->tail_seen = ring->limit = ring->head;
    atomic_store(&ring->control->in_hook, 0);
    atomic_store(&ring->control->wants_release_stacks,
                 (session->flags & SESSION_RELEASE_STACKS) != 0);
    tell_own_range(&ring->control->own, thread, sizeof *thread);
    /* Release: everything above is there before the recorder looks at the slot. */
    raise_to(&session->ring_high, thread->ring_slot + 1);
    return true;
}

/* A process is claimed by its first thread that has something to tell: at the start of an image, or
 * in the child of a fork, when no other thread exists. */
static bool claim_process(void)
{
    struct process_state *process = process_current;
    if (atomic_load_explicit(&process->is_claimed, memory_order_acquire) != 0)
        return true;
    uint32_t pid = session_link_pid();
    if (pid == 0 || sandbox_is_closed)
        return false; /* nobody may be taken for another */
    for (uint32_t slot = 0; slot < SESSION_PROCESS_SLOTS; slot++) {
        struct session_process *shared = session_process_at(session, slot);
        uint32_t free_state = SESSION_SLOT_FREE;
        if (atomic_load(&shared->state) != SESSION_SLOT_FREE ||
            !atomic_compare_exchange_strong(&shared->state, &free_state, SESSION_SLOT_CLAIMED))
            continue;
        atomic_store(&shared->own_bytes, 0);
        atomic_store(&shared->ring_bytes, 0);
        atomic_store(&session_call_at(session, slot)->state, SESSION_CALL_NONE);
        atomic_store(&session_call_at(session, slot)->tid, 0);
        tell_own_range(&shared->own[0], process, sizeof *process);
        tell_own_range(&shared->own[1], stack_capture_rules, sizeof *stack_capture_rules);
        atomic_store(&shared->pid, pid);
        process->own_pid = raw_getpid();
        process->session_pid = pid;
        raise_to(&session->process_high, slot + 1);
        process->slot = slot;
        process->shared = shared;
        atomic_store_explicit(&process->is_claimed, 1, memory_order_release);
        return true;
    }
    return false;
}

static bool is_thread_gone(uint32_t tid, uint32_t own_tid)
{
    if (tid == own_tid)
        return true; /* the number was given again, to us */
    return raw_failed(raw_syscall(SYS_tgkill, raw_getpid(), tid, 0, 0, 0, 0));
}

/* Takes over the state, ring and cache of a thread that ended. */
static struct thread_state *reuse_state(uint32_t own_tid)
{
    struct thread_state *state = atomic_load(&process_current->threads);
    for (; state != NULL; state = state->next) {
        uint32_t ending = 1;
        if (atomic_load(&state->is_ending) != 1 ||
            !atomic_compare_exchange_strong(&state->is_ending, &ending, 2))
            continue;
        if (is_thread_gone(state->tid, own_tid))
            return state;
        atomic_store(&state->is_ending, 1);
    }
    return NULL;
}

static void enlist(struct thread_state *state)
{
    struct thread_state *first = atomic_load(&process_current->threads);
    do
        state->next = first;
    while (!atomic_compare_exchange_weak(&process_current->threads, &first, state));
}

/* Each thread of a session has a seed of its own, in the order of their beginnings: with a fixed
 * seed chance is the same in every run of a program that does the same. */
static void start_sampler(struct thread_state *thread)
{
    if (session->bytes_per_sample == 0)
        return;
    uint64_t place = atomic_fetch_add(&session->sampler_count, 1) + 1;
    uint64_t seed = session->sampling_seed ^ place * UINT64_C(0xd6e8feb86659fd93);
    sampler_start(&thread->sampler, sampler_random(&seed), session->bytes_per_sample,
                  real.may_nest);
}

/* Do the hooks of this process do no more than record, once for each call? */
static bool is_plain(void)
{
    return preload_mode == PRELOAD_RECORDS && session->clock == SESSION_CLOCK_TSC &&
           sampled_blocks == NULL && (session->flags & SESSION_ORACLE) == 0 && !real.may_nest;
}

static struct thread_state *refuse(void)
{
    atomic_fetch_add(&session->refused_events, 1);
    return NULL;
}

/* What all threads have that found no room for a state or a ring. Its memory is wiped by fork, so
 * that the child's threads are not mute. */
static struct thread_state *_Atomic mute_thread;

static void take_mute_state(void)
{
    struct thread_state *mute = atomic_load(&mute_thread), *none = NULL;
    if (mute == NULL) {
        mute = map_wiped(THREAD_MUTE_BYTES);
        if (mute != NULL && !atomic_compare_exchange_strong(&mute_thread, &none, mute)) {
            raw_munmap(mute, THREAD_MUTE_BYTES);
            mute = none;
        }
    }
    if (mute != NULL)
        mute->is_mute = true;
    thread_current = mute;
}

static struct thread_state *turn_mute(void)
{
    take_mute_state();
    return refuse();
}

struct thread_state *thread_state_mute(void)
{
    struct thread_state *before = thread_current;
    if (lifecycle_tells())
        take_mute_state();
    return before;
}

void thread_state_unmute(struct thread_state *before)
{
    thread_current = before;
}

static struct thread_state *claim(void)
{
    struct thread_state *thread = thread_current;
    if (!lifecycle_tells())
        return NULL;
    if (thread != NULL && thread == atomic_load(&mute_thread))
        thread = NULL; /* it was mute before the fork */
    bool is_first = atomic_load(&process_current->is_claimed) == 0;
    if (is_first && !lifecycle_may_record_process())
        return NULL;
    /* Before the process is claimed, which others may do as well; a forked child begins with one.
     */
    set_stamp_way(!is_first);
    if (!claim_process())
        return refuse();
    if (sandbox_is_closed)
        return refuse();
    uint32_t tid = raw_gettid();
    bool is_reused = false, is_made = false;
    if (thread == NULL) {
        thread = reuse_state(tid);
        is_reused = thread != NULL;
        if (thread == NULL && (thread = make_state()) == NULL)
            return turn_mute();
        is_made = !is_reused;
    }
    thread->tid = tid;
    if (!is_reused && !claim_ring(thread)) {
        atomic_fetch_add(&session->refused_rings, 1);
        if (is_made)
            drop_state(thread);
        return turn_mute();
    }
    thread->guard = 0;
    thread->is_busy = false;
    thread->pending.address = NULL;
    thread->outer_release = NULL;
    thread->passed_over = NULL;
    thread->sampler.newest = NULL;
    thread->last_birth = 0;
    thread->ignoring_depth = 0;
    thread->quiet_guard = 0;
    memset(&thread->memory, 0, sizeof thread->memory);
    thread->memory.are_system_calls_forbidden = sandbox_is_closed;
    thread_current = thread;
    if (!is_reused) {
        start_sampler(thread);
        enlist(thread);
    }
    atomic_store(&thread->ring.control->tid, tid);
    atomic_store(&thread->ring.control->thread_pointer,
                 (uint64_t)(uintptr_t)__builtin_thread_pointer());
    atomic_store(&thread->is_ending, 0);
    thread->is_claimed = true;
    lifecycle_thread_started(thread, is_first);
    thread->is_plain = is_plain();
    return thread;
}

/* No handler finds a state that is claimed by half. */
struct thread_state *thread_state_claim(void)
{
    const struct thread_state *current = thread_current;
    if (current != NULL && current->is_mute)
        return lifecycle_tells() ? refuse() : NULL;
    uint64_t all = UINT64_MAX, before;
    raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof before, 0, 0);
    struct thread_state *thread = thread_current;
    /* One may have claimed it before the signals were held. */
    if (thread == NULL || !thread->is_claimed)
        thread = claim();
    raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before, 0, 0);
    return thread;
}
