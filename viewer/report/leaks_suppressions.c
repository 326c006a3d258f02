/* The listed leaks as suppressions, for files that seep reads, and LSan or Valgrind, too. What is
 * lost with a leak needs none of its own. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/suppression_entry.h"
#include "base/memory.h"
#include "base/units.h"
#include "report/leaks_report.h"

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
    struct text text = {0};
    if (suppression_entry_print_template(profile, leak->site, &text) &&
        add_once(entries, text_get(&text))) {
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

static void write_valgrind_entry(const struct profile *profile, const struct leak *leak,
                                 struct entries *entries, FILE *out)
{
    struct text lines = {0};
    suppression_entry_print_frames(profile, leak->site, &lines);
    if (add_once(entries, text_get(&lines))) {
        write_comment(leak, out);
        fprintf(out, "{\n   leak %zu\n   Memcheck:Leak\n%s}\n", entries->count, text_get(&lines));
    }
    text_clear(&lines);
}

bool leaks_write_valgrind(const struct profile *profile, const struct leak_report *report,
                          const struct leaks_report_options *options, FILE *out,
                          struct error *error)
{
    (void)error;
    return write_all(profile, report, options, out, write_valgrind_entry);
}
