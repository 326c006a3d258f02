#include "config.h"

#include "report/leaks_report.h"

#include <errno.h>
#include <string.h>

static const struct leaks_format formats[] = {
    {"text", leaks_write_text},
    {"json", leaks_write_json},
    {"lsan", leaks_write_lsan},
    {"valgrind", leaks_write_valgrind},
};

const struct leaks_format *leaks_format_find(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

bool leaks_report_write(const struct leaks_format *format, const struct profile *profile,
                        const struct leak_report *report,
                        const struct leaks_report_options *options, FILE *out, struct error *error)
{
    if (!format->write(profile, report, options, out, error))
        return false;
    errno = 0;
    if (fflush(out) == 0 && !ferror(out))
        return true;
    return error_set_errno(error, errno ? errno : EIO, "cannot write the report");
}

bool leaks_report_is_listed(const struct leaks_report_options *options, const struct leak *leak)
{
    return options->kinds >> leak->kind & 1;
}
