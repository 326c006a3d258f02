/* What the overview shows, as rows: made when it is loaded, drawn by view_overview.c. */
#ifndef SEEP_TUI_OVERVIEW_ROWS_H
#define SEEP_TUI_OVERVIEW_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/growth.h"
#include "analysis/query.h"
#include "tui/plot.h"
#include "tui/screen.h"
#include "tui/view.h"

enum overview_row_kind {
    OVERVIEW_BLANK,
    OVERVIEW_HEADING,
    OVERVIEW_FIGURE,
    OVERVIEW_WARNING,
    OVERVIEW_PLOT,
    OVERVIEW_PROCESS,
    OVERVIEW_MORE_PROCESSES,
    OVERVIEW_GROWTH,
    OVERVIEW_SITE
};

struct overview_row {
    enum overview_row_kind kind;
    char *label; /* of a heading, figure, warning */
    char *value; /* of a figure */
    char *about;
    int metric;      /* of a figure: sort the sites by it, or TABLE_NO_SORT */
    uint32_t number; /* of the plot's row, the process, the position in `growth`, the site's row in
                        the result */
    uint32_t depth;  /* of a process among the others */
};

struct overview {
    struct overview_row *rows;
    size_t row_count;
    size_t capacity;
    struct query_result sites;
    struct screen plot; /* drawn once for each size */
    struct plot shape;  /* what was drawn */
    uint32_t plot_process;
    bool are_all_processes_shown; /* however many there are */
    struct growth growth;         /* of the plot's process */
    uint32_t growth_process;
    bool is_growth_known;
    bool is_growth_left_out;     /* there are too many sites to look for it without being asked */
    struct query_result growing; /* rows of its first sites, in any order */
};

enum {
    TOP_SITES = 10,
    TOP_GROWERS = 5
};

/* The row of a site that grows, by its position in `growth`; NULL: there is none. */
const struct query_row *overview_growing_site(const struct view *view, uint32_t position);

/* Anew, of what `overview` was filled with; tells the table how many there are. */
void overview_rows_build(struct view *view);
void overview_rows_clear(struct overview *overview);

#endif
