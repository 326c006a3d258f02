#define _GNU_SOURCE
#include "record/process_ends.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "record/event_order.h"
#include "record/fork_views.h"
#include "record/process_facts.h"
#include "record/process_images.h"
#include "record/ring_places.h"

#define RETIRE_AFTER_NS UINT64_C(3000000000)

void process_ends_free_silent_rings(struct process_tree *tree, uint32_t process_slot)
{
    uint32_t high = ring_places_high(tree);
    for (uint32_t slot = 0; slot < high; slot++) {
        struct ring_control *control = ring_places_ring(tree, slot);
        if (tree->intakes[slot] == NULL && atomic_load(&control->state) == SESSION_SLOT_CLAIMED &&
            atomic_load(&control->tid) != 0 && control->process_slot == process_slot)
            session_host_free_ring(tree->host, slot);
    }
}

void process_ends_release_slots(struct process_tree *tree, struct recorded_process *process)
{
    for (size_t i = 0; i < process->intake_count; i++) {
        struct intake *intake = process->intakes[i];
        process->lost_events += atomic_load(&intake->ring.control->lost_events);
        process->wait_ticks += atomic_load(&intake->ring.control->wait_ticks);
        tree->intakes[intake->slot] = NULL;
        session_host_free_ring(tree->host, intake->slot);
        intake_destroy(intake);
    }
    process->intake_count = 0;
    if (!process->has_slot)
        return;
    struct session_process *shared = session_process_at(session_host_header(tree->host),
                                                        process->process_slot);
    process->own_bytes += atomic_load(&shared->own_bytes) + atomic_load(&shared->ring_bytes);
    tree->by_slot[process->process_slot] = NULL;
    process->has_slot = false;
    ring_places_drop_claim_watch(tree, process->process_slot);
    process_ends_free_silent_rings(tree, process->process_slot);
    session_host_free_process(tree->host, process->process_slot);
}

/* How it ended, for a process that is not our child: the kernel tells, or the program did. */
static void find_exit(const struct recorded_process *process, enum recording_exit_kind *kind,
                      uint64_t *value)
{
    int wait_status;
    if (process_facts_exit(process->pid, process->pidfd, &wait_status)) {
        bool is_signal = (wait_status & 0x7f) != 0;
        *kind = is_signal ? RECORDING_EXIT_SIGNAL : RECORDING_EXIT_STATUS;
        *value = is_signal ? (uint64_t)(wait_status & 0x7f) : (uint64_t)(wait_status >> 8 & 0xff);
    } else if (process->is_exit_told) {
        *kind = RECORDING_EXIT_STATUS;
        *value = (uint64_t)(process->exit_told & 0xff);
    }
}

void process_ends_drain(struct process_tree *tree, struct recorded_process *process)
{
    uint64_t begin = tick_clock_now(tree->clock), now = begin;
    while (event_order_drain(tree, process, now, true) != 0 &&
           now - begin < tick_clock_from_ns(tree->clock, PROCESS_TREE_PATIENCE_NS))
        now = tick_clock_now(tree->clock);
}

void process_ends_hear_last_words(struct process_tree *tree, struct recorded_process *process)
{
    ring_places_look(tree);
    for (uint32_t slot = 0; process->has_slot && slot < tree->intake_high; slot++) {
        struct intake *intake = tree->intakes[slot];
        if (intake == NULL || intake->has_process || intake->kind != 0 ||
            intake->process_slot != process->process_slot)
            continue;
        ring_places_attach(process, intake);
        intake->has_process = true;
    }
    process_ends_drain(tree, process);
}

void process_ends_end_image(struct process_tree *tree, struct recorded_process *process,
                            enum recording_exit_kind kind, uint64_t value, uint64_t ticks)
{
    if (process->is_ended)
        return;
    if (process->model != NULL) {
        process_ends_hear_last_words(tree, process);
        heap_model_settle(process->model);
    }
    if (kind == RECORDING_EXIT_UNKNOWN)
        find_exit(process, &kind, &value);
    process->is_ended = true;
    process->exit_kind = kind;
    process->exit_value = value;
    process->end_ticks = ticks;
    process_ends_release_slots(tree, process);
    recorded_process_rest(process);
    process_images_end_watch(tree, process->pidfd);
    process->pidfd = -1;
    if (process->statm_fd >= 0) {
        close(process->statm_fd);
        process->statm_fd = -1;
    }
}

void process_tree_end_pid(struct process_tree *tree, uint32_t pid,
                          enum recording_exit_kind exit_kind, uint64_t exit_value)
{
    /* Its first records may still wait for a look, and a later image of it too. */
    process_tree_drain(tree);
    struct recorded_process *process = process_images_find_pid(tree, pid);
    /* It may have said that the exec which is waited for failed. */
    if (process != NULL && !process->is_ended && process->model != NULL)
        process_ends_hear_last_words(tree, process);
    process_images_settle_expected(tree, pid);
    process = process_images_find_pid(tree, pid);
    if (process == NULL || process->is_ended)
        return;
    process_ends_end_image(tree, process, exit_kind, exit_value, tick_clock_now(tree->clock));
    fork_views_drop_child(tree, pid);
}

bool process_ends_is_pid_gone(uint32_t pid)
{
    return (int32_t)pid <= 0 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
}

/* Forked children count as soon as the fork has returned, though they have nothing to tell yet. */
size_t process_tree_living(const struct process_tree *tree)
{
    size_t living = 0;
    for (size_t i = 0; i < tree->living_count; i++)
        living += !tree->living[i]->is_ended;
    for (size_t i = 0; i < tree->view_count; i++)
        living += tree->views[i].child_pid != 0 &&
                  !process_ends_is_pid_gone(tree->views[i].child_pid);
    for (size_t i = 0; i < tree->expected_count; i++)
        living += !process_ends_is_pid_gone(tree->expected[i].pid);
    return living;
}

/* A child before its parent, which would else copy for it what nobody asks for any more. */
static int newest_first(const void *a, const void *b)
{
    const struct recorded_process *const *first = a, *const *second = b;
    return ((*first)->id < (*second)->id) - ((*first)->id > (*second)->id);
}

void process_ends_retire(struct process_tree *tree, uint64_t now_ns)
{
    size_t kept = 0;
    if (tree->retiring_count > 1)
        qsort(tree->retiring, tree->retiring_count, sizeof *tree->retiring, newest_first);
    for (size_t i = 0; i < tree->retiring_count; i++) {
        struct recorded_process *process = tree->retiring[i];
        bool is_wanted = now_ns <
                         tick_clock_to_ns(tree->clock, process->end_ticks) + RETIRE_AFTER_NS;
        for (size_t view = 0; view < tree->view_count && !is_wanted; view++)
            is_wanted = tree->views[view].parent == process;
        if (is_wanted) {
            tree->retiring[kept++] = process;
            continue;
        }
        heap_model_retire(process->model);
        process->is_retired = true;
    }
    tree->retiring_count = kept;
}

bool process_ends_has_pidfd_ended(int pidfd)
{
    struct pollfd look = {.fd = pidfd, .events = POLLIN};
    return poll(&look, 1, 0) == 1;
}
