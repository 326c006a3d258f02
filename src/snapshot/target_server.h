/* Reads a process that nobody but itself may read: asks what stands in for it (wire/exchange.h;
 * preload/self_reader.c is the other half). What it answers is checked as any input is. */
#ifndef SEEP_SNAPSHOT_TARGET_SERVER_H
#define SEEP_SNAPSHOT_TARGET_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "snapshot/target_memory.h"
#include "wire/exchange.h"
#include "wire/pagemap_scan.h"

struct target_server {
    struct exchange *exchange;
    uint32_t copy;  /* who answers */
    int pidfd;      /* of that; borrowed */
    bool is_broken; /* it has ended, or does not answer: nothing that was read counts */
};

/* Of the copy with this number. */
struct target_server target_server_of(void *session, uint32_t copy, int pidfd);

/* As struct target_memory's read_several. */
size_t target_server_read(struct target_server *server, const struct target_stretch *stretches,
                          size_t count, void *bytes);

/* Touched pages of [start, end), the first of them: how many regions, and how far it came. False:
 * not known. */
bool target_server_find_pages(struct target_server *server, uint64_t start, uint64_t end,
                              struct pagemap_region *regions, size_t room, size_t *count,
                              uint64_t *walked);

/* The text of its /proc/PID/maps or smaps; the caller's to free. NULL with *error. */
char *target_server_read_text(struct target_server *server, enum exchange_what what,
                              struct error *error);

#endif
