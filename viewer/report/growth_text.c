#include "config.h"

#include "report/growth_text.h"

#include <string.h>

#include "analysis/place.h"
#include "base/memory.h"
#include "base/units.h"
#include "report/path_parts.h"
#include "report/text_parts.h"

enum {
    RATE_COLUMNS = 12
};

static void add_rate(struct page *page, double rate)
{
    char cell[UNITS_TEXT_BYTES];

    page_add_right(page, RATE_COLUMNS, units_format_signed_size(trend_whole(rate), cell));
}

static void write_path(struct page *page, const struct growth_path *path)
{
    struct text line = {0};
    char percent[UNITS_TEXT_BYTES];

    if (path->path.count == 0)
        return;
    text_print(&line, "%s held by ", units_format_percent(path->blocks, path->total, percent));
    path_add_text(&path->path, &line);
    page_add(page, "      ");
    page_add_foreign(page, text_get(&line), page_left(page, 20));
    page_end_line(page);
    text_clear(&line);
}

static void write_site(struct page *page, const struct report_options *options,
                       const struct process_growth *growth, size_t position)
{
    const struct growth_site *site = &growth->growth.sites[position];
    const struct profile_site *from = &page->profile->sites[site->site];
    char level[UNITS_TEXT_BYTES];

    add_rate(page, site->bytes_per_minute);
    add_rate(page, site->low);
    add_rate(page, site->high);
    page_add_right(
        page, RATE_COLUMNS,
        units_format_size(site->level > 0 ? (uint64_t)trend_whole(site->level) : 0, level));
    page_add(page, "  %-8s  %s", trend_verdict_name(site->verdict),
             profile_function_name(from->function));
    page_end_line(page);
    text_write_stack(page, options, from->stack_node);
    if (position < growth->growth.growing_count)
        write_path(page, &growth->paths[position]);
    page_end_line(page);
}

static void write_heading(struct page *page, const struct growth *growth)
{
    size_t counts[] = {[TREND_UNCLEAR] = 0, [TREND_PLATEAU] = 0, [TREND_GROWING] = 0};
    char duration[UNITS_TEXT_BYTES];

    for (size_t i = 0; i < growth->count; i++)
        counts[growth->sites[i].verdict]++;
    page_heading(page, "Growth over %s: %zu site%s grow%s, %zu unclear, %zu on a plateau",
                 units_format_duration(growth->end_ns - growth->start_ns, duration),
                 counts[TREND_GROWING], counts[TREND_GROWING] == 1 ? "" : "s",
                 counts[TREND_GROWING] == 1 ? "s" : "", counts[TREND_UNCLEAR],
                 counts[TREND_PLATEAU]);
    if (growth->is_too_short) {
        page_add(page, "  Too short to tell: programs grow while they begin.");
        page_end_line(page);
    }
    page_end_line(page);
}

void growth_write_text(struct page *page, const struct report_options *options,
                       const struct process_growth *growth)
{
    uint64_t limit = text_limit(options), written = 0;

    if (!growth) {
        page_heading(page, "Growth: not known: there is no timeline");
        return;
    }
    write_heading(page, &growth->growth);
    if (growth->growth.count > 0) {
        page_set_style(page, PAGE_DIM);
        page_add(page, "%*s%*s%*s%*s  %-8s  %s", RATE_COLUMNS, "A minute", RATE_COLUMNS, "at least",
                 RATE_COLUMNS, "at most", RATE_COLUMNS, "Held", "Verdict", "By");
        page_set_style(page, PAGE_PLAIN);
        page_end_line(page);
    }
    for (size_t i = 0; i < growth->growth.count && (!limit || written < limit); i++)
        if (!limit || growth->growth.sites[i].verdict != TREND_PLATEAU) {
            write_site(page, options, growth, i);
            written++;
        }
}

/* "1.2 MiB/min  serve at server.c:40, held by sessions". */
static void write_summary_line(struct page *page, const char *label,
                               const struct process_growth *growth, size_t position)
{
    const struct growth_site *site = &growth->growth.sites[position];
    const struct growth_path *path = &growth->paths[position];
    const struct profile *profile = page->profile;
    char rate[UNITS_TEXT_BYTES], cell[UNITS_TEXT_BYTES + 8];
    struct place place = {0};
    struct text held = {0};

    if (path->path.count > 0) {
        struct text holder = {0};

        path_add_holder(&path->path, &holder);
        text_add(&held, ", held by ");
        page_make_safe(&held, text_get(&holder));
        text_clear(&holder);
    }
    snprintf(cell, sizeof cell, "%s/min",
             units_format_signed_size(trend_whole(site->bytes_per_minute), rate));
    page_add(page, "  %-11s%s  ", label, cell);
    place_find(profile, profile->sites[site->site].stack_node, PLACE_NAMED_CALLER, &place);
    if (place_named_location(&place)) {
        struct text name = {0};

        place_shorten_name(place_named_location(&place)->function, &name);
        page_add_foreign(page, text_get(&name), page_left(page, 20));
        text_clear(&name);
    }
    if (held.count > 0)
        page_add_foreign(page, text_get(&held), page_left(page, 20));
    page_end_line(page);
    text_clear(&held);
}

void growth_write_summary(struct page *page, const struct process_growth *growth, unsigned limit)
{
    for (size_t i = 0; i < growth->growth.growing_count && i < limit; i++)
        write_summary_line(page, i == 0 ? "Growing" : "", growth, i);
}
