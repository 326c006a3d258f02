#include "analysis/site_lists.h"

size_t profile_site_thread_count(const struct profile_site *site)
{
    return site->figures.threads.count / SITE_THREAD_NUMBERS;
}

struct profile_site_thread profile_site_thread_at(const struct profile_site *site, size_t position)
{
    const uint64_t *numbers = &site->figures.threads.items[position * SITE_THREAD_NUMBERS];
    return (struct profile_site_thread){.thread = numbers[0],
                                        .allocations = numbers[1],
                                        .allocated_bytes = numbers[2],
                                        .frees = numbers[3],
                                        .freed_bytes = numbers[4],
                                        .live_blocks = numbers[5],
                                        .live_bytes = numbers[6]};
}

size_t profile_bucket_count(const struct recording_list *histogram)
{
    return histogram->count / SITE_BUCKET_NUMBERS;
}

struct profile_bucket profile_bucket_at(const struct recording_list *histogram, size_t position)
{
    const uint64_t *numbers = &histogram->items[position * SITE_BUCKET_NUMBERS];
    return (struct profile_bucket){.end = numbers[0] < 64 ? UINT64_C(1) << numbers[0] : UINT64_MAX,
                                   .blocks = numbers[1]};
}
