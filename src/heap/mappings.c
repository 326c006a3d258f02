#include "heap/mappings.h"

#include <stdlib.h>

#include "base/memory.h"

void mappings_clear(struct mappings *mappings)
{
    free(mappings->sites);
    free(mappings->mappings);
    hash_map_clear(&mappings->site_ids);
    interval_map_clear(&mappings->ranges);
    interval_map_clear(&mappings->heaps);
    *mappings = (struct mappings){0};
}

static uint32_t site_of(struct mappings *mappings, uint32_t stack, uint8_t function,
                        bool is_anonymous)
{
    bool is_new;
    uint64_t key = (uint64_t)stack << 32 | (uint64_t)function << 1 | is_anonymous;
    uint64_t *id = hash_map_put(&mappings->site_ids, key, &is_new);
    if (is_new) {
        *id = mappings->site_count;
        mappings->sites = memory_grow(mappings->sites, &mappings->site_capacity,
                                      mappings->site_count + 1, sizeof *mappings->sites);
        mappings->sites[mappings->site_count++] = (struct mapping_site){
            .stack = stack, .function = function, .is_anonymous = is_anonymous};
    }
    return (uint32_t)*id;
}

static uint32_t new_mapping(struct mappings *mappings, uint32_t site)
{
    uint32_t id;
    if (mappings->free_mapping_plus_1 != 0) {
        id = mappings->free_mapping_plus_1 - 1;
        mappings->free_mapping_plus_1 = mappings->mappings[id].site;
    } else {
        mappings->mappings = memory_grow(mappings->mappings, &mappings->mapping_capacity,
                                         mappings->mapping_count + 1, sizeof *mappings->mappings);
        id = (uint32_t)mappings->mapping_count++;
    }
    mappings->mappings[id] = (struct mapping){.site = site, .pieces = 1};
    return id;
}

static void count_unmapped(void *context, const struct interval *part, bool is_whole, bool is_split)
{
    struct mappings *mappings = context;
    struct mapping *mapping = &mappings->mappings[part->value];
    struct mapping_site *site = &mappings->sites[mapping->site];
    uint64_t bytes = part->end - part->start;
    site->live_bytes -= bytes;
    site->is_changed = true;
    if (site->is_anonymous)
        mappings->anonymous_bytes -= bytes;
    mapping->pieces += is_split;
    mapping->pieces -= is_whole;
    if (mapping->pieces > 0)
        return;
    site->live_count--;
    mapping->site = mappings->free_mapping_plus_1;
    mappings->free_mapping_plus_1 = part->value + 1;
}

void mappings_map(struct mappings *mappings, uint64_t start, uint64_t end, uint32_t stack,
                  uint8_t function, bool is_anonymous)
{
    mappings_unmap(mappings, start, end);
    uint32_t id = site_of(mappings, stack, function, is_anonymous);
    struct mapping_site *site = &mappings->sites[id];
    uint64_t bytes = end - start;
    site->count++;
    site->mapped_bytes += bytes;
    site->is_changed = true;
    if (mappings->ranges.count >= MAPPINGS_MAX)
        return;
    site->live_count++;
    site->live_bytes += bytes;
    interval_map_add(&mappings->ranges, start, end, new_mapping(mappings, id));
    if (!is_anonymous)
        return;
    mappings->anonymous_bytes += bytes;
    if (mappings->anonymous_bytes > mappings->anonymous_peak_bytes)
        mappings->anonymous_peak_bytes = mappings->anonymous_bytes;
}

static void pass_over(void *context, const struct interval *part, bool is_whole, bool is_split)
{
    (void)context, (void)part, (void)is_whole, (void)is_split;
}

void mappings_map_heap(struct mappings *mappings, uint64_t start, uint64_t end)
{
    mappings_unmap(mappings, start, end);
    if (mappings->heaps.count < MAPPINGS_MAX)
        interval_map_add(&mappings->heaps, start, end, 0);
}

void mappings_unmap(struct mappings *mappings, uint64_t start, uint64_t end)
{
    interval_map_carve(&mappings->ranges, start, end, count_unmapped, mappings);
    interval_map_carve(&mappings->heaps, start, end, pass_over, NULL);
}

void mappings_hold_block(struct mappings *mappings, uint64_t address)
{
    const struct interval *interval = interval_map_find(&mappings->ranges, address);
    if (interval != NULL)
        mappings->mappings[interval->value].has_held = true;
}

struct choice {
    const struct mappings *mappings;
    bool has_held;
    interval_visit visit;
    void *context;
};

static void visit_chosen(void *context, const struct interval *interval)
{
    const struct choice *choice = context;
    if (choice->mappings->mappings[interval->value].has_held == choice->has_held)
        choice->visit(choice->context, interval);
}

void mappings_visit_program(const struct mappings *mappings, interval_visit visit, void *context)
{
    struct choice choice = {mappings, false, visit, context};
    interval_map_visit(&mappings->ranges, visit_chosen, &choice);
}

void mappings_visit_heap(const struct mappings *mappings, interval_visit visit, void *context)
{
    struct choice choice = {mappings, true, visit, context};
    interval_map_visit(&mappings->ranges, visit_chosen, &choice);
    interval_map_visit(&mappings->heaps, visit, context);
}

uint64_t mappings_own_bytes(const struct mappings *mappings)
{
    return mappings->site_capacity * sizeof *mappings->sites +
           mappings->mapping_capacity * sizeof *mappings->mappings +
           mappings->site_ids.capacity * (sizeof(struct hash_map_entry) + 1) +
           interval_map_own_bytes(&mappings->ranges) + interval_map_own_bytes(&mappings->heaps);
}
