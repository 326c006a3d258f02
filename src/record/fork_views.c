#define _GNU_SOURCE
#include "record/fork_views.h"

#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "record/process_ends.h"
#include "record/process_images.h"
#include "wire/wire_format.h"

void fork_views_clear_view(struct fork_view *view)
{
    heap_model_destroy(view->model);
    module_map_clear(&view->modules);
}

void fork_views_drop(struct process_tree *tree, size_t position)
{
    fork_views_clear_view(&tree->views[position]);
    memmove(tree->views + position, tree->views + position + 1,
            (tree->view_count - position - 1) * sizeof *tree->views);
    tree->view_count--;
}

void fork_views_keep(struct process_tree *tree, struct recorded_process *parent, uint64_t number,
                     uint64_t ticks)
{
    recorded_process_flush(parent);
    struct fork_view view = {.parent = parent, .number = number};
    view.model = heap_model_fork(parent->model, tick_clock_to_ns(tree->clock, ticks));
    heap_model_expect_fork(view.model);
    module_map_copy(&view.modules, &parent->modules);
    tree->views = memory_grow(tree->views, &tree->view_capacity, tree->view_count + 1,
                              sizeof *tree->views);
    tree->views[tree->view_count++] = view;
}

/* Has the parent itself not begun yet, because its own first record waits? */
static bool is_parent_waiting(const struct process_tree *tree, const struct wire_process *record)
{
    for (uint32_t slot = 0; slot < tree->intake_high; slot++) {
        const struct intake *intake = tree->intakes[slot];
        if (intake != NULL && !intake->has_process && intake->process_slot == record->parent_slot)
            return true;
    }
    return false;
}

struct fork_view *fork_views_find(struct process_tree *tree, const struct wire_process *record,
                                  uint64_t ticks, struct recorded_process **parent, bool *must_wait)
{
    *must_wait = false;
    *parent = process_images_find(tree, record->parent_image_pid, record->parent_slot);
    if (*parent == NULL && is_parent_waiting(tree, record)) {
        *must_wait = true;
        return NULL;
    }
    bool is_patient = tick_clock_now(tree->clock) - ticks <
                      tick_clock_from_ns(tree->clock, 2 * PROCESS_TREE_PATIENCE_NS);
    struct fork_view *candidate = NULL;
    size_t candidates = 0;
    /* From the newest on: a child's number is given again once the child is gone, and its view may
     * still be here. A newer fork that has not returned yet may be the one with this number. */
    for (size_t i = tree->view_count; i-- > 0;) {
        struct fork_view *view = &tree->views[i];
        if (*parent != NULL && view->parent != *parent)
            continue;
        if (view->child_pid == record->pid) {
            *must_wait = candidates != 0 && is_patient && !view->parent->is_ended;
            *parent = view->parent;
            return *must_wait ? NULL : view;
        }
        if ((!view->is_done || view->child_pid == UINT32_MAX) && view->parent == *parent) {
            candidate = view;
            candidates++;
        }
    }
    bool is_parent_behind = *parent != NULL && !(*parent)->is_ended && (*parent)->model != NULL &&
                            (*parent)->applied_ticks < ticks && is_patient;
    if (candidates == 1 && !is_parent_behind)
        return candidate;
    *must_wait = is_parent_behind || (candidates > 1 && !(*parent)->is_ended);
    return candidates == 1 && !*must_wait ? candidate : NULL;
}

void fork_views_drop_child(struct process_tree *tree, uint32_t pid)
{
    for (size_t i = tree->view_count; i-- > 0;)
        if (tree->views[i].child_pid == pid)
            fork_views_drop(tree, i);
}

void fork_views_drop_unclaimed(struct process_tree *tree)
{
    bool is_ring_waiting = false;
    for (uint32_t slot = 0; slot < tree->intake_high; slot++)
        is_ring_waiting |= tree->intakes[slot] != NULL && !tree->intakes[slot]->has_process;
    for (size_t i = tree->view_count; i-- > 0;) {
        struct fork_view *view = &tree->views[i];
        if (view->is_child_gone && !is_ring_waiting)
            fork_views_drop(tree, i);
        else if (view->child_pid != 0)
            view->is_child_gone = process_ends_is_pid_gone(view->child_pid);
    }
}
