/* Which processes the gate judges as one: each by itself, or one with all that descend from it.
 *
 * Images of one pid are one process, whatever it executed. A process whose parent is not judged, or
 * not in the recording, belongs to the nearest judged ancestor that is there. */
#ifndef SEEP_ANALYSIS_GATE_GROUPS_H
#define SEEP_ANALYSIS_GATE_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"

struct gate_group {
    const uint32_t *members; /* positions of processes, ascending: the first one gives the name */
    size_t count;
};

/* Of one recording. */
struct gate_groups {
    struct gate_group *groups; /* by position of their first process; count 0: it begins none */
    uint32_t *members;         /* of all of them */
    uint32_t *alone;           /* each position, for processes that begin none */
};

/* `is_judged` has a byte for each process; those that are not are in no group. */
void gate_groups_make(const struct profile *profile, const uint8_t *is_judged, bool is_tree,
                      struct gate_groups *groups);
void gate_groups_clear(struct gate_groups *groups);

/* The group that a process begins; else the process alone. Borrowed. */
struct gate_group gate_groups_get(const struct gate_groups *groups, uint32_t process);

/* The most that the processes can have held together, by what each held at most (by member): those
 * that lived at one time are added up. Their peaks need not have come at once, so that this is an
 * upper bound; the largest of the values is a lower one. */
uint64_t gate_group_most_at_once(const struct profile *profile, struct gate_group group,
                                 const uint64_t *values);

#endif
