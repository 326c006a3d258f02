#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/own_code.h"
#include "analysis/place.h"
#include "base/memory.h"
#include "base/units.h"
#include "report/text_parts.h"

/* ---- cells ---- */

void text_add_metric(struct page *page, int columns, enum query_metric metric, uint64_t value)
{
    char cell[UNITS_TEXT_BYTES];
    page_add_right(page, columns, query_metric_format(metric, value, cell));
}

void text_add_percent(struct page *page, int columns, uint64_t part, uint64_t whole)
{
    char cell[UNITS_TEXT_BYTES];
    page_add_right(page, columns, units_format_percent(part, whole, cell));
}

void text_write_omitted(struct page *page, uint64_t count, uint64_t bytes)
{
    char number[UNITS_TEXT_BYTES], size[UNITS_TEXT_BYTES];
    if (!count)
        return;
    bool is_negative = bytes >> 63;
    page_set_style(page, PAGE_DIM);
    page_add(page, "  and %s more: %s", units_format_count(count, number),
             is_negative ? units_format_signed_size((int64_t)bytes, size)
                         : units_format_size(bytes, size));
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
}

/* ---- stacks ---- */

struct stack_writing {
    struct page *page;
    unsigned skipped; /* locations that the first line tells, still to come */
    unsigned left;    /* callers still wanted */
    bool is_own;      /* only the program's own are told */
};

/* Callers are the program's own, too: what libc does around main says nothing. Of a stack that has
 * no own code all are told. */
static bool write_caller(void *context, const struct profile_frame *frame,
                         const struct profile_location *location)
{
    struct stack_writing *writing = context;
    struct page *page = writing->page;
    if (writing->skipped) {
        writing->skipped--;
        return true;
    }
    if (!writing->left)
        return false;
    bool is_omission = frame->kind == RECORDING_FRAME_OMITTED;
    if (!is_omission && writing->is_own && !own_code_is_own(page->profile, frame, location))
        return true;
    writing->left--;
    page_add(page, "      < ");
    page_add_location(page, frame, location, location->line);
    page_end_line(page);
    return true;
}

void text_write_stack(struct page *page, const struct report_options *options, uint32_t node)
{
    struct place place;
    struct stack_writing writing = {.page = page, .left = options->stack_depth};
    place_find(page->profile, node, PLACE_ANY_CALLER, &place);
    page_add(page, "    ");
    page_set_style(page, PAGE_BOLD);
    page_add_place(page, &place);
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
    if (place.is_wrapper)
        writing.skipped = place.caller_depth;
    else
        own_code_find(page->profile, node, NULL, &writing.skipped);
    writing.skipped++;
    writing.is_own = place.location && own_code_is_own(page->profile, place.frame, place.location);
    if (place.location)
        profile_visit_stack(page->profile, node, write_caller, &writing);
}

/* ---- sites ---- */

enum {
    MAX_COLUMNS = 6
};

/* The sort key first, then the figures that a reader wants anyhow. At the peak it does not matter
 * what is left at the end. */
static size_t choose_columns(const struct page *page, const struct report_options *options,
                             enum query_metric columns[MAX_COLUMNS])
{
    enum query_metric sort = options->query.sort;
    uint32_t known = query_known_metrics(page->profile, options->query.process, QUERY_BY_SITE);
    bool is_interval = page->profile->whole && !page->profile->interval.is_from_start;
    const enum query_metric usual[] = {
        QUERY_PEAK_BYTES, text_is_at_peak(options) ? QUERY_PEAK_BLOCKS : QUERY_LIVE_BYTES,
        QUERY_ALLOCATED_BYTES, QUERY_ALLOCATIONS};
    const enum query_metric between[] = {QUERY_NET_BYTES, QUERY_SURVIVED_BYTES,
                                         QUERY_ALLOCATED_BYTES, QUERY_FREED_BYTES,
                                         QUERY_LIVE_BYTES};
    const enum query_metric *from = is_interval ? between : usual;
    size_t left = is_interval ? sizeof between / sizeof *between : sizeof usual / sizeof *usual;
    size_t count = 0;
    columns[count++] = sort;
    for (; left-- > 0; from++)
        if (*from != sort && (known >> *from & 1))
            columns[count++] = *from;
    return count;
}

