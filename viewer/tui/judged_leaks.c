#include "tui/judged_leaks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/instant.h"
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

/* The snapshot that was taken at the peak, which is looked for once. */
static uint64_t find_peak(struct judged_leaks *judged, struct recording_reader *reader)
{
    struct snapshot_list list = {0};
    if (judged->is_peak_known)
        return judged->peak;
    judged->is_peak_known = true;
    judged->peak = LEAK_REPORT_DEFAULT;
    if (reader && snapshot_list_read(&list, reader, NULL))
        for (size_t i = 0; i < list.count; i++)
            if (list.heads[i].end == SNAPSHOT_DONE && list.heads[i].reason == SNAPSHOT_AT_PEAK)
                judged->peak = list.heads[i].id;
    snapshot_list_clear(&list);
    return judged->peak;
}

/* The number of a mark that is a snapshot, or LEAK_REPORT_DEFAULT, which is LEAK_REPORT_NONE. */
static uint64_t snapshot_of(struct judged_leaks *judged, const struct view_context *context,
                            const struct view_moment *moment)
{
    struct instant instant;
    struct error ignored;
    if (!moment->name || !instant_parse(moment->name, &instant, &ignored))
        return LEAK_REPORT_DEFAULT;
    if (instant.kind == INSTANT_PEAK)
        return find_peak(judged, context->options->reader);
    return instant.kind == INSTANT_SNAPSHOT ? instant.snapshot : LEAK_REPORT_DEFAULT;
}

static void ask(struct judged_leaks *judged, const struct view_context *context, uint64_t *snapshot,
                uint64_t *since)
{
    const struct view_times *times = &context->times;
    *snapshot = LEAK_REPORT_DEFAULT;
    *since = LEAK_REPORT_NONE;
    if (times->mark_count)
        *snapshot = snapshot_of(judged, context, &times->marks[times->mark_count - 1]);
    if (times->mark_count == 2)
        *since = snapshot_of(judged, context, &times->marks[0]);
}

static void note_instant(struct judged_leaks *judged, const struct view_context *context,
                         const char *trouble)
{
    bool is_other = context->times.mark_count && judged->snapshot == LEAK_REPORT_DEFAULT;
    const char *note = trouble ? trouble : is_other ? "no snapshot then" : "";
    snprintf(judged->note, sizeof judged->note, "%s", note);
}

bool judged_leaks_are_elsewhere(struct judged_leaks *judged, const struct view_context *context)
{
    uint64_t snapshot, since;
    ask(judged, context, &snapshot, &since);
    return judged->is_found && (snapshot != judged->snapshot || since != judged->since);
}

bool judged_leaks_find(struct judged_leaks *judged, const struct view_context *context,
                       struct error *error)
{
    const struct tui_options *options = context->options;
    struct leak_report_options asked = {.suppressions = &judged->suppressions};
    struct leak_report report;
    struct error trouble;
    if (judged->is_found && !judged_leaks_are_elsewhere(judged, context)) {
        note_instant(judged, context, *judged->trouble ? judged->trouble : NULL);
        return true;
    }
    ask(judged, context, &asked.snapshot, &asked.since);
    bool is_asked = asked.snapshot != LEAK_REPORT_DEFAULT || asked.since != LEAK_REPORT_NONE;
    judged->snapshot = asked.snapshot;
    judged->since = asked.since;
    judged->trouble[0] = '\0';
    bool is_good = options->find_leaks(options->leaks_context, &asked, &report, &trouble);
    if (!is_good && is_asked) {
        snprintf(judged->trouble, sizeof judged->trouble, "%.250s", trouble.message);
        asked.snapshot = LEAK_REPORT_DEFAULT;
        asked.since = LEAK_REPORT_NONE;
        is_good = options->find_leaks(options->leaks_context, &asked, &report, &trouble);
    }
    if (!is_good)
        return error_set(error, "%s", trouble.message);
    forget_seens(judged);
    leak_report_clear(&judged->report);
    judged->report = report;
    judged->is_found = true;
    note_instant(judged, context, *judged->trouble ? judged->trouble : NULL);
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
static bool judge_again(struct judged_leaks *judged, const struct view_context *context,
                        struct error *error)
{
    struct suppressions before = judged->suppressions;
    judged->is_found = false;
    if (read_suppressions(judged, error) && judged_leaks_find(judged, context, error)) {
        suppressions_clear(&before);
        return true;
    }
    suppressions_clear(&judged->suppressions);
    judged->suppressions = before;
    judged->is_found = true;
    return false;
}

const char *judged_leaks_why_not_suppressed(const struct leak *leak)
{
    if (leak->site == LEAKS_NO_SITE)
        return "it has no stack that a suppression could name";
    switch (leak->kind) {
    case LEAK_INDIRECT:
        return "it hangs from a definite leak: suppress that one, and this goes with it";
    case LEAK_REACHABLE:
        return "what is reachable is not lost: it needs no suppression";
    case LEAK_SUPPRESSED:
        return "it is suppressed already";
    case LEAK_DEFINITE:
    case LEAK_POSSIBLE:
    case LEAK_KIND_COUNT:
        break;
    }
    return NULL;
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
    return judge_again(judged, context, error);
}
