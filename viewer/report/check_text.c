/* A line for each verdict: which program, which budget, what was measured against what, and where
 * to look first. Lines are not cut: a pipeline's log has no width. */
#include "config.h"

#include "base/units.h"
#include "report/check_report.h"
#include "report/page.h"

static void add_place(struct page *page, uint32_t site)
{
    struct place place;

    if (site == QUERY_NO_SITE)
        return;
    place_find(page->profile, page->profile->sites[site].stack_node, PLACE_NAMED_CALLER, &place);
    page_add_place(page, &place);
}

/* "  top: buf_new at buf.c:15 52.0 MiB": of what is over a limit or grew. */
static void add_top(struct page *page, const struct gate_result *result)
{
    char words[UNITS_TEXT_BYTES];
    bool is_bytes = gate_budget_at(result->budget)->is_bytes;

    if (result->culprit == QUERY_NO_SITE)
        return;
    page_add(page, "  top: ");
    add_place(page, result->culprit);
    page_add(page, " %s%s", result->has_baseline && result->finding_count > 0 ? "+" : "",
             is_bytes ? units_format_size(result->culprit_value, words)
                      : units_format_count(result->culprit_value, words));
    if (gate_budget_at(result->budget)->is_rate)
        page_add(page, "/min");
}

static size_t count_findings(const struct gate_result *result)
{
    size_t count = 0;

    for (size_t i = 0; i < result->finding_count; i++)
        count += result->findings[i].state != GATE_FINDING_FIXED;
    return count;
}

static void write_result(struct page *page, const struct check_report *report,
                         const struct check_entry *entry, const struct gate_result *result)
{
    static const char *const words[] = {"pass", "????", "FAIL"};
    struct text line = {0};

    page_set_style(page, result->verdict == GATE_PASS ? PAGE_DIM : PAGE_BOLD);
    page_add(page, "%s", words[result->verdict]);
    page_set_style(page, PAGE_PLAIN);
    page_add(page, "  ");
    page_add_foreign(page, profile_process_name(check_process(entry, result)), 24);
    check_describe(result, report->options, &line);
    page_add(page, "  ");
    page_add_foreign(page, text_get(&line), 0);
    text_clear(&line);
    if (result->verdict == GATE_FAIL) {
        size_t count = count_findings(result);

        add_top(page, result);
        if (count > 1)
            page_add(page, ", and %zu more", count - 1);
    }
    page_end_line(page);
}

static void write_path(const char *path, FILE *out)
{
    struct text safe = {0};

    page_make_safe(&safe, path);
    fprintf(out, "%s\n", text_get(&safe));
    text_clear(&safe);
}

bool check_write_text(const struct check_report *report, FILE *out, struct error *error)
{
    (void)error;
    for (size_t i = 0; i < report->count; i++) {
        const struct check_entry *entry = &report->entries[i];

        if (report->count > 1)
            write_path(entry->paths[0], out);
        for (size_t j = 0; j < entry->gate.count; j++) {
            const struct gate_result *result = &entry->gate.results[j];
            struct page page;

            page_init(&page, check_profile(entry, result), out, 0, report->is_colour);
            write_result(&page, report, entry, result);
            page_clear(&page);
        }
    }
    return true;
}
