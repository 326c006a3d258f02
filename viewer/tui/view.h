/* A view is a filled struct of functions and a table of rows; the loop in app.c does the rest:
 * moving, searching, sorting, prompts, the title, the status line and the footer. A handler never
 * draws or opens anything itself: it says in a `struct reaction` what must happen.
 *
 * A new view is one file with one `const struct view_ops` and one row in the table of views.c. */
#ifndef SEEP_TUI_VIEW_H
#define SEEP_TUI_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"
#include "analysis/query.h"
#include "base/error.h"
#include "base/progress.h"
#include "base/text.h"
#include "tui/kept_row.h"
#include "tui/key_bindings.h"
#include "tui/screen.h"
#include "tui/table.h"
#include "tui/tui.h"

struct graph_tree;
struct view;
struct view_ops;

/* What all screens are asked at the same time, so that going from one to another keeps the place.
 */
struct view_question {
    uint32_t process; /* position, or QUERY_ALL_PROCESSES */
    enum query_metric metric;
    enum query_grouping grouping; /* of the sites screen */
    bool is_inclusive;            /* sort by inclusive figures where there are some */
    bool is_inverted;
    const char *filter; /* as typed; "" = none (filter_text.h) */
};

/* An instant: a name that can be typed, and when it was. */
struct view_moment {
    char *name; /* NULL: none */
    uint64_t time_ns;
};

/* The cursor on the timeline, and the marks; owned by the app (app_times.c). */
struct view_times {
    struct view_moment cursor;
    struct view_moment marks[2]; /* by time */
    size_t mark_count;
};

struct live_picture;
struct rates_reading;

/* What is known of a program that runs, beside its profile. */
struct view_live {
    struct live_picture *picture;
    const struct rates_reading *before; /* of the picture before; NULL = this is the first */
    const struct rates_reading *mark;   /* NULL = none was set */
};

/* Borrowed by views as long as they live. */
struct view_context {
    const struct profile *profile; /* another one once other instants are looked at; all views are
                                      loaded anew then, and those over screens closed */
    struct view_times times;
    const struct view_live *live; /* NULL: a recording */
    const struct tui_options *options;
    struct view_question question;
    struct tui_comparison comparison; /* its profiles are NULL: nothing is compared */
    struct progress progress;         /* of work that may take long */
    bool is_utf8;
};

/* A line that a view shows above its own. */
struct view_note {
    char *label;
    char *text;
};

struct menu_item {
    char *label;
    char *command; /* run when it is chosen */
};

/* What a view is opened with; a view takes the fields that it knows. */
struct view_request {
    uint32_t site; /* position in profile.sites, or QUERY_NO_SITE */
    struct query_figures figures;
    bool has_figures;
    const struct query_row *group; /* a row by `grouping`; borrowed until the view is open */
    enum query_grouping grouping;
    bool is_inclusive;
    const struct profile *profile;     /* that `site` is of; NULL: the one that is shown */
    const struct diff_row *difference; /* of `site`; borrowed until the view is open */
    enum query_metric compared;        /* in `difference` */
    uint32_t node;                     /* of the object graph, or of `tree` */
    const struct graph_tree *tree;     /* borrowed until the view is open */
    bool is_of_type;                   /* blocks of `type_group`: graph_types.h */
    uint32_t type_group;
    const char *file; /* a source file; borrowed from the profile */
    uint32_t line;
    const struct view *asker; /* the view that was shown when this one was asked for */
    struct view_note *notes;  /* of the reaction, which frees them once the view is open */
    size_t note_count;
    const char *title;
    struct menu_item *items; /* of a menu, which takes them over */
    size_t item_count;
    size_t chosen_item;
};

/* What must happen after an action; several can be set. */
struct reaction {
    const struct view_ops *opened; /* this view, with `request` */
    struct view_request request;
    bool is_closing;   /* this view */
    bool is_reloading; /* the question has changed */
    bool is_quitting;
    struct text edited_file; /* in $EDITOR, at `edited_line` */
    unsigned edited_line;
    struct text copied;  /* to the clipboard */
    struct text command; /* run as if typed */
    struct text typed;   /* begins a command that the user ends */
    struct text message; /* for the status line */
};

/* What a row holds (app_write.c). A text may be NULL. */
struct view_fields;
void view_tell_text(struct view_fields *fields, const char *key, const char *text);
void view_tell_number(struct view_fields *fields, const char *key, uint64_t number);
void view_tell_metric(struct view_fields *fields, enum query_metric metric, uint64_t value);
void view_tell_value(struct view_fields *fields, const char *key, enum query_metric metric,
                     uint64_t value); /* a metric's, under another name */

struct view_search {
    const char *text;
    bool is_exact; /* else letters of either case */
    bool is_backwards;
};

bool view_search_matches(const struct view_search *search, const char *text);

