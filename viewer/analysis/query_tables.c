/* The tables of groupings and metrics, in the order of their enums. */
#include "analysis/query.h"

#include <string.h>

#include "base/units.h"

static const struct query_grouping_info groupings[] = {
    {QUERY_BY_SITE, "site", "Site", "each stack that allocated", false},
    {QUERY_BY_FUNCTION, "function", "Function", "functions, alone and with what they call", true},
    {QUERY_BY_FILE, "file", "File", "source files", true},
    {QUERY_BY_MODULE, "module", "Module", "the program and its libraries", true},
    {QUERY_BY_THREAD, "thread", "Thread", "the threads that allocated", false},
    {QUERY_BY_PYTHON_LINE, "python-line", "Python line",
     "lines of Python, alone and with what they call", true},
};

static const struct query_metric_info metrics[] = {
    {QUERY_LIVE_BYTES, "live", "live_bytes", "Live", "bytes not freed", true, QUERY_LIVE_BYTES,
     false},
    {QUERY_PEAK_BYTES, "peak", "peak_bytes", "Peak", "bytes held when the process was at its peak",
     true, QUERY_PEAK_BYTES, false},
    {QUERY_ALLOCATED_BYTES, "allocated", "allocated_bytes", "Allocated", "bytes ever allocated",
     true, QUERY_ALLOCATED_BYTES, false},
    {QUERY_FREED_BYTES, "freed", "freed_bytes", "Freed", "bytes freed", true, QUERY_FREED_BYTES,
     false},
    {QUERY_LIVE_BLOCKS, "live-blocks", "live_blocks", "Blocks", "blocks not freed", false,
     QUERY_LIVE_BYTES, false},
    {QUERY_PEAK_BLOCKS, "peak-blocks", "peak_blocks", "Peak blk",
     "blocks held when the process was at its peak", false, QUERY_PEAK_BYTES, false},
    {QUERY_ALLOCATIONS, "allocations", "allocations", "Calls", "calls that returned a block", false,
     QUERY_ALLOCATED_BYTES, false},
    {QUERY_FREES, "frees", "frees", "Frees", "blocks freed", false, QUERY_FREED_BYTES, false},
    {QUERY_TEMPORARY, "temporary", "temporary_allocations", "Temporary",
     "blocks freed before their thread allocated again", false, QUERY_ALLOCATED_BYTES, false},
    {QUERY_NET_BYTES, "net", "net_bytes", "Net", "between two instants: bytes more, or fewer", true,
     QUERY_NET_BYTES, true},
    {QUERY_NET_BLOCKS, "net-blocks", "net_blocks", "Net blk",
     "between two instants: blocks more, or fewer", false, QUERY_NET_BYTES, true},
    {QUERY_SURVIVED_BYTES, "survived", "survived_bytes", "Survived",
     "between two instants: bytes born and still live", true, QUERY_SURVIVED_BYTES, false},
    {QUERY_SURVIVED_BLOCKS, "survived-blocks", "survived_blocks", "Surv blk",
     "between two instants: blocks born and still live", false, QUERY_SURVIVED_BYTES, false},
};

enum {
    GROUPING_COUNT = sizeof groupings / sizeof *groupings
};
_Static_assert(sizeof metrics / sizeof *metrics == QUERY_ALL_METRIC_COUNT, "a row for each metric");

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
    return position < QUERY_ALL_METRIC_COUNT ? &metrics[position] : NULL;
}

const char *query_metric_name_at(size_t position)
{
    return position < QUERY_METRIC_COUNT ? metrics[position].name : NULL;
}

const char *query_any_metric_name_at(size_t position)
{
    return position < QUERY_ALL_METRIC_COUNT ? metrics[position].name : NULL;
}

const struct query_metric_info *query_metric_find(const char *name)
{
    for (size_t i = 0; i < QUERY_ALL_METRIC_COUNT; i++)
        if (strcmp(metrics[i].name, name) == 0)
            return &metrics[i];
    return NULL;
}

uint64_t query_metric_rank(enum query_metric metric, uint64_t value)
{
    return metrics[metric].is_signed ? value ^ (UINT64_C(1) << 63) : value;
}

uint64_t query_metric_size(enum query_metric metric, uint64_t value)
{
    return metrics[metric].is_signed && value >> 63 ? -value : value;
}

const char *query_metric_format(enum query_metric metric, uint64_t value, char *text)
{
    const struct query_metric_info *info = &metrics[metric];
    if (!info->is_signed || value == 0)
        return info->is_bytes ? units_format_size(value, text) : units_format_count(value, text);
    if (info->is_bytes)
        return units_format_signed_size((int64_t)value, text);
    units_format_count(query_metric_size(metric, value), text + 1);
    text[0] = value >> 63 ? '-' : '+';
    return text;
}
