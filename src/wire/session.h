/* The memory that a session's processes and the recorder share: one memfd, made, sized and sealed
 * by the recorder, so that nobody can shrink it under another.
 *
 *   0         struct session_header
 *   64 KiB    struct session_process [SESSION_PROCESS_SLOTS]
 *   640 KiB   struct session_parked [SESSION_PARKED_SLOTS]
 *   1 MiB     struct session_call [SESSION_PROCESS_SLOTS], by the slots of processes
 *   1.5 MiB   struct exchange [SESSION_EXCHANGES] (wire/exchange.h)
 *   2 MiB     ring slots, SESSION_RING_STRIDE bytes each: struct ring_control in the first page,
 * data after it. Pages that nobody touched cost nothing, so a slot has room for the largest ring,
 * and rings begin small.
 *
 * Everything in it may be overwritten by a target that goes wild: the recorder checks what it
 * reads. */
#ifndef SEEP_WIRE_SESSION_H
#define SEEP_WIRE_SESSION_H

#include <stdatomic.h>
#include <stdint.h>

#include "wire/wire_format.h"

/* The socket beside the library in the session folder: whoever connects and is of the session gets
 * four bytes, its pid as the recorder counts, with the memory's descriptor (SCM_RIGHTS). */
#define SESSION_DOOR_NAME "door"

#define SESSION_MAGIC UINT64_C(0x31307370656573) /* "seeps01" */

enum {
    SESSION_PROCESS_SLOTS = 4096,
    SESSION_PROCESSES_OFFSET = 64 << 10,
    SESSION_PARKED_SLOTS = 8192,
    SESSION_PARKED_OFFSET = 640 << 10,
    SESSION_CALLS_OFFSET = 1 << 20,
    SESSION_EXCHANGES_OFFSET = 1536 << 10,
    SESSION_EXCHANGES = 2,
    SESSION_EXCHANGE_BYTES = 256 << 10,
    SESSION_RINGS_OFFSET = 2048 << 10,
    SESSION_RING_SLOTS = 16384,
    SESSION_RING_CONTROL_BYTES = 4096,
    SESSION_RING_MIN_BYTES = 64 << 10, /* what a thread's ring begins with */
    /* Of those that come when half of the process's share is taken. */
    SESSION_RING_SMALL_BYTES = 16 << 10,
    SESSION_RING_MAX_BYTES = 2 << 20,
    SESSION_RING_STRIDE = SESSION_RING_CONTROL_BYTES + SESSION_RING_MAX_BYTES,
    SESSION_PROCESS_RING_BYTES = 64 << 20 /* at most, of one process */
};

/* Of all of a session's memory. */
static inline uint64_t session_bytes(uint32_t ring_slots)
{
    return SESSION_RINGS_OFFSET + (uint64_t)ring_slots * (uint64_t)SESSION_RING_STRIDE;
}

enum {
    SESSION_ALLOCATORS = 4 /* families */
};

enum session_clock {
    SESSION_CLOCK_TSC = 0,
    SESSION_CLOCK_MONOTONIC = 1
};

enum session_flags {
    SESSION_DROP_WHEN_FULL = 1, /* never wait for the recorder */
    SESSION_ORACLE = 2,         /* test mode: send registers and stack bytes with every new stack */
    SESSION_FOLLOW_FORK = 4,
    SESSION_FOLLOW_EXEC = 8,
    SESSION_RELEASE_STACKS = 16,  /* from the start; else once misuse was seen */
    SESSION_SCAN_AT_EXIT = 32,    /* processes are held where they end, to be scanned */
    SESSION_PARK = 64,            /* processes can be asked to park, by SESSION_PARK_SIGNAL */
    SESSION_SCAN_ON_CRASH = 128,  /* they are held, too, where a signal ends them */
    SESSION_SCAN_FORKS = 256,     /* forked children that run no image of their own are held, too */
    SESSION_PYTHON = 512,         /* events carry the Python frames of their thread */
    SESSION_PYTHON_OBJECTS = 1024 /* and each object of Python is a block */
};

/* Why a process holds itself, in its slot: it waits there until the recorder has read its memory.
 */
