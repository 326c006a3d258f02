/* Which of a process's memory was in memory at one instant: by its page tables, where these say it
 * all (residency_pages.c); else by the kernel's word for each mapping (/proc/PID/smaps), and by its
 * pages (/proc/PID/pagemap) where only a part of a mapping is.
 *
 * The figure for a mapping is the one that counts: pages of it that hold only zeroes and were never
 * written look as if they were there, so what its pages say is brought down to it. Taken before
 * anything is read of the process, since reading it maps pages. */
#ifndef SEEP_SNAPSHOT_RESIDENCY_H
#define SEEP_SNAPSHOT_RESIDENCY_H

#include "snapshot/range_list.h"
#include "snapshot/snapshot_scan.h"
#include "snapshot/target_memory.h"
#include "snapshot/target_server.h"

/* Beside the mapping of the same position. */
struct residency_mapping {
    uint64_t resident_bytes;
    uint64_t swapped_bytes;
    uint64_t touched_bytes; /* by its pages; 0 = they were not looked at: all count alike */
};

struct residency {
    struct target_mappings mappings;
    struct residency_mapping *items; /* as many as there are mappings */
    uint64_t virtual_bytes, resident_bytes, swapped_bytes;
    struct range_list touched; /* of those whose pages were looked at */
    uint64_t *touched_before;  /* beside touched's items: bytes in the ones before */
};

/* Of a process that stands still. */
bool residency_read(struct residency *residency, uint32_t pid, struct error *error);
/* The same of a copy, as its process was when it was made. The kernel needs long to count pages, for
 * which nobody is to be held; what a fork leaves behind is as the process has it by now. */
bool residency_read_copied(struct residency *residency, uint32_t copy, uint32_t pid,
                           struct error *error);
/* The same of one that reads itself: not of a copy, whose pages are others. */
bool residency_ask(struct residency *residency, struct target_server *server, struct error *error);
void residency_clear(struct residency *residency);

/* By one of the two ways: residency_read takes the first if it can. They say the same. */
bool residency_read_pages(struct residency *residency, uint32_t pid);
bool residency_read_smaps(struct residency *residency, uint32_t pid, struct error *error);
/* Once mappings, items and touched are there, the rest follows from them. */
void residency_sum_up(struct residency *residency);

/* The same of text as smaps has it, and of memory whose touched pages are asked for; `memory` may
 * be NULL. For tests. */
void residency_parse(struct residency *residency, const char *smaps,
                     const struct target_memory *memory);
/* `smaps` and `memory` of the copy, `process` of what it is a copy of; NULL: not known. */
void residency_parse_copied(struct residency *residency, const char *smaps,
                            const struct target_memory *memory,
                            const struct target_memory *process);

/* Bytes of [start, end) that are in memory. */
uint64_t residency_count(const struct residency *residency, uint64_t start, uint64_t end);

/* Memory around an address that is all there or all not there; empty where that cannot be said. */
struct residency_stretch {
    uint64_t start, end;
    bool is_resident;
};
struct residency_stretch residency_find_stretch(const struct residency *residency,
                                                uint64_t address);

#endif
