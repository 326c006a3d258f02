#include "tui/view.h"

#include <string.h>

/* The order is that of Tab: screens first, by 1 .. 9, 0, D. */
static const struct view_ops *const views[] = {
    /* clang-format off */
    &view_overview,
    &view_sites,
    &view_tree,
    &view_flame,
    &view_leaks,
    &view_graph,
    &view_types,
    &view_threads,
    &view_modules,
    &view_python,
    &view_categories,
    &view_live,
    &view_diff,
    &view_output,
    /* clang-format on */
    &view_group,
    &view_stack,
    &view_blocks,
    &view_block,
    &view_source,
    &view_help,
    &view_menu,
};

const struct view_ops *view_ops_at(size_t position)
{
    return position < sizeof views / sizeof *views ? views[position] : NULL;
}

const struct view_ops *view_ops_find(const char *name)
{
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        if (strcmp(views[i]->name, name) == 0)
            return views[i];
    return NULL;
}

enum query_metric view_additive_metric(const struct view *view)
{
    enum query_metric metric = view->context->question.metric;
    const struct query_metric_info *info = query_metric_at(metric);
    return !info->is_signed ? metric : info->is_bytes ? QUERY_ALLOCATED_BYTES : QUERY_ALLOCATIONS;
}

const char *view_filter(const struct view *view)
{
    if (!view->ops->has_own_filter)
        return view->context->question.filter;
    return view->own_filter ? view->own_filter : "";
}

const char *view_missing_graph(const struct view_context *context)
{
    return context->options->get_graph ? NULL
                                       : "no snapshot: seep run takes one at exit, seep"
                                         " snapshot PID at any time";
}

void view_print_process(const struct profile *profile, uint32_t process, struct text *out)
{
    if (process >= profile->process_count) {
        text_print(out, "%zu processes", profile->process_count);
        return;
    }
    const struct recording_process *about = &profile->processes[process].about;
    const char *name = profile_process_name(&profile->processes[process]);
    text_print(out, "%s (pid %llu)", *name ? name : "?", (unsigned long long)about->pid);
    if (about->image > 0)
        text_print(out, " image %llu", (unsigned long long)about->image);
}
