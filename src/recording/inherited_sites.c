#include "recording/inherited_sites.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "recording/varint.h"

enum {
    NUMBERS_OF_SITE = 5,
    MANY_SITES = 4096
};

void inherited_sites_clear(struct inherited_sites *sites)
{
    free(sites->numbers);
    *sites = (struct inherited_sites){0};
}

bool inherited_sites_can_hold(const struct recording_site *site)
{
    bool is_untouched = site->allocations == 0 && site->frees == 0 && site->allocated_bytes == 0 &&
                        site->freed_bytes == 0 && site->temporary_allocations == 0 &&
                        site->first_ns == 0 && site->last_ns == 0;
    bool is_as_inherited = site->live_blocks == site->inherited_blocks &&
                           site->live_bytes == site->inherited_bytes &&
                           site->peak_blocks == site->inherited_blocks &&
                           site->peak_bytes == site->inherited_bytes;
    return is_untouched && is_as_inherited && site->size_histogram.count == 0 &&
           site->lifetime_histogram.count == 0 && site->threads.count == 0 &&
           site->estimates.count == 0;
}

void inherited_sites_add(struct inherited_sites *sites, const struct recording_site *site)
{
    sites->numbers = memory_grow(sites->numbers, &sites->capacity, sites->count + NUMBERS_OF_SITE,
                                 sizeof *sites->numbers);
    uint64_t *numbers = sites->numbers + sites->count;
    numbers[0] = site->id - sites->last_id;
    numbers[1] = varint_zigzag((int64_t)(site->stack_node_id - sites->last_node));
    numbers[2] = site->allocation_function;
    numbers[3] = site->inherited_blocks;
    numbers[4] = site->inherited_bytes;
    sites->count += NUMBERS_OF_SITE;
    sites->last_id = site->id;
    sites->last_node = site->stack_node_id;
}

bool inherited_sites_are_many(const struct inherited_sites *sites)
{
    return sites->count >= (size_t)MANY_SITES * NUMBERS_OF_SITE;
}

struct recording_inherited_sites inherited_sites_take(struct inherited_sites *sites,
                                                      uint64_t process_id)
{
    struct recording_inherited_sites record = {.process_id = process_id,
                                               .sites = {sites->numbers, sites->count}};
    sites->count = 0;
    sites->last_id = sites->last_node = 0;
    return record;
}

bool inherited_sites_visit(const struct recording_inherited_sites *record,
                           inherited_sites_visit_site visit, void *context)
{
    uint64_t id = 0, node = 0;
    for (size_t i = 0; i + NUMBERS_OF_SITE <= record->sites.count; i += NUMBERS_OF_SITE) {
        const uint64_t *numbers = record->sites.items + i;
        id += numbers[0];
        node += (uint64_t)varint_unzigzag(numbers[1]);
        struct recording_site site = {
            .process_id = record->process_id,
            .id = id,
            .stack_node_id = node,
            .allocation_function = numbers[2],
            .inherited_blocks = numbers[3],
            .inherited_bytes = numbers[4],
            .live_blocks = numbers[3],
            .live_bytes = numbers[4],
            .peak_blocks = numbers[3],
            .peak_bytes = numbers[4],
        };
        if (!visit(context, &site))
            return false;
    }
    return true;
}
