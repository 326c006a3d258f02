/* Two graphs side by side, of two snapshots: what was added, freed and survives, by site, by type
 * and by the root that retains it, and where what was added gathers.
 *
 * Of one process, a block is the same in both when address and birth are. Of different processes or
 * recordings no block is, and only sums are compared. Sites are matched by fingerprint, types
 * by name, roots by kind, name and module. */
#ifndef SEEP_GRAPH_GRAPH_DIFF_H
#define SEEP_GRAPH_GRAPH_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/diff.h"
#include "graph/process_graph.h"

struct graph_diff_sum {
    uint64_t blocks, bytes;
};

struct graph_diff_row {
    struct graph_diff_sum held[DIFF_SIDES]; /* of a site; by a root: retained */
    struct graph_diff_sum added;            /* in the other, not in the base */
    struct graph_diff_sum freed;            /* in the base, not in the other */
    struct graph_diff_sum survived;         /* in both; by roots: that retains it in the other */
    bool has_side[DIFF_SIDES];
    enum diff_side side; /* where the next ones stand: the other unless it has none */

    uint64_t fingerprint; /* of a site; 0: not known */
    uint32_t site;        /* position, the first of them, or GRAPH_NO_SITE */
    uint32_t group;       /* of a type: in types.groups; TYPE_NO_GROUP: not known */
    uint32_t root;        /* node; OBJECT_GRAPH_WHOLE: what several roots retain together */
    uint32_t gathering;   /* of a root in the other: the node below which most of what was added to
                             it lies (0.7, as of suspects); OBJECT_GRAPH_NONE = nothing was */
};

struct graph_diff {
    const struct process_graph *graphs[DIFF_SIDES];
    bool are_blocks_known; /* the same process: added, freed and survived mean something */
    struct graph_diff_row total;
    /* By the size of the change, largest first; no types where they were not looked for. */
    struct graph_diff_row *sites, *types, *roots;
    size_t site_count, type_count, root_count;
};

/* The graphs must outlive the difference. Clear after use. */
void graph_diff_run(const struct process_graph *base, const struct process_graph *other,
                    bool is_same_process, struct graph_diff *diff);
void graph_diff_clear(struct graph_diff *diff);

#endif
