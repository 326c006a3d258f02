/* A line for each verdict: which program, which budget, what was measured against what, and where
 * to look first. Of leaks and of what grew, the first sites below. */
#include "config.h"

#include "base/units.h"
#include "report/check_report.h"
#include "report/page.h"

enum {
    MOST_FINDINGS = 3
};

static void add_place(struct page *page, uint32_t site)
{
    struct place place;

    if (site == QUERY_NO_SITE)
        return;
    place_find(page->profile, page->profile->sites[site].stack_node, PLACE_NAMED_CALLER, &place);
    page_add_place(page, &place);
}

static void write_finding(struct page *page, const struct gate_result *result,
                          const struct gate_finding *finding)
{
    char now[UNITS_TEXT_BYTES], before[UNITS_TEXT_BYTES];
    bool is_bytes = gate_budget_at(result->budget)->is_bytes;

    page_add(page, "      %10s",
             is_bytes ? units_format_size(finding->bytes, now)
                      : units_format_count(finding->bytes, now));
    if (finding->leak_kind >= 0)
        page_add(page, " %s", leak_kind_name((unsigned)finding->leak_kind));
    if (finding->base_bytes)
        page_add(page, ", was %s",
                 is_bytes ? units_format_size(finding->base_bytes, before)
                          : units_format_count(finding->base_bytes, before));
    page_add(page, "  ");
    add_place(page, finding->site);
    page_end_line(page);
}

static void write_findings(struct page *page, const struct gate_result *result)
{
    size_t shown = 0, left = 0;

    for (size_t i = 0; i < result->finding_count; i++) {
        if (result->findings[i].state == GATE_FINDING_FIXED || result->findings[i].is_in_baseline)
            continue;
        if (shown < MOST_FINDINGS)
            write_finding(page, result, &result->findings[i]);
        else
            left++;
        shown++;
    }
    if (left > 0) {
        page_add(page, "      and %zu more", left);
        page_end_line(page);
    }
}

static void write_result(struct page *page, const struct check_report *report,
                         const struct check_entry *entry, const struct gate_result *result)
{
    static const char *const words[] = {"pass", "????", "FAIL"};
    const struct profile_process *process = check_process(entry, result);
    struct text line = {0};

    page_set_style(page, result->verdict == GATE_PASS ? PAGE_DIM : PAGE_BOLD);
    page_add(page, "%s", words[result->verdict]);
    page_set_style(page, PAGE_PLAIN);
    page_add(page, "  ");
    page_add_foreign(page, profile_process_name(process), 24);
    check_describe(result, report->options, &line);
    page_add(page, "  %s", text_get(&line));
    text_clear(&line);
    if (result->verdict != GATE_PASS && result->culprit != QUERY_NO_SITE &&
        result->finding_count == 0) {
        page_end_line(page);
        page_add(page, "      top: ");
        add_place(page, result->culprit);
    }
    page_end_line(page);
    if (result->verdict == GATE_FAIL)
        write_findings(page, result);
}

bool check_write_text(const struct check_report *report, FILE *out, struct error *error)
{
    (void)error;
    for (size_t i = 0; i < report->count; i++) {
        const struct check_entry *entry = &report->entries[i];
        struct page page;

        page_init(&page, entry->profile, out, report->width, report->is_colour);
        if (report->count > 1) {
            page_add_foreign(&page, entry->path, 0);
            page_end_line(&page);
        }
        for (size_t j = 0; j < entry->gate.count; j++)
            write_result(&page, report, entry, &entry->gate.results[j]);
        page_clear(&page);
    }
    return true;
}
