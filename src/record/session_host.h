/* Owns a session's shared memory: makes the memfd, sizes and seals it, and the session folder that
 * tells targets the way to it. Lives in the recorder; outlives killed targets. */
#ifndef SEEP_RECORD_SESSION_HOST_H
#define SEEP_RECORD_SESSION_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "record/tick_clock.h"
#include "wire/session.h"

struct session_settings {
    const char *preload_path; /* the library itself; the folder gets a link to it */
    uint32_t stack_depth;
    uint32_t flags;          /* enum session_flags */
    const char *const *only; /* globs, see struct session_header */
    size_t only_count;
    const char *const *skip;
    size_t skip_count;
    const char *const *allocators; /* prefixes */
    size_t allocator_count;
    uint32_t hold_limit_ms; /* a process that ends waits no longer to be scanned */
    uint64_t bytes_per_sample, sampling_seed;
};

struct session_host;

/* Caller owns. The calling thread becomes the one whose death tells the targets that nobody
 * listens. */
struct session_host *session_host_create(const struct session_settings *settings,
                                         const struct tick_clock *clock, struct error *error);

/* A descriptor (the caller's) of new shared memory of a session's size, sealed, with room for as
 * many rings as limits on files and on the address space allow; -1 with *error. */
int session_host_open_memory(uint32_t *ring_slots, struct error *error);

/* How many rings there may be. */
uint32_t session_host_ring_slots(const struct session_host *host);

/* The folder in which session folders are made: XDG_RUNTIME_DIR when it is ours, else TMPDIR, else
 * wherever one can write. Borrowed from the environment. */
const char *session_host_base_folder(void);

/* Tells the targets to step aside, removes the folder, unmaps. */
void session_host_destroy(struct session_host *host);

/* The memory; every byte of it may be changed by a target at any time. */
struct session_header *session_host_header(const struct session_host *host);

/* What LD_PRELOAD must name. */
const char *session_host_library_path(const struct session_host *host);

/* Tells producers that the recorder is alive; call at each drain. */
void session_host_beat(struct session_host *host, const struct tick_clock *clock);

/* For programs that look at the recording while it is written: where it is; and that checkpoints
 * were made, which they may have asked for. */
void session_host_tell_recording(struct session_host *host, const char *path);
bool session_host_asked_checkpoints(const struct session_host *host); /* are any not made yet? */
uint32_t session_host_begin_checkpoint(const struct session_host *host);
void session_host_tell_checkpoint(struct session_host *host, uint32_t begun, uint64_t time_ns,
                                  bool is_written);

/* Gives the pages of a ring slot back to the system and the slot back to the targets. */
void session_host_free_ring(struct session_host *host, uint32_t slot);

/* The same of a process slot. */
void session_host_free_process(struct session_host *host, uint32_t slot);

/* Whether the process `pid` is of the session, for the door below. */
typedef bool (*session_host_knows)(void *context, uint32_t pid);

/* A descriptor that becomes readable when a process is at the door: one that cannot reach the
 * memory through /proc. -1 = there is no door. */
int session_host_door_fd(const struct session_host *host);

/* Hands the memory to those that are at the door and of the session. */
void session_host_answer(struct session_host *host, session_host_knows knows, void *context);

/* A descriptor that becomes readable when a producer with much to tell woke the recorder, between
 * session_host_sleep and session_host_wake. */
int session_host_wake_fd(const struct session_host *host);
void session_host_sleep(struct session_host *host);
void session_host_wake(struct session_host *host);

/* So long at most; ends early for a target that waits for an answer, and for nothing else. */
void session_host_nap(struct session_host *host, unsigned us);

#endif
