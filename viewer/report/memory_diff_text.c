/* Why one of two interpreters has more in memory, in sentences: the largest difference first. */
#include "config.h"

#include "base/units.h"
#include "report/memory_report.h"

enum {
    ROWS_SHOWN = 8
};

static const char *title(const struct memory_diff_row *row)
{
    static const char *const titles[MEMORY_CATEGORY_COUNT] = {
        [MEMORY_HEAP_LIVE] = "Live heap",
        [MEMORY_HEAP_FREE] = "Free heap",
        [MEMORY_HEAP_OVERHEAD] = "Overhead",
        [MEMORY_PYTHON_ARENAS] = "Arenas",
        [MEMORY_GC_NURSERY] = "Nursery",
        [MEMORY_GC_OLD] = "GC arenas",
        [MEMORY_JIT] = "JIT code",
        [MEMORY_STACKS] = "Stacks",
        [MEMORY_FILES] = "Files",
        [MEMORY_ANONYMOUS] = "Anonymous",
        [MEMORY_SHARED] = "Shared",
        [MEMORY_OTHER] = "Other",
    };
    return row->part != NULL ? "GC large" : titles[row->category];
}

static void write_sum(struct page *page, const struct profile *const profiles[DIFF_SIDES],
                      const struct memory_diff *diff)
{
    struct text line = {0};
    char change[UNITS_TEXT_BYTES];
    for (int side = DIFF_SIDES; side-- > 0;) {
        char name[80];
        memory_diff_name(diff, profiles[side], (enum diff_side)side, name, sizeof name);
        page_make_safe(&line, name);
        text_add(&line, " has ");
        units_add_size(&line, diff->memories[side]->use.figures.resident_bytes);
        text_add(&line, side > 0 ? " resident, " : ": ");
    }
    text_add(&line, units_format_signed_size(diff->change, change));
    page_label(page, "All memory", text_get(&line));
    text_clear(&line);
}

static void write_row(struct page *page, const struct memory_diff_row *row)
{
    struct text line = {0};
    char change[UNITS_TEXT_BYTES];
    text_print(&line, "%s (", units_format_signed_size(row->change, change));
    units_add_size(&line, row->amounts[DIFF_OTHER].resident_bytes);
    text_add(&line, ", was ");
    units_add_size(&line, row->amounts[DIFF_BASE].resident_bytes);
    text_add(&line, ")");
    if (row->reason[0] != '\0') {
        text_add(&line, ": ");
        page_make_safe(&line, row->reason);
    }
    page_label(page, title(row), text_get(&line));
    text_clear(&line);
}

void memory_write_diff_text(struct page *page, const struct profile *const profiles[DIFF_SIDES],
                            const struct memory_diff *diff)
{
    if (diff == NULL || !diff->is_known || diff->pythons[DIFF_BASE] == NULL ||
        diff->pythons[DIFF_OTHER] == NULL)
        return;
    page_heading(page, "Why it is so: all memory by category, the largest difference first");
    page_end_line(page);
    write_sum(page, profiles, diff);
    for (size_t i = 0; i < diff->row_count && i < ROWS_SHOWN; i++)
        write_row(page, &diff->rows[i]);
}
