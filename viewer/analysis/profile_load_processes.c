#include "config.h"

#include <stdlib.h>

#include "analysis/arena.h"
#include "analysis/profile_loader.h"
#include "analysis/site_lists.h"
#include "base/memory.h"
#include "recording/inherited_sites.h"
#include "recording/packed_list.h"

static bool visit_process(void *context, enum recording_kind kind, const void *record)
{
    struct profile_loader *loader = context;
    struct profile *profile = loader->profile;
    struct recording_process about = *(const struct recording_process *)record;
    profile_loader_own(loader, kind, &about);
    bool is_new;
    size_t position = key_table_find(&loader->keys, about.id, &is_new);
    profile->processes = profile_loader_grow(profile->processes, &profile->process_count,
                                             &loader->process_capacity, position,
                                             sizeof *profile->processes);
    profile->processes[position].about = about;
    return true;
}

static int compare_processes(const void *left, const void *right)
{
    const struct profile_process *a = left, *b = right;
    return (a->about.id > b->about.id) - (a->about.id < b->about.id);
}

static bool visit_totals(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct profile_loader *loader = context;
    const struct recording_totals *totals = record;
    uint32_t process = profile_find_process(loader->profile, totals->process_id);
    if (process == loader->profile->process_count)
        return profile_loader_drop(loader);
    loader->profile->processes[process].totals = *totals;
    profile_loader_own_list(loader, &loader->profile->processes[process].totals.estimates,
                            RECORDING_ESTIMATE_NUMBERS);
    loader->profile->processes[process].has_totals = true;
    return true;
}

static bool visit_quality(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct profile_loader *loader = context;
    const struct recording_quality *quality = record;
    uint32_t process = profile_find_process(loader->profile, quality->process_id);
    if (process == loader->profile->process_count)
        return profile_loader_drop(loader);
    loader->profile->processes[process].quality = *quality;
    loader->profile->processes[process].has_quality = true;
    return true;
}

/* Finds or makes the place of (process, id) in a table that keeps one record each. False: there is
 * no such process, or the id is beyond what a recording can hold. */
static bool make_key(const struct profile_loader *loader, uint64_t process_id, uint64_t id,
                     uint32_t *process, uint64_t *key)
{
    enum {
        ID_BITS = 40,
        MAX_PROCESSES = 1 << (64 - ID_BITS)
    };
    *process = profile_find_process(loader->profile, process_id);
    if (*process == loader->profile->process_count || *process >= MAX_PROCESSES || id >> ID_BITS ||
        loader->keys.count + loader->inherited_keys.count >= UINT32_MAX - 1)
        return false;
    *key = (uint64_t)*process << ID_BITS | id;
    return true;
}

static bool find_place(struct profile_loader *loader, uint64_t process_id, uint64_t id,
                       uint32_t *process, size_t *position, bool *is_new)
{
    uint64_t key;
    if (!make_key(loader, process_id, id, process, &key))
        return false;
    *position = key_table_find(&loader->keys, key, is_new);
    return true;
}

static enum function_kind check_function(uint64_t function)
{
    return function < FUNCTION_KIND_COUNT ? (enum function_kind)function : FUNCTION_NONE;
}

/* Of sampled recordings, the last list of a site; they are asked for again and again. */
static const struct recording_list *read_estimates(struct profile_loader *loader,
                                                   const struct recording_bytes *rest)
{
    const uint8_t *at = rest->bytes, *end = at + rest->count;
    uint64_t count = 0;
    if (at == end || !packed_list_begin(&at, end, &count) || !count)
        return NULL;
    struct recording_list *list = arena_allocate(loader->arena, sizeof *list);
    uint64_t *items = arena_allocate(loader->arena, count * sizeof *items);
    *list = (struct recording_list){items, count - count % RECORDING_ESTIMATE_NUMBERS};
    if (!packed_list_read(&at, end, count, items))
        list->count = 0;
    if (list->count != count)
        profile_loader_drop(loader);
    return list->count ? list : NULL;
}

static void take_site_lists(struct profile_loader *loader, struct profile_site *site,
                            struct recording_bytes rest)
{
    size_t odd = 0;
    site->packed_lists = site_lists_keep(loader->is_brief ? NULL : loader->arena, &rest, &odd);
    for (; odd; odd--)
        profile_loader_drop(loader);
    site->estimates = read_estimates(loader, &rest);
}

/* The stack on which the function was called. */
static uint32_t check_node(struct profile_loader *loader, uint64_t node, uint64_t function)
{
    if (node < profile_loader_node_count(loader))
        return profile_loader_find_node(loader, (uint32_t)node, check_function(function));
    profile_loader_drop(loader);
    return 0;
}

/* `rest`: its lists; NULL for what has none. */
static void put_site(struct profile_loader *loader, const struct recording_site *from,
                     const struct recording_bytes *rest, uint32_t process, size_t position)
{
    struct profile *profile = loader->profile;
    bool is_full = position == profile->site_count && position == loader->site_capacity;
    if (is_full && rest)
        profile->sites = profile_loader_make_room(loader, profile->sites, &loader->site_capacity,
                                                  sizeof *profile->sites);
    else if (is_full)
        profile->sites = memory_grow(profile->sites, &loader->site_capacity, position + 1,
                                     sizeof *profile->sites);
    profile->site_count += position == profile->site_count;
    struct profile_site *site = &profile->sites[position];
    profile_take_figures(&site->figures, from);
    site->packed_lists = NULL;
    site->estimates = NULL;
    if (rest)
        take_site_lists(loader, site, *rest);
    site->process = process;
    site->stack_node = check_node(loader, from->stack_node_id, from->allocation_function);
    site->function = check_function(from->allocation_function);
    site->fingerprint = site->survived_blocks = site->survived_bytes = 0;
}

