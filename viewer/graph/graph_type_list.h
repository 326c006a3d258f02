/* All types of a graph as a list to walk through: every one with its blocks and bytes, what it
 * retains as far as that is quickly told; in any order, and those only whose name matches. */
#ifndef SEEP_GRAPH_GRAPH_TYPE_LIST_H
#define SEEP_GRAPH_GRAPH_TYPE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "graph/graph_types.h"
#include "graph/process_graph.h"

enum graph_type_order {
    GRAPH_TYPES_BY_RETAINED, /* what is not known stands last */
    GRAPH_TYPES_BY_BYTES,
    GRAPH_TYPES_BY_BLOCKS,
    GRAPH_TYPES_BY_ELEMENTS,
    GRAPH_TYPES_BY_SOURCE,
    GRAPH_TYPES_BY_NAME,
    GRAPH_TYPE_ORDER_COUNT
};

struct graph_type_list {
    const struct process_graph *graph; /* borrowed until the clear */
    struct graph_type_row *rows;
    size_t row_count;
    uint32_t *shown; /* positions in rows: those that match, in order */
    size_t shown_count;
    uint64_t shown_bytes, shown_blocks;
    uint64_t bytes, blocks; /* of all rows */
};

/* The types of a graph that has types, all shown, in no order yet. Clear after use. */
void graph_type_list_find(const struct process_graph *graph, struct graph_type_list *list);
void graph_type_list_clear(struct graph_type_list *list);

/* Shows those whose names match the one regular expression (POSIX extended) and not the other; NULL
 * = any. False: one is malformed; then nothing has changed. */
bool graph_type_list_select(struct graph_type_list *list, const char *include, const char *exclude,
                            struct error *error);

/* Largest first, texts from A on; or turned round. */
void graph_type_list_sort(struct graph_type_list *list, enum graph_type_order order,
                          bool is_inverted);

/* "client", "not known". Borrowed. */
const char *graph_type_list_name(const struct graph_type_list *list,
                                 const struct graph_type_row *row);

#endif
