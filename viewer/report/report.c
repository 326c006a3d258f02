#include "report/report.h"

#include <errno.h>
#include <string.h>

#include "report/export.h"
#include "report/formats.h"

/* The page that export has too: it shows all tables at once. */
static bool write_page(const struct profile *profile, const struct report_options *options,
                       FILE *out, struct error *error)
{
    const struct export_options page = {.metric = options->query.sort,
                                        .process = options->query.process,
                                        .filter = options->query.filter,
                                        .are_arguments_shown = options->are_arguments_shown,
                                        .reader = options->reader,
                                        .symbols = options->symbols};
    if (options->has_grouping || options->is_by_type || options->is_by_category ||
        options->is_tree || options->is_growth)
        return error_set(error,
                         "the html format shows sites, trees, leaks and the graph in one page: "
                         "not with --by, --tree, --bottom-up or --growth");
    return export_write_html(profile, &page, out, error);
}

static const struct report_format formats[] = {
    {"text", "for people", text_write_report},
    {"json", "for programs: seep/report, see `seep help schema report`", json_write_report},
    {"html", "for browsers: one page with everything, as `seep export` writes it", write_page},
};

enum {
    FORMAT_COUNT = sizeof formats / sizeof *formats
};

void report_options_init(struct report_options *options)
{
    *options = (struct report_options){
        .query = {.sort = QUERY_PEAK_BYTES, .process = QUERY_ALL_PROCESSES},
        .direction = CALL_TREE_TOP_DOWN,
        .min_share = 0.01,
        .are_arguments_shown = true,
        .width = 80,
        .stack_depth = 3,
        .instant = "end"};
}

const struct report_format *report_format_at(size_t position)
{
    return position < FORMAT_COUNT ? &formats[position] : NULL;
}

const struct report_format *report_format_find(const char *name)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

bool report_write(const struct report_format *format, const struct profile *profile,
                  const struct report_options *options, FILE *out, struct error *error)
{
    struct query query = options->query;
    if (!options->has_grouping)
        query.grouping = QUERY_BY_SITE;
    if (!query_check(profile, &query, error)) /* before the first byte is written */
        return false;
    if (!format->write(profile, options, out, error))
        return false;
    errno = 0;
    if (fflush(out) == 0 && !ferror(out))
        return true;
    return error_set_errno(error, errno ? errno : EIO, "cannot write the report");
}