enum session_hold {
    SESSION_HOLD_NONE = 0,
    SESSION_HOLD_BEFORE_EXIT = 1, /* main returned or exit was called: nothing is torn down yet */
    SESSION_HOLD_EXIT = 2,        /* the last destructor has run */
    SESSION_HOLD_EXEC = 3,        /* another image is about to take its place */
    SESSION_HOLD_CRASH = 4,       /* a signal is about to end it */
    /* Beside one of these: no handler of a signal runs in the thread that waits. */
    SESSION_HOLD_IS_QUIET = 256,
    SESSION_HOLD_IS_ALONE = 512, /* it has no other thread; said where /proc may not tell others */
    SESSION_HOLD_REASONS = 255
};

/* Where the recorder cannot stop a process it asks its threads, one by one and by this signal, to
 * park: each says in a slot of its own where its registers stand, and waits until the recorder is
 * done. Far from those that libraries take (from SIGRTMIN on) and tools take (SIGRTMAX). */
#define SESSION_PARK_SIGNAL 61

/* Whose word is it whether a process may be sent that signal? */
enum session_park_guard {
    SESSION_PARK_FREE = 0,
    SESSION_PARK_BY_RECORDER =
        1,                   /* it sends signals: no other image may take the place meanwhile */
    SESSION_PARK_BY_EXEC = 2 /* an image without a handler may be there at any moment */
};

enum session_park_state {
    SESSION_PARK_NOT = 0,
    SESSION_PARK_WANTED = 1, /* by the recorder, before it answers is_watched, or later: then the next
                                thread that waits for it, or needs room in its ring, sees to it */
    SESSION_PARK_READY = 2,  /* the handler is in place */
    SESSION_PARK_CLOSED = 3, /* it is, but the process may not return from it (preload/sandbox.h) */
    SESSION_PARK_STARTING = 4
};

/* Of copy_pid, before there is one. */
enum session_copy {
    SESSION_COPY_NONE = 0,
    SESSION_COPY_BY_PARKED = -1, /* a thread that is parked, or holds itself, is to make it */
    SESSION_COPY_UNDER_WAY = -2
};

/* The lowest bits of the number of a copy. */
enum session_copy_flags {
    SESSION_COPY_WANTED = 1,
    SESSION_COPY_READS = 2,    /* it answers questions (wire/exchange.h): nobody else may read it */
    SESSION_COPY_IN_PLACE = 4, /* it is no copy: a child in the memory of the process, of which the
                                  thread that made it waits for the child's end */
    SESSION_COPY_FLAGS = 7
};

/* One process is parked at a time. */
struct session_parked {
    _Atomic uint32_t park; /* session_process.park, once the rest is filled in */
    _Atomic uint32_t tid;  /* as the process sees it */
    _Atomic uint64_t
        general; /* where the processor's registers stand, as signal handlers see them */
    _Atomic uint64_t extended; /* the same of vector registers */
    _Atomic uint64_t thread_pointer;
    _Atomic uint64_t has_left; /* it waited in vain and went on: what was read is of no instant */
};

/* state of the session, set by the recorder */
enum session_state {
    SESSION_RUNNING = 1,
    SESSION_PAUSED = 2, /* the recorder is about to stop itself: do not wait for long */
    SESSION_OVER = 3    /* nobody listens any more: step aside */
};

/* A snapshot that another program asks the recorder for, one at a time. */
enum session_request_state {
    SESSION_REQUEST_NONE = 0,
    SESSION_REQUEST_MADE = 1, /* somebody fills it in */
    SESSION_REQUEST_ASKED = 2,
    SESSION_REQUEST_DONE = 3,   /* `answer` says what was taken */
    SESSION_REQUEST_REFUSED = 4 /* `answer` says why */
};

enum {
    SESSION_ANSWER_BYTES = 1024,
    SESSION_PATH_BYTES = 4096
};

struct session_request {
    _Atomic uint32_t state; /* enum session_request_state, and a futex word */
    uint32_t pid;
    char answer[SESSION_ANSWER_BYTES];
};

struct session_header {
    uint64_t magic;
    uint32_t version; /* SESSION_VERSION */
    uint32_t clock;   /* enum session_clock */
    uint64_t epoch_ticks;
    uint64_t ticks_per_second; /* a good estimate, for waits */
    uint32_t flags;
    uint32_t stack_depth;
    uint32_t recorder_pid;
    uint32_t library_path_bytes;
    char library_path[512];    /* what LD_PRELOAD must name, for the exec hooks */
    uint32_t command_pid;      /* the command's own image is recorded, whatever the filters say */
    uint32_t hold_limit_ms;    /* a process holds itself for no longer */
    uint64_t bytes_per_sample; /* one in so many bytes chooses its block; 0 = all are recorded */
    uint64_t sampling_seed;
    uint32_t
        ring_slots; /* so many there are: fewer than SESSION_RING_SLOTS where memory is limited */
    /* Which executables are recorded: texts "+GLOB" (only these) and "-GLOB" (not these), one after
     * the other, each NUL-terminated; an empty one ends the list. */
    char filters[4096];
    /* Prefixes of families of allocation functions (preload/allocator_family.h), as filters are. */
    char allocators[256];

