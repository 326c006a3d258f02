/* The inclusive figure of a line is the sum over those nodes of the stack tree that stand for it
 * and have none such above them: all below them is theirs, and nothing is counted twice. */
#include "config.h"

#include "analysis/line_figures.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/own_code.h"
#include "base/memory.h"

enum {
    LAST_LINE = 1 << 24 /* no file that is shown has more; a forged line may say anything */
};

struct search {
    const struct profile *profile;
    const struct query *query;
    struct line_figures *figures;
    uint8_t *is_location; /* by location: in the file */
    uint8_t *is_frame;    /* by frame: has such a location */
    uint8_t *is_below;    /* by node: it or one above it has such a frame */
    uint64_t *values;     /* by node: of all sites below it */
};

/* Texts of a recording are mostly one text each, so the last answer serves often. */
static void find_locations(struct search *search, const char *file)
{
    const struct profile *profile = search->profile;
    const char *last = NULL;
    bool is_last = false;
    for (size_t i = 0; i < profile->location_count; i++) {
        const struct profile_location *location = &profile->locations[i];
        if (!location->file || !location->line || location->line > LAST_LINE)
            continue;
        if (location->file != last) {
            last = location->file;
            is_last = strcmp(last, file) == 0;
        }
        search->is_location[i] = is_last;
        if (is_last && location->line >= search->figures->line_count)
            search->figures->line_count = (size_t)location->line + 1;
    }
    for (size_t i = 0; i < profile->frame_count; i++) {
        const struct profile_frame *frame = &profile->frames[i];
        for (uint32_t j = 0; j < frame->location_count; j++)
            search->is_frame[i] |= search->is_location[frame->first_location + j];
    }
}

static void sum_nodes(struct search *search, const uint8_t *is_kept)
{
    const struct profile *profile = search->profile;
    uint32_t process = search->query->process;
    for (size_t i = 0; i < profile->site_count; i++) {
        const struct profile_site *site = &profile->sites[i];
        if (!is_kept[i] || (process != QUERY_ALL_PROCESSES && site->process != process))
            continue;
        uint64_t value = query_site_value(site, search->query->sort);
        search->values[site->stack_node] += value;
        search->figures->total += value;
    }
    for (size_t i = profile->node_count; i-- > 1;)
        search->values[profile->nodes[i].parent] += search->values[i];
}

/* Does the line stand on the stack before this location of the node: nearer to main? */
static bool is_met_above(const struct search *search, uint32_t node, uint32_t location)
{
    const struct profile *profile = search->profile;
    uint32_t line = profile->locations[location].line;
    uint32_t next = location + 1;
    for (;;) {
        const struct profile_frame *frame = &profile->frames[profile->nodes[node].frame];
        for (; next < frame->first_location + frame->location_count; next++)
            if (search->is_location[next] && profile->locations[next].line == line)
                return true;
        node = profile->nodes[node].parent;
        if (!node || !search->is_below[node])
            return false;
        next = profile->frames[profile->nodes[node].frame].first_location;
    }
}

static void add_node(struct search *search, uint32_t node)
{
    const struct profile *profile = search->profile;
    const struct profile_frame *frame = &profile->frames[profile->nodes[node].frame];
    for (uint32_t i = frame->first_location; i < frame->first_location + frame->location_count; i++)
        if (search->is_location[i] && !is_met_above(search, node, i))
            search->figures->inclusive[profile->locations[i].line] += search->values[node];
}

static void add_nodes(struct search *search)
{
    const struct profile *profile = search->profile;
    for (uint32_t i = 1; i < profile->node_count; i++) {
        bool is_frame = search->is_frame[profile->nodes[i].frame];
        search->is_below[i] = search->is_below[profile->nodes[i].parent] | is_frame;
        if (is_frame)
            add_node(search, i);
    }
}

static void add_selves(struct search *search, const uint8_t *is_kept)
{
    const struct profile *profile = search->profile;
    uint32_t process = search->query->process;
    for (size_t i = 0; i < profile->site_count; i++) {
        const struct profile_site *site = &profile->sites[i];
        const struct profile_frame *frame;
        if (!is_kept[i] || !search->is_below[site->stack_node] ||
            (process != QUERY_ALL_PROCESSES && site->process != process))
            continue;
        const struct profile_location *own = own_code_find(profile, site->stack_node, &frame, NULL);
        if (own && search->is_location[own - profile->locations])
            search->figures->self[own->line] += query_site_value(site, search->query->sort);
    }
}

bool line_figures_find(const struct profile *profile, const struct query *query, const char *file,
                       struct line_figures *figures, struct error *error)
{
    struct search search = {.profile = profile, .query = query, .figures = figures};
    uint8_t *is_kept = memory_allocate(profile->site_count);
    *figures = (struct line_figures){.line_count = 1};
    bool is_good = query_check(profile, query, error) &&
                   query_filter_sites(profile, &query->filter, is_kept, error);
    if (is_good) {
        search.is_location = memory_allocate_zeroed(profile->location_count, 1);
        search.is_frame = memory_allocate_zeroed(profile->frame_count, 1);
        search.is_below = memory_allocate_zeroed(profile->node_count, 1);
        search.values = memory_allocate_zeroed(profile->node_count, sizeof *search.values);
        find_locations(&search, file);
        figures->self = memory_allocate_zeroed(figures->line_count, sizeof *figures->self);
        figures->inclusive = memory_allocate_zeroed(figures->line_count,
                                                    sizeof *figures->inclusive);
        sum_nodes(&search, is_kept);
        add_nodes(&search);
        add_selves(&search, is_kept);
    }
    free(is_kept);
    free(search.is_location);
    free(search.is_frame);
    free(search.is_below);
    free(search.values);
    return is_good;
}

void line_figures_clear(struct line_figures *figures)
{
    free(figures->self);
    free(figures->inclusive);
    *figures = (struct line_figures){0};
}
