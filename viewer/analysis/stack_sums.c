#include "analysis/stack_sums.h"

#include <stdlib.h>

#include "base/memory.h"

void stack_sums_init(struct stack_sums *sums, const struct profile *profile, uint32_t process,
                     const uint8_t *is_kept)
{
    size_t count = profile->node_count;
    sums->figures = memory_allocate_zeroed_large(count, sizeof *sums->figures);
    sums->site_counts = memory_allocate_zeroed_large(count, sizeof *sums->site_counts);
    sums->first_child = memory_allocate_zeroed_large(count, sizeof *sums->first_child);
    sums->next_sibling = memory_allocate_zeroed_large(count, sizeof *sums->next_sibling);
    for (size_t i = 0; i < profile->site_count; i++) {
        const struct profile_site *site = &profile->sites[i];
        if (!is_kept[i] || (process != QUERY_ALL_PROCESSES && site->process != process))
            continue;
        query_figures_add_site(&sums->figures[site->stack_node], site);
        sums->site_counts[site->stack_node]++;
    }
    for (size_t i = count; i-- > 1;) { /* children stand behind their parents */
        uint32_t parent = profile->nodes[i].parent;
        if (!sums->site_counts[i])
            continue;
        query_figures_add(&sums->figures[parent], &sums->figures[i]);
        sums->site_counts[parent] += sums->site_counts[i];
        sums->next_sibling[i] = sums->first_child[parent];
        sums->first_child[parent] = (uint32_t)i;
    }
}

void stack_sums_clear(struct stack_sums *sums)
{
    free(sums->figures);
    free(sums->site_counts);
    free(sums->first_child);
    free(sums->next_sibling);
    *sums = (struct stack_sums){0};
}
