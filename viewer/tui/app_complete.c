/* Completing what is typed after ':': names of commands, and then what the command takes. */
#include "tui/app.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tui/style.h"

struct candidates {
    char **items; /* that begin with what was typed */
    size_t count, capacity;
    const char *typed;
};

static void offer(struct candidates *candidates, const char *word)
{
    if (!text_starts_with(word, candidates->typed))
        return;
    candidates->items = memory_grow(candidates->items, &candidates->capacity, candidates->count + 1,
                                    sizeof *candidates->items);
    candidates->items[candidates->count++] = memory_duplicate_text(word);
}

static void offer_commands(struct candidates *candidates)
{
    const struct command_info *info;
    for (size_t i = 0; (info = command_info_at(i)); i++)
        offer(candidates, info->name);
}

static void offer_metrics(const struct app *app, struct candidates *candidates)
{
    const struct query_metric_info *metric;
    const struct view_question *question = &app->context.question;
    uint32_t known = query_known_metrics(app->context.profile, question->process, QUERY_BY_SITE);
    for (size_t i = 0; (metric = query_metric_at(i)); i++)
        if (known >> i & 1)
            offer(candidates, metric->name);
}

static void offer_groupings(struct candidates *candidates)
{
    const struct query_grouping_info *grouping;
    for (size_t i = 0; (grouping = query_grouping_at(i)); i++)
        offer(candidates, grouping->name);
}

static void offer_screens(const struct app *app, struct candidates *candidates)
{
    struct error ignored;
    for (size_t i = 0; i < app->screen_count; i++)
        if (app_has_screen(app, view_ops_at(i), &ignored))
            offer(candidates, view_ops_at(i)->name);
}

static void offer_schemes(struct candidates *candidates)
{
    const struct style_scheme *scheme;
    for (size_t i = 0; (scheme = style_scheme_at(i)); i++)
        offer(candidates, scheme->name);
}

static void offer_instants(struct app *app, struct candidates *candidates)
{
    struct app_moments moments;
    struct error ignored;
    if (!app_find_moments(app, &moments, &ignored))
        return;
    for (size_t i = 0; i < moments.count; i++)
        offer(candidates, moments.items[i].name);
    app_moments_clear(&moments);
}

static void offer_argument(struct app *app, const char *argument, struct candidates *candidates)
{
    if (strcmp(argument, "FIGURE") == 0)
        offer_metrics(app, candidates);
    else if (strcmp(argument, "GROUPING") == 0)
        offer_groupings(candidates);
    else if (strcmp(argument, "SCREEN") == 0)
        offer_screens(app, candidates);
    else if (strcmp(argument, "SCHEME") == 0)
        offer_schemes(candidates);
    else if (strcmp(argument, "INSTANT") == 0)
        offer_instants(app, candidates);
    else if (strcmp(argument, "N|all") == 0)
        offer(candidates, "all");
}

static size_t common_bytes(const struct candidates *candidates)
{
    const char *first = candidates->items[0];
    size_t bytes = strlen(first);
    for (size_t i = 1; i < candidates->count; i++)
        for (size_t j = 0; j < bytes; j++)
            if (candidates->items[i][j] != first[j])
                bytes = j;
    return bytes;
}

/* What all candidates have in common is typed; of several the names are shown. */
static void complete(struct app *app, const char *before, const struct candidates *candidates,
                     bool is_command)
{
    struct text line = {0}, hint = {0};
    text_add(&line, before);
    text_add_bytes(&line, candidates->items[0], common_bytes(candidates));
    if (candidates->count == 1 && is_command)
        text_add(&line, " ");
    for (size_t i = 0; i < candidates->count && candidates->count > 1; i++)
        text_print(&hint, i ? " %s" : "%s", candidates->items[i]);
    prompt_complete(&app->prompt, text_get(&line), text_get(&hint));
    text_clear(&line);
    text_clear(&hint);
}

void app_complete_prompt(struct app *app)
{
    struct text text = {0}, before = {0};
    struct candidates candidates = {0};
    const struct command_info *info;
    prompt_get(&app->prompt, &text);
    const char *line = text_get(&text);
    line += strspn(line, " ");
    size_t name_bytes = strcspn(line, " ");
    bool is_command = !line[name_bytes];
    size_t kept = is_command ? 0 : name_bytes + strspn(line + name_bytes, " ");
    text_add_bytes(&before, line, kept);
    candidates.typed = line + kept;
    if (is_command)
        offer_commands(&candidates);
    for (size_t i = 0; !is_command && (info = command_info_at(i)); i++)
        if (strlen(info->name) == name_bytes && strncmp(info->name, line, name_bytes) == 0)
            offer_argument(app, info->argument, &candidates);
    if (candidates.count)
        complete(app, text_get(&before), &candidates, is_command);
    for (size_t i = 0; i < candidates.count; i++)
        free(candidates.items[i]);
    free(candidates.items);
    text_clear(&text);
    text_clear(&before);
}
