#include "analysis/site_numbers.h"

void site_numbers_init(struct site_numbers *numbers, const struct profile *profile,
                       uint32_t process)
{
    const struct profile_process *about = &profile->processes[process];
    hash_map_init(&numbers->positions);
    for (uint32_t i = 0; i < about->site_count; i++)
        *hash_map_put(&numbers->positions, profile->sites[about->first_site + i].figures.id,
                      NULL) = about->first_site + i;
}

void site_numbers_clear(struct site_numbers *numbers)
{
    hash_map_clear(&numbers->positions);
}

uint32_t site_numbers_find(const struct site_numbers *numbers, uint64_t id)
{
    const uint64_t *position = hash_map_find(&numbers->positions, id);
    return position != NULL ? (uint32_t)*position : SITE_NUMBERS_NONE;
}
