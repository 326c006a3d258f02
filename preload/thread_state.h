/* What the preload keeps for a thread and for a process, and how both are claimed.
 *
 * The one TLS variable points to a struct thread_state in pages that fork() wipes
 * (MADV_WIPEONFORK): the child of any kind of fork finds zeroes there, notices that it is nobody
 * yet, and claims a ring of its own; the child of vfork shares memory and state with its parent,
 * which is right.
 *
 * States are never unmapped while the process lives. When a thread ends its state is marked, and
 * the next new thread takes it over, with its ring and its stack cache, once the kernel says that
 * the old thread is gone (until then it may still free things). */
#ifndef SEEP_PRELOAD_THREAD_STATE_H
#define SEEP_PRELOAD_THREAD_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/export.h"
#include "preload/python_merge.h"
#include "preload/python_stack.h"
#include "preload/sampler.h"
#include "preload/stack_deep.h"
#include "preload/stack_memo.h"
#include "preload/stack_trail.h"
#include "preload/stack_walk.h"
#include "wire/ring.h"
#include "wire/wire_format.h"

enum {
    THREAD_DEFERRED_EVENTS = 64,
    THREAD_DEFERRED_FRAMES = 48,
    THREAD_MUTE_BYTES = 4096, /* of the state of one that tells nothing: its first fields */
    STACK_CACHE_WAYS = 4,
    STACK_CACHE_SETS = WIRE_STACK_SLOTS / STACK_CACHE_WAYS,
    STACK_CACHE_FIRST_SETS = 32, /* that are used at first */
    STACK_CACHE_GROWTH_BITS = 3
};

/* An inner call's event, not yet written: the outer call may turn out to be the same event. */
struct pending_birth {
    void *address; /* NULL = none */
    uint64_t size;
    uint64_t stamp; /* of the call: another thread may free the block before this is written */
    uint8_t function;
};

/* An event of a signal handler that interrupted the recording of another; written right after it.
 */
struct deferred_event {
    uint64_t words[4];
    uint32_t word_count;
    uint32_t frame_count; /* of the stack that it names; 0 = it needs none */
    uint64_t frames[THREAD_DEFERRED_FRAMES];
};

struct thread_state {
    /* The hot line. guard: frame address of the outermost hook that this thread is in, 0 = none; it
     * is void when a later hook finds itself above it on the stack (an exception passed). */
    uintptr_t guard;
    uintptr_t guard_return; /* the return address that stands in that frame, while it lives */
    bool is_claimed;        /* has a ring; false after a fork until claimed again */
    bool is_busy;  /* between the start of a stack capture and the end of a write: not re-entrant */
    bool is_plain; /* claimed, and nothing in this session asks for more than records: hook_plain.h
                    */
    bool is_mute;  /* found no room for state or ring: events are counted as lost */
    bool is_dropping; /* the recorder stopped reading: lose and count, do not wait */
    struct ring ring;
    uint64_t last_birth; /* address of the record just before in the ring, if a BIRTH; else 0 */
    struct pending_birth pending;
    _Atomic uint32_t deferred_count;
    struct sampler sampler;

    void *outer_release; /* what the outer hook already recorded as released */
    void *passed_over;   /* by an inner call; if the outer one returns it, that is decided */
    struct walk_memory memory;

    uint32_t tid;
    _Atomic uint32_t
        is_ending; /* its thread-end destructor ran: 1; 2 while somebody takes it over */
    uint32_t ring_slot;
    size_t ring_window_bytes;
    void *ring_window;
    struct thread_state *next; /* in the process's list of all states */
    uint64_t dropping_since_heartbeat;
    uintptr_t quiet_guard, quiet_return; /* hook_begin_quiet; 0 = nobody is quiet */
    uint32_t ignoring_depth;             /* what it allocates is no leak: annotation.h */
    uint64_t module_start, module_end;   /* of the module seen last by module_notice */
    bool is_making_arena;                /* what it maps is an arena of Python's */

    struct deferred_event deferred[THREAD_DEFERRED_EVENTS];

    uint32_t cache_growths; /* how often more sets came into use */
    uint32_t cache_taken;   /* slots, by stacks that were new */
    uint8_t cache_victims[STACK_CACHE_SETS];
    uint64_t cache_hashes[WIRE_STACK_SLOTS]; /* 0 = empty */
    uint64_t frames[WIRE_MAX_FRAMES];
    struct stack_memo memo;
    struct stack_trail trail;
    struct python_stack python; /* of the event that is being recorded */
    struct python_merge_frame python_words[PYTHON_STACK_FRAMES];
    uint64_t merged[WIRE_MAX_FRAMES];
    struct stack_deep deep;
};

/* In wiped pages too. */
struct process_state {
    _Atomic uint32_t is_claimed;
    uint32_t slot; /* of session_process */
    struct session_process *shared;
    uint32_t own_pid, session_pid; /* this process's number, to itself and to the recorder */
    struct thread_state *_Atomic threads;
    _Atomic uint64_t fork_number;
    bool is_own_image; /* not a forked child that still runs its parent's */
    /* Where the end of the program began, and on which thread: exit_hold.h. 0 = not yet. */
    uint64_t exit_sp;
    uint32_t exit_tid;
    bool was_interpreter_held; /* before its interpreter took itself apart */
};

_Static_assert(offsetof(struct thread_state, outer_release) <= THREAD_MUTE_BYTES,
               "what is asked of any thread stands in its first page");

_Static_assert((STACK_CACHE_SETS / STACK_CACHE_FIRST_SETS) == 1 << 2 * STACK_CACHE_GROWTH_BITS,
               "all sets are used in the end");

extern __thread struct thread_state *thread_current __attribute__((tls_model("initial-exec")));
INTERNAL extern struct process_state *process_current; /* set once the session is joined */

/* How the time is read. */
enum stamp_way {
    STAMP_UNORDERED, /* by one thread */
    STAMP_ORDERED,   /* by several: set before the second one's first event */
    STAMP_BY_KERNEL
};

struct stamp_clock {
    _Atomic uint32_t way;
    uint64_t epoch_ticks; /* of the session */
};
INTERNAL extern struct stamp_clock thread_state_stamp; /* set by thread_state_start */

/* The calling thread's state, claimed; NULL when it cannot record (no ring, session over). Slow
 * path of every hook. */
struct thread_state *thread_state_claim(void);

static inline struct thread_state *thread_state_get(void)
{
    struct thread_state *thread = thread_current;
    if (__builtin_expect(thread != NULL && thread->is_claimed, 1))
        return thread;
    return thread_state_claim();
}

/* From here on the calling thread's events are counted as lost, and nothing is done for them: no
 * system call, and the time is not read. Returns what gives it its state back. */
struct thread_state *thread_state_mute(void);
void thread_state_unmute(struct thread_state *before);

/* Makes the process state; once, while the session is joined. */
bool thread_state_start(void);

/* Maps at least `capacity` bytes of ring data (and its control page) of the slot and puts it into
 * the thread's ring; unmaps the window it had. */
bool thread_state_map_ring(struct thread_state *thread, uint32_t slot, uint32_t capacity);

#endif
