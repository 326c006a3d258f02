/* What all sites below each node of the stack tree hold together, and the tree's links downwards.
 *
 * Stacks are stored as a prefix tree, so sums over stacks are sums over subtrees: one pass over the
 * nodes instead of a walk up every site's stack. */
#ifndef SEEP_ANALYSIS_STACK_SUMS_H
#define SEEP_ANALYSIS_STACK_SUMS_H

#include <stdint.h>

#include "analysis/profile.h"
#include "analysis/query.h"

struct stack_sums {
    struct query_figures *figures; /* by node: of the sites at it and below */
    uint32_t *site_counts;         /* by node, the same */
    uint32_t *first_child;         /* by node; 0 = none, since no node has the root for a child */
    uint32_t *next_sibling;        /* children in ascending order */
};

/* Of the sites for which is_kept is set, of a process or all. Only nodes with such sites below are
 * linked. Clear after use. */
void stack_sums_init(struct stack_sums *sums, const struct profile *profile, uint32_t process,
                     const uint8_t *is_kept);
void stack_sums_clear(struct stack_sums *sums);

#endif
