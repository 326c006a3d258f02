#include "simulated_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct simulation simulation;
struct process_tree *tree;

int set_up(void **state)
{
    (void)state;
    tree = &simulation.tree;
    return simulation_start(&simulation) ? 0 : -1;
}

int tear_down(void **state)
{
    (void)state;
    simulation_end(&simulation);
    return 0;
}

struct recording_totals totals_of(const struct recorded_process *process)
{
    struct recording_totals totals;
    assert_non_null(process);
    assert_non_null(process->model);
    heap_model_totals(process->model, &totals);
    assert_int_equal(totals.inherited_blocks + totals.allocations,
                     totals.live_blocks + totals.frees);
    assert_int_equal(totals.inherited_bytes + totals.allocated_bytes,
                     totals.live_bytes + totals.freed_bytes);
    return totals;
}

struct recording_quality quality_of(const struct recorded_process *process)
{
    struct recording_quality quality;
    heap_model_quality(process->model, &quality);
    return quality;
}

void expect_no_trouble(const struct recorded_process *process)
{
    struct recording_quality quality = quality_of(process);
    assert_int_equal(quality.unknown_frees, 0);
    assert_int_equal(quality.missed_frees, 0);
    assert_int_equal(quality.repaired_events, 0);
    assert_int_equal(quality.bad_records + process->bad_records, 0);
}

uint32_t claimed_rings(void)
{
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < SESSION_RING_SLOTS; slot++) {
        struct ring_control *control = (void *)((char *)session_host_header(simulation.host) +
                                                session_ring_offset(slot));
        if (slot < atomic_load(&session_host_header(simulation.host)->ring_high))
            count += atomic_load(&control->state) != SESSION_SLOT_FREE;
    }
    return count;
}

uint32_t claimed_processes(void)
{
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < SESSION_PROCESS_SLOTS; slot++)
        count += atomic_load(
                     &session_process_at(session_host_header(simulation.host), slot)->state) !=
                 SESSION_SLOT_FREE;
    return count;
}

void expect_inheritance(uint32_t pid)
{
    struct recorded_process *child = image(pid);
    assert_non_null(child);
    assert_int_equal(child->parent_id_plus_1, nth_image_of(&simulation, PARENT, 0)->id + 1);
    struct recording_totals totals = totals_of(child);
    assert_int_equal(totals.inherited_blocks, 2);
    assert_int_equal(totals.inherited_bytes, 120);
    assert_int_equal(totals.allocations, 0);
    assert_string_equal(child->executable, "/bin/parent");
    assert_false(child->is_own_image);
}

struct actor start_parent_with_two_blocks(void)
{
    struct actor parent = start_parent();
    tell_birth(&parent, 2 * MS, BLOCK, 100);
    tell_birth(&parent, 3 * MS, 2 * BLOCK, 20);
    return parent;
}

uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}
