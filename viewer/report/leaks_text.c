/* Leaks for people: what the scan saw, the sums by kind, then the leaks with their stacks, and what
 * became of the suppressions. Several processes come as a table first, then those that have
 * something to tell. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/place.h"
#include "analysis/query.h"
#include "analysis/scan_text.h"
#include "base/units.h"
#include "report/leaks_report.h"
#include "report/page.h"
#include "report/path_parts.h"
#include "report/text_parts.h"

static const char *const titles[LEAK_KIND_COUNT] = {"Definite", "Indirect", "Possible", "Reachable",
                                                    "Suppressed"};

struct writing {
    struct page page;
    const struct leak_report *report;
    const struct leaks_report_options *options;
    struct report_options shared; /* for what other reports write alike */
};

/* "1.2 KiB in 3 blocks". */
static void print_sum(struct text *out, uint64_t bytes, uint64_t blocks)
{
    char size[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    text_print(out, "%s in %s block%s", units_format_size(bytes, size),
               units_format_count(blocks, count), blocks == 1 ? "" : "s");
}

static void label_line(struct page *page, const char *label, struct text *line)
{
    page_label(page, label, text_get(line));
    text_clear(line);
}

/* ---- one leak ---- */

static void print_own_size_of(const struct leak *leak, struct text *line)
{
    print_sum(line, leak->bytes, leak->blocks);
    if (leak->cycles)
        text_add(line, leak->cycles < leak->blocks ? ", some of lost cycles"
                       : leak->blocks == 1         ? " of a lost cycle"
                                                   : " of lost cycles");
}

static void print_indirect_size_of(const struct leak *leak, struct text *line)
{
    text_add(line, "and ");
    print_sum(line, leak->indirect_bytes, leak->indirect_blocks);
    text_add(line, leak->blocks == 1 ? " lost with it" : " lost with them");
}

/* In two lines where one has no room for what comes after it, which is `columns` wide. */
static void write_size_of(struct page *page, const struct leak *leak, int columns)
{
    struct text own = {0}, indirect = {0};
    print_own_size_of(leak, &own);
    if (leak->indirect_blocks)
        print_indirect_size_of(leak, &indirect);
    page_add(page, "  %s", text_get(&own));
    if (leak->indirect_blocks) {
        int wanted = page->columns + (int)strlen(", :") + (int)indirect.count + columns;
        page_add(page, ",");
        if (page->width && wanted > page->width) {
            page_end_line(page);
            page_add(page, " ");
        }
        page_add(page, " %s", text_get(&indirect));
    }
    page_add(page, ":");
    text_clear(&own);
    text_clear(&indirect);
}

static void add_step_name(struct page *page, uint32_t site)
{
    struct place place = {0};
    struct text name = {0};
    if (site != LEAKS_NO_SITE)
        place_find(page->profile, page->profile->sites[site].stack_node, PLACE_NAMED_CALLER,
                   &place);
    const struct profile_location *location = place_named_location(&place);
    if (location)
        place_shorten_name(location->function, &name);
    page_add_foreign(page, location ? text_get(&name) : "?", 28);
    text_clear(&name);
}

/* "cycle: new_parent +8 -> new_child +16 -> the first": each block's site, and where in it the
 * pointer to the next one stands. */
static void write_cycle(struct page *page, const struct leak_report_cycle *cycle)
{
    size_t told = cycle->length < LEAK_REPORT_STEPS ? cycle->length : LEAK_REPORT_STEPS;
    page_add(page, "      cycle: ");
    for (size_t i = 0; i < told; i++) {
        const struct leak_report_step *step = &cycle->steps[i];
        if (page->width && page->columns > page->width - 44) {
            page_end_line(page);
            page_add(page, "             ");
        }
        if (i == told - 1 && cycle->length > told)
            page_add(page, "(%zu more) -> ", cycle->length - told);
        add_step_name(page, step->site);
        if (step->slot == SNAPSHOT_FAR_SLOT)
            page_add(page, " +...");
        else
            page_add(page, " +%u", (unsigned)step->slot * 8);
        page_add(page, step->kind == SNAPSHOT_INTERIOR ? " -> into " : " -> ");
    }
    page_add(page, "the first");
    page_end_line(page);
}

static void write_suppression(struct page *page, const struct suppression *entry)
{
    page_add(page, "      suppressed by ");
    page_add_foreign(page, entry->name, page_left(page, 20));
    page_end_line(page);
}

/* "2.1 s to 3.4 s old, of thread io (tid 4711)", by its number where it has no name; in a program
 * of one thread that goes without saying. */
static void write_birth(struct page *page, const struct leak_report_process *process,
                        const struct leak *leak)
{
    char oldest[UNITS_TEXT_BYTES], youngest[UNITS_TEXT_BYTES];
    const struct recording_thread *thread = leak_report_find_thread(page->profile, process, leak);
    units_format_duration(leak_report_age_ns(process, leak), oldest);
    units_format_duration(leak_report_least_age_ns(process, leak), youngest);
    page_add(page, "      ");
    if (strcmp(oldest, youngest) != 0)
        page_add(page, "%s to ", youngest);
    page_add(page, "%s old", oldest);
    if (leak->thread == LEAKS_SEVERAL_THREADS)
        page_add(page, ", of several threads");
    else if (thread && page->profile->processes[process->process].thread_count > 1) {
        page_add(page, ", of thread ");
        if (*thread->name)
            page_add_foreign(page, thread->name, page_left(page, 20));
        else
            page_add(page, "%" PRIu64, thread->id);
        if (thread->tid)
            page_add(page, " (tid %" PRIu64 ")", thread->tid);
    }
    page_end_line(page);
}

/* "last held at snapshot:1, 2.1 s after the start, by cache.table > Session". */
static void write_last_seen(struct page *page, const struct leak *leak,
                            const struct last_seen *seen)
{
    char time[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    struct text way = {0};
    page_add(page, "      ");
    if (seen->blocks < leak->blocks)
        page_add(page, "%s of them ", units_format_count(seen->blocks, count));
    page_add(page, "last held at snapshot:%" PRIu64 ", ", seen->snapshot);
    if (seen->reason == SNAPSHOT_AT_BEFORE_EXIT)
        page_add(page, "before the exit, by ");
    else
        page_add(page, "%s after the start, by ", units_format_duration(seen->time_ns, time));
    path_add_text(&seen->path, &way);
    if (page->width && page->columns + (int)way.count > page->width) {
        page_end_line(page);
        page_add(page, "        ");
    }
    page_add_foreign(page, text_get(&way), page_left(page, 20));
    page_end_line(page);
    text_clear(&way);
}

static void write_leak(struct writing *writing, const struct leak_report_process *process,
                       size_t position)
{
    const struct leak *leak = &process->leaks.items[position];
    const struct leak_report_cycle *cycle = leak_report_find_cycle(process, position);
    const struct last_seen *seen = last_seens_of(
        writing->options->seens, (size_t)(process - writing->report->processes), position);
    struct page *page = &writing->page;
    if (leak->site == LEAKS_NO_SITE) {
        static const char unknown[] = "  from before the recording, or not known";
        write_size_of(page, leak, (int)strlen(unknown));
        page_add(page, "%s", unknown);
        page_end_line(page);
    } else {
        const struct profile_site *site = &page->profile->sites[leak->site];
        const char *function = profile_function_name(site->function);
        write_size_of(page, leak, (int)strlen("  ") + text_columns(function));
        text_write_function_and_stack(page, &writing->shared, site->function, site->stack_node);
    }
    write_birth(page, process, leak);
    if (cycle)
        write_cycle(page, cycle);
    if (seen)
        write_last_seen(page, leak, seen);
    if (leak->suppression != LEAKS_NO_SUPPRESSION && writing->options->suppressions)
        write_suppression(page, &writing->options->suppressions->items[leak->suppression]);
}

/* ---- the leaks of a kind ---- */

static void write_kind_heading(struct page *page, enum leak_kind kind, uint64_t count)
{
    static const char *const meanings[LEAK_KIND_COUNT] = {
        "nothing refers to them any more", "only lost blocks refer to them",
        "only pointers into their middle lead to them", "something still refers to them",
        "known, by suppressions or the program's own word"};
    char number[UNITS_TEXT_BYTES];
    page_heading(page, "%s: %s site%s", titles[kind], units_format_count(count, number),
                 count == 1 ? "" : "s");
    page_set_style(page, PAGE_DIM);
    page_add(page, "%c%s", meanings[kind][0] - 'a' + 'A', meanings[kind] + 1);
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
    page_end_line(page);
}

static void write_kind(struct writing *writing, const struct leak_report_process *process,
                       enum leak_kind kind)
{
    const struct leaks *leaks = &process->leaks;
    uint64_t limit = text_limit(&writing->shared), count = 0, written = 0, omitted = 0;
    for (size_t i = 0; i < leaks->count; i++)
        count += leaks->items[i].kind == kind;
    if (!count)
        return;
    write_kind_heading(&writing->page, kind, count);
    for (size_t i = 0; i < leaks->count; i++) {
        const struct leak *leak = &leaks->items[i];
        if (leak->kind != kind)
            continue;
        if (limit && written == limit) {
            omitted += leak->bytes;
            continue;
        }
        if (written++)
            page_end_line(&writing->page);
        write_leak(writing, process, i);
    }
    if (written < count)
        page_end_line(&writing->page);
    text_write_omitted(&writing->page, count - written, omitted);
}

/* ---- a process ---- */

static void label_scan(struct page *page, const struct leak_report_process *process)
{
    struct text line = {0};
    scan_text_describe(process, &line);
    label_line(page, "Scan", &line);
    scan_text_describe_missing(process, &line);
    if (line.count)
        label_line(page, "", &line);
}

static void label_sums(struct page *page, const struct leaks *leaks)
{
    struct text line = {0};
    page_end_line(page);
    for (unsigned kind = 0; kind < LEAK_KIND_COUNT; kind++) {
        const struct leak_sum *sum = &leaks->kinds[kind];
        if (kind == LEAK_SUPPRESSED && !sum->blocks)
            continue;
        if (sum->blocks)
            print_sum(&line, sum->bytes, sum->blocks);
        else
            text_add(&line, "none");
        if (kind == LEAK_REACHABLE && leaks->mapping_only.blocks) {
            text_add(&line, ", of which mappings alone hold ");
            print_sum(&line, leaks->mapping_only.bytes, leaks->mapping_only.blocks);
        }
        label_line(page, titles[kind], &line);
    }
}

static void write_process(struct writing *writing, const struct leak_report_process *process)
{
    const struct leaks_report_options *options = writing->options;
    struct page *page = &writing->page;
    bool is_any = false;
    page_set_program(page, process->process);
    label_scan(page, process);
    if (!process->is_done)
        return;
    label_sums(page, &process->leaks);
    for (size_t i = 0; i < process->leaks.count; i++)
        is_any |= leaks_report_is_listed(options, &process->leaks.items[i]);
    if (!is_any) {
        page_end_line(page);
        page_add(page, "%s", options->since ? "  No new leaks." : "  No leaks.");
        page_end_line(page);
    }
    for (unsigned kind = 0; kind < LEAK_KIND_COUNT; kind++)
        if (options->kinds >> kind & 1)
            write_kind(writing, process, (enum leak_kind)kind);
}

/* ---- processes ---- */

static void add_sum_cell(struct page *page, const struct leak_report_process *process,
                         enum leak_kind kind)
{
    char size[UNITS_TEXT_BYTES];
    page_add_right(page, 11,
                   process->is_done ? units_format_size(process->leaks.kinds[kind].bytes, size)
                                    : "-");
}

static void write_process_row(struct page *page, const struct leak_report_process *process)
{
    const struct profile_process *about = &page->profile->processes[process->process];
    char scan[32];
    scan_text_format_short(process, scan);
    page_add(page, "  %5" PRIu64 " %8" PRIu64, about->about.id, about->about.pid);
    for (unsigned kind = LEAK_DEFINITE; kind <= LEAK_POSSIBLE; kind++)
        add_sum_cell(page, process, (enum leak_kind)kind);
    page_add(page, "  %-11s ", scan);
    page_add_foreign(page, profile_process_name(about), page_left(page, 12));
    if (!about->about.is_own_image)
        page_add(page, " (fork)");
    page_end_line(page);
}

static void write_process_table(struct writing *writing)
{
    struct page *page = &writing->page;
    char count[UNITS_TEXT_BYTES];
    page_heading(page, "Processes: %s", units_format_count(writing->report->process_count, count));
    page_end_line(page);
    page_set_style(page, PAGE_DIM);
    page_add(page, "  %5s %8s%11s%11s%11s  %-11s %s", "ID", "PID", "Definite", "Indirect",
             "Possible", "Scan", "Program");
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
    for (size_t i = 0; i < writing->report->process_count; i++)
        write_process_row(page, &writing->report->processes[i]);
}

static bool has_listed(const struct writing *writing, const struct leak_report_process *process)
{
    for (size_t i = 0; i < process->leaks.count; i++)
        if (leaks_report_is_listed(writing->options, &process->leaks.items[i]))
            return true;
    return false;
}

static void write_several(struct writing *writing)
{
    struct page *page = &writing->page;
    bool is_any = false;
    write_process_table(writing);
    for (size_t i = 0; i < writing->report->process_count; i++) {
        const struct leak_report_process *process = &writing->report->processes[i];
        const struct profile_process *about = &page->profile->processes[process->process];
        if (!has_listed(writing, process))
            continue;
        is_any = true;
        page_heading(page, "Process %" PRIu64 ": %s, pid %" PRIu64, about->about.id,
                     profile_process_name(about), about->about.pid);
        page_end_line(page);
        write_process(writing, process);
    }
    if (is_any)
        return;
    page_end_line(page);
    page_add(page, "  No leaks in what was scanned.");
    page_end_line(page);
}

/* ---- suppressions ---- */

static void write_use(struct page *page, const struct suppression *entry,
                      const struct leak_use *use)
{
    struct text line = {0};
    char most[UNITS_TEXT_BYTES];
    switch (use->state) {
    case LEAK_USE_UNUSED:
        text_add(&line, "unused");
        break;
    case LEAK_USE_USED:
        print_sum(&line, use->sum.bytes, use->sum.blocks);
        break;
    case LEAK_USE_EXPIRED:
        text_print(&line, "expired on %s", entry->expires);
        break;
    case LEAK_USE_EXCEEDED:
        print_sum(&line, use->sum.bytes, use->sum.blocks);
        text_print(&line, ", more than %s: not applied", units_format_size(entry->max_bytes, most));
        break;
    }
    text_print(&line, ": %s (", entry->name);
    if (entry->origin)
        text_print(&line, "%s:%u", entry->origin, entry->line);
    else
        text_add(&line, "built in");
    text_add(&line, ")");
    if (entry->reason)
        text_print(&line, ", %s", entry->reason);
    page_add(page, "  ");
    page_add_foreign(page, text_get(&line), page_left(page, 20));
    page_end_line(page);
    text_clear(&line);
}

static void write_uses(struct writing *writing)
{
    const struct suppressions *list = writing->options->suppressions;
    bool is_any = false;
    for (size_t i = 0; list && i < list->count; i++) {
        const struct leak_use *use = &writing->report->uses[i];
        if (!list->items[i].origin && use->state == LEAK_USE_UNUSED)
            continue;
        if (!is_any) {
            page_heading(&writing->page, "Suppressions");
            page_end_line(&writing->page);
        }
        is_any = true;
        write_use(&writing->page, &list->items[i], use);
    }
}

bool leaks_write_text(const struct profile *profile, const struct leak_report *report,
                      const struct leaks_report_options *options, FILE *out, struct error *error)
{
    struct writing writing = {.report = report, .options = options};
    (void)error;
    report_options_init(&writing.shared);
    writing.shared.query.process = options->process;
    writing.shared.query.limit = options->limit;
    writing.shared.has_limit = options->has_limit;
    writing.shared.are_arguments_shown = options->are_arguments_shown;
    writing.shared.stack_depth = options->stack_depth;
    writing.shared.instant = options->instant;
    page_init(&writing.page, profile, out, options->width, options->is_colour);
    text_write_header(&writing.page, options->since ? "New leaks" : "Leaks", &writing.shared);
    if (options->since)
        page_label(&writing.page, "Since", options->since);
    if (report->process_count == 1)
        write_process(&writing, &report->processes[0]);
    else
        write_several(&writing);
    write_uses(&writing);
    page_clear(&writing.page);
    return true;
}
