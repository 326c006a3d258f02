#include "tui/judged_leaks.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tui/leak_words.h"

static void add_file(struct judged_leaks *judged, const char *path)
{
    for (size_t i = 0; i < judged->file_count; i++)
        if (strcmp(judged->files[i], path) == 0)
            return;
    judged->files = memory_resize(judged->files, judged->file_count + 1, sizeof(char *));
    judged->files[judged->file_count++] = memory_duplicate_text(path);
}

static void forget_seens(struct judged_leaks *judged)
{
    last_seens_clear(&judged->seens);
    judged->seens = (struct last_seens){0};
    judged->are_seens_found = false;
}

static bool read_suppressions(struct judged_leaks *judged, struct error *error)
{
    suppressions_init(&judged->suppressions);
    for (size_t i = 0; i < judged->file_count; i++)
        if (!suppressions_read_file(&judged->suppressions, judged->files[i], error))
            return false;
    suppressions_add_built_in(&judged->suppressions);
    return true;
}

bool judged_leaks_init(struct judged_leaks *judged, const struct tui_options *options,
                       struct error *error)
{
    *judged = (struct judged_leaks){0};
    for (size_t i = 0; i < options->suppression_file_count; i++)
        add_file(judged, options->suppression_files[i]);
    return read_suppressions(judged, error);
}

void judged_leaks_clear(struct judged_leaks *judged)
{
    forget_seens(judged);
    leak_report_clear(&judged->report);
    suppressions_clear(&judged->suppressions);
    for (size_t i = 0; i < judged->file_count; i++)
        free(judged->files[i]);
    free(judged->files);
    *judged = (struct judged_leaks){0};
}

bool judged_leaks_find(struct judged_leaks *judged, const struct tui_options *options,
                       struct error *error)
{
    struct leak_report report;
    if (judged->is_found)
        return true;
    if (!options->find_leaks(options->leaks_context, &judged->suppressions, &report, error))
        return false;
    forget_seens(judged);
    leak_report_clear(&judged->report);
    judged->report = report;
    judged->is_found = true;
    return true;
}

const struct last_seen *judged_leaks_seen(struct judged_leaks *judged,
                                          const struct view_context *context,
                                          const struct leak_line *line)
{
    size_t process = (size_t)(line->process - judged->report.processes);
    if (!judged->are_seens_found && context->options->reader)
        last_seens_find(profile_whole(context->profile), context->options->reader, &judged->report,
                        &(struct last_seen_options){0, &(struct symbolizer_options){0}},
                        &judged->seens);
    judged->are_seens_found = true;
    return last_seens_of(&judged->seens, process, line->leak);
}

/* What the report says of suppressions are positions in their list: both change together. */
static bool judge_again(struct judged_leaks *judged, const struct tui_options *options,
                        struct error *error)
{
    struct suppressions before = judged->suppressions;
    judged->is_found = false;
    if (read_suppressions(judged, error) && judged_leaks_find(judged, options, error)) {
        suppressions_clear(&before);
        return true;
    }
    suppressions_clear(&judged->suppressions);
    judged->suppressions = before;
    judged->is_found = true;
    return false;
}

bool judged_leaks_suppress(struct judged_leaks *judged, const struct view_context *context,
                           const struct leak *leak, enum suppression_grammar grammar,
                           const char *path, bool *is_new, struct error *error)
{
    struct text comment = {0};
    text_print(&comment, "%s: ", leak_kind_name(leak->kind));
    leak_words_add_sum(&(struct leak_sum){leak->blocks, leak->bytes}, &comment);
    enum suppression_outcome outcome = suppression_entry_append(
        context->profile, leak->site, grammar, text_get(&comment), path, error);
    text_clear(&comment);
    if (outcome == SUPPRESSION_FAILED)
        return false;
    *is_new = outcome == SUPPRESSION_ADDED;
    add_file(judged, path);
    return judge_again(judged, context->options, error);
}
