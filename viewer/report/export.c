#include "config.h"

#include "report/export.h"

#include <errno.h>
#include <string.h>

#include "report/export_leaked.h"

static const struct export_format formats[] = {
    {"pprof", "pprof, Perfetto, Pyroscope, Parca: gzipped profile.proto", true, false, NULL,
     export_write_pprof},
    {"speedscope", "speedscope.app, also offline: JSON, a profile for each metric", false, false,
     NULL, export_write_speedscope},
    {"folded", "flamegraph.pl, inferno, Firefox Profiler: a line a stack", false, false, NULL,
     export_write_folded},
    {"flamegraph", "browsers: one SVG that zooms and searches", false, false, NULL,
     export_write_flamegraph},
    {"html", "browsers: one page with everything that people ask first", false, false, NULL,
     export_write_html},
    {"callgrind", "KCachegrind, callgrind_annotate: costs of functions and calls", false, false,
     NULL, export_write_callgrind},
    {"massif", "ms_print, massif-visualizer: the heap over time", false, false,
     "it is the curve of the whole recording", export_write_massif},
    {"heaptrack", "heaptrack_gui, heaptrack_print: calls, peak and leaks of stacks", false, false,
     "peaks and lifetimes of blocks are not known of intervals", export_write_heaptrack},
    {"dhat", "Valgrind's dh_view.html, Firefox Profiler: totals, peak and lifetimes of stacks",
     false, false, "peaks and lifetimes of blocks are not known of intervals", export_write_dhat},
    {"valgrind", "Qt Creator, KDevelop, Jenkins: leaks as Valgrind's XML", false, false,
     "leaks are known at snapshots", export_write_valgrind},
    {"gperftools", "google-pprof, jeprof: a heap profile as text", false, false, NULL,
     export_write_gperftools},
    {"csv", "spreadsheets, databases: a row a site", false, false, NULL, export_write_csv},
#ifdef HAVE_SQLITE
    {"sqlite", "sqlite3, Datasette, pandas: sites, stacks, leaks and the timeline as tables", true,
     false, "its tables are of the whole recording", export_write_sqlite},
#endif
    {"openmetrics", "Prometheus, GitLab: totals", false, false,
     "its totals have peaks, which are not known of intervals", export_write_openmetrics},
    {"sarif", "GitHub, editors: leaks beside the code, as seep check finds them", false, false,
     "leaks are known at snapshots", export_write_sarif},
    {"junit", "test runners: the same as a test of each process", false, false,
     "leaks are known at snapshots", export_write_junit},
    {"heapsnapshot", "Chrome's DevTools, memlab: the graph of a snapshot", false, true,
     "a graph is known at snapshots", export_write_heapsnapshot},
    {"dot", "Graphviz: what retains what, or --focus and what is around it", false, true,
     "a graph is known at snapshots", export_write_dot},
    {"graphml", "Gephi, yEd, networkx: blocks and references", false, true,
     "a graph is known at snapshots", export_write_graphml},
    {"graph-flamegraph", "browsers: what roots retain, as one SVG", false, true,
     "a graph is known at snapshots", export_write_graph_flamegraph},
};

enum {
    FORMAT_COUNT = sizeof formats / sizeof *formats
};

const struct export_format *export_format_at(size_t position)
{
    return position < FORMAT_COUNT ? &formats[position] : NULL;
}

const struct export_format *export_format_find(const char *name)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

bool export_knows(const struct profile *profile, enum query_metric metric)
{
    return query_known_metrics(profile, QUERY_ALL_PROCESSES, QUERY_BY_SITE) >> metric & 1;
}

static bool check_interval(const struct export_format *format, const struct profile *profile,
                           const struct export_options *options, struct error *error)
{
    if (!profile->whole)
        return true;
    if (format->no_interval)
        return error_set(error, "the %s format cannot be of other instants than the end: %s",
                         format->name, format->no_interval);
    return options->is_leaked || export_knows(profile, options->metric) ||
           error_set(error, "--metric=%s is not known of what was between two instants",
                     query_metric_at(options->metric)->name);
}

/* These have one figure a stack. */
static bool can_tell_leaked(const struct export_format *format)
{
    return format->write == export_write_folded || format->write == export_write_flamegraph ||
           format->write == export_write_speedscope;
}

static bool write_leaked(const struct export_format *format, const struct profile *profile,
                         const struct export_options *options, FILE *out, struct error *error)
{
    struct export_options of_leaked = *options;
    struct profile leaked;
    bool is_good;

    if (!can_tell_leaked(format))
        return error_set(error,
                         "the %s format has no metric \"leaked\": folded, flamegraph and "
                         "speedscope have",
                         format->name);
    if (!export_leaked_make(profile, options, &leaked, error))
        return false;
    of_leaked.metric = QUERY_LIVE_BYTES;
    of_leaked.has_metric = true;
    of_leaked.metric_help = "bytes leaked";
    is_good = format->write(&leaked, &of_leaked, out, error);
    export_leaked_clear(&leaked);
    return is_good;
}

bool export_write(const struct export_format *format, const struct profile *profile,
                  const struct export_options *options, FILE *out, struct error *error)
{
    if (!query_filter_check(&options->filter, error) || /* before the first byte is written */
        !check_interval(format, profile, options, error))
        return false;
    if (options->is_leaked ? !write_leaked(format, profile, options, out, error)
                           : !format->write(profile, options, out, error))
        return false;
    bool has_failed = ferror(out) != 0;
    if (!has_failed)
        errno = 0; /* else it tells of the last write that failed */
    if (fflush(out) == 0 && !has_failed)
        return true;
    return error_set_errno(error, errno ? errno : EIO, "cannot write the export");
}
