#define _GNU_SOURCE
#include "record/process_tree.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/memory.h"
#include "record/event_order.h"
#include "record/fork_views.h"
#include "record/own_allocators.h"
#include "record/process_ends.h"
#include "record/process_facts.h"
#include "record/process_images.h"
#include "record/ring_places.h"

void process_tree_init(struct process_tree *tree, struct session_host *host,
                       struct tick_clock *clock, uint32_t stack_depth, int epoll_fd)
{
    memset(tree, 0, sizeof *tree);
    tree->host = host;
    tree->clock = clock;
    tree->stack_depth = stack_depth;
    tree->epoll_fd = epoll_fd;
    tree->stacks = stack_table_create();
    tree->files = module_files_create(&tree->modules);
    tree->own_allocators = own_allocators_create();
    tree->unwinder = remote_unwind_create(NULL);
    tree->python_codes = python_codes_create();
    tree->by_slot = memory_allocate_zeroed(SESSION_PROCESS_SLOTS, sizeof *tree->by_slot);
    tree->intakes = memory_allocate_zeroed(SESSION_RING_SLOTS, sizeof *tree->intakes);
    tree->claim_pidfds = memory_allocate(SESSION_PROCESS_SLOTS * sizeof *tree->claim_pidfds);
    for (uint32_t slot = 0; slot < SESSION_PROCESS_SLOTS; slot++)
        tree->claim_pidfds[slot] = -1;
}

void process_tree_clear(struct process_tree *tree)
{
    for (size_t i = 0; i < tree->view_count; i++)
        heap_model_discard(tree->views[i].model);
    for (size_t i = 0; i < tree->count; i++)
        heap_model_discard(tree->processes[i]->model);
    for (size_t i = 0; i < tree->view_count; i++)
        fork_views_clear_view(&tree->views[i]);
    free(tree->views);
    while (tree->expected_count != 0)
        process_images_drop_expected(tree, tree->expected_count - 1);
    free(tree->expected);
    for (size_t i = 0; i < tree->count; i++)
        recorded_process_destroy(tree->processes[i]);
    free(tree->processes);
    free(tree->living);
    free(tree->retiring);
    hash_map_clear(&tree->by_pid);
    for (uint32_t slot = 0; slot < tree->intake_high; slot++)
        intake_destroy(tree->intakes[slot]);
    free(tree->intakes);
    free(tree->newcomers);
    free(tree->by_slot);
    for (uint32_t slot = 0; slot < SESSION_PROCESS_SLOTS; slot++)
        if (tree->claim_pidfds[slot] >= 0)
            close(tree->claim_pidfds[slot]);
    free(tree->claim_pidfds);
    remote_unwind_destroy(tree->unwinder);
    python_codes_destroy(tree->python_codes);
    own_allocators_destroy(tree->own_allocators);
    module_files_destroy(tree->files);
    module_table_clear(&tree->modules);
    stack_memo_clear(&tree->stack_memo);
    stack_table_destroy(tree->stacks);
    marks_clear(&tree->marks);
    memset(tree, 0, sizeof *tree);
}

uint64_t process_tree_drain(struct process_tree *tree)
{
    uint64_t now = tick_clock_now(tree->clock);
    session_host_beat(tree->host, tree->clock);
    ring_places_watch_claims(tree);
    ring_places_look(tree);
    uint64_t bytes = ring_places_place(tree, now);
    for (size_t i = 0; i < tree->living_count; i++)
        if (!tree->living[i]->is_ended && tree->living[i]->model != NULL)
            bytes += event_order_drain(tree, tree->living[i], now, false);
    return bytes;
}

bool process_tree_knows(const struct process_tree *tree, uint32_t pid)
{
    const struct recorded_process *process = process_images_find_pid(tree, pid);
    if ((process != NULL && !process->is_ended) || process_images_find_expected(tree, pid) != NULL)
        return true;
    for (size_t i = 0; i < tree->view_count; i++)
        if (tree->views[i].child_pid == pid)
            return true;
    return false;
}

/* Here and nowhere else, since here nobody is in the middle of the list. */
static void bury_ended(struct process_tree *tree)
{
    size_t kept = 0;
    for (size_t i = 0; i < tree->living_count; i++) {
        struct recorded_process *process = tree->living[i];
        if (!process->is_ended) {
            tree->living[kept++] = process;
        } else if (process->model != NULL) {
            tree->retiring = memory_grow(tree->retiring, &tree->retiring_capacity,
                                         tree->retiring_count + 1, sizeof *tree->retiring);
            tree->retiring[tree->retiring_count++] = process;
        }
    }
    tree->living_count = kept;
}

