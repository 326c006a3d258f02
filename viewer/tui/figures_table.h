/* A table by query_run: rows of sites, functions, modules or threads with a column for each figure.
 * What the screens Sites, Threads and Modules have in common. */
#ifndef SEEP_TUI_FIGURES_TABLE_H
#define SEEP_TUI_FIGURES_TABLE_H

#include "analysis/query.h"
#include "analysis/query_list.h"
#include "tui/view.h"

struct figures_table {
    struct query_result result; /* without rows where there is a list */
    struct query_list *list;    /* of sites, whose rows are made when they are drawn; or NULL */
    struct query_row row;       /* the last one that was made */
    size_t row_count;
    const struct query_grouping_info *grouping;
    struct table_column columns[TABLE_MAX_COLUMNS];
    enum query_metric metrics[TABLE_MAX_COLUMNS]; /* of the first metric_count columns */
    size_t metric_count;
    bool is_inclusive;
    bool is_inverted;
    const uint8_t *only_sites; /* set before loading: struct query; NULL = all */
};

/* Runs the view's question with this grouping and fills columns and rows of `view->table`. */
bool figures_table_load(struct view *view, struct figures_table *figures,
                        enum query_grouping grouping, struct error *error);
void figures_table_clear(struct figures_table *figures);

void figures_table_describe(const struct view *view, const struct figures_table *figures,
                            struct text *out);
void figures_table_draw_row(const struct view *view, struct figures_table *figures,
                            struct screen *screen, struct area area, size_t row);
void figures_table_row_text(struct figures_table *figures, size_t row, struct text *out);
bool figures_table_tell(struct figures_table *figures, size_t row, struct view_fields *fields);
bool figures_table_act(const struct view *view, struct figures_table *figures, enum action action,
                       struct reaction *reaction);

/* For view_ops.row_key. */
uint64_t figures_table_row_key(struct figures_table *figures, size_t row);

/* A figure as text: size or count. Borrowed from `text`. */
const char *figures_format(enum query_metric metric, uint64_t value, char *text);

/* A row's name, and as far as there is room where it is and who called. */
void figures_draw_name(const struct profile *profile, struct screen *screen, int line,
                       struct table_place place, const struct query_row *row,
                       enum query_grouping grouping);

/* Opens the stack of a row's site. */
void figures_request_stack(const struct query_row *row, struct reaction *reaction);

#endif
