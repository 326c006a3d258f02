/* What reports ask of an object graph: its roots, sites and modules by what they retain. */
#ifndef SEEP_GRAPH_GRAPH_TABLES_H
#define SEEP_GRAPH_GRAPH_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "graph/process_graph.h"

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

#endif
