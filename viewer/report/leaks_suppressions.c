/* The listed leaks as suppressions, for files that seep reads, and LSan or Valgrind, too.
 *
 * LSan's grammar takes one line a place: the function that a report names first. Valgrind's takes
 * the stack. What is lost with a leak needs none of its own. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/place.h"
#include "analysis/suppression_pattern.h"
#include "base/memory.h"
#include "base/units.h"
#include "report/leaks_report.h"

enum {
    MOST_FRAMES = 24 /* Valgrind's own limit, frames beyond match whatever they are */
};

struct entries {
    char **texts; /* those that were written, each of them once */
    size_t count, capacity;
};

/* True: it was not there. Linear, but for as many as people would read. */
static bool add_once(struct entries *entries, const char *text)
{
    for (size_t i = 0; i < entries->count; i++)
        if (strcmp(entries->texts[i], text) == 0)
            return false;
    entries->texts = memory_grow(entries->texts, &entries->capacity, entries->count + 1,
                                 sizeof *entries->texts);
    entries->texts[entries->count++] = memory_duplicate_text(text);
    return true;
}

static void clear(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        free(entries->texts[i]);
    free(entries->texts);
}

static bool is_wanted(const struct leaks_report_options *options, const struct leak *leak)
{
    return leaks_report_is_listed(options, leak) && leak->site != LEAKS_NO_SITE &&
           (leak->kind == LEAK_DEFINITE || leak->kind == LEAK_POSSIBLE);
}

typedef void (*write_entry)(const struct profile *profile, const struct leak *leak,
                            struct entries *entries, FILE *out);

static bool write_all(const struct profile *profile, const struct leak_report *report,
                      const struct leaks_report_options *options, FILE *out, write_entry write)
{
    struct entries entries = {0};
    for (size_t i = 0; i < report->process_count; i++)
        for (size_t j = 0; j < report->processes[i].leaks.count; j++)
            if (is_wanted(options, &report->processes[i].leaks.items[j]))
                write(profile, &report->processes[i].leaks.items[j], &entries, out);
    clear(&entries);
    return true;
}

/* A name with a line end in it would be two lines. */
static bool is_one_line(const char *text)
{
    return !strpbrk(text, "\r\n");
}

static void write_comment(const struct leak *leak, FILE *out)
{
    char size[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    fprintf(out, "# %s: %s in %s block%s\n", leak_kind_name(leak->kind),
            units_format_size(leak->bytes, size), units_format_count(leak->blocks, count),
            leak->blocks == 1 ? "" : "s");
}

/* ---- LSan ---- */

static void write_lsan_entry(const struct profile *profile, const struct leak *leak,
                             struct entries *entries, FILE *out)
{
    struct place place;
    struct text text = {0};
    place_find(profile, profile->sites[leak->site].stack_node, PLACE_NAMED_CALLER, &place);
    const struct profile_location *location = place.is_wrapper ? place.caller : place.location;
    const struct profile_frame *frame = place.is_wrapper ? place.caller_frame : place.frame;
    if (location && location->is_symbolized)
        suppression_print_template(location->function, &text);
    else if (frame && frame->module_plus_1)
        text_add(&text, profile->modules[frame->module_plus_1 - 1].name);
    if (text.count && is_one_line(text_get(&text)) && add_once(entries, text_get(&text))) {
        write_comment(leak, out);
        fprintf(out, "leak:%s\n", text_get(&text));
    }
    text_clear(&text);
}

bool leaks_write_lsan(const struct profile *profile, const struct leak_report *report,
                      const struct leaks_report_options *options, FILE *out, struct error *error)
{
    (void)error;
    return write_all(profile, report, options, out, write_lsan_entry);
}

/* ---- Valgrind ---- */

struct lines {
    const struct profile *profile;
    struct text text;
    unsigned frame_count;
    bool is_open;       /* the last line is "..." */
    bool is_below_main; /* where Valgrind's stacks end */
};

static void add_line(struct lines *lines, const char *start, const char *rest)
{
    text_print(&lines->text, "   %s%s\n", start, rest);
    lines->is_open = false;
    lines->frame_count++;
}

static bool add_frame(void *context, const struct profile_frame *frame,
                      const struct profile_location *location)
{
    struct lines *lines = context;
    struct text glob = {0};
    if (lines->frame_count == MOST_FRAMES || lines->is_below_main)
        return false;
    lines->is_below_main = location->is_symbolized && strcmp(location->function, "main") == 0;
    if (location->is_symbolized && is_one_line(location->function) &&
        suppression_print_function(location->function, &glob))
        add_line(lines, "fun:", text_get(&glob));
    else if (frame->module_plus_1 &&
             is_one_line(lines->profile->modules[frame->module_plus_1 - 1].path))
        add_line(lines, "obj:", lines->profile->modules[frame->module_plus_1 - 1].path);
    else if (!lines->is_open) {
        text_add(&lines->text, "   ...\n");
        lines->is_open = true;
    }
    text_clear(&glob);
    return true;
}

static void write_valgrind_entry(const struct profile *profile, const struct leak *leak,
                                 struct entries *entries, FILE *out)
{
    const struct profile_site *site = &profile->sites[leak->site];
    struct lines lines = {.profile = profile};
    add_line(&lines, "fun:", suppression_linker_name(site->function));
    profile_visit_stack(profile, site->stack_node, add_frame, &lines);
    if (add_once(entries, text_get(&lines.text))) {
        write_comment(leak, out);
        fprintf(out, "{\n   leak %zu\n   Memcheck:Leak\n%s}\n", entries->count,
                text_get(&lines.text));
    }
    text_clear(&lines.text);
}

bool leaks_write_valgrind(const struct profile *profile, const struct leak_report *report,
                          const struct leaks_report_options *options, FILE *out,
                          struct error *error)
{
    (void)error;
    return write_all(profile, report, options, out, write_valgrind_entry);
}
