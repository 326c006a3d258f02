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

    uint64_t last_ticks;    /* of the last record read: later ones are not older */
    uint64_t bound_ticks;   /* no record stamped before this can still come */
    uint64_t in_hook_since; /* 0 = not seen in a hook */
    uint64_t bad_records;

    /* What the thread's records mean: kept by the process (recorded_process.c). */
    uint32_t thread;
    bool has_thread;
    bool has_process;      /* attached to one */
    uint64_t last_birth;   /* address of the record before, if a BIRTH */
    uint32_t *stack_slots; /* stack ids by the thread's cache slots; NULL until the first */
};

/* Caller owns the intake. `control` is the ring's place in the session's memory. */
struct intake *intake_create(struct ring_control *control, uint32_t slot);
void intake_destroy(struct intake *intake);

/* Looks what is there. now_ticks: the time before the call. `slack_ticks`: for how long a store may
 * stay unseen; `patience_ticks`: after so long in one hook a thread is not waited for. */
void intake_refresh(struct intake *intake, uint64_t now_ticks, uint64_t slack_ticks,
                    uint64_t patience_ticks);

/* Is there a record? Then kind, ticks and size are filled and its bytes stand at `at` (shared
 * memory: may change under our eyes; copy before checking what is inside). Malformed bytes are
 * skipped. */
bool intake_has_record(struct intake *intake);

/* Steps behind the record. */
void intake_advance(struct intake *intake);

/* Gives what was read back to the producer; with is_blocked the rest is copied into the backlog and
 * the ring emptied. */
void intake_settle(struct intake *intake, bool is_blocked);

/* Bytes that wait in the backlog. */
size_t intake_backlog_bytes(const struct intake *intake);

#endif
