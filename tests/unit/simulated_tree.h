/* What the tests of process trees share: a simulated session (simulation.h) for each of them. */
#ifndef SEEP_TESTS_SIMULATED_TREE_H
#define SEEP_TESTS_SIMULATED_TREE_H

#include <stdint.h>

#include "record/process_tree.h"
#include "simulation.h"

enum {
    PARENT = 5000001, /* larger than any pid of Linux, so nobody of this number lives */
    CHILD = 5000002,
    OTHER_CHILD = 5000003,
    GRANDCHILD = 5000004,
    BLOCK = 0x10000
};
#define MS UINT64_C(1000000)

extern struct simulation simulation;
extern struct process_tree *tree; /* the simulation's */

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int set_up(void **state);
int tear_down(void **state);

/* Whose sums are what they must be: inherited and allocated is live and freed. */
struct recording_totals totals_of(const struct recorded_process *process);
struct recording_quality quality_of(const struct recorded_process *process);

/* Nothing was repaired, missed or bad. */
void expect_no_trouble(const struct recorded_process *process);

/* Slots of the session that somebody has. */
uint32_t claimed_rings(void);
uint32_t claimed_processes(void);

/* What the child has: two blocks of 100 and 20, born before; what came after is the parent's alone.
 */
void expect_inheritance(uint32_t pid);

/* Those of 100 and 20 bytes. */
struct actor start_parent_with_two_blocks(void);

uint64_t next_random(uint64_t *seed);

static inline void drain(uint64_t now)
{
    simulation_drain(&simulation, now);
}

static inline struct actor start_parent(void)
{
    return start_image(&simulation, 1 * MS, PARENT, 1, "/bin/parent");
}

static inline struct recorded_process *image(uint32_t pid)
{
    return image_of(&simulation, pid);
}

static inline void end(uint32_t pid, uint64_t now)
{
    simulation.now = now;
    process_tree_end_pid(tree, pid, RECORDING_EXIT_STATUS, 0);
}

static inline void sweep(uint64_t now)
{
    simulation.now = now;
    process_tree_sweep(tree, now);
}

#endif
