#define _GNU_SOURCE
#include "record/ring_places.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "record/own_allocators.h"
#include "record/process_ends.h"
#include "record/process_images.h"
#include "snapshot/task_facts.h"
#include "wire/wire_format.h"

/* How long a store of a producer may stay unseen: a store buffer drains within about 2 us. */
#define SLACK_NS  UINT64_C(100000)
/* A stamp is read before its record is looked for, so this far ahead of a look it cannot be. */
#define FUTURE_NS UINT64_C(10000000000)

void ring_places_answer(_Atomic uint32_t *word)
{
    atomic_fetch_add(word, 1);
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void ring_places_watch_claims(struct process_tree *tree)
{
    struct session_header *header = session_host_header(tree->host);
    uint32_t high = atomic_load(&header->process_high);
    for (uint32_t slot = 0; slot < high && slot < SESSION_PROCESS_SLOTS; slot++) {
        struct session_process *shared = session_process_at(header, slot);
        uint32_t pid = atomic_load_explicit(&shared->pid, memory_order_acquire);
        if (pid == 0 || atomic_load_explicit(&shared->is_watched, memory_order_relaxed) != 0)
            continue;
        if (tree->claim_pidfds[slot] < 0)
            tree->claim_pidfds[slot] = (int)syscall(SYS_pidfd_open, pid, 0);
        /* Whoever is watched by a debugger already cannot be stopped by us. */
        if (tree->is_parking_wanted && task_facts_tracer((pid_t)pid) != 0)
            atomic_store(&shared->park_state, SESSION_PARK_WANTED);
        ring_places_answer(&shared->is_watched);
    }
}

void ring_places_drop_claim_watch(struct process_tree *tree, uint32_t slot)
{
    if (tree->claim_pidfds[slot] >= 0)
        close(tree->claim_pidfds[slot]);
    tree->claim_pidfds[slot] = -1;
}

struct ring_control *ring_places_ring(const struct process_tree *tree, uint32_t slot)
{
    return (void *)((char *)session_host_header(tree->host) + session_ring_offset(slot));
}

void ring_places_attach(struct recorded_process *process, struct intake *intake)
{
    process->intakes = memory_grow(process->intakes, &process->intake_capacity,
                                   process->intake_count + 1, sizeof *process->intakes);
    process->intakes[process->intake_count++] = intake;
}

static const char *allocator_name(uint32_t allocator)
{
    static const char *const names[WIRE_ALLOCATOR_COUNT] = {"unknown",  "glibc",    "jemalloc",
                                                            "tcmalloc", "mimalloc", "musl"};
    return names[allocator < WIRE_ALLOCATOR_COUNT ? allocator : WIRE_ALLOCATOR_UNKNOWN];
}

/* The pidfd of a claim becomes the process's. */
static int take_watch(struct process_tree *tree, uint32_t slot)
{
    int pidfd = tree->claim_pidfds[slot];
    tree->claim_pidfds[slot] = -1;
    if (pidfd >= 0)
        process_images_add_to_epoll(
            tree, pidfd,
            atomic_load(&session_process_at(session_host_header(tree->host), slot)->pid));
    return pidfd;
}

/* The first record of a process. False: it must wait for its parent. */
static bool start_process(struct process_tree *tree, struct intake *intake)
{
    uint64_t copy[(sizeof(struct wire_process) + 2 * WIRE_MAX_TEXT_BYTES) / 8 + 2];
    size_t size = intake->size < sizeof copy ? intake->size : sizeof copy;
    memcpy(copy, intake->at, size);
    const struct wire_process *record = (const void *)copy;
    if (record->executable_bytes > WIRE_MAX_TEXT_BYTES ||
        record->argument_bytes > WIRE_MAX_TEXT_BYTES ||
        sizeof *record + record->executable_bytes + record->argument_bytes > size) {
        intake_advance(intake); /* malformed: nobody's ring */
        return true;
    }
    struct recorded_process *process = record->origin == WIRE_PROCESS_FORK
                                           ? process_images_start_by_fork(tree, record,
                                                                          intake->ticks)
                                           : process_images_start_by_exec(tree, record,
                                                                          intake->ticks);
    if (process == NULL)
        return false;
    process->is_observed = true;
    process->process_slot = intake->process_slot;
    process->has_slot = true;
    process->real_malloc = record->real_malloc;
    process->own_bytes = record->own_bytes;
    tree->by_slot[intake->process_slot] = process;
    ring_places_attach(process, intake);
    if (process->pidfd < 0)
        process->pidfd = take_watch(tree, intake->process_slot);
    if (process->pidfd < 0)
        process->pidfd = process_images_watch(tree, process->pid);
    if (record->origin == WIRE_PROCESS_EXEC) {
        process->allocator_name = allocator_name(record->allocator);
        own_allocators_add(tree->own_allocators, process, record->has_own_allocator != 0);
    }
    intake_advance(intake);
    return true;
}

uint32_t ring_places_high(const struct process_tree *tree)
{
    uint32_t high = atomic_load(&session_host_header(tree->host)->ring_high);
    uint32_t slots = session_host_ring_slots(tree->host);
    return high < slots ? high : slots;
}

void ring_places_look(struct process_tree *tree)
{
    uint32_t high = ring_places_high(tree);
    for (uint32_t slot = 0; slot < high; slot++) {
        if (tree->intakes[slot] != NULL)
            continue;
        struct ring_control *control = ring_places_ring(tree, slot);
        if (atomic_load_explicit(&control->state, memory_order_acquire) != SESSION_SLOT_CLAIMED ||
            atomic_load_explicit(&control->head, memory_order_acquire) ==
                atomic_load_explicit(&control->tail, memory_order_relaxed))
            continue;
        uint32_t process_slot = *(const volatile uint32_t *)&control->process_slot;
        if (process_slot >= SESSION_PROCESS_SLOTS)
            continue;
        tree->intakes[slot] = intake_create(control, slot, process_slot);
        if (slot >= tree->intake_high)
            tree->intake_high = slot + 1;
    }
}

struct intake_times ring_places_look_times(const struct process_tree *tree, uint64_t now)
{
    return (struct intake_times){
        .now_ticks = now,
        .slack_ticks = tick_clock_from_ns(tree->clock, SLACK_NS),
        .patience_ticks = tick_clock_from_ns(tree->clock, PROCESS_TREE_PATIENCE_NS),
        .future_ticks = tick_clock_from_ns(tree->clock, FUTURE_NS),
    };
}

static void add_newcomer(struct process_tree *tree, struct intake *intake)
{
    tree->newcomers = memory_grow(tree->newcomers, &tree->newcomer_capacity,
                                  tree->newcomer_count + 1, sizeof *tree->newcomers);
    tree->newcomers[tree->newcomer_count++] = intake;
}

/* Gives rings to their processes; of the others, takes note of those that a process begins with. */
static void gather_newcomers(struct process_tree *tree, uint64_t now)
{
    tree->newcomer_count = 0;
    for (uint32_t slot = 0; slot < tree->intake_high; slot++) {
        struct intake *intake = tree->intakes[slot];
        if (intake == NULL || intake->has_process)
            continue;
        struct intake_times times = ring_places_look_times(tree, now);
        times.is_alone = true;
        intake_refresh(intake, &times);
        struct recorded_process *process = tree->by_slot[intake->process_slot];
        if (process != NULL) {
            ring_places_attach(process, intake);
            intake->has_process = true;
            intake_settle(intake, false);
        } else if (intake_has_record(intake) && intake->kind == WIRE_PROCESS) {
            add_newcomer(tree, intake);
        } else {
            intake_settle(intake, true);
        }
    }
}

static int compare_newcomers(const void *left, const void *right)
{
    const struct intake *a = *(struct intake *const *)left, *b = *(struct intake *const *)right;
    return a->ticks != b->ticks ? (a->ticks < b->ticks ? -1 : 1) : (a->slot < b->slot ? -1 : 1);
}

static uint32_t pid_of_newcomer(const struct intake *intake)
{
    return ((const volatile struct wire_process *)intake->at)->pid;
}

/* Images begin in the order of their stamps; when one must wait, the next image of the same pid
 * waits with it. Returns the bytes read. */
static uint64_t start_newcomers(struct process_tree *tree)
{
    uint64_t bytes = 0;
    size_t waiting = 0;
    if (tree->newcomer_count > 1)
        qsort(tree->newcomers, tree->newcomer_count, sizeof *tree->newcomers, compare_newcomers);
    for (size_t i = 0; i < tree->newcomer_count; i++) {
        struct intake *intake = tree->newcomers[i];
        size_t size = intake->size;
        bool must_wait = false;
        for (size_t before = 0; before < waiting; before++)
            must_wait |= pid_of_newcomer(tree->newcomers[before]) == pid_of_newcomer(intake);
        if (must_wait || !start_process(tree, intake)) {
            tree->newcomers[waiting++] = intake;
            continue;
        }
        bytes += size;
        intake->has_process = tree->by_slot[intake->process_slot] != NULL;
        intake_settle(intake, !intake->has_process);
    }
    for (size_t i = 0; i < waiting; i++)
        intake_settle(tree->newcomers[i], true);
    return bytes;
}

uint64_t ring_places_place(struct process_tree *tree, uint64_t now)
{
    uint64_t bytes = 0;
    for (uint64_t more = 1; more != 0; bytes += more) {
        gather_newcomers(tree, now);
        more = tree->newcomer_count != 0 ? start_newcomers(tree) : 0;
    }
    return bytes;
}

static bool has_ring(const struct process_tree *tree, uint32_t process_slot)
{
    for (uint32_t slot = 0; slot < tree->intake_high; slot++)
        if (tree->intakes[slot] != NULL && tree->intakes[slot]->process_slot == process_slot)
            return true;
    return false;
}

void ring_places_free_stale_claims(struct process_tree *tree)
{
    struct session_header *header = session_host_header(tree->host);
    uint32_t high = atomic_load(&header->process_high);
    uint32_t gone[SESSION_PROCESS_SLOTS], gone_count = 0;
    for (uint32_t slot = 0; slot < high && slot < SESSION_PROCESS_SLOTS; slot++) {
        struct session_process *shared = session_process_at(header, slot);
        uint32_t pid = atomic_load(&shared->pid);
        if (tree->by_slot[slot] == NULL && atomic_load(&shared->state) == SESSION_SLOT_CLAIMED &&
            pid != 0 && process_ends_is_pid_gone(pid))
            gone[gone_count++] = slot;
    }
    if (gone_count == 0)
        return;
    ring_places_look(tree);
    for (uint32_t i = 0; i < gone_count; i++) {
        if (has_ring(tree, gone[i]))
            continue;
        process_ends_free_silent_rings(tree, gone[i]);
        ring_places_drop_claim_watch(tree, gone[i]);
        session_host_free_process(tree->host, gone[i]);
    }
}
