/* What grows in a process, and what keeps it: growth (analysis/growth.h) with the ways from roots,
 * of the snapshot that graphs are made of. */
#ifndef SEEP_GRAPH_GROWTH_PATHS_H
#define SEEP_GRAPH_GROWTH_PATHS_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/growth.h"
#include "analysis/profile.h"
#include "graph/graph_path.h"
#include "recording/recording_reader.h"
#include "symbols/symbolizer.h"

/* The way on which most of a site's blocks hang. */
struct growth_path {
    struct graph_path path; /* empty: there is no snapshot, or it has none of the blocks */
    uint64_t blocks, total; /* on that way, and of the site */
};

struct process_growth {
    uint32_t process; /* position */
    struct growth growth;
    struct growth_path *paths; /* of the growing sites, growth.growing_count */
};

struct process_growths {
    struct process_growth *items; /* processes that have a timeline */
    size_t count;
};

/* Of a process (a position), or QUERY_ALL_PROCESSES. Graphs with more than `most_blocks` blocks are
 * not made (0 = all are): that takes seconds. Clear after use. */
void process_growths_find(const struct profile *profile, struct recording_reader *reader,
                          uint32_t process, const struct symbolizer_options *options,
                          uint64_t most_blocks, struct process_growths *growths);
void process_growths_clear(struct process_growths *growths);

/* Of a process; NULL = not looked at. */
const struct process_growth *process_growths_of(const struct process_growths *growths,
                                                uint32_t process);

#endif
