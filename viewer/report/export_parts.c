#include "report/export_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

bool export_has_process(const struct export_options *options, uint32_t process)
{
    return options->process == QUERY_ALL_PROCESSES || options->process == process;
}

bool export_sites_select(const struct profile *profile, const struct export_options *options,
                         struct export_sites *sites, struct error *error)
{
    uint8_t *is_kept = memory_allocate_zeroed(profile->site_count, 1);
    bool is_good = query_filter_sites(profile, &options->filter, is_kept, error);

    *sites = (struct export_sites){0};
    if (is_good) {
        sites->positions = memory_allocate_zeroed(profile->site_count, sizeof *sites->positions);
        for (uint32_t i = 0; i < profile->site_count; i++)
            if (is_kept[i] && export_has_process(options, profile->sites[i].process))
                sites->positions[sites->count++] = i;
    }
    free(is_kept);
    return is_good;
}

void export_sites_clear(struct export_sites *sites)
{
    free(sites->positions);
    *sites = (struct export_sites){0};
}

static bool collect(void *context, const struct profile_frame *frame,
                    const struct profile_location *location)
{
    struct export_stack *stack = context;

    stack->lines = memory_grow(stack->lines, &stack->capacity, stack->count + 1,
                               sizeof *stack->lines);
    stack->lines[stack->count++] = (struct export_line){frame, location};
    return true;
}

void export_stack_read(struct export_stack *stack, const struct profile *profile, uint32_t node)
{
    stack->count = 0;
    profile_visit_stack(profile, node, collect, stack);
}

void export_stack_clear(struct export_stack *stack)
{
    free(stack->lines);
    *stack = (struct export_stack){0};
}

size_t export_process_count(const struct profile *profile, const struct export_options *options)
{
    size_t count = 0;

    for (uint32_t i = 0; i < profile->process_count; i++)
        count += export_has_process(options, i) && profile->processes[i].site_count > 0;
    return count;
}

void export_add_name(struct text *out, const char *name, const char *forbidden, char instead)
{
    size_t bytes = strlen(name) + 1;
    char *safe = memory_allocate(bytes);

    text_make_safe(name, safe, bytes);
    for (char *at = safe; *(at += strcspn(at, forbidden));)
        *at++ = instead;
    text_add(out, safe);
    free(safe);
}

void export_add_process_name(struct text *out, const struct profile_process *process)
{
    export_add_name(out, profile_process_name(process), "", ' ');
    text_print(out, " (pid %llu)", (unsigned long long)process->about.pid);
}

void export_add_command(struct text *out, const struct profile *profile,
                        const struct export_options *options)
{
    const struct recording_text_list *command = &profile->session.command;
    size_t count = options->are_arguments_shown || command->count == 0 ? command->count : 1;

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text_add(out, " ");
        export_add_name(out, command->items[i], "", ' ');
    }
}

bool export_choose_process(const struct profile *profile, const struct export_options *options,
                           const char *format, uint32_t *process, struct error *error)
{
    *process = options->process;
    if (*process != QUERY_ALL_PROCESSES)
        return true;
    if (export_process_count(profile, options) > 1)
        return error_set(error,
                         "the %s format holds one process: choose it with --process=ID "
                         "(\"seep info\" lists them)",
                         format);
    *process = 0;
    for (uint32_t i = 0; i < profile->process_count; i++)
        if (profile->processes[i].site_count > 0)
            *process = i;
    return profile->process_count > 0 || error_set(error, "the recording has no process");
}