struct view_ops {
    const char *name;    /* for `:view NAME` */
    const char *title;   /* for the first line */
    char digit;          /* or letter, of a screen; 0: the view is opened from others */
    const char *help;    /* of a screen: what it shows, for help and manual */
    bool is_popup;       /* stands over the view that opened it */
    bool is_of_snapshot; /* it shows what a snapshot tells, whatever instants are looked at */
    bool marks_selected; /* draw_row itself shows what is selected, and places the cursor */
    unsigned scopes;     /* enum key_scope, besides SCOPE_ANY */
    size_t state_bytes;
    bool has_own_filter; /* instead of the one that all share: struct view's */

    /* Of a screen that not every recording has: why there is nothing to show, and what to do about
     * it, for the status line; NULL: there is something. */
    const char *(*missing)(const struct view_context *context);

    /* `view->state` is zeroed. */
    bool (*open)(struct view *view, const struct view_request *request, struct error *error);
    void (*close)(struct view *view);

    /* Fills table and state for the question: after open, and when it has changed. */
    bool (*load)(struct view *view, struct error *error);

    /* Before each drawing: the room that the rows will have. May be NULL. */
    void (*fit)(struct view *view, int rows, int columns);

    /* The line under the title: what is shown. */
    void (*describe)(const struct view *view, struct text *out);

    /* Into the last `view->below_rows` rows of the view, which fit has set. May be NULL. */
    void (*draw_below)(const struct view *view, struct screen *screen, struct area area);

    /* One row of the table, into `area`, of which the mark's column is the app's. */
    void (*draw_row)(const struct view *view, struct screen *screen, struct area area, size_t row);

    /* The text of a row, for searching. NULL: as it is drawn on a very wide screen. */
    void (*row_text)(const struct view *view, size_t row, struct text *out);

    /* What a row holds, as names and values, for files that programs read; of all rows the same
     * names. NULL, or false: its columns as they are shown. */
    bool (*tell)(const struct view *view, size_t row, struct view_fields *fields);

    /* Actions that the app does not do itself. Returns whether it was one of the view's. */
    bool (*act)(struct view *view, enum action action, struct reaction *reaction);

    /* A click into a row, where rows are not what is selected. */
    bool (*click)(struct view *view, size_t row, int column, struct reaction *reaction);

    /* The same for searching: goes to the next match. */
    bool (*find)(struct view *view, const struct view_search *search, struct reaction *reaction,
                 struct error *error);

    /* Of a table with columns of its own, which question.metric does not know: brings its rows into
     * the order that table.sort_key and table.is_inverted tell. NULL: rows are sorted by load. */
    void (*sort)(struct view *view);

    /* For programs that run, whose profile is replaced by newer ones: what a row is about, the same
     * in all of them (kept_row.h). NULL: the view cannot find its rows again. */
    uint64_t (*row_key)(const struct view *view, size_t row);

    /* The profile is about to be replaced: keeps by such keys what load is to find again, beside
     * the selected row, which the app keeps. May be NULL. */
    void (*remember)(struct view *view);

    /* Go to what a request tells (the tree: a stack), when the view is open already. */
    bool (*reveal)(struct view *view, const struct view_request *request);
};

struct view {
    const struct view_ops *ops;
    const struct view_context *context;
    struct table table;
    void *state;
    struct kept_row kept;
    int below_rows;
    char *own_filter;  /* as typed; NULL = none, and in views that share theirs */
    bool is_of_others; /* it shows recordings at instants of their own; set by open or load */
    bool is_loaded;
};

/* The figure asked for; where that may cancel out, one whose parts add up. */
enum query_metric view_additive_metric(const struct view *view);

/* All views, screens first in the order of Tab; NULL past the end. */
const struct view_ops *view_ops_at(size_t position);
const struct view_ops *view_ops_find(const char *name);

/* The filter that a view obeys, "" when there is none. Borrowed. */
const char *view_filter(const struct view *view);

/* `missing` of screens that show the object graph. */
const char *view_missing_graph(const struct view_context *context);

/* The title of a process: "server (pid 12)". */
void view_print_process(const struct profile *profile, uint32_t process, struct text *out);

extern const struct view_ops view_overview;
extern const struct view_ops view_sites;
extern const struct view_ops view_tree;
extern const struct view_ops view_flame;
extern const struct view_ops view_leaks;
extern const struct view_ops view_threads;
extern const struct view_ops view_modules;
extern const struct view_ops view_graph;
extern const struct view_ops view_types;
extern const struct view_ops view_live;
extern const struct view_ops view_diff;
extern const struct view_ops view_output;
extern const struct view_ops view_python;
extern const struct view_ops view_categories;
extern const struct view_ops view_group;
extern const struct view_ops view_stack;
extern const struct view_ops view_block;
extern const struct view_ops view_blocks;
extern const struct view_ops view_source;
extern const struct view_ops view_help;
extern const struct view_ops view_menu;

#endif
