/* `seep view`: a recording in the terminal. */
#ifndef SEEP_TUI_TUI_H
#define SEEP_TUI_TUI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/diff.h"
#include "analysis/profile.h"
#include "analysis/rates.h"
#include "base/error.h"

struct leak_report;
struct loading;
struct memory_uses;
struct leak_report_options;
struct live_picture;
struct process_graph;
struct progress;
struct python_heaps;
struct recording_reader;
struct script;

/* Where sources stand here that stood elsewhere when the program was built. */
struct tui_path_map {
    const char *from; /* a leading part of the recorded path */
    const char *to;
};

struct tui_live_news {
    char message[512]; /* for the status line; "" = nothing */
    char failure[256]; /* why there is no newer picture; "" = nothing is wrong */
};

/* What the viewer does with pictures. */
struct tui_live_use {
    bool are_wanted; /* newer ones */

    /* Readings that it looks at: of the picture that it shows, of that before, and of the mark. Each
     * NULL = none. */
    const struct rates_reading *now, *before, *mark;

    /* It asks each picture how fast its sites allocate (live_picture_find_rates), of this process, in
     * this order, with `now` for the one before. */
    bool are_rates_asked;
    uint32_t process;
    enum rates_order order;
};

/* Where pictures (analysis/live_picture.h) of a program that runs come from. They are made
 * elsewhere: nothing here takes long. Their readings stay the source's: those of the two newest
 * pictures and those that the viewer looks at. */
struct tui_live {
    void *context;
    int fd;                     /* readable when there may be something to take */
    struct live_picture *first; /* the viewer takes it over, as all that it takes */

    /* The newest one that was not taken yet, or NULL. */
    struct live_picture *(*take)(void *context, struct tui_live_news *news);

    /* From now on, until it is told otherwise. At first new ones are wanted, and no rates. */
    void (*tell)(void *context, const struct tui_live_use *use);

    /* This one is what views ask about from now on, maybe as before; NULL: none any more. */
    void (*show)(void *context, struct live_picture *picture);

    /* Ends one that is not shown any more, elsewhere: that takes a while, too. */
    void (*drop)(void *context, struct live_picture *picture);

    /* Begins a snapshot of a process, which the news tell of. */
    void (*snapshot)(void *context, uint64_t pid);
};

/* What the diff screen compares: as analysis/diff.h does. All borrowed until the viewer ends. */
struct tui_comparison {
    const struct profile *profiles[DIFF_SIDES];
    const char *names[DIFF_SIDES]; /* "old.seep@peak" */
    bool is_peak[DIFF_SIDES];
};

struct tui_options {
    struct loading *loading; /* what was seen until now (loading.h): its terminal is taken over, and
                                when it was left nothing begins. NULL: nothing was. Borrowed */
    const char *recording;   /* the recording's name for the title; NULL: the profile's own path */
    struct recording_reader *reader; /* of the profile, which is of its end: for other instants;
                                        NULL: only that can be looked at. Borrowed */
    const char *from, *to;           /* instants to begin with, as instant.h names them; only `to`:
                                        that instant; NULL: the end */
    const char *screen; /* the screen to begin with, such as "sites"; NULL: the overview */
    const char *colors; /* a colour scheme's name; NULL: default, or mono as NO_COLOR says */
    bool is_ascii;      /* even where the locale could do more */
    bool without_mouse; /* leave the mouse to the terminal, so that text can be marked */
    const struct tui_path_map *path_maps; /* tried in their order */
    size_t path_map_count;

    /* Makes the object graph when it is first asked for, which may take seconds; borrowed until the
     * viewer ends. Where it was stopped it can be asked again. NULL: there is none, nor its screen.
     */
    const struct process_graph *(*get_graph)(void *context, const struct progress *progress,
                                             struct error *error);
    void *graph_context;

    /* Finds what is lost, each time anew, by the suppressions and at the snapshots that are asked;
     * the report is cleared by the viewer. NULL: nobody knows, and there is no such screen. */
    bool (*find_leaks)(void *context, const struct leak_report_options *asked,
                       struct leak_report *report, struct error *error);
    void *leaks_context;
    const char *const *suppression_files; /* beside what is built in */
    size_t suppression_file_count;

    /* What the program has written so far, the caller's to free. NULL: nobody keeps it, and there
     * is no such screen. */
    char *(*get_output)(void *context);
    void *output_context;

    struct script *script; /* what a chooser has left of it; NULL: as SEEP_SCRIPT says. Borrowed */

    const struct tui_live *live; /* NULL: a recording that stays as it is */
    uint32_t process;            /* of a live one: what to begin with, as in struct view_question */

    /* What all memory of the processes is used for; borrowed until the viewer ends, or shows a newer
     * picture. NULL: nobody knows, and there is no such screen. */
    const struct memory_uses *(*get_memories)(void *context, struct error *error);
    void *memories_context;

    /* Of the recording's processes; NULL or empty: none has Python. */
    const struct python_heaps *pythons;

    /* What to compare from the beginning; NULL: nothing yet. */
    const struct tui_comparison *comparison;

    /* Compares with another base: FILE or FILE@INSTANT. NULL: that is not possible. */
    bool (*compare)(void *context, const char *base, const struct progress *progress,
                    struct tui_comparison *comparison, struct error *error);
    void *compare_context;
};

/* Can a terminal program run here? Standard input and output must be a terminal that can place its
 * cursor; or a script is given in the environment (SEEP_SCRIPT, see script.h). When false the
 * reason is meant for a note: the caller may print a report instead. */
bool tui_is_possible(struct error *reason);

/* Shows the profile until the user quits. The terminal is restored whatever happens. False when it
 * could not begin, or when a script failed. */
bool tui_run(const struct profile *profile, const struct tui_options *options, struct error *error);

#endif
