#include "config.h"

#include "analysis/suppressions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/arena.h"
#include "analysis/suppression_pattern.h"
#include "base/memory.h"
#include "base/text.h"

void suppressions_init(struct suppressions *list)
{
    *list = (struct suppressions){.arena = arena_create()};
}

void suppressions_clear(struct suppressions *list)
{
    free(list->items);
    arena_destroy(list->arena);
    *list = (struct suppressions){0};
}

/* ---- stacks ---- */

struct filling {
    struct suppression_stack *stack;
    const struct profile *profile;
};

static bool add_frame(void *context, const struct profile_frame *frame,
                      const struct profile_location *location)
{
    struct filling *filling = context;
    struct suppression_stack *stack = filling->stack;
    const struct profile_module *module = frame->module_plus_1
                                              ? &filling->profile->modules[frame->module_plus_1 - 1]
                                              : NULL;
    stack->frames = memory_grow(stack->frames, &stack->capacity, stack->count + 1,
                                sizeof *stack->frames);
    stack->frames[stack->count++] = (struct suppression_frame){
        .function = location->is_symbolized ? location->function : NULL,
        .file = location->file,
        .module = module ? module->path : NULL,
        .line = location->line};
    return true;
}

void suppression_stack_fill(struct suppression_stack *stack, const struct profile *profile,
                            enum function_kind function, uint32_t stack_node)
{
    struct filling filling = {stack, profile};
    stack->function = function;
    stack->count = 0;
    profile_visit_stack(profile, stack_node, add_frame, &filling);
}

void suppression_stack_clear(struct suppression_stack *stack)
{
    free(stack->frames);
    *stack = (struct suppression_stack){0};
}

/* ---- matching ---- */

static bool template_matches_any(const char *leak_template, const struct suppression_stack *stack)
{
    if (suppression_template_matches(leak_template, profile_function_name(stack->function)))
        return true;
    for (size_t i = 0; i < stack->count; i++) {
        const struct suppression_frame *frame = &stack->frames[i];
        const char *const texts[] = {frame->function, frame->file, frame->module};
        for (size_t j = 0; j < sizeof texts / sizeof *texts; j++)
            if (texts[j] && suppression_template_matches(leak_template, texts[j]))
                return true;
    }
    return false;
}

static bool matches_allocation(const struct suppression_line *line, enum function_kind function)
{
    if (line->kind == SUPPRESSION_FUNCTION)
        return text_matches_glob(suppression_linker_name(function), line->glob) ||
               text_matches_glob(profile_function_name(function), line->glob);
    /* Entries that were written for Valgrind speak of where it keeps its own malloc. */
    return line->kind == SUPPRESSION_MODULE &&
           text_matches_glob("/usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so", line->glob);
}

static bool matches_source(const struct suppression_frame *frame, const char *glob)
{
    char *with_line;
    bool is_match;
    if (!frame->file)
        return false;
    if (text_matches_glob(frame->file, glob) ||
        text_matches_glob(text_file_name(frame->file), glob))
        return true;
    with_line = memory_print_text("%s:%" PRIu32, frame->file, frame->line);
    is_match = text_matches_glob(with_line, glob) ||
               text_matches_glob(text_file_name(with_line), glob);
    free(with_line);
    return is_match;
}

static bool line_matches(const struct suppression_line *line, const struct suppression_stack *stack,
                         size_t position)
{
    if (position == 0)
        return matches_allocation(line, stack->function);
    const struct suppression_frame *frame = &stack->frames[position - 1];
    switch (line->kind) {
    case SUPPRESSION_ANY_FRAMES:
        return true;
    case SUPPRESSION_FUNCTION:
        return frame->function ? suppression_function_matches(line->glob, frame->function)
                               : strcmp(line->glob, "*") == 0;
    case SUPPRESSION_MODULE:
        return frame->module && text_matches_glob(frame->module, line->glob);
    case SUPPRESSION_SOURCE:
        return matches_source(frame, line->glob);
    }
    return false;
}

/* Lines against frames from the innermost on; deeper frames are free. Of several "..." only the
 * last one met needs another try: what stands before it has matched as early as it could. */
static bool lines_match(const struct suppression *entry, const struct suppression_stack *stack)
{
    size_t line = 0, frame = 0, retry_line = SIZE_MAX, retry_frame = 0;
    while (line < entry->line_count) {
        if (entry->lines[line].kind == SUPPRESSION_ANY_FRAMES) {
            retry_line = ++line;
            retry_frame = frame;
        } else if (frame <= stack->count && line_matches(&entry->lines[line], stack, frame)) {
            line++;
            frame++;
        } else if (retry_line != SIZE_MAX && retry_frame < stack->count) {
            line = retry_line;
            frame = ++retry_frame;
        } else {
            return false;
        }
    }
    return true;
}

bool suppression_matches(const struct suppression *entry, const struct suppression_stack *stack,
                         enum leak_kind kind)
{
    if (!(entry->kinds >> kind & 1))
        return false;
    return entry->leak_template ? template_matches_any(entry->leak_template, stack)
                                : lines_match(entry, stack);
}
