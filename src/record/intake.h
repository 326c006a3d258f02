/* The recorder's end of one ring: takes records out, in place as long as they can be applied at
 * once, through a backlog of its own when they must wait for older ones of other threads. So a full
 * ring empties whatever the order demands. */
#ifndef SEEP_RECORD_INTAKE_H
#define SEEP_RECORD_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/ring.h"
#include "wire/wire_format.h"

struct intake {
    struct ring ring;
    uint32_t slot;
    uint32_t process_slot;

    /* Unread bytes: either `at` points into the ring, or into the backlog. */
    const char *at;
    size_t there;
    uint64_t taken; /* bytes of the ring read in place, not yet consumed */
    char *backlog;  /* bytes copied out, [backlog_start, backlog_end) unread */
    size_t backlog_start, backlog_end, backlog_capacity;

    /* The record at `at`, looked at once: kind 0 = none. */
    uint8_t kind;
    uint64_t ticks;
    size_t size;

    uint64_t last_ticks;      /* of the last record read: later ones are not older */
    uint64_t bound_ticks;     /* no record stamped before this can still come */
    uint64_t future_ticks;    /* stamps beyond this are nonsense */
    uint64_t scanned;         /* position in the ring up to which published_ticks was looked up */
    uint64_t published_ticks; /* of the newest record before it */
    uint64_t in_hook_since;   /* in one and the same hook; 0 = not seen in one */
    uint64_t bad_records;

    /* What the thread's records mean: kept by the process (recorded_process.c). */
    uint32_t thread;
    bool has_thread;
    bool is_ignoring;      /* what it allocates is no leak */
    bool has_process;      /* attached to one */
    uint64_t last_birth;   /* address of the record before, if a BIRTH */
    uint32_t *stack_slots; /* stack ids by the thread's cache slots; NULL until the first */
    struct stack_path *path; /* of its last stack; NULL until the first */
};

struct intake_times {
    uint64_t now_ticks;      /* the time before the call */
    uint64_t slack_ticks;    /* for how long a store may stay unseen */
    uint64_t patience_ticks; /* after so long in one hook a thread is not waited for; 0 = never */
    uint64_t future_ticks;   /* a stamp may be so far ahead of now_ticks, no more */
    bool is_alone;           /* nobody waits for this thread: a rough bound will do */
};

/* Caller owns the intake. `control` is the ring's place in the session's memory; process_slot was
 * read from it and checked. */
struct intake *intake_create(struct ring_control *control, uint32_t slot, uint32_t process_slot);
void intake_destroy(struct intake *intake);

/* Looks what is there. */
void intake_refresh(struct intake *intake, const struct intake_times *times);

/* Is there a record? Then kind, ticks and size are filled and its bytes stand at `at` (shared
 * memory: may change under our eyes; copy before checking what is inside). Malformed bytes are
 * skipped; a stamp that cannot be counts as that of the record before. */
bool intake_has_record(struct intake *intake);

/* What intake_has_record does once it knows that there is one: for who knows it too. `word` is its
 * first word, read once. */
void intake_note_record(struct intake *intake, uint64_t word, size_t size);

/* Steps behind the record. */
void intake_advance(struct intake *intake);

/* Steps behind `bytes` of well-formed records, from the one that was looked at on, of which the newest
 * is stamped `last_ticks`. */
void intake_skip(struct intake *intake, size_t bytes, uint64_t last_ticks);

/* Gives what was read back to the producer; with is_blocked the rest is copied into the backlog and
 * the ring emptied. */
void intake_settle(struct intake *intake, bool is_blocked);

/* Bytes that wait in the backlog. */
size_t intake_backlog_bytes(const struct intake *intake);

#endif
