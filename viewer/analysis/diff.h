/* Two recordings, or two instants of one, side by side: what is new, gone, grown and shrunk.
 *
 * Sites are matched by fingerprint (fingerprint.h), so shifted lines, other build folders and other
 * addresses make no difference. A fingerprint need not be unique: what shares one is summed, over
 * all processes. */
#ifndef SEEP_ANALYSIS_DIFF_H
#define SEEP_ANALYSIS_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"
#include "analysis/query.h"
#include "base/error.h"

enum diff_state {
    DIFF_SAME,
    DIFF_NEW,  /* the base has no such site */
    DIFF_GONE, /* the other has none */
    DIFF_GROWN,
    DIFF_SHRUNK,
    DIFF_STATE_COUNT
};

enum diff_side {
    DIFF_BASE,
    DIFF_OTHER,
    DIFF_SIDES
};

struct diff_options {
    const struct profile *profiles[DIFF_SIDES]; /* may be the same */
    bool is_peak[DIFF_SIDES]; /* look at what was held at the peak, not at the end */
    enum query_metric metric; /* what is compared */
    struct query_filter filter;
    uint64_t limit;     /* rows; 0 = all */
    uint64_t min_delta; /* leave out rows that changed by less */
};

struct diff_row {
    uint64_t fingerprint;
    enum diff_state state;
    bool has_side[DIFF_SIDES]; /* does that one have such a site? */
    enum diff_side side;       /* where `site` stands: the other unless the site is gone */
    uint32_t site;             /* position in that profile's sites, the largest by its metric */
    struct query_figures figures[DIFF_SIDES];
    uint64_t values[DIFF_SIDES]; /* of the metric */
};

struct diff {
    struct diff_row *rows; /* not the same ones; by the size of the change descending, then by
                              fingerprint */
    size_t row_count;
    uint64_t omitted_count;
    int64_t omitted_change;                  /* of the metric, of the omitted rows */
    uint64_t state_counts[DIFF_STATE_COUNT]; /* fingerprints, also omitted ones */
    int64_t state_changes[DIFF_STATE_COUNT]; /* of the metric, the same */
    struct query_figures totals[DIFF_SIDES]; /* of the sites that pass the filter */
};

/* The figure that a metric stands for on a side: at the peak, live is what was held then. */
enum query_metric diff_metric(const struct diff_options *options, enum diff_side side,
                              enum query_metric metric);

/* The orders that rows can be brought into. */
enum diff_order {
    DIFF_BY_CHANGE, /* its size, whether more or less */
    DIFF_BY_BASE,
    DIFF_BY_OTHER,
    DIFF_BY_STATE, /* new, grown, shrunk, gone */
    DIFF_BY_NAME,
    DIFF_ORDER_COUNT
};

/* Clear after use. False for a malformed filter. */
bool diff_run(const struct diff_options *options, struct diff *diff, struct error *error);
void diff_clear(struct diff *diff);

/* Largest first, texts from A on; or turned round. What is equal stands as diff_run left it. */
void diff_sort(const struct diff_options *options, struct diff *diff, enum diff_order order,
               bool is_inverted);

/* What a row is told as: name, file, line and module of its site, and the site; borrowed from that
 * side's profile. */
void diff_name_row(const struct diff_options *options, const struct diff_row *row,
                   struct query_row *named);

/* "same", "new", "gone", "grown", "shrunk". */
const char *diff_state_name(enum diff_state state);

/* Whether a side has it: what was between two instants has no peak. */
bool diff_knows(const struct diff_options *options, enum diff_side side, enum query_metric metric);

/* "+1.5 MiB", "-300", "0": a change of a metric. Into `text` (UNITS_TEXT_BYTES), and returned. */
const char *diff_format_change(enum query_metric metric, int64_t change, char *text);

/* The change of a row, or of any two values: beyond what an int64_t holds it stays at its end. */
int64_t diff_change(uint64_t base, uint64_t other);

#endif
