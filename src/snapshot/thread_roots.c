#include "snapshot/root_plan.h"

#include <string.h>

#include "snapshot/mapping_search.h"

void thread_roots_plan(struct root_plan *plan)
{
    const struct snapshot_scan_input *input = plan->input;
    for (uint32_t i = 0; i < input->thread_count; i++) {
        const struct stopped_thread *stopped = &input->threads[i];
        struct snapshot_thread told = {.tid = stopped->tid};
        memcpy(told.name, stopped->name, sizeof told.name);
        const struct target_mapping *mapping = mapping_search(input->mappings, stopped->sp);
        if (stopped->has_registers && mapping) {
            told.stack_start = stopped->sp;
            told.stack_end = mapping->end;
        } else {
            plan->result->missing_threads++;
        }
        uint32_t position = snapshot_add_thread(plan->result, &told);
        root_plan_add_range(plan, &(struct root_range){.start = told.stack_start & ~UINT64_C(7),
                                                       .end = told.stack_end,
                                                       .kind = SNAPSHOT_ROOT_STACK,
                                                       .module = SNAPSHOT_NONE,
                                                       .thread = position});
        if (mapping)
            range_list_add(&plan->claimed, mapping->start, mapping->end);
        for (uint32_t j = 0; j < stopped->register_count && j < STOPPED_REGISTERS_MAX; j++)
            root_plan_add_value(plan, &(struct root_value){.address = j,
                                                           .value = stopped->registers[j],
                                                           .kind = SNAPSHOT_ROOT_REGISTER,
                                                           .thread = position});
        for (size_t at = 0; at + 8 <= stopped->vector_register_bytes; at += 8) {
            uint64_t value;
            memcpy(&value, stopped->vector_registers + at, sizeof value);
            root_plan_add_value(plan,
                                &(struct root_value){.address = SNAPSHOT_VECTOR_REGISTERS + at / 8,
                                                     .value = value,
                                                     .kind = SNAPSHOT_ROOT_REGISTER,
                                                     .thread = position});
        }
    }
}
