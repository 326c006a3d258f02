/* The way to the recorder: finding the session that this process belongs to, and mapping its
 * memory.
 *
 * The session's id is the folder that the preload was loaded from: LD_PRELOAD names
 * ".../seep-PID-FD-NONCE/libseep-preload.so", where FD is the session's memfd in the recorder PID.
 * So the program sees no other variable, and no descriptor once it runs. */
#ifndef SEEP_PRELOAD_SESSION_LINK_H
#define SEEP_PRELOAD_SESSION_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/session.h"

/* NULL until joined, and for good when there is no session. Survives fork. */
extern struct session_header *session;

/* Joins: finds, maps, checks. Called once, before the first event. */
bool session_link_join(void);

/* The library's own path, as LD_PRELOAD must name it. Borrowed, static. */
const char *session_link_library_path(void);

/* Maps `bytes` at `offset` of the session's memory, without a descriptor: a second mapping of the
 * header (mremap with old size 0) that reaches far enough, whose front is cut off. NULL on failure.
 */
void *session_link_map(uint64_t offset, size_t bytes);

void session_link_unmap(void *window, size_t bytes);

#endif
