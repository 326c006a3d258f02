/* Sites by the ids that a process's records have for them. */
#ifndef SEEP_ANALYSIS_SITE_NUMBERS_H
#define SEEP_ANALYSIS_SITE_NUMBERS_H

#include "analysis/profile.h"
#include "base/hash_map.h"

#define SITE_NUMBERS_NONE UINT32_MAX

struct site_numbers {
    struct hash_map positions;
};

/* Of the process at this position. */
void site_numbers_init(struct site_numbers *numbers, const struct profile *profile,
                       uint32_t process);
void site_numbers_clear(struct site_numbers *numbers);

/* Position in profile.sites, or SITE_NUMBERS_NONE: no site has this id. */
uint32_t site_numbers_find(const struct site_numbers *numbers, uint64_t id);

#endif