    /* Written now and then by the recorder; read by producers only when their ring is full. */
    _Alignas(64) _Atomic uint32_t recorder_lock; /* robust futex: FUTEX_OWNER_DIED = it is dead */
    _Atomic uint32_t state;                      /* enum session_state */
    _Atomic uint64_t heartbeat_ticks;

    /* Futex word: 1 while the recorder sleeps for want of work; a producer with much to tell makes
     * it 2 and wakes. */
    _Alignas(64) _Atomic uint32_t recorder_sleeps;
    /* Futex word: 1 while the recorder naps, only to let a few more events gather; whoever waits for
     * an answer of its makes it 0 and wakes it, nobody else. */
    _Atomic uint32_t recorder_naps;

    /* Claims, by targets. */
    _Alignas(64) _Atomic uint32_t ring_high; /* ring slots ever claimed are below this */
    _Atomic uint32_t ring_next;              /* no slot from here on was ever asked for */
    _Atomic uint32_t process_high;
    _Atomic uint64_t refused_rings; /* threads that found no ring: their events were lost */
    _Atomic uint64_t refused_events;
    _Atomic uint64_t sampler_count; /* threads that began to sample */
    _Atomic uint32_t python_codes;  /* numbers given to code objects: the last one */

    /* Some process makes no system calls any more (preload/sandbox.h): it cannot wake the recorder.
     */
    _Atomic uint32_t has_sandboxed;

    /* Bits of families of `allocators`, by their place there: some process calls them. */
    _Atomic uint32_t allocators_called;

    _Atomic uint32_t hold_count;   /* how often processes have held themselves, or called */
    _Atomic uint32_t parked_count; /* slots of session_parked that are taken */
    struct session_request request;

    /* Bits of ring slots that were handed back, so that claims use the lowest again, and the
     * recorder has few to look at however many processes there were. Only a hint: a slot's state
     * rules. */
    _Alignas(64) _Atomic uint64_t free_rings[SESSION_RING_SLOTS / 64];

    /* For programs that look at the recording while it is written. Where it is: its absolute path,
     * "" until it can be read. */
    char recording[SESSION_PATH_BYTES];
    /* Whoever wants it brought up to date adds one, wakes the recorder, and waits until as many
     * were made, or more (a futex word): a checkpoint that began after it was asked for. */
    _Alignas(64) _Atomic uint32_t checkpoints_asked;
    _Atomic uint32_t checkpoints_made;
    _Atomic uint64_t checkpoint_ns; /* when the last one began, by the time of the session */
    _Atomic uint32_t has_checkpoint_failed; /* it could not be written */
};

enum session_slot_state {
    SESSION_SLOT_FREE = 0,    /* the recorder hands it back */
    SESSION_SLOT_CLAIMED = 1, /* in use */
    SESSION_SLOT_ENDED = 2    /* its user is done; the recorder may drain and free it */
};

struct session_range {
    _Atomic uint64_t start;
    _Atomic uint64_t bytes; /* 0 = none */
};

enum {
    SESSION_OWN_RANGES = 3
};

