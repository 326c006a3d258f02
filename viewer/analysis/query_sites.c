#include "analysis/query_gathering.h"

#include "base/hash_map.h"

/* One row a stack and function: only several processes can have sites in common. */
void query_gather_sites(struct query_gathering *gathering)
{
    const struct profile *profile = gathering->profile;
    bool is_merging = gathering->query->process == QUERY_ALL_PROCESSES &&
                      profile->process_count > 1;
    struct hash_map rows;
    hash_map_init(&rows);
    for (size_t i = 0; i < profile->site_count; i++) {
        if (!query_gathering_wants(gathering, i))
            continue;
        const struct profile_site *site = &profile->sites[i];
        size_t position = gathering->result->row_count;
        bool is_new = true;
        if (is_merging) {
            uint64_t key = (uint64_t)site->stack_node << 8 | (uint64_t)site->function;
            uint64_t *place = hash_map_put(&rows, key, &is_new);
            if (is_new)
                *place = position;
            position = (size_t)*place;
        }
        if (is_new)
            query_gathering_add_row(gathering, NULL)->fingerprint = site->fingerprint;
        query_gathering_join(gathering, position, (uint32_t)i);
        query_figures_add_site(&gathering->result->rows[position].self, site);
    }
    hash_map_clear(&rows);
    for (size_t i = 0; i < gathering->result->row_count; i++)
        gathering->result->rows[i].inclusive = gathering->result->rows[i].self;
}
