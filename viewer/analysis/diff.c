#include "config.h"

#include "analysis/diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/own_code.h"
#include "base/hash_map.h"
#include "base/memory.h"
#include "base/units.h"

struct gathering {
    const struct diff_options *options;
    struct diff *diff;
    struct hash_map positions; /* fingerprint to row */
    size_t capacity;
};

static uint64_t magnitude(int64_t change)
{
    return change < 0 ? 0 - (uint64_t)change : (uint64_t)change;
}

int64_t diff_change(uint64_t base, uint64_t other)
{
    uint64_t distance = other > base ? other - base : base - other;
    int64_t change = distance > INT64_MAX ? INT64_MAX : (int64_t)distance;

    return other > base ? change : -change;
}

const char *diff_state_name(enum diff_state state)
{
    static const char *const names[] = {"same", "new", "gone", "grown", "shrunk"};

    return names[state];
}

enum query_metric diff_metric(const struct diff_options *options, enum diff_side side,
                              enum query_metric metric)
{
    if (!options->is_peak[side])
        return metric;
    return metric == QUERY_LIVE_BYTES    ? QUERY_PEAK_BYTES
           : metric == QUERY_LIVE_BLOCKS ? QUERY_PEAK_BLOCKS
                                         : metric;
}

static struct diff_row *row_of(struct gathering *gathering, uint64_t fingerprint)
{
    struct diff *diff = gathering->diff;
    bool is_new;
    uint64_t *position = hash_map_put(&gathering->positions, fingerprint, &is_new);

    if (is_new) {
        *position = diff->row_count;
        diff->rows = memory_grow(diff->rows, &gathering->capacity, diff->row_count + 1,
                                 sizeof *diff->rows);
        diff->rows[diff->row_count++] = (struct diff_row){.fingerprint = fingerprint,
                                                          .site = QUERY_NO_SITE};
    }
    return &diff->rows[*position];
}

/* A row shows the largest of its sites; those of the other side win over those of the base. */
static void add_site(struct gathering *gathering, enum diff_side side, uint32_t position)
{
    const struct profile *profile = gathering->options->profiles[side];
    const struct profile_site *site = &profile->sites[position];
    enum query_metric metric = diff_metric(gathering->options, side, gathering->options->metric);
    struct diff_row *row = row_of(gathering, site->fingerprint);

    if (row->site == QUERY_NO_SITE || row->side != side ||
        query_site_value(site, metric) > query_site_value(&profile->sites[row->site], metric)) {
        row->site = position;
        row->side = side;
    }
    query_figures_add_site(&row->figures[side], site);
    query_figures_add_site(&gathering->diff->totals[side], site);
    row->has_side[side] = true;
}

static bool gather(struct gathering *gathering, enum diff_side side, struct error *error)
{
    const struct profile *profile = gathering->options->profiles[side];
    uint8_t *is_kept = memory_allocate_zeroed(profile->site_count, 1);
    bool is_good = query_filter_sites(profile, &gathering->options->filter, is_kept, error);

    for (uint32_t i = 0; is_good && i < profile->site_count; i++)
        if (is_kept[i])
            add_site(gathering, side, i);
    free(is_kept);
    return is_good;
}

static enum diff_state judge(const struct diff_row *row)
{
    uint64_t base = row->values[DIFF_BASE], other = row->values[DIFF_OTHER];

    if (base == other)
        return DIFF_SAME;
    if (!row->has_side[DIFF_OTHER])
        return DIFF_GONE;
    if (!row->has_side[DIFF_BASE])
        return DIFF_NEW;
    return other > base ? DIFF_GROWN : DIFF_SHRUNK;
}

static void judge_rows(const struct diff_options *options, struct diff *diff)
{
    for (size_t i = 0; i < diff->row_count; i++) {
        struct diff_row *row = &diff->rows[i];

        for (int side = 0; side < DIFF_SIDES; side++)
            row->values[side] = row->figures[side].values[diff_metric(options, (enum diff_side)side,
                                                                      options->metric)];
        row->state = judge(row);
        diff->state_counts[row->state]++;
        diff->state_changes[row->state] += diff_change(row->values[DIFF_BASE],
                                                       row->values[DIFF_OTHER]);
    }
}

static int compare_rows(const void *left, const void *right)
{
    const struct diff_row *a = left, *b = right;
    uint64_t x = magnitude(diff_change(a->values[DIFF_BASE], a->values[DIFF_OTHER]));
    uint64_t y = magnitude(diff_change(b->values[DIFF_BASE], b->values[DIFF_OTHER]));

    if (x != y)
        return x < y ? 1 : -1;
    return a->fingerprint < b->fingerprint ? -1 : a->fingerprint > b->fingerprint;
}

