/* Stacks merged into a tree: from main down to the allocations (callers first), or from the
 * allocating functions outwards to who called them.
 *
 * Locations with the same function, file and module under the same parent are one node. A node's
 * figures include everything below it; recursion is not folded, so children never sum to more than
 * their parent. */
#ifndef SEEP_ANALYSIS_CALL_TREE_H
#define SEEP_ANALYSIS_CALL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/query.h"
#include "base/error.h"
#include "base/progress.h"

enum call_tree_direction {
    CALL_TREE_TOP_DOWN, /* the outermost caller first: what did main's callees allocate? */
    CALL_TREE_BOTTOM_UP /* the allocating function first: who called it? */
};

struct call_tree_options {
    enum call_tree_direction direction;
    enum query_metric metric; /* orders children, prunes */
    uint32_t process;         /* position, or QUERY_ALL_PROCESSES */
    double min_share;         /* prune nodes below this part of the total, 0.0 .. 1.0 */
    unsigned max_depth;       /* 0 = any */
    bool is_own_code_first;   /* bottom-up: begin at the first own location (own_code.h) */
    bool are_zeros_kept;      /* also nodes that have nothing of the metric */

    /* Where more is wanted: a node of another tree of this profile, not its root; both borrowed.
     * Its like stays with all that it is called by, and below it min_share is a part of its own. */
    const struct call_tree *detailed_tree; /* NULL: nowhere */
    uint32_t detailed;

    struct query_filter filter;
    const struct progress *progress; /* NULL: it cannot be stopped. Borrowed */
};

#define CALL_TREE_NONE UINT32_MAX

struct call_tree_node {
    uint32_t parent;      /* CALL_TREE_NONE for the root */
    uint32_t first_child; /* children by metric descending, then function; CALL_TREE_NONE = none */
    uint32_t next_sibling;
    uint32_t child_count;
    uint32_t depth;    /* root 0 */
    uint32_t location; /* in profile.locations; of several merged lines the first met */
    uint32_t frame;    /* in profile.frames, of that location; both meaningless for the root */
    uint32_t line;     /* 0 = not known, or several lines are merged */
    bool is_inlined;
    bool is_tail_call;            /* of all stacks through it */
    bool is_detailed;             /* options.detailed, or below it */
    struct query_figures figures; /* of all stacks through this node */
    struct query_figures self;    /* of stacks that end here */
    struct query_figures pruned;  /* of children that were left out */
    uint32_t pruned_count;        /* how many; where max_depth cut, how many stacks */
};

struct call_tree {
    struct call_tree_node *nodes; /* node 0 is the root: its figures are those of all sites that
                                     pass; parents stand before their children */
    size_t node_count;
};

/* Fails for a malformed regular expression, a process out of range, or when it is stopped. Clear
 * the tree after use. */
bool call_tree_build(const struct profile *profile, const struct call_tree_options *options,
                     struct call_tree *tree, struct error *error);
void call_tree_clear(struct call_tree *tree);

#endif
