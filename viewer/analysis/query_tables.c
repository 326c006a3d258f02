/* The tables of groupings and metrics, in the order of their enums. */
#include "analysis/query.h"

#include <string.h>

static const struct query_grouping_info groupings[] = {
    {QUERY_BY_SITE, "site", "Site", "each stack that allocated", false},
    {QUERY_BY_FUNCTION, "function", "Function", "functions, alone and with what they call", true},
    {QUERY_BY_FILE, "file", "File", "source files", true},
    {QUERY_BY_MODULE, "module", "Module", "the program and its libraries", true},
    {QUERY_BY_THREAD, "thread", "Thread", "the threads that allocated", false},
    {QUERY_BY_PYTHON_LINE, "python-line", "Python line", "lines of Python, alone and with what they call", true},
};

static const struct query_metric_info metrics[] = {
    {QUERY_LIVE_BYTES, "live", "live_bytes", "Live", "bytes not freed", true, QUERY_LIVE_BYTES},
    {QUERY_PEAK_BYTES, "peak", "peak_bytes", "Peak", "bytes held when the process was at its peak",
     true, QUERY_PEAK_BYTES},
    {QUERY_ALLOCATED_BYTES, "allocated", "allocated_bytes", "Allocated", "bytes ever allocated",
     true, QUERY_ALLOCATED_BYTES},
    {QUERY_FREED_BYTES, "freed", "freed_bytes", "Freed", "bytes freed", true, QUERY_FREED_BYTES},
    {QUERY_LIVE_BLOCKS, "live-blocks", "live_blocks", "Blocks", "blocks not freed", false,
     QUERY_LIVE_BYTES},
    {QUERY_PEAK_BLOCKS, "peak-blocks", "peak_blocks", "Peak blk",
     "blocks held when the process was at its peak", false, QUERY_PEAK_BYTES},
    {QUERY_ALLOCATIONS, "allocations", "allocations", "Calls", "calls that returned a block", false,
     QUERY_ALLOCATED_BYTES},
    {QUERY_FREES, "frees", "frees", "Frees", "blocks freed", false, QUERY_FREED_BYTES},
    {QUERY_TEMPORARY, "temporary", "temporary_allocations", "Temporary",
     "blocks freed before their thread allocated again", false, QUERY_ALLOCATED_BYTES},
};

enum {
    GROUPING_COUNT = sizeof groupings / sizeof *groupings
};
_Static_assert(sizeof metrics / sizeof *metrics == QUERY_METRIC_COUNT, "a row for each metric");

const struct query_grouping_info *query_grouping_at(size_t position)
{
    return position < GROUPING_COUNT ? &groupings[position] : NULL;
}

const struct query_grouping_info *query_grouping_find(const char *name)
{
    for (size_t i = 0; i < GROUPING_COUNT; i++)
        if (strcmp(groupings[i].name, name) == 0)
            return &groupings[i];
    return NULL;
}

const struct query_metric_info *query_metric_at(size_t position)
{
    return position < QUERY_METRIC_COUNT ? &metrics[position] : NULL;
}

const char *query_metric_name_at(size_t position)
{
    return position < QUERY_METRIC_COUNT ? metrics[position].name : NULL;
}

const struct query_metric_info *query_metric_find(const char *name)
{
    for (size_t i = 0; i < QUERY_METRIC_COUNT; i++)
        if (strcmp(metrics[i].name, name) == 0)
            return &metrics[i];
    return NULL;
}
