/* The way to the recorder: finding the session that this process belongs to, and mapping its
 * memory.
 *
 * The session's id is the folder that the preload was loaded from: LD_PRELOAD names
 * ".../seep-PID-FD-NONCE/libseep-preload.so", where FD is the session's memfd in the recorder PID.
 * So the program sees no other variable, and no descriptor once it runs. Where /proc/PID/fd does
 * not lead there (another user, another pid namespace, no /proc), the socket "door" in the same
 * folder hands out the memfd. */
#ifndef SEEP_PRELOAD_SESSION_LINK_H
#define SEEP_PRELOAD_SESSION_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/export.h"
#include "wire/session.h"

/* NULL until joined, and for good when there is no session. Survives fork. */
INTERNAL extern struct session_header *session;

/* Joins: finds, maps, checks. Called once, before the first event. */
bool session_link_join(void);

/* This process's id as the recorder counts it: another number than getpid's in a pid namespace of
 * its own. 0 = cannot be known. Also right in the child of a vfork. */
uint32_t session_link_pid(void);

/* Are the process numbers that this process sees not the recorder's? */
bool session_link_has_own_numbers(void);

/* What the recorder calls a child, by the number that this process knows it by. UINT32_MAX = cannot
 * be known. */
uint32_t session_link_child_pid(uint32_t pid);

/* The library's own path, as LD_PRELOAD must name it. Borrowed, static. */
const char *session_link_library_path(void);

/* Maps `bytes` at `offset` of the session's memory, without a descriptor: a second mapping of the
 * header (mremap with old size 0) that reaches far enough, whose front is cut off. NULL on failure.
 */
void *session_link_map(uint64_t offset, size_t bytes);

void session_link_unmap(void *window, size_t bytes);

#endif