static bool has_temporary(const struct page *page)
{
    return query_known_metrics(page->profile, QUERY_ALL_PROCESSES, QUERY_BY_SITE) >>
               QUERY_TEMPORARY &
           1;
}

static int column_width(enum query_metric metric)
{
    return query_metric_at(metric)->is_bytes ? 10 : 11;
}

static void write_column_titles(struct page *page, const struct report_options *options)
{
    enum query_metric columns[MAX_COLUMNS];
    size_t count = choose_columns(page, options, columns);
    page_set_style(page, PAGE_DIM);
    for (size_t i = 0; i < count; i++) {
        page_add_right(page, column_width(columns[i]), query_metric_at(columns[i])->title);
        if (i == 0 && !query_metric_at(columns[i])->is_signed)
            page_add_right(page, 8, "%");
    }
    page_add(page, has_temporary(page) ? "%8s  By" : "%s  By", has_temporary(page) ? "Temp" : "");
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
}

static void write_function(struct page *page, enum function_kind function, const char *called)
{
    page_add(page, "  ");
    page_add_foreign(page, profile_function_name(function), page_left(page, 8));
    if (called)
        page_add(page, " via ");
    if (called)
        page_add_foreign(page, called, page_left(page, 8));
}

/* What the program's own code called, when that is not the allocation function itself. */
static void name_called(const struct profile *profile, uint32_t node, struct text *name)
{
    struct place place;
    place_find(profile, node, PLACE_ANY_CALLER, &place);
    if (place.called)
        place_shorten_name(place.called->function, name);
}

/* In the line of figures when it fits, else in one of its own. */
void text_write_function_and_stack(struct page *page, const struct report_options *options,
                                   enum function_kind function, uint32_t node)
{
    struct text called = {0};
    name_called(page->profile, node, &called);
    int room = page->width - page->columns - text_columns(profile_function_name(function)) -
               (int)strlen("   via ");
    bool is_fitting = !page->width || text_columns(text_get(&called)) < room;
    write_function(page, function, called.count && is_fitting ? text_get(&called) : NULL);
    page_end_line(page);
    if (called.count && !is_fitting) {
        page_add(page, "      > ");
        page_add_foreign(page, text_get(&called), page_left(page, 8));
        page_end_line(page);
    }
    text_write_stack(page, options, node);
    text_clear(&called);
}

/* Of the figure that orders the sites, in a sampled recording. */
static void write_bounds(struct page *page, const struct profile_site *site,
                         const struct query_figures *figures, enum query_metric metric)
{
    char low[UNITS_TEXT_BYTES], high[UNITS_TEXT_BYTES], seen[UNITS_TEXT_BYTES];
    bool is_bytes = query_metric_at(metric)->is_bytes;
    if (!profile_is_sampled(page->profile))
        return;
    uint64_t blocks = query_site_seen_blocks(site, metric);
    struct estimate_interval bounds = query_figures_interval(page->profile, figures, metric,
                                                             query_site_seen(site, metric));
    page_set_style(page, PAGE_DIM);
    page_add(page, "    %s to %s, from %s block%s seen",
             is_bytes ? units_format_size(bounds.low, low) : units_format_count(bounds.low, low),
             is_bytes ? units_format_size(bounds.high, high)
                      : units_format_count(bounds.high, high),
             units_format_count(blocks, seen), blocks == 1 ? "" : "s");
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
}

