/* A tree as rows of a table: which branches are open, and which nodes stand where. Knows nothing of
 * what the nodes are but how they hang together; the whole, node 0, is not shown. */
#ifndef SEEP_TUI_TREE_ROWS_H
#define SEEP_TUI_TREE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/key_bindings.h"
#include "tui/screen.h"
#include "tui/table.h"

#define TREE_ROWS_NONE UINT32_MAX

struct tree_links {
    uint32_t parent, first_child, next_sibling; /* TREE_ROWS_NONE = none */
};

/* Nodes below `count`; parents stand before their children. */
typedef struct tree_links (*tree_links_of)(const void *context, uint32_t node);

struct tree_rows {
    tree_links_of links_of;
    const void *context; /* borrowed */
    uint8_t *is_open;    /* by node */
    uint32_t *nodes;     /* by row */
    size_t count;        /* of rows */
    size_t node_count;
    uint64_t *remembered; /* keys, by size */
    size_t remembered_count;
    bool is_remembering;
};

/* A tree with all branches closed, in place of the one before. tree_rows_show must follow. */
void tree_rows_set(struct tree_rows *rows, size_t node_count, tree_links_of links_of,
                   const void *context);
void tree_rows_clear(struct tree_rows *rows);

/* Finds the rows anew, after branches were opened or closed, and tells the table. */
void tree_rows_show(struct tree_rows *rows, struct table *table);

/* Which branches are open, by keys that are the same in another tree (kept_row.h): remembered of
 * this one, and opened in the next. False: nothing was remembered. */
typedef uint64_t (*tree_key_of)(const void *context, uint32_t node);
void tree_rows_remember(struct tree_rows *rows, tree_key_of key_of, const void *context);
bool tree_rows_recall(struct tree_rows *rows, tree_key_of key_of, const void *context);

bool tree_rows_is_leaf(const struct tree_rows *rows, uint32_t node);
void tree_rows_select(const struct tree_rows *rows, struct table *table, uint32_t node);
void tree_rows_open(struct tree_rows *rows, struct table *table, uint32_t node, bool is_open);

/* Expanding and collapsing from a node on. False: another action. */
bool tree_rows_act(struct tree_rows *rows, struct table *table, uint32_t node, enum action action);

/* Draws what stands in front of a node's name; the rest of the place is for the name. */
struct table_place tree_rows_draw(const struct tree_rows *rows, struct screen *screen, int row,
                                  struct table_place place, uint32_t node, uint32_t depth);

#endif
