/* Menus are lists of commands: choosing one is the same as typing it. */
#include "tui/app.h"

#include <stdlib.h>

#include "analysis/interval.h"
#include "base/memory.h"

static void free_request(struct view_request *request)
{
    for (size_t i = 0; i < request->item_count; i++) {
        free(request->items[i].label);
        free(request->items[i].command);
    }
    free(request->items);
}

static void add_item(struct view_request *request, size_t *capacity, char *label, char *command)
{
    request->items = memory_grow(request->items, capacity, request->item_count + 1,
                                 sizeof *request->items);
    request->items[request->item_count++] = (struct menu_item){label, command};
}

/* Of a table with columns of its own. */
static void add_columns(const struct table *table, struct view_request *request, size_t *capacity)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct table_column *column = &table->columns[i];
        if (column->sort_key == TABLE_NO_SORT)
            continue;
        if (column->sort_key == table->sort_key)
            request->chosen_item = request->item_count;
        add_item(request, capacity, memory_duplicate_text(column->title),
                 memory_print_text("sort %s", column->title));
    }
}

static void fill_sort_menu(const struct app *app, struct view_request *request)
{
    size_t capacity = 0;
    const struct query_metric_info *metric;
    const struct view_question *question = &app->context.question;
    uint32_t known = query_known_metrics(app->context.profile, question->process, QUERY_BY_SITE);
    request->title = "Sort by";
    const struct view *view = app_current_view(app);
    bool is_of_columns = view->ops->sort != NULL;
    if (is_of_columns)
        add_columns(&view->table, request, &capacity);
    if (is_of_columns && !(view->ops->scopes & SCOPE_METRIC))
        return;
    if (is_of_columns)
        request->title = "Sort by a column, or compare a figure";
    for (size_t i = 0; (metric = query_metric_at(i)); i++) {
        if (!(known >> metric->metric & 1))
            continue;
        if (!is_of_columns && metric->metric == app->context.question.metric)
            request->chosen_item = request->item_count;
        add_item(request, &capacity, memory_print_text("%-12s %s", metric->name, metric->help),
                 memory_print_text("sort %s", metric->name));
    }
}

static void fill_group_menu(const struct app *app, struct view_request *request)
{
    size_t capacity = 0;
    const struct query_grouping_info *grouping;
    request->title = "A row for each";
    for (size_t i = 0; (grouping = query_grouping_at(i)); i++) {
        if (grouping->grouping == app->context.question.grouping)
            request->chosen_item = request->item_count;
        add_item(request, &capacity, memory_print_text("%-12s %s", grouping->name, grouping->help),
                 memory_print_text("by %s", grouping->name));
    }
}

static void fill_process_menu(const struct app *app, struct view_request *request)
{
    const struct profile *profile = app->context.profile;
    size_t capacity = 0;
    request->title = "Process";
    add_item(request, &capacity, memory_duplicate_text("all processes"),
             memory_duplicate_text("process all"));
    for (size_t i = 0; i < profile->process_count; i++) {
        struct text label = {0};
        if (i == app->context.question.process)
            request->chosen_item = request->item_count;
        view_print_process(profile, (uint32_t)i, &label);
        add_item(request, &capacity, text_take(&label), memory_print_text("process %zu", i));
    }
}

static bool fill_instant_menu(struct app *app, struct view_request *request, struct error *error)
{
    struct app_moments moments;
    size_t capacity = 0;
    if (!app_find_moments(app, &moments, error))
        return false;
    request->title = "Look at";
    for (size_t i = 0; i < moments.count; i++) {
        const struct view_moment *moment = &moments.items[i];
        struct text time = {0};
        interval_print_time(moment->time_ns, &time);
        add_item(request, &capacity, memory_print_text("%12s  %s", text_get(&time), moment->name),
                 memory_print_text("at %s", moment->name));
        text_clear(&time);
    }
    app_moments_clear(&moments);
    return true;
}

bool app_open_menu(struct app *app, enum action action, struct error *error)
{
    struct view_request request = {.site = QUERY_NO_SITE};
    if (action == ACTION_SORT)
        fill_sort_menu(app, &request);
    else if (action == ACTION_GROUP)
        fill_group_menu(app, &request);
    else if (action == ACTION_INSTANTS && !fill_instant_menu(app, &request, error))
        return false;
    else if (action == ACTION_PROCESS)
        fill_process_menu(app, &request);
    if (app_open_view(app, &view_menu, &request, error))
        return true;
    free_request(&request);
    return false;
}