static void write_site(struct page *page, const struct report_options *options,
                       const struct query_row *row, const struct query_figures *total)
{
    const struct profile_site *site = &page->profile->sites[row->site];
    const uint64_t *values = row->self.values;
    enum query_metric columns[MAX_COLUMNS];
    size_t count = choose_columns(page, options, columns);
    for (size_t i = 0; i < count; i++) {
        text_add_metric(page, column_width(columns[i]), columns[i], values[columns[i]]);
        if (i == 0 && !query_metric_at(columns[i])->is_signed)
            text_add_percent(page, 8, values[columns[i]], total->values[columns[i]]);
    }
    if (has_temporary(page))
        text_add_percent(page, 8, values[QUERY_TEMPORARY], values[QUERY_ALLOCATIONS]);
    text_write_function_and_stack(page, options, site->function, site->stack_node);
    write_bounds(page, site, &row->self, options->query.sort);
}

void text_write_matched(struct page *page, const struct query *query,
                        const struct query_result *result)
{
    char matched[UNITS_TEXT_BYTES], total[UNITS_TEXT_BYTES], percent[UNITS_TEXT_BYTES];
    enum query_metric bytes = query_metric_at(query->sort)->bytes_metric;
    uint64_t part = result->matched.values[bytes], whole = result->total.values[bytes];
    if (!query_filter_is_given(&query->filter) || !result->row_count)
        return;
    page_set_style(page, PAGE_DIM);
    page_add(page, "What passes the filter has %s of %s (%s)", units_format_size(part, matched),
             units_format_size(whole, total), units_format_percent(part, whole, percent));
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
}

void text_write_nothing(struct page *page, const struct query *query)
{
    page_add(page, query_filter_is_given(&query->filter) ? "  Nothing passes the filter."
                   : query->min_bytes                    ? "  Nothing is that large."
                                                         : "  No allocations were seen.");
    page_end_line(page);
}

static void write_sites_heading(struct page *page, const struct query *query,
                                const struct query_result *result)
{
    char shown[UNITS_TEXT_BYTES], all[UNITS_TEXT_BYTES];
    const char *metric = query_metric_at(query->sort)->name;
    uint64_t count = result->row_count + result->omitted_count;
    if (result->omitted_count && result->row_count)
        page_heading(page, "Sites by %s: the first %s of %s", metric,
                     units_format_count(result->row_count, shown), units_format_count(count, all));
    else
        page_heading(page, "Sites by %s: %s", metric, units_format_count(count, all));
    text_write_matched(page, query, result);
    page_end_line(page);
}

bool text_write_sites(struct page *page, const struct report_options *options, uint32_t process,
                      struct error *error)
{
    struct query query = options->query;
    struct query_result result;
    query.grouping = QUERY_BY_SITE;
    query.process = process;
    query.limit = text_limit(options);
    if (!query_run(page->profile, &query, &result, error))
        return false;
    write_sites_heading(page, &query, &result);
    if (result.row_count)
        write_column_titles(page, options);
    else
        text_write_nothing(page, &query);
    for (size_t i = 0; i < result.row_count; i++) {
        if (i > 0)
            page_end_line(page);
        write_site(page, options, &result.rows[i], &result.total);
    }
    if (result.row_count && result.omitted_count)
        page_end_line(page);
    text_write_omitted(page, result.omitted_count, result.omitted_bytes);
    query_result_clear(&result);
    return true;
}

/* ---- mappings ---- */

static void write_arena_note(struct page *page)
{
    page_add(page, "    objects inside not traced; --python=objects");
    page_end_line(page);
}

static void write_mapping(struct page *page, const struct report_options *options,
                          const struct recording_mapping_site *mapping)
{
    text_add_metric(page, 10, QUERY_LIVE_BYTES, mapping->live_bytes);
    text_add_metric(page, 10, QUERY_LIVE_BLOCKS, mapping->live_count);
    text_add_metric(page, 12, QUERY_LIVE_BYTES, mapping->mapped_bytes);
    text_add_metric(page, 11, QUERY_LIVE_BLOCKS, mapping->count);
    page_add(page, "  %s%s", profile_function_name((enum function_kind)mapping->function),
             mapping->is_anonymous ? "" : " of files");
    page_end_line(page);
    if (mapping->function == FUNCTION_PYTHON_ARENA)
        write_arena_note(page);
    else
        text_write_stack(page, options, (uint32_t)mapping->stack_node_id);
}