struct session_process {
    _Atomic uint32_t state; /* enum session_slot_state */
    _Atomic uint32_t pid;   /* as the process sees itself; 0 = free, or not said yet */
    _Atomic uint64_t own_bytes;
    _Atomic uint64_t ring_bytes;
    /* Futex words that the recorder answers by: 1 = it watches this process, so that it will know
     * how it ended; and how many execs it took note of. Whoever waits for them gives up soon. */
    _Atomic uint32_t is_watched;
    _Atomic uint32_t noted_execs;
    /* enum session_hold, and a futex word: the process sets it, the recorder sets it back to NONE
     * when it is done, and then the process goes on. What follows stands there before. */
    _Atomic uint32_t hold;
    _Atomic uint32_t hold_tid; /* of the thread that holds itself, as the process sees it */
    /* What it will still need of its stack begins here: what it has called since is only there for
     * the end. */
    _Atomic uint64_t hold_sp;
    /* Memory of seep's own in the process that has no name, beside the threads' (struct
     * ring_control): what refers to blocks there does not keep them. */
    struct session_range own[SESSION_OWN_RANGES];
    _Atomic uint32_t park; /* a futex word: the number of the park that its threads are asked for; 0
                              = none, or it is over */
    _Atomic uint32_t park_guard; /* enum session_park_guard, and a futex word */
    _Atomic uint32_t park_state; /* enum session_park_state */
    /* A copy of the process (preload/self_copy.h): its number while it is wanted, and a futex word;
     * the code that makes one (0: none can be made); its pid, a futex word, or enum session_copy;
     * why there is none (errno). */
    _Atomic uint32_t copy;
    _Atomic uint64_t copy_entry;
    _Atomic uint32_t copy_pid;
    _Atomic uint32_t copy_error;
};
_Static_assert(sizeof(struct session_process) == 128, "two cache lines each");
_Static_assert(sizeof(struct session_header) <= SESSION_PROCESSES_OFFSET, "header fits");

/* Of the records and of this memory. A library and a recorder that were built for different ones,
 * as after an update in the middle of a session, keep away from each other. */
#define SESSION_VERSION (WIRE_VERSION | (uint32_t)sizeof(struct session_header) << 16)

_Static_assert(SESSION_PROCESSES_OFFSET + SESSION_PROCESS_SLOTS * 128 <= SESSION_PARKED_OFFSET,
               "process slots fit");
_Static_assert(SESSION_PARKED_OFFSET + SESSION_PARKED_SLOTS * sizeof(struct session_parked) <=
                   SESSION_CALLS_OFFSET,
               "slots of threads that are parked fit");

/* What a program asks the recorder while it runs (include/seep.h), one call of a process at a time.
 * `state` is a ticket, new with each call, above one of these. So an answer that comes too late is
 * never taken for one to a later call. */
enum session_call_state {
    SESSION_CALL_NONE = 0,
    SESSION_CALL_MADE = 1, /* somebody fills it in */
    SESSION_CALL_ASKED = 2,
    SESSION_CALL_ANSWERED = 3
};

enum {
    SESSION_CALL_STATE_BITS = 2,
    SESSION_CALL_KINDS = 5 /* of leaks */
};

enum session_call_what {
    SESSION_CALL_SNAPSHOT = 1,
    SESSION_CALL_CHECK = 2, /* these three: what is lost? As enum seep_check_mode */
    SESSION_CALL_CHECK_NEW = 3,
    SESSION_CALL_CHECK_CHANGED = 4
};

struct session_call_sum {
    _Atomic uint64_t blocks, bytes;
};

struct session_call {
    _Atomic uint32_t state;      /* a futex word; see enum session_call_state */
    _Atomic uint32_t what;       /* enum session_call_what */
    _Atomic uint32_t tid;        /* who asks, as the process sees it */
    _Atomic uint32_t is_done;    /* the answer: it was looked at */
    _Atomic uint64_t sp;         /* the caller's stack begins here */
    _Atomic uint64_t mark_ticks; /* SNAPSHOT: the time of the mark that names it; 0 = none */
    struct session_call_sum sums[SESSION_CALL_KINDS]; /* by enum leak_kind */
};
_Static_assert(SESSION_CALLS_OFFSET + SESSION_PROCESS_SLOTS * sizeof(struct session_call) <=
                   SESSION_EXCHANGES_OFFSET,
               "calls fit");
_Static_assert(SESSION_EXCHANGES_OFFSET + SESSION_EXCHANGES * SESSION_EXCHANGE_BYTES <=
                   SESSION_RINGS_OFFSET,
               "exchanges fit");

static inline struct session_call *session_call_at(void *session, uint32_t slot)
{
    return (struct session_call *)((char *)session + SESSION_CALLS_OFFSET) + slot;
}

static inline struct session_process *session_process_at(void *session, uint32_t slot)
{
    return (struct session_process *)((char *)session + SESSION_PROCESSES_OFFSET) + slot;
}

static inline struct session_parked *session_parked_at(void *session, uint32_t slot)
{
    return (struct session_parked *)((char *)session + SESSION_PARKED_OFFSET) + slot;
}

static inline uint64_t session_ring_offset(uint32_t slot)
{
    return SESSION_RINGS_OFFSET + (uint64_t)slot * SESSION_RING_STRIDE;
}

#endif
