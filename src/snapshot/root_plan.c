#include "snapshot/root_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void root_plan_init(struct root_plan *plan, const struct snapshot_scan_input *input,
                    const struct block_index *index, struct word_cache *words,
                    struct snapshot *result)
{
    *plan = (struct root_plan){.input = input, .index = index, .words = words, .result = result};
}

void root_plan_clear(struct root_plan *plan)
{
    target_modules_clear(&plan->modules);
    free(plan->ranges);
    free(plan->values);
    range_list_clear(&plan->claimed);
    range_list_clear(&plan->dead);
}

static bool is_wanted(const struct root_plan *plan, enum snapshot_root_kind kind)
{
    return !(plan->input->roots_off & UINT64_C(1) << kind);
}

void root_plan_add_range(struct root_plan *plan, const struct root_range *range)
{
    range_list_add(&plan->claimed, range->start, range->end);
    if (range->start >= range->end || !is_wanted(plan, range->kind))
        return;
    plan->ranges = memory_grow(plan->ranges, &plan->range_capacity, plan->range_count + 1,
                               sizeof *plan->ranges);
    plan->ranges[plan->range_count++] = *range;
}

void root_plan_add_value(struct root_plan *plan, const struct root_value *value)
{
    if (!is_wanted(plan, value->kind))
        return;
    plan->values = memory_grow(plan->values, &plan->value_capacity, plan->value_count + 1,
                               sizeof *plan->values);
    plan->values[plan->value_count++] = *value;
}

bool root_plan_is_late(const struct root_plan *plan)
{
    const struct snapshot_scan_input *input = plan->input;
    return input->deadline_ns != 0 && input->clock.now_ns &&
           input->clock.now_ns(input->clock.context) > input->deadline_ns;
}

static void add_segment(struct root_plan *plan, uint32_t position,
                        const struct address_range *segment)
{
    const struct target_module *module = &plan->modules.items[position];
    struct root_range range = {.start = segment->start,
                               .end = segment->end,
                               .kind = SNAPSHOT_ROOT_GLOBAL,
                               .module = position,
                               .thread = SNAPSHOT_NONE};
    struct address_range arena;
    range_list_add(&plan->claimed, segment->start, segment->end);
    if (module->is_own)
        return;
    if (allocator_is_libc(module) &&
        allocator_find_in_libc(plan->words, module, segment, plan->input->libc, &arena)) {
        range.end = arena.start;
        root_plan_add_range(plan, &range);
        range.start = arena.end;
        range.end = segment->end;
    }
    root_plan_add_range(plan, &range);
}

void module_roots_plan(struct root_plan *plan)
{
    target_modules_find(&plan->modules, plan->input->mappings, plan->words);
    for (uint32_t i = 0; i < plan->modules.count; i++) {
        const struct target_module *module = &plan->modules.items[i];
        target_module_tell(module, plan->result);
        for (size_t j = 0; j < module->writable_count; j++)
            add_segment(plan, i, &module->writable[j]);
    }
}

static void plan_regions(struct root_plan *plan)
{
    const struct address_ranges *regions = &plan->input->regions;
    for (uint32_t i = 0; i < regions->count; i++)
        root_plan_add_range(plan, &(struct root_range){.start = regions->items[i].start,
                                                       .end = regions->items[i].end,
                                                       .kind = SNAPSHOT_ROOT_REGION,
                                                       .module = SNAPSHOT_NONE,
                                                       .thread = SNAPSHOT_NONE,
                                                       .number = i});
}

void root_plan_make(struct root_plan *plan)
{
    range_list_add_all(&plan->claimed, &plan->input->own);
    range_list_add_all(&plan->claimed, &plan->input->heap);
    module_roots_plan(plan);
    thread_roots_plan(plan);
    plan_regions(plan);
    mapping_roots_plan(plan);
    range_list_sort(&plan->dead);
}
