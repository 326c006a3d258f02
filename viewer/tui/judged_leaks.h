/* The leaks of a recording, judged by suppressions that can grow while they are looked at. */
#ifndef SEEP_TUI_JUDGED_LEAKS_H
#define SEEP_TUI_JUDGED_LEAKS_H

#include "analysis/leak_list.h"
#include "analysis/leak_report.h"
#include "analysis/suppression_entry.h"
#include "analysis/suppressions.h"
#include "graph/last_seen.h"
#include "tui/view.h"

struct judged_leaks {
    char **files; /* of suppressions, beside what is built in */
    size_t file_count;
    struct suppressions suppressions;
    struct leak_report report;
    uint64_t snapshot, since; /* that were asked for, as in struct leak_report_options */
    char trouble[256];        /* why that could not be told; "" = it could */
    char note[256];           /* why it is not at the instant that is shown; "" = it is */
    bool is_found;
    uint64_t peak; /* the snapshot that was taken there, or LEAK_REPORT_DEFAULT */
    bool is_peak_known;
    struct last_seens seens; /* of the report */
    bool are_seens_found;
};

/* Reads the options' suppressions. Clear afterwards in any case. */
bool judged_leaks_init(struct judged_leaks *judged, const struct tui_options *options,
                       struct error *error);
void judged_leaks_clear(struct judged_leaks *judged);

/* Fills the report, unless that was done. Marks that are snapshots say at which, and since which;
 * where nobody knows of what they ask, it is what `seep leaks` tells. */
bool judged_leaks_find(struct judged_leaks *judged, const struct view_context *context,
                       struct error *error);

/* Whether other instants are shown than those that the report was made for. */
bool judged_leaks_are_elsewhere(struct judged_leaks *judged, const struct view_context *context);

/* Where a leak was last held, which is looked for when it is first asked; NULL = not known. */
const struct last_seen *judged_leaks_seen(struct judged_leaks *judged,
                                          const struct view_context *context,
                                          const struct leak_line *line);

/* Why a leak cannot be suppressed; NULL: it can. */
const char *judged_leaks_why_not_suppressed(const struct leak *leak);

/* Adds a suppression of a leak to a file and judges anew, also with what else that file holds: the
 * leak is void afterwards. `is_new`: the file had it not. When it fails everything is as it was. */
bool judged_leaks_suppress(struct judged_leaks *judged, const struct view_context *context,
                           const struct leak *leak, enum suppression_grammar grammar,
                           const char *path, bool *is_new, struct error *error);

#endif
