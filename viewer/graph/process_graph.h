/* The object graph of one process at one snapshot, with what is known of its nodes: names of roots,
 * sites and types of blocks, and which blocks are told as one. */
#ifndef SEEP_GRAPH_PROCESS_GRAPH_H
#define SEEP_GRAPH_PROCESS_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"
#include "graph/object_graph.h"
#include "graph/root_names.h"
#include "graph/type_names.h"
#include "snapshot/snapshot_store.h"

#define GRAPH_NO_SITE UINT32_MAX

/* One process at one snapshot. Everything is owned, but the profile, the snapshot and the reader,
 * which is set after the build. */
struct process_graph {
    const struct profile *profile;
    uint32_t process; /* position */
    const struct snapshot *snapshot;
    struct recording_reader *reader; /* where its blocks' words are; borrowed; NULL = nowhere */
    struct root_names names;
    struct object_graph graph;
    uint32_t *site_of_block;  /* position in profile.sites, or GRAPH_NO_SITE */
    struct type_names *types; /* NULL: not looked for */
    uint8_t *is_wanted;       /* by block: counts in tables (graph_types.h); NULL = all do */
};

/* Is there a graph of the snapshot: was it scanned, or an interpreter's objects read? */
bool process_graph_has(const struct recording_snapshot *head);
/* The snapshot, joined with what there is of Python's objects (snapshot/python_graph.h). It is
 * initialised and empty, and to be cleared in any case. */
bool process_graph_read(struct recording_reader *reader, const struct recording_snapshot *head,
                        struct snapshot *snapshot, struct error *error);

void process_graph_build(const struct profile *profile, uint32_t process,
                         const struct snapshot *snapshot, const struct symbolizer_options *options,
                         struct process_graph *graph);
/* The same, which can be stopped: false, and there is nothing to clear. */
bool process_graph_try_build(const struct profile *profile, uint32_t process,
                             const struct snapshot *snapshot,
                             const struct symbolizer_options *options,
                             const struct progress *progress, struct process_graph *graph);
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
/* The last one that was taken because the heap was larger than ever; NULL = none was. */
const struct recording_snapshot *process_graph_choose_peak(const struct snapshot_list *list,
                                                           uint64_t process_id);

/* "sessions", "lost", ...: of a root's node. Borrowed. */
const char *process_graph_root_name(const struct process_graph *graph, uint32_t node);
/* The same without what is another in each process and at each instant (root_names.h): by this it
 * is compared. */
const char *process_graph_root_likeness(const struct process_graph *graph, uint32_t node);
/* Its kind's word: "global", ..., "lost". */
const char *process_graph_root_kind(const struct process_graph *graph, uint32_t node);
const char *process_graph_root_module(const struct process_graph *graph, uint32_t node);

/* What is said behind the name: the module's file name. NULL without a module, or where the name
 * ends with that ("data of libx.so"). */
const char *process_graph_root_place(const struct process_graph *graph, uint32_t node);

/* The root from which the shortest way leads to a node. */
uint32_t process_graph_holder(const struct process_graph *graph, uint32_t node);

/* Blocks of one class are one row in trees and one step on ways: those of one type, or where that
 * is not known, or says little, those of one site. Below 2^31 - 1, or GRAPH_NO_SITE. Its name is
 * that of the type, or of the function that the site is named after; NULL = not known. */
uint32_t process_graph_class(const struct process_graph *graph, uint32_t block);
const char *process_graph_class_name(const struct process_graph *graph, uint32_t class_id);

bool process_graph_class_is_type(uint32_t class_id);

/* A Python object in memory that is not malloc's, whose birth nobody recorded. */
bool process_graph_is_without_site(const struct process_graph *graph, uint32_t block);

/* "client", "client[]", "std::map<int, Session> node": the type of a block; NULL = not known.
 * Borrowed. */
const char *process_graph_type_name(const struct process_graph *graph, uint32_t block);

/* The function that a site is named after (place.h), of wrappers their caller; NULL = not known. */
const char *process_graph_function(const struct process_graph *graph, uint32_t site);

/* The module that has this code: its position in profile.modules + 1; 0 = not known. */
uint32_t process_graph_module_plus_1(const struct process_graph *graph, uint32_t site);

/* Its path; NULL = not known. Borrowed from the profile. */
const char *process_graph_module(const struct process_graph *graph, uint32_t site);

#endif
