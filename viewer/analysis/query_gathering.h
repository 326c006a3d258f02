/* What the groupings of query_run share: the rows under construction. Each grouping is a file with
 * one function, which adds its rows and fills their figures. */
#ifndef SEEP_ANALYSIS_QUERY_GATHERING_H
#define SEEP_ANALYSIS_QUERY_GATHERING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/query.h"

struct arena;

struct query_gathering {
    const struct profile *profile;
    const struct query *query;
    struct query_result *result;
    struct arena *arena;
    const uint8_t *is_kept; /* by site */
    size_t row_capacity;
    uint64_t *largest; /* by row: the sort key of its row.site */
    size_t largest_capacity;
    bool is_filtered;
    bool is_stopped; /* the result is not wanted any more */
};

void query_gather_sites(struct query_gathering *gathering);
void query_gather_code(
    struct query_gathering *gathering); /* by function, file, module, Python line */
void query_gather_threads(struct query_gathering *gathering);

enum { /* the metrics that are known of a thread: bit 1 << metric */
    QUERY_THREAD_METRICS = 1 << QUERY_ALLOCATIONS | 1 << QUERY_ALLOCATED_BYTES | 1 << QUERY_FREES |
                           1 << QUERY_FREED_BYTES | 1 << QUERY_LIVE_BLOCKS | 1 << QUERY_LIVE_BYTES
};

/* Does the frame belong to a row at all? And the name of the row of sites that have none such. */
bool query_code_counts(enum query_grouping grouping, const struct profile_frame *frame);
const char *query_name_without_code(enum query_grouping grouping);

/* What row code belongs to: name, file, line and module. Code without symbols is one row a module.
 * Texts are the profile's or the arena's. Lines tell rows apart only where they stand in names. */
struct query_row query_code_key(const struct profile *profile, enum query_grouping grouping,
                                const struct profile_frame *frame,
                                const struct profile_location *location, struct arena *arena);
bool query_code_key_equals(const struct query_row *a, const struct query_row *b);

/* How well a location tells who wanted the memory. */
enum code_rank {
    CODE_ANY,
    CODE_OWN,  /* own code (own_code.h) */
    CODE_PLAIN /* and it does not merely pass on requests for memory (place.h) */
};
enum code_rank query_code_rank(const struct profile *profile, const struct profile_frame *frame,
                               const struct profile_location *location);

#define QUERY_NO_STACK "[no stack]" /* the row of sites that have none */

/* Does the site pass the filter and belong to the process that is asked for? */
bool query_gathering_wants(const struct query_gathering *gathering, size_t site);

/* Asks, in loops, whether the query is still wanted. */
static inline bool query_gathering_goes_on(struct query_gathering *gathering, size_t done,
                                           size_t all)
{
    gathering->is_stopped |= !progress_goes_on(gathering->query->progress, done, all);
    return !gathering->is_stopped;
}

/* A row without figures. Borrowed until the next one is added. */
struct query_row *query_gathering_add_row(struct query_gathering *gathering, const char *name);

/* Notes that the site is part of the row: for counts, the process, and the row's foremost site. */
void query_gathering_join(struct query_gathering *gathering, size_t position, uint32_t site);

/* Where the sites of the process that is asked for stand; of all of them. */
static inline uint32_t query_gathering_first_site(const struct query_gathering *gathering)
{
    uint32_t process = gathering->query->process;
    return process == QUERY_ALL_PROCESSES ? 0 : gathering->profile->processes[process].first_site;
}

static inline size_t query_gathering_end_site(const struct query_gathering *gathering)
{
    uint32_t process = gathering->query->process;
    if (process == QUERY_ALL_PROCESSES)
        return gathering->profile->site_count;
    const struct profile_process *owner = &gathering->profile->processes[process];
    return (size_t)owner->first_site + owner->site_count;
}

#endif
