/* A line for each place where the process held memory at its peak, largest first.
 *
 * Places that would give the same line are one line with their sum. Two can differ in what the line
 * has no room for, so lines are made before they are compared; only the largest places are, since
 * the others are not shown anyway. */
#include "config.h"

#include "report/summary_sites.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/place.h"
#include "base/memory.h"
#include "base/units.h"

enum {
    COMPARED_PLACES = 1000,
    LEAST_CALLER_COLUMNS = 16,
    FIGURE_COLUMNS = 8,
    LABEL_COLUMNS = 11
};

struct summary_site {
    char *line; /* without the figures */
    uint64_t bytes;
    size_t position; /* of the first place */
};

/* What tells the place from others in the same line of code: who called, or what it called. */
static void add_relation(struct page *page, const struct place *place)
{
    const struct profile_location *other = place->caller ? place->caller : place->called;
    struct text name = {0};
    const char *word = place->caller ? " < " : " via ";
    int left = page_left(page, 1) - (int)strlen(word);
    if (place->is_wrapper || !other || left < LEAST_CALLER_COLUMNS)
        return;
    place_shorten_name(other->function, &name);
    page_add(page, "%s", word);
    page_add_foreign(page, text_get(&name), left);
    text_clear(&name);
}

/* Caller frees. */
static char *make_line(const struct page *page, const struct place *place)
{
    struct page line = *page;
    line.line = (struct text){0};
    line.columns = 2 + LABEL_COLUMNS + 2 * FIGURE_COLUMNS + 2;
    page_add_place(&line, place);
    add_relation(&line, place);
    return text_take(&line.line);
}

static size_t find_line(const struct summary_site *sites, size_t count, const char *line)
{
    size_t found = 0;
    while (found < count && strcmp(sites[found].line, line) != 0)
        found++;
    return found;
}

static int compare_sites(const void *left, const void *right)
{
    const struct summary_site *a = left, *b = right;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return (a->position > b->position) - (a->position < b->position);
}

/* Fills `sites`, which has room for COMPARED_PLACES; returns how many there are. */
static size_t make_sites(const struct page *page, const struct place_sums *sums,
                         struct summary_site *sites)
{
    size_t count = 0;
    for (size_t i = 0; i < sums->count && i < COMPARED_PLACES; i++) {
        uint64_t bytes = sums->items[i].figures.values[QUERY_PEAK_BYTES];
        if (!bytes)
            break;
        char *line = make_line(page, &sums->items[i].place);
        size_t found = find_line(sites, count, line);
        if (found == count)
            sites[count++] = (struct summary_site){.line = line, .position = i};
        else
            free(line);
        sites[found].bytes += bytes;
    }
    if (count)
        qsort(sites, count, sizeof *sites, compare_sites);
    return count;
}

static void write_site(struct page *page, const char *label, const struct summary_site *site,
                       uint64_t total)
{
    char cell[UNITS_TEXT_BYTES];
    page_add(page, "  %-*s", LABEL_COLUMNS, label);
    page_add_right(page, FIGURE_COLUMNS, units_format_size(site->bytes, cell));
    page_add_right(page, FIGURE_COLUMNS, units_format_percent(site->bytes, total, cell));
    page_add(page, "  %s", site->line);
    page_end_line(page);
}

void summary_write_sites(struct page *page, uint32_t process, unsigned limit)
{
    struct place_sums sums;
    struct summary_site *sites = memory_allocate_zeroed(COMPARED_PLACES, sizeof *sites);
    place_sums_init(&sums, page->profile, process, QUERY_PEAK_BYTES);
    size_t count = make_sites(page, &sums, sites);
    for (size_t i = 0; i < count && i < limit; i++)
        write_site(page, i == 0 ? "Top sites" : "", &sites[i], sums.total.values[QUERY_PEAK_BYTES]);
    for (size_t i = 0; i < count; i++)
        free(sites[i].line);
    free(sites);
    place_sums_clear(&sums);
}
