/* Where something is in a call tree, and what stacks hold that go through some places. */
#ifndef SEEP_ANALYSIS_CALL_TREE_SEARCH_H
#define SEEP_ANALYSIS_CALL_TREE_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/call_tree.h"
#include "analysis/profile.h"
#include "base/error.h"

/* The child of a node that is this function in this file, or CALL_TREE_NONE. */
uint32_t call_tree_find_child(const struct profile *profile, const struct call_tree *tree,
                              uint32_t parent, const struct profile_location *location);

/* In a tree from main down: the node that a site's stack leads to; `is_whole` tells whether all of
 * the stack is there, or only its callers. */
uint32_t call_tree_find_site(const struct profile *profile, const struct call_tree *tree,
                             uint32_t site, bool *is_whole);

/* The node that stands in `tree` where `node` stood in another tree of this direction and profile,
 * or the nearest above it. */
uint32_t call_tree_find_again(const struct profile *profile, const struct call_tree *tree,
                              const struct call_tree *other, uint32_t node);

/* What all sites of the tree's question hold whose stack goes through a marked location (by its
 * position in profile.locations), each counted once. Fails as call_tree_build does. */
bool call_tree_sum_marked(const struct profile *profile, const struct call_tree_options *options,
                          const uint8_t *is_marked, struct query_figures *sum, struct error *error);

#endif
