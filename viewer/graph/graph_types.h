/* Tables of types and containers, by what they retain; and which blocks a report is about. */
#ifndef SEEP_GRAPH_GRAPH_TYPES_H
#define SEEP_GRAPH_GRAPH_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "graph/process_graph.h"

struct graph_type_row {
    uint32_t group; /* position in types.groups; TYPE_NO_GROUP: what has no known type */
    uint64_t blocks, bytes;
    uint64_t retained_bytes, retained_blocks; /* of all its blocks together */
    uint64_t elements;                        /* of the containers whose memory it is */
    bool are_known;                           /* its elements; false where it is none */
    bool is_retained_known;                   /* else what it retains is 0 */
};

/* Types by what they retain, worked out for the `exact` ones that hold most; the rest is left out.
 * Caller frees. */
struct graph_type_row *process_graph_types(const struct process_graph *graph, size_t exact,
                                           size_t *count);

/* The same with all types, in no order. */
struct graph_type_row *process_graph_all_types(const struct process_graph *graph, size_t exact,
                                               size_t *count);

/* The blocks of a group (TYPE_NO_GROUP: of no known type), those that retain most first. Caller
 * frees. */
uint32_t *process_graph_type_blocks(const struct process_graph *graph, uint32_t group,
                                    size_t *count);

/* Which group most typed blocks of a site are of, or TYPE_NO_GROUP. */
uint32_t process_graph_site_type(const struct process_graph *graph, uint32_t site);

/* Lets tables of sites, types and modules tell of those blocks only whose type contains `type`, and
 * whose site is named after code of a module whose path contains `module`; NULL = any. Returns how
 * many there are. */
uint64_t process_graph_filter(struct process_graph *graph, const char *type, const char *module);

#endif
