/* Object graphs for people and as JSON: roots and sites by what they retain, suspects, and why
 * blocks are alive. */
#ifndef SEEP_REPORT_GRAPH_REPORT_H
#define SEEP_REPORT_GRAPH_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "base/text.h"
#include "graph/graph_suspects.h"
#include "graph/process_graph.h"

struct graph_report_options {
    uint64_t limit;           /* rows of each table; 0 = all */
    const char *why;          /* the blocks to explain; NULL = none */
    bool is_block;            /* only one block, of the processes that have it */
    bool is_tree;             /* the tree of dominators instead of tables */
    uint32_t tree_depth;      /* levels of trees; 0 = all */
    const char *instant;      /* for headers and "instant" */
    unsigned stack_depth;     /* text only */
    int width;                /* text only */
    bool is_colour;           /* text only */
    bool are_arguments_shown; /* of targets */
};

struct graph_report_process {
    uint32_t process;                      /* position */
    const struct recording_snapshot *head; /* NULL: there is no snapshot */
    struct process_graph *graph;           /* NULL: the same */
    uint32_t block;                        /* of is_block: SNAPSHOT_NONE = it has none */
};

/* Both write and flush. */
bool graph_write_text(const struct profile *profile, const struct graph_report_process *processes,
                      size_t count, const struct graph_report_options *options, FILE *out,
                      struct error *error);
/* seep/graph, see schema/seep-graph.json. */
bool graph_write_json(const struct profile *profile, const struct graph_report_process *processes,
                      size_t count, const struct graph_report_options *options, FILE *out,
                      struct error *error);

/* "sessions in demo", "open_session": appended, made harmless. */
void graph_add_root_name(const struct process_graph *graph, uint32_t node, struct text *out);
void graph_add_root_likeness(const struct process_graph *graph, uint32_t node, struct text *out);
/* The same, or "a block of 4.0 KiB from open_session". */
void graph_add_node_name(const struct process_graph *graph, uint32_t node, struct text *out);
void graph_add_class_name(const struct process_graph *graph, uint32_t class_id, struct text *out);

/* "sessions of demo retains 2.0 MiB (92 %) ...": a suspect as a sentence; appended. */
void graph_describe_suspect(const struct process_graph *graph, const struct graph_suspect *suspect,
                            struct text *out);

/* What share of the graph is a suspect. */
#define GRAPH_REPORT_SUSPECT_SHARE 0.2

#endif
