/* A session without targets: rings are claimed and written here by hand, record by record with
 * stamps of choice, as the preload does it in targets; and the time stands where the test puts it.
 * A tick is a nanosecond. */
#ifndef SEEP_TESTS_SIMULATION_H
#define SEEP_TESTS_SIMULATION_H

#include <stdbool.h>
#include <stdint.h>

#include "record/process_tree.h"
#include "wire/ring.h"

/* In nanoseconds, as process_tree.c has them. */
#define SIMULATION_SLACK    UINT64_C(100000)
#define SIMULATION_PATIENCE UINT64_C(1000000000)

struct simulation {
    uint64_t now;
    struct tick_clock clock;
    struct session_host *host;
    struct process_tree tree;
};

/* A thread of a simulated target. */
struct actor {
    struct simulation *simulation;
    struct ring ring;
    uint32_t ring_slot;
    uint32_t process_slot;
    uint32_t pid, tid;
};

/* False when the session cannot be made. */
bool simulation_start(struct simulation *simulation);
void simulation_end(struct simulation *simulation);

/* Puts the clock to `now` and drains once. Returns the bytes read. */
uint64_t simulation_drain(struct simulation *simulation, uint64_t now);

/* A process slot; a ring for a thread of the process that holds it. UINT32_MAX = none is free. */
uint32_t claim_process_slot(struct simulation *simulation, uint32_t pid);
struct actor claim_ring(struct simulation *simulation, uint32_t process_slot, uint32_t pid,
                        uint32_t tid);

/* Writes one record: kind, stamp, the words after the first. Grows the ring when it is full; false
 * when even that does not help. */
bool tell(struct actor *actor, uint64_t ticks, enum wire_kind kind, uint32_t word_count,
          const uint64_t *words);
#define TELL(actor, ticks, kind, ...)                                                              \
    tell((actor), (ticks), (kind), sizeof((uint64_t[]){__VA_ARGS__}) / 8, (uint64_t[]){__VA_ARGS__})

/* A process and the first thread of it, with their first records. */
struct actor start_image(struct simulation *simulation, uint64_t ticks, uint32_t pid,
                         uint32_t parent_pid, const char *executable);
/* The same for the child of a fork in `parent`'s process. */
struct actor start_child(struct actor *parent, uint64_t ticks, uint32_t pid);
/* One more thread. */
struct actor start_thread(struct actor *sibling, uint64_t ticks, uint32_t tid);

void tell_birth(struct actor *actor, uint64_t ticks, uint64_t address, uint64_t bytes);
void tell_release(struct actor *actor, uint64_t ticks, uint64_t address);
void tell_exec(struct actor *actor, uint64_t ticks, uint32_t pid, enum wire_exec_reason reason,
               const char *path);
void set_in_hook(struct actor *actor, bool is_in_hook);

/* The newest image of a pid, or the n-th; NULL = none. */
struct recorded_process *image_of(const struct simulation *simulation, uint32_t pid);
struct recorded_process *nth_image_of(const struct simulation *simulation, uint32_t pid, size_t n);
size_t count_images_of(const struct simulation *simulation, uint32_t pid);

#endif
