#include "report/check_report.h"

#include <errno.h>
#include <string.h>

#include "analysis/place.h"
#include "base/text.h"
#include "base/units.h"
#include "report/page.h"

const struct check_format check_text = {"text", "for people", check_write_text};
const struct check_format check_json = {"json", "for programs: seep/check", check_write_json};

static const struct check_format formats[] = {
    {"junit", "JUnit XML, for Jenkins, GitLab, Azure and others", check_write_junit},
    {"sarif", "SARIF 2.1.0, for code scanning and editors", check_write_sarif},
    {"gitlab", "GitLab's code quality report", check_write_gitlab},
    {"markdown", "a summary for people in Markdown", check_write_markdown},
};

const struct check_format *check_format_at(size_t position)
{
    return position < sizeof formats / sizeof *formats ? &formats[position] : NULL;
}

bool check_write(const struct check_format *format, const struct check_report *report, FILE *out,
                 struct error *error)
{
    if (!format->write(report, out, error))
        return false;
    errno = 0;
    if (fflush(out) == 0 && !ferror(out))
        return true;
    return error_set_errno(error, errno ? errno : EIO, "cannot write %s", format->name);
}

const struct profile_process *check_process(const struct check_entry *entry,
                                            const struct gate_result *result)
{
    return &entry->profile->processes[result->process];
}

static void add_figure(const struct gate_result *result, uint64_t figure, struct text *out)
{
    char words[UNITS_TEXT_BYTES];

    text_add(out, gate_budget_at(result->budget)->is_bytes ? units_format_size(figure, words)
                                                           : units_format_count(figure, words));
}

/* "(+11 %)", against a figure that is not 0. */
static void add_excess(uint64_t value, uint64_t against, struct text *out)
{
    double percent = against ? 100.0 * ((double)value - (double)against) / (double)against : 0;

    if (against)
        text_print(out, " (%+.*f %%)", percent < 10 && percent > -10 ? 1 : 0, percent);
}

void check_describe(const struct gate_result *result, const struct gate_options *options,
                    struct text *out)
{
    text_add(out, gate_budget_at(result->budget)->name);
    if (!result->has_value) {
        text_print(out, ": %s", result->reason);
        if (*result->scan_reason)
            text_print(out, " (%s)", result->scan_reason);
        return;
    }
    text_add(out, " ");
    add_figure(result, result->value, out);
    if (result->has_limit) {
        text_add(out, result->value > result->limit ? " > " : " <= ");
        add_figure(result, result->limit, out);
        if (result->value > result->limit)
            add_excess(result->value, result->limit, out);
    }
    if (result->has_baseline) {
        text_add(out, result->has_limit ? "; baseline " : ", baseline ");
        add_figure(result, result->baseline, out);
        add_excess(result->value, result->baseline, out);
    } else if (options->baseline && options->is_new_leaks_only &&
               gate_budget_at(result->budget)->is_of_leaks) {
        text_add(out, ", new ones only");
    } else if (options->baseline) {
        text_add(out, ", not in the baseline");
    }
    if (result->verdict == GATE_INCONCLUSIVE)
        text_print(out, ": %s", result->reason);
}

void check_find_place(const struct profile *profile, uint32_t site, struct check_place *place)
{
    struct place found = {0};
    const struct profile_location *location;
    const char *folder = profile->session.working_folder;
    size_t length = strlen(folder);

    *place = (struct check_place){0};
    if (site == QUERY_NO_SITE)
        return;
    place_find(profile, profile->sites[site].stack_node, PLACE_NAMED_CALLER, &found);
    location = place_named_location(&found);
    if (!location)
        return;
    place->function = location->function;
    place->file = location->file;
    place->line = location->line;
    if (!place->file)
        return;
    if (length > 1 && strncmp(place->file, folder, length) == 0 && place->file[length] == '/')
        place->file += length + 1;
    place->is_in_tree = place->file[0] != '/' && strncmp(place->file, "../", 3) != 0;
}
