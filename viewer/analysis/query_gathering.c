#include "analysis/query_gathering.h"

#include "base/memory.h"

struct query_row *query_gathering_add_row(struct query_gathering *gathering, const char *name)
{
    struct query_result *result = gathering->result;
    result->rows = memory_grow(result->rows, &gathering->row_capacity, result->row_count + 1,
                               sizeof *result->rows);
    gathering->largest = memory_grow(gathering->largest, &gathering->largest_capacity,
                                     result->row_count + 1, sizeof *gathering->largest);
    gathering->largest[result->row_count] = 0;
    struct query_row *row = &result->rows[result->row_count++];
    *row = (struct query_row){.name = name, .site = QUERY_NO_SITE, .thread_id = UINT64_MAX};
    return row;
}

bool query_gathering_wants(const struct query_gathering *gathering, size_t site)
{
    uint32_t process = gathering->query->process;
    return gathering->is_kept[site] &&
           (process == QUERY_ALL_PROCESSES || gathering->profile->sites[site].process == process);
}

void query_gathering_join(struct query_gathering *gathering, size_t position, uint32_t site)
{
    struct query_row *row = &gathering->result->rows[position];
    const struct profile_site *joined = &gathering->profile->sites[site];
    enum query_metric sort = gathering->query->sort;
    uint64_t value = query_metric_rank(sort, query_site_value(joined, sort));
    if (row->site == QUERY_NO_SITE || value > gathering->largest[position]) {
        row->site = site;
        gathering->largest[position] = value;
    }
    if (row->site_count++ == 0)
        row->process = joined->process;
    else if (row->process != joined->process)
        row->process = QUERY_ALL_PROCESSES;
}
