/* What reports and views ask of an object graph: its roots and sites by what they retain, suspects,
 * and the ways on which blocks are kept alive. */
#ifndef SEEP_GRAPH_GRAPH_TABLES_H
#define SEEP_GRAPH_GRAPH_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"
#include "base/error.h"
#include "graph/object_graph.h"
#include "graph/root_names.h"
#include "graph/type_names.h"
#include "snapshot/snapshot_store.h"

#define GRAPH_NO_SITE UINT32_MAX

enum {
    GRAPH_WAY_STEPS = 12
};

/* One process at one snapshot. Everything is owned, but the profile and the snapshot. */
struct process_graph {
    const struct profile *profile;
    uint32_t process; /* position */
    const struct snapshot *snapshot;
    struct root_names names;
    struct object_graph graph;
    uint32_t *site_of_block;  /* position in profile.sites, or GRAPH_NO_SITE */
    struct type_names *types; /* NULL: not looked for */
    uint8_t *is_wanted;       /* by block: counts in tables (graph_types.h); NULL = all do */
};

void process_graph_build(const struct profile *profile, uint32_t process,
                         const struct snapshot *snapshot, const struct symbolizer_options *options,
                         struct process_graph *graph);
/* Types and members, where there is debug information; that may take seconds. What `options` point
 * to is borrowed until the clear. */
void process_graph_find_types(struct process_graph *graph,
                              const struct symbolizer_options *options);
void process_graph_clear(struct process_graph *graph);

/* The snapshot of a process that a graph is made of when none was named: the newest that was asked
 * for, else the one before its destructors, else another. NULL = there is none. */
const struct recording_snapshot *process_graph_choose(const struct snapshot_list *list,
                                                      uint64_t process_id);
/* The one at the end: before its destructors, else after them. NULL = there is none. */
const struct recording_snapshot *process_graph_choose_end(const struct snapshot_list *list,
                                                          uint64_t process_id);

/* The blocks that a word means: "0x..." the block there, a fingerprint or a regular expression the
 * blocks of sites that have it, or are named after a function that matches; or of types that match
 * it from their beginning to their end. Sets bytes in
 * `is_target` (a byte a block). False for a malformed expression. */
bool process_graph_select(const struct process_graph *graph, const char *word, uint8_t *is_target,
                          bool *is_any, struct error *error);

/* "sessions", "lost", ...: of a root's node. Borrowed. */
const char *process_graph_root_name(const struct process_graph *graph, uint32_t node);
/* Its kind's word: "global", ..., "lost". */
const char *process_graph_root_kind(const struct process_graph *graph, uint32_t node);
const char *process_graph_root_module(const struct process_graph *graph, uint32_t node);

/* The root from which the shortest way leads to a node. */
uint32_t process_graph_holder(const struct process_graph *graph, uint32_t node);

/* Blocks of one class are one row in trees and one step on ways: those of one type, or where that
 * is not known, or says little, those of one site. Below 2^31 - 1, or GRAPH_NO_SITE. Its name is
 * that of the type, or of the function that the site is named after; NULL = not known. */
uint32_t process_graph_class(const struct process_graph *graph, uint32_t block);
const char *process_graph_class_name(const struct process_graph *graph, uint32_t class_id);

bool process_graph_class_is_type(uint32_t class_id);

/* "client", "client[]", "std::map<int, Session> node": the type of a block; NULL = not known.
 * Borrowed. */
const char *process_graph_type_name(const struct process_graph *graph, uint32_t block);

/* The function that a site is named after (place.h), of wrappers their caller; NULL = not known. */
const char *process_graph_function(const struct process_graph *graph, uint32_t site);

/* The path of the module that has this code; NULL = not known. Borrowed from the profile. */
const char *process_graph_module(const struct process_graph *graph, uint32_t site);

/* The roots that retain something, the largest first, then by kind and name. Caller frees. */
uint32_t *process_graph_roots(const struct process_graph *graph, size_t *count);

struct graph_site {
    uint32_t site; /* position in profile.sites, or GRAPH_NO_SITE */
    uint64_t blocks, bytes;
    uint64_t retained_bytes, retained_blocks; /* of all its blocks together */
};

/* Sites by what they retain; it is worked out for the `exact` ones that hold most, each in time
 * linear in the graph, and the rest is left out. Caller frees. */
struct graph_site *process_graph_sites(const struct process_graph *graph, size_t exact,
                                       size_t *count);

struct graph_module {
    uint32_t module_plus_1; /* position in profile.modules; 0 = not known */
    uint64_t blocks, bytes;
    uint64_t retained_bytes, retained_blocks; /* of all its blocks together */
};

/* The same by the module of the code that a site is named after. Caller frees. */
struct graph_module *process_graph_modules(const struct process_graph *graph, size_t exact,
                                           size_t *count);

/* How blocks are kept alive: shortest ways from roots, with steps of one class folded into one, and
 * equal ways as one. */
struct graph_way_step {
    uint32_t class_id;
    uint32_t block;  /* one of them: the one nearest to the target */
    uint64_t blocks; /* 1, or how many of the same class follow each other on the longest way */
};
struct graph_way {
    uint32_t root;                                /* node */
    uint64_t blocks, bytes;                       /* of the target, on such a way */
    uint32_t block;                               /* one of them */
    struct graph_way_step steps[GRAPH_WAY_STEPS]; /* from the root; the last is the target's */
    size_t step_count;
    size_t omitted_steps; /* in the middle, behind the first GRAPH_WAY_STEPS - 1 */
};

/* `is_target` has a byte a block. Ways with most blocks first. Caller frees. */
struct graph_way *process_graph_ways(const struct process_graph *graph, const uint8_t *is_target,
                                     size_t *count);

/* A node that retains much, and where it gathers: from it downwards to the largest child, as long
 * as that retains most of what its parent does (MAT's rule: 0.7). */
struct graph_suspect {
    uint32_t node;      /* that retains more than the share: a root, or a block under the whole */
    uint32_t gathering; /* where it gathers: a node at or below it */
    uint64_t retained_bytes;
    double share;        /* of all bytes in the graph */
    uint32_t site;       /* that has most bytes among what it retains, or GRAPH_NO_SITE */
    uint64_t site_bytes; /* that it has there */
    uint64_t site_blocks;
};

/* The largest first; those above `share`. Caller frees. */
struct graph_suspect *process_graph_suspects(const struct process_graph *graph, double share,
                                             size_t *count);

#endif