/* Takes out what did not change, sorts, and cuts. */
static void choose_rows(const struct diff_options *options, struct diff *diff)
{
    size_t count = 0, kept;

    for (size_t i = 0; i < diff->row_count; i++)
        if (diff->rows[i].state != DIFF_SAME)
            diff->rows[count++] = diff->rows[i];
    if (count > 0)
        qsort(diff->rows, count, sizeof *diff->rows, compare_rows);
    for (kept = 0; kept < count && (options->limit == 0 || kept < options->limit); kept++)
        if (magnitude(diff_change(diff->rows[kept].values[DIFF_BASE],
                                  diff->rows[kept].values[DIFF_OTHER])) < options->min_delta)
            break;
    for (size_t i = kept; i < count; i++)
        diff->omitted_change += diff_change(diff->rows[i].values[DIFF_BASE],
                                            diff->rows[i].values[DIFF_OTHER]);
    diff->omitted_count = count - kept;
    diff->row_count = kept;
}

bool diff_run(const struct diff_options *options, struct diff *diff, struct error *error)
{
    struct gathering gathering = {.options = options, .diff = diff};
    bool is_good;

    *diff = (struct diff){0};
    is_good = gather(&gathering, DIFF_BASE, error) && gather(&gathering, DIFF_OTHER, error);
    hash_map_clear(&gathering.positions);
    if (!is_good) {
        diff_clear(diff);
        return false;
    }
    judge_rows(options, diff);
    choose_rows(options, diff);
    return true;
}

/* ---- for people ---- */

void diff_name_row(const struct diff_options *options, const struct diff_row *row,
                   struct query_row *named)
{
    const struct profile *profile = options->profiles[row->side];
    const struct profile_frame *frame = NULL;
    const struct profile_location *location = own_code_find(
        profile, profile->sites[row->site].stack_node, &frame, NULL);

    *named = (struct query_row){.name = "[no stack]", .site = row->site, .site_count = 1};
    if (!location)
        return;
    named->name = location->function;
    named->file = location->file;
    named->line = location->line;
    if (frame->module_plus_1 && frame->module_plus_1 <= profile->module_count)
        named->module = profile->modules[frame->module_plus_1 - 1].name;
}

bool diff_knows(const struct diff_options *options, enum diff_side side, enum query_metric metric)
{
    return query_known_metrics(options->profiles[side], QUERY_ALL_PROCESSES, QUERY_BY_SITE) >>
               metric &
           1;
}

const char *diff_format_change(enum query_metric metric, int64_t change, char *text)
{
    char number[UNITS_TEXT_BYTES];

    if (query_metric_at(metric)->is_bytes)
        return units_format_signed_size(change, text);
    snprintf(text, UNITS_TEXT_BYTES, "%s%s",
             change > 0   ? "+"
             : change < 0 ? "-"
                          : "",
             units_format_count(magnitude(change), number));
    return text;
}

struct ordering {
    const struct diff_options *options;
    enum diff_order order;
    bool is_inverted;
};

static int compare_figures(uint64_t a, uint64_t b)
{
    return a < b ? 1 : a > b ? -1 : 0;
}

static int compare_names(const struct diff_options *options, const struct diff_row *a,
                         const struct diff_row *b)
{
    struct query_row left, right;

    diff_name_row(options, a, &left);
    diff_name_row(options, b, &right);
    return strcmp(left.name, right.name);
}

static int compare_by(const struct ordering *ordering, const struct diff_row *a,
                      const struct diff_row *b)
{
    static const uint8_t ranks[DIFF_STATE_COUNT] = {
        [DIFF_NEW] = 0, [DIFF_GROWN] = 1, [DIFF_SHRUNK] = 2, [DIFF_GONE] = 3, [DIFF_SAME] = 4};

    switch (ordering->order) {
    case DIFF_BY_CHANGE:
        return compare_rows(a, b);
    case DIFF_BY_BASE:
        return compare_figures(a->values[DIFF_BASE], b->values[DIFF_BASE]);
    case DIFF_BY_OTHER:
        return compare_figures(a->values[DIFF_OTHER], b->values[DIFF_OTHER]);
    case DIFF_BY_STATE:
        return ranks[a->state] - ranks[b->state];
    case DIFF_BY_NAME:
        return compare_names(ordering->options, a, b);
    case DIFF_ORDER_COUNT:
        break;
    }
    return 0;
}

static int compare_ordered(const void *left, const void *right, void *context)
{
    const struct ordering *ordering = context;
    int order = compare_by(ordering, left, right);

    if (order != 0)
        return ordering->is_inverted ? -order : order;
    return compare_rows(left, right);
}

void diff_sort(const struct diff_options *options, struct diff *diff, enum diff_order order,
               bool is_inverted)
{
    struct ordering ordering = {options, order, is_inverted};

    if (diff->row_count > 0)
        qsort_r(diff->rows, diff->row_count, sizeof *diff->rows, compare_ordered, &ordering);
}

void diff_clear(struct diff *diff)
{
    free(diff->rows);
    *diff = (struct diff){0};
}