static bool visit_site(void *context, const void *record, const struct recording_bytes *rest)
{
    struct profile_loader *loader = context;
    const struct recording_site *from = record;
    uint32_t process;
    size_t position;
    bool is_new;
    if (!find_place(loader, from->process_id, from->id, &process, &position, &is_new))
        return profile_loader_drop(loader);
    put_site(loader, from, rest, process, position);
    return true;
}

/* Behind all sites that have a record of their own, which counts. */
static bool take_inherited_site(void *context, const struct recording_site *from)
{
    struct profile_loader *loader = context;
    uint32_t process;
    uint64_t key;
    bool is_new;
    if (!make_key(loader, from->process_id, from->id, &process, &key))
        return profile_loader_drop(loader);
    if (key_table_has(&loader->keys, key))
        return true;
    size_t position = key_table_find(&loader->inherited_keys, key, &is_new);
    put_site(loader, from, NULL, process, loader->keys.count + position);
    return true;
}

static bool visit_inherited_sites(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    return inherited_sites_visit(record, take_inherited_site, context);
}

static bool visit_thread(void *context, enum recording_kind kind, const void *record)
{
    struct profile_loader *loader = context;
    struct profile *profile = loader->profile;
    const struct recording_thread *from = record;
    uint32_t process;
    size_t position;
    bool is_new;
    if (!find_place(loader, from->process_id, from->id, &process, &position, &is_new))
        return profile_loader_drop(loader);
    profile->threads = profile_loader_grow(profile->threads, &profile->thread_count,
                                           &loader->thread_capacity, position,
                                           sizeof *profile->threads);
    profile->threads[position] = *from;
    profile_loader_own(loader, kind, &profile->threads[position]);
    profile->threads[position].process_id = process;
    return true;
}

static bool visit_mapping(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct profile_loader *loader = context;
    struct profile *profile = loader->profile;
    const struct recording_mapping_site *from = record;
    uint32_t process;
    size_t position;
    bool is_new;
    if (!find_place(loader, from->process_id, from->id, &process, &position, &is_new))
        return profile_loader_drop(loader);
    profile->mappings = profile_loader_grow(profile->mappings, &profile->mapping_count,
                                            &loader->mapping_capacity, position,
                                            sizeof *profile->mappings);
    struct recording_mapping_site *mapping = &profile->mappings[position];
    *mapping = *from;
    mapping->process_id = process;
    mapping->stack_node_id = check_node(loader, from->stack_node_id, from->function);
    mapping->function = check_function(from->function);
    return true;
}

static bool visit_sample(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct profile_loader *loader = context;
    struct profile *profile = loader->profile;
    const struct recording_sample *from = record;
    uint32_t process = profile_find_process(profile, from->process_id);
    if (process == profile->process_count || profile->sample_count >= UINT32_MAX - 1)
        return profile_loader_drop(loader);
    profile->samples = memory_grow(profile->samples, &loader->sample_capacity,
                                   profile->sample_count + 1, sizeof *profile->samples);
    profile->samples[profile->sample_count] = *from;
    profile->samples[profile->sample_count++].process_id = process;
    return true;
}

static bool visit_misuse(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct profile_loader *loader = context;
    struct profile *profile = loader->profile;
    struct recording_misuse misuse = *(const struct recording_misuse *)record;
    uint32_t process = profile_find_process(profile, misuse.process_id);
    if (process == profile->process_count || profile->misuse_count >= UINT32_MAX - 1)
        return profile_loader_drop(loader);
    misuse.process_id = process;
    misuse.stack_node_id = check_node(loader, misuse.stack_node_id, FUNCTION_NONE);
    misuse.allocation_stack_node_id = check_node(loader, misuse.allocation_stack_node_id,
                                                 misuse.allocation_function);
    misuse.function = check_function(misuse.function);
    misuse.allocation_function = check_function(misuse.allocation_function);
    profile->misuses = memory_grow(profile->misuses, &loader->misuse_capacity,
                                   profile->misuse_count + 1, sizeof *profile->misuses);
    profile->misuses[profile->misuse_count++] = misuse;
    return true;
}

static bool visit_mark(void *context, enum recording_kind kind, const void *record)
{
    struct profile_loader *loader = context;
    struct profile *profile = loader->profile;
    profile->marks = memory_grow(profile->marks, &loader->mark_capacity, profile->mark_count + 1,
                                 sizeof *profile->marks);
    struct recording_mark *mark = &profile->marks[profile->mark_count++];
    *mark = *(const struct recording_mark *)record;
    profile_loader_own(loader, kind, mark);
    return true;
}

void profile_load_processes(struct profile_loader *loader)
{
    struct profile *profile = loader->profile;
    profile_loader_visit(loader, RECORDING_process, visit_process);
    if (profile->process_count)
        qsort(profile->processes, profile->process_count, sizeof *profile->processes,
              compare_processes);
    profile_loader_visit(loader, RECORDING_totals, visit_totals);
    profile_loader_visit(loader, RECORDING_quality, visit_quality);
    profile_loader_visit(loader, RECORDING_thread, visit_thread);
    profile_loader_visit_numbers(loader, RECORDING_site, visit_site);
    profile_loader_visit_more(loader, RECORDING_inherited_sites, visit_inherited_sites);
    key_table_clear(&loader->inherited_keys);
    profile_loader_visit(loader, RECORDING_sample, visit_sample);
    profile_loader_visit(loader, RECORDING_mapping_site, visit_mapping);
    profile_loader_visit(loader, RECORDING_misuse, visit_misuse);
    profile_loader_visit(loader, RECORDING_mark, visit_mark);
}
