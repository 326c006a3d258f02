/* GitHub's workflow commands ("::error file=...,line=...::message"), and the summary of a step in
 * Markdown. Only ten annotations of a kind are shown for a step, silently: the worst nine are
 * written, and one that says how many more there are. */
#include "config.h"

#include <string.h>

#include "base/text.h"
#include "report/check_report.h"
#include "report/page.h"
#include "report/xml_text.h"

enum {
    MOST_ANNOTATIONS = 9
};

/* A message may hold anything but these; a property neither ':' nor ','. */
static void write_escaped(FILE *out, const char *foreign, bool is_property)
{
    struct text safe = {0};

    page_make_safe(&safe, foreign);
    for (const char *at = text_get(&safe); *at; at++)
        if (*at == '%' || (is_property && (*at == ':' || *at == ',')))
            fprintf(out, "%%%02X", (unsigned char)*at);
        else
            fputc(*at, out);
    text_clear(&safe);
}

static void write_annotation(const struct check_report *report, const struct check_entry *entry,
                             const struct gate_result *result, FILE *out)
{
    struct check_place place;
    struct text words = {0};

    check_find_place_in_tree(report, check_profile(entry, result), result->culprit, &place);
    check_describe(result, report->options, &words);
    fprintf(out, "::%s ", result->verdict == GATE_FAIL ? "error" : "warning");
    if (place.file && place.is_in_tree) {
        fputs("file=", out);
        write_escaped(out, place.file, true);
        fprintf(out, ",line=%u,", place.line ? place.line : 1);
    }
    fputs("title=seep ", out);
    write_escaped(out, gate_budget_at(result->budget)->name, true);
    fputs("::", out);
    write_escaped(out, profile_process_name(check_process(entry, result)), false);
    fputs(": ", out);
    write_escaped(out, text_get(&words), false);
    if (place.function) {
        fputs("; look at ", out);
        write_escaped(out, place.function, false);
    }
    fputc('\n', out);
    text_clear(&words);
}

bool check_write_github(const struct check_report *report, FILE *out, struct error *error)
{
    (void)error;
    for (int verdict = GATE_FAIL; verdict > GATE_PASS; verdict--) {
        size_t count = 0;

        for (size_t i = 0; i < report->count; i++)
            for (size_t j = 0; j < report->entries[i].gate.count; j++) {
                const struct check_entry *entry = &report->entries[i];

                if ((int)entry->gate.results[j].verdict == verdict && count++ < MOST_ANNOTATIONS)
                    write_annotation(report, entry, &entry->gate.results[j], out);
            }
        if (count > MOST_ANNOTATIONS)
            fprintf(out, "::%s title=seep::and %zu more, see the summary\n",
                    verdict == GATE_FAIL ? "error" : "warning", count - MOST_ANNOTATIONS);
    }
    return true;
}

/* ---- Markdown ---- */

/* Of a table's cell '|' would end it; the rest would be formatting. */
static void write_cell(FILE *out, const char *foreign)
{
    struct text safe = {0};

    page_make_safe(&safe, foreign);
    for (const char *at = text_get(&safe); *at; at++) {
        if (xml_entity(*at)) {
            fputs(xml_entity(*at), out);
            continue;
        }
        if (strchr("|*_`[]\\", *at))
            fputc('\\', out);
        fputc(*at, out);
    }
    text_clear(&safe);
}

static void write_row(const struct check_report *report, const struct check_entry *entry,
                      const struct gate_result *result, FILE *out)
{
    static const char *const words[] = {"pass", "**inconclusive**", "**fail**"};
    struct check_place place;
    struct text line = {0};

    check_find_place_in_tree(report, check_profile(entry, result), result->culprit, &place);
    check_describe(result, report->options, &line);
    fprintf(out, "| %s | ", words[result->verdict]);
    write_cell(out, profile_process_name(check_process(entry, result)));
    fputs(" | ", out);
    write_cell(out, text_get(&line));
    fputs(" | ", out);
    if (place.function)
        write_cell(out, place.function);
    if (place.file) {
        fputs(" at ", out);
        write_cell(out, place.file);
        fprintf(out, ":%u", place.line);
    }
    fputs(" |\n", out);
    text_clear(&line);
}

bool check_write_markdown(const struct check_report *report, FILE *out, struct error *error)
{
    (void)error;
    fprintf(out, "### seep check: %s", gate_verdict_name(report->verdict));
    if (*report->reason) {
        fputs(" (", out);
        write_cell(out, report->reason);
        fputs(")", out);
    }
    fputs("\n\n| Verdict | Program | Budget | Look at |\n|---|---|---|---|\n", out);
    for (size_t i = 0; i < report->count; i++)
        for (size_t j = 0; j < report->entries[i].gate.count; j++)
            write_row(report, &report->entries[i], &report->entries[i].gate.results[j], out);
    fputc('\n', out);
    return true;
}