static void write_mappings_heading(struct page *page, uint64_t count)
{
    char number[UNITS_TEXT_BYTES];
    page_heading(page, "Mappings that the program made itself: %s",
                 units_format_count(count, number));
    page_end_line(page);
    page_set_style(page, PAGE_DIM);
    page_add(page, "%10s%10s%12s%11s  By", "Live", "Mappings", "Ever", "Calls");
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
}

bool text_write_mappings(struct page *page, const struct report_options *options, uint32_t process,
                         struct error *error)
{
    const struct profile *profile = page->profile;
    const struct profile_process *owner = &profile->processes[process];
    uint64_t limit = text_limit(options), count = 0, written = 0, omitted_bytes = 0;
    uint8_t *is_kept = memory_allocate_zeroed(profile->node_count, 1);
    if (!query_filter_stacks(profile, &options->query.filter, is_kept, error)) {
        free(is_kept);
        return false;
    }
    for (uint32_t i = 0; i < owner->mapping_count; i++)
        count += is_kept[profile->mappings[owner->first_mapping + i].stack_node_id];
    if (count)
        write_mappings_heading(page, count);
    for (uint32_t i = 0; i < owner->mapping_count; i++) {
        const struct recording_mapping_site *mapping = &profile->mappings[owner->first_mapping + i];
        if (!is_kept[mapping->stack_node_id])
            continue;
        if (limit && written == limit) {
            omitted_bytes += mapping->live_bytes;
            continue;
        }
        if (written++ > 0)
            page_end_line(page);
        write_mapping(page, options, mapping);
    }
    if (written < count)
        page_end_line(page);
    text_write_omitted(page, count - written, omitted_bytes);
    free(is_kept);
    return true;
}

/* ---- misuse ---- */

static void write_misuse(struct page *page, const struct report_options *options,
                         const struct recording_misuse *misuse)
{
    char number[UNITS_TEXT_BYTES];
    const char *called = profile_function_name((enum function_kind)misuse->function);
    const char *born = profile_function_name((enum function_kind)misuse->allocation_function);
    page_add_right(page, 10, units_format_count(misuse->count, number));
    page_add(page, "  ");
    switch (misuse->kind) {
    case RECORDING_MISUSE_DOUBLE_FREE:
        page_add(page, "%s of a block that was freed before", called);
        break;
    case RECORDING_MISUSE_FOREIGN_FREE:
        page_add(page, "%s of what is no block", called);
        break;
    case RECORDING_MISUSE_MISMATCH:
        page_add(page, "%s of a block from %s", called, born);
        break;
    case RECORDING_MISUSE_WRONG_SIZE:
        page_add(page, "%s with a size that is not the block's", called);
        break;
    default:
        page_add(page, "%s that should not have been", called);
    }
    page_end_line(page);
    text_write_stack(page, options, (uint32_t)misuse->stack_node_id);
    if (misuse->allocation_stack_node_id) {
        page_add(page, "    allocated by");
        page_end_line(page);
        text_write_stack(page, options, (uint32_t)misuse->allocation_stack_node_id);
    }
}

void text_write_misuse(struct page *page, const struct report_options *options, uint32_t process)
{
    const struct profile_process *owner = &page->profile->processes[process];
    const struct recording_misuse *misuses = page->profile->misuses + owner->first_misuse;
    char count[UNITS_TEXT_BYTES];
    uint64_t limit = text_limit(options);
    if (!owner->misuse_count)
        return;
    page_heading(page, "Wrong frees: %s", units_format_count(owner->misuse_count, count));
    page_end_line(page);
    for (uint32_t i = 0; i < owner->misuse_count && (!limit || i < limit); i++) {
        if (i > 0)
            page_end_line(page);
        write_misuse(page, options, &misuses[i]);
    }
    if (limit && owner->misuse_count > limit) {
        page_end_line(page);
        page_add(page, "  and %s more", units_format_count(owner->misuse_count - limit, count));
        page_end_line(page);
    }
}