void process_tree_sweep(struct process_tree *tree, uint64_t now_ns)
{
    for (size_t i = 0; i < tree->living_count; i++) {
        struct recorded_process *process = tree->living[i];
        if (process->is_ended)
            continue;
        /* (Of the command the launcher tells.) */
        if (process->pidfd < 0 && (process->is_observed || process->id != 0) &&
            process_ends_is_pid_gone(process->pid)) {
            process_tree_end_pid(tree, process->pid, RECORDING_EXIT_UNKNOWN, 0);
            continue;
        }
        if (process->model == NULL)
            continue;
        uint64_t resident = process_facts_resident(process->pid, &process->statm_fd);
        if (resident > process->peak_resident_bytes)
            process->peak_resident_bytes = resident;
        heap_model_sample(process->model, now_ns, resident);
    }
    if (now_ns - tree->last_sweep_ns < 50000000)
        return;
    tree->last_sweep_ns = now_ns;
    fork_views_drop_unclaimed(tree);
    process_images_sweep_expected(tree);
    for (size_t i = tree->expected_count; i-- > 0;)
        if (i < tree->expected_count && tree->expected[i].pidfd < 0 &&
            process_ends_is_pid_gone(tree->expected[i].pid))
            process_tree_end_pid(tree, tree->expected[i].pid, RECORDING_EXIT_UNKNOWN, 0);
    for (size_t i = 0; i < tree->living_count; i++) {
        struct recorded_process *process = tree->living[i];
        if (process->is_ended || process->model == NULL)
            continue;
        uint64_t peak = process_facts_peak_resident(process->pid);
        if (peak > process->peak_resident_bytes)
            process->peak_resident_bytes = peak;
    }
    own_allocators_look(tree->own_allocators);
    ring_places_free_stale_claims(tree);
    bury_ended(tree);
    process_ends_retire(tree, now_ns);
}

static void drain_until_idle(struct process_tree *tree)
{
    uint64_t begin = tick_clock_now(tree->clock);
    while (process_tree_drain(tree) != 0 &&
           tick_clock_now(tree->clock) - begin <
               tick_clock_from_ns(tree->clock, PROCESS_TREE_PATIENCE_NS))
        ;
}

/* Events in rings of which nobody ever said whose they are. */
static uint64_t count_orphans(const struct process_tree *tree)
{
    uint64_t count = 0;
    for (uint32_t slot = 0; slot < tree->intake_high; slot++) {
        const struct intake *intake = tree->intakes[slot];
        if (intake != NULL && !intake->has_process)
            count += atomic_load(&intake->ring.control->event_count) +
                     atomic_load(&intake->ring.control->lost_events);
    }
    return count;
}

void process_tree_finish(struct process_tree *tree)
{
    drain_until_idle(tree);
    tree->is_finishing = true; /* whoever still waits for a parent's word has waited long enough */
    drain_until_idle(tree);
    for (size_t left = tree->expected_count; left-- > 0 && tree->expected_count != 0;) {
        struct expected_image *last = &tree->expected[tree->expected_count - 1];
        if (last->pid == UINT32_MAX)
            process_images_turn_unseen(tree, last);
        else
            process_images_settle_expected(tree, last->pid);
    }
    for (size_t i = 0; i < tree->living_count; i++) {
        struct recorded_process *process = tree->living[i];
        if (process->is_ended)
            continue;
        if (process->pidfd < 0 ? process_ends_is_pid_gone(process->pid)
                               : process_ends_has_pidfd_ended(process->pidfd)) {
            process_tree_end_pid(tree, process->pid, RECORDING_EXIT_UNKNOWN, 0);
            continue;
        }
        if (process->model != NULL) {
            process_ends_drain(tree, process);
            heap_model_settle(process->model);
        }
        process->end_ticks = tick_clock_now(tree->clock);
    }
    while (own_allocators_look(tree->own_allocators))
        session_host_beat(tree->host, tree->clock);
    tree->refused_events = atomic_load(&session_host_header(tree->host)->refused_events) +
                           count_orphans(tree);
}
