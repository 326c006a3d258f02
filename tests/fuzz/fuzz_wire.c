/* Any bytes as what a target wrote into its rings.
 *
 * First alone, through wire_check. Then as the content of two rings of a process of a session, of
 * which the recorder makes what it can: heap model, stacks, modules, forks, execs. Nothing may
 * crash, and whatever was written: blocks and bytes add up. */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "simulation.h"
#include "wire/wire_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum {
    PID = 5000001, /* larger than any pid of Linux */
    MAX_BYTES = 32 << 10
};
#define MS UINT64_C(1000000)

static struct simulation simulation;

static void expect(bool is_true)
{
    if (!is_true)
        abort();
}

static void check_records(const uint8_t *bytes, size_t count)
{
    uint64_t *words = memory_duplicate(bytes, count);
    const char *at = (const char *)words;
    for (size_t size; count != 0 && (size = wire_check(at, count)) != 0;
         at += size, count -= size) {
        expect(size <= count && size % 8 == 0 && size >= wire_fixed_bytes((unsigned char)*at));
        expect(wire_kind_name((unsigned char)*at)[0] != '?');
    }
    free(words);
}

/* ---- rings ------------------------------------------------------------------------------ */

/* Publishes the bytes as they are, so that their records begin where a record would. */
static void write_raw(struct actor *actor, const uint8_t *bytes, size_t count)
{
    uint32_t size = (uint32_t)(count & ~(size_t)7);
    void *room = size != 0 ? ring_reserve(&actor->ring, size) : NULL;
    if (room == NULL)
        return;
    memcpy(room, bytes, size);
    ring_commit(&actor->ring, size);
}

/* The end of the first record that ends at or after `wanted`; `count` when none does. */
static size_t end_of_record(const uint64_t *words, size_t count, size_t wanted)
{
    size_t at = 0, size;
    while (at < wanted && (size = wire_check((const char *)words + at, count - at)) != 0)
        at += size;
    return at >= wanted ? at : count & ~(size_t)7;
}

static void ignore_record(void *context, enum recording_kind kind, const void *record)
{
    (void)context, (void)kind, (void)record;
}

static void check_process(const struct recorded_process *process)
{
    struct recording_totals totals;
    struct recording_quality quality;
    expect(process->model != NULL || !process->is_observed);
    if (process->model == NULL)
        return;
    heap_model_totals(process->model, &totals);
    heap_model_quality(process->model, &quality);
    expect(totals.inherited_blocks + totals.allocations == totals.live_blocks + totals.frees);
    expect(totals.inherited_bytes + totals.allocated_bytes ==
           totals.live_bytes + totals.freed_bytes);
    heap_model_write_records(process->model, process->id, true, ignore_record, NULL);
}

static void hand_back(const struct actor *actor)
{
    session_host_free_ring(simulation.host, actor->ring_slot);
    session_host_free_process(simulation.host, actor->process_slot);
}

static void record(const uint8_t *bytes, size_t count)
{
    uint64_t *words = memory_duplicate(bytes, count);
    size_t one = end_of_record(words, count, count / 3);
    size_t two = end_of_record(words, count, count / 3 * 2);
    free(words);
    struct process_tree *tree = &simulation.tree;
    process_tree_init(tree, simulation.host, &simulation.clock, 64, -1);
    struct actor first = start_image(&simulation, 1 * MS, PID, 1, "/bin/target");
    struct actor second = start_thread(&first, 2 * MS, PID + 1);
    simulation_drain(&simulation, 10 * MS);
    write_raw(&first, bytes, one);
    set_in_hook(&second, true);
    simulation_drain(&simulation, 20 * MS);
    write_raw(&second, bytes + one, two - one);
    simulation_drain(&simulation, 30 * MS);
    set_in_hook(&second, false);
    write_raw(&first, bytes + two, count - two);
    simulation_drain(&simulation, 40 * MS);
    process_tree_sweep(tree, 100 * MS);
    simulation.now = 200 * MS;
    process_tree_finish(tree);
    for (size_t i = 0; i < tree->count; i++)
        check_process(tree->processes[i]);
    process_tree_clear(tree);
    hand_back(&first);
    hand_back(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    if (simulation.host == NULL) {
        if (!simulation_start(&simulation))
            abort();
        process_tree_clear(&simulation.tree);
    }
    if (count > MAX_BYTES)
        count = MAX_BYTES;
    check_records(bytes, count);
    record(bytes, count);
    return 0;
}
