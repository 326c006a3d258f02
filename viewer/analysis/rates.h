/* How fast a program that runs allocates, and what has grown since a mark: readings of its counters
 * at two instants, and their differences.
 *
 * A reading is small beside a profile, so that one can be kept for a mark for hours. Sites are the
 * same in all readings of one recording by process and number; both are never used again. */
#ifndef SEEP_ANALYSIS_RATES_H
#define SEEP_ANALYSIS_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/growth.h"
#include "analysis/profile.h"

struct rates_counts {
    uint64_t allocations, frees, allocated_bytes, freed_bytes, live_blocks, live_bytes;
};

struct rates_entry {
    uint64_t process_id, site_id;
    struct rates_counts counts;
};

struct rates_reading {
    uint64_t time_ns;            /* of the session */
    struct rates_entry *entries; /* of sites, by process and number */
    uint32_t *sites;             /* of each the position in the profile that was read */
    size_t count;
    struct rates_counts *totals; /* by process */
    size_t process_count;
};

/* Caller owns; nothing of the profile is borrowed. */
struct rates_reading *rates_reading_create(const struct profile *profile, uint64_t time_ns);
void rates_reading_destroy(struct rates_reading *reading);

enum rates_order {
    RATES_BY_ALLOCATED_BYTES, /* a second */
    RATES_BY_ALLOCATIONS,
    RATES_BY_GROWN_BYTES, /* since the mark */
    RATES_BY_SLOPE,       /* the suspects: what grows for sure first, the steepest first */
    RATES_BY_LIVE_BYTES,
    RATES_ORDER_COUNT
};

/* What changed in a second, on average between two readings. */
struct rates_speed {
    double allocations, frees, allocated_bytes, freed_bytes;
};

struct rates_change {
    struct rates_counts counts; /* now */
    struct rates_speed speed;
    int64_t grown_bytes, grown_blocks; /* since the mark */
};

struct rates_row {
    uint32_t site; /* position in the profile */
    struct rates_change change;
    const struct growth_site *growth; /* NULL: it holds too little to be judged */
};

struct rates {
    bool has_speed; /* else there is no reading before */
    bool has_mark;
    double seconds;            /* between the readings */
    uint64_t mark_ns;          /* of the session */
    struct rates_change total; /* of the processes asked for */
    struct rates_row *rows;    /* sites that allocate, have changed since the mark, or may grow */
    size_t row_count;
    struct rates_ordering *ordering; /* of rows that are in no order yet; NULL: they are in it */
    uint64_t idle_count;             /* sites left out */
    size_t growing_count;
};

struct rates_question {
    uint32_t process; /* position, or QUERY_ALL_PROCESSES */
    enum rates_order order;
    const struct rates_reading *before; /* NULL = none */
    const struct rates_reading *mark;   /* NULL = none: since the beginning */
    const struct growth *growths;       /* by process, NULL = nobody looked; borrowed by the rows */
};

/* `now` was taken of `profile`. Clear after use. */
void rates_find(const struct profile *profile, const struct rates_reading *now,
                const struct rates_question *question, struct rates *rates);

/* The same for who looks at a few of them: only rates_row_at knows their order, as far as it was
 * asked. Borrows the profile. */
void rates_find_unordered(const struct profile *profile, const struct rates_reading *now,
                          const struct rates_question *question, struct rates *rates);
const struct rates_row *rates_row_at(const struct rates *rates, size_t position);

/* Of what rates_find_unordered found: now in another order. */
void rates_reorder(struct rates *rates, enum rates_order order);

void rates_clear(struct rates *rates);

/* "bytes-per-second", "growth", ...: for options and titles. NULL past the end. */
const char *rates_order_name(size_t order);

#endif
