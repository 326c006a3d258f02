/* Which instants are shown. There are up to two marks: with one of them all screens tell of that
 * instant, with two of what was between them, without of the end. Marks are set at a cursor, which
 * moves along the timeline, or by name. Each instant has a name that can be typed. */
#include "tui/app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/interval.h"
#include "base/memory.h"

static const struct profile *whole_of(const struct app *app)
{
    return profile_whole(app->context.profile);
}

static bool check_reader(const struct app *app, struct error *error)
{
    return app->context.options->reader != NULL ||
           error_set(error, "only the end is known: there is no recording to read");
}

/* ---- moments: a name, and when that was ---- */

static void set_moment(struct view_moment *moment, const char *name, uint64_t time_ns)
{
    char *copy = memory_duplicate_text(name);
    free(moment->name);
    *moment = (struct view_moment){copy, time_ns};
}

static void clear_moment(struct view_moment *moment)
{
    free(moment->name);
    *moment = (struct view_moment){0};
}

static bool find_moment(struct app *app, const char *name, struct view_moment *moment,
                        struct error *error)
{
    struct snapshot_list snapshots = {0};
    struct instant instant;
    uint64_t time_ns;
    bool is_found = check_reader(app, error) && instant_parse(name, &instant, error) &&
                    snapshot_list_read(&snapshots, app->context.options->reader, error) &&
                    instant_find_time(whole_of(app), &snapshots, app->context.question.process,
                                      &instant, &time_ns, error);
    if (is_found)
        set_moment(moment, name, time_ns);
    snapshot_list_clear(&snapshots);
    return is_found;
}

/* ---- what is shown ---- */

/* Of an interval what is net says most; elsewhere nobody knows it. */
static enum query_metric choose_metric(const struct app *app, const struct profile *profile)
{
    const struct view_question *question = &app->context.question;
    enum query_metric metric = question->metric;
    bool is_interval = profile->whole && !profile->interval.is_from_start;
    bool was_interval = app->interval && !app->interval->interval.is_from_start;
    if (is_interval && !was_interval && metric == QUERY_LIVE_BYTES)
        metric = QUERY_NET_BYTES;
    return query_nearest_metric(profile, question->process, QUERY_BY_SITE, metric);
}

/* Takes the profile over; NULL: the whole. */
static bool show(struct app *app, struct profile *interval, struct error *error)
{
    struct view_question question = app->context.question;
    const struct profile *shown = interval ? interval : whole_of(app);
    question.metric = choose_metric(app, shown);
    if (!app_show_profile(app, shown, &question, error)) {
        profile_destroy(interval);
        return false;
    }
    profile_destroy(app->interval);
    app->interval = interval;
    return true;
}

/* Between two moments; without the first: at the second; without both: at the end. */
static bool look(struct app *app, const struct view_moment *from, const struct view_moment *to,
                 struct error *error)
{
    struct instant ends[2] = {{.kind = INSTANT_START}, {.kind = INSTANT_END}};
    if (!to || (!from && strcmp(to->name, "end") == 0))
        return show(app, NULL, error);
    if ((from && !instant_parse(from->name, &ends[0], error)) ||
        !instant_parse(to->name, &ends[1], error))
        return false;
    struct profile *interval = interval_create(whole_of(app), app->context.options->reader,
                                               &ends[0], &ends[1], error);
    return interval && show(app, interval, error);
}

static void clear_marks(struct view_times *times)
{
    clear_moment(&times->marks[0]);
    clear_moment(&times->marks[1]);
    times->mark_count = 0;
}

/* Takes the moments over, whatever happens; what is shown changes only with all of it. */
static bool set_marks(struct app *app, struct view_moment *first, struct view_moment *second,
                      struct error *error)
{
    struct view_times *times = &app->context.times;
    bool are_two = second && second->name;
    if (look(app, are_two ? first : NULL, are_two ? second : first, error)) {
        clear_marks(times);
        times->marks[0] = *first;
        if (are_two)
            times->marks[1] = *second;
        times->mark_count = are_two ? 2 : 1;
        return true;
    }
    clear_moment(first);
    if (second)
        clear_moment(second);
    return false;
}

static struct view_moment copy_moment(const struct view_moment *moment)
{
    return (struct view_moment){memory_duplicate_text(moment->name), moment->time_ns};
}

bool app_look_at(struct app *app, const char *name, struct error *error)
{
    struct view_moment moment = {0};
    if (!find_moment(app, name, &moment, error))
        return false;
    if (strcmp(name, "end") != 0)
        return set_marks(app, &moment, NULL, error);
    clear_moment(&moment);
    return app_clear_marks(app, error);
}

bool app_look_from(struct app *app, const char *name, struct error *error)
{
    const struct view_times *times = &app->context.times;
    struct view_moment first = {0}, second = {0};
    if (!find_moment(app, name, &first, error))
        return false;
    if (times->mark_count)
        second = copy_moment(&times->marks[times->mark_count - 1]);
    else
        set_moment(&second, "end", whole_of(app)->duration_ns);
    return set_marks(app, &first, &second, error);
}

bool app_look_to(struct app *app, const char *name, struct error *error)
{
    const struct view_times *times = &app->context.times;
    struct view_moment first = {0}, second = {0};
    if (!find_moment(app, name, &second, error))
        return false;
    if (!times->mark_count)
        return set_marks(app, &second, NULL, error);
    first = copy_moment(&times->marks[0]);
    return set_marks(app, &first, &second, error);
}

/* A third mark takes the place of the oldest. */
bool app_mark(struct app *app, struct error *error)
{
    const struct view_times *times = &app->context.times;
    struct view_moment first = {0}, second = {0};
    if (!check_reader(app, error))
        return false;
    if (!times->cursor.name)
        return error_set(error, "no instant is chosen: Left and Right do that in the overview, @ "
                                "lists those with names");
    second = copy_moment(&times->cursor);
    if (!times->mark_count)
        return set_marks(app, &second, NULL, error);
    first = copy_moment(&times->marks[times->mark_count - 1]);
    if (first.time_ns > second.time_ns) {
        struct view_moment later = first;
        first = second;
        second = later;
    }
    return set_marks(app, &first, &second, error);
}

bool app_clear_marks(struct app *app, struct error *error)
{
    if (!show(app, NULL, error))
        return false;
    clear_marks(&app->context.times);
    return true;
}

/* ---- the cursor ---- */

bool app_move_cursor(struct app *app, const char *name, struct error *error)
{
    return find_moment(app, name, &app->context.times.cursor, error);
}

static void add_moment(struct app_moments *moments, const char *name, uint64_t time_ns)
{
    moments->items = memory_grow(moments->items, &moments->capacity, moments->count + 1,
                                 sizeof *moments->items);
    moments->items[moments->count] = (struct view_moment){0};
    set_moment(&moments->items[moments->count++], name, time_ns);
}

static int compare_moments(const void *left, const void *right)
{
    const struct view_moment *a = left, *b = right;
    return (a->time_ns > b->time_ns) - (a->time_ns < b->time_ns);
}

bool app_find_moments(struct app *app, struct app_moments *moments, struct error *error)
{
    const struct profile *whole = whole_of(app);
    struct snapshot_list snapshots = {0};
    struct view_moment peak = {0};
    char name[512];
    *moments = (struct app_moments){0};
    if (!check_reader(app, error) ||
        !snapshot_list_read(&snapshots, app->context.options->reader, error))
        return false;
    add_moment(moments, "start", 0);
    if (find_moment(app, "peak", &peak, error))
        add_moment(moments, peak.name, peak.time_ns);
    clear_moment(&peak);
    for (size_t i = 0; i < whole->mark_count; i++) {
        snprintf(name, sizeof name, "mark:%s", whole->marks[i].name);
        if (instant_find_mark(whole, whole->marks[i].name) == &whole->marks[i])
            add_moment(moments, name, whole->marks[i].time_ns);
    }
    for (size_t i = 0; i < snapshots.count; i++) {
        snprintf(name, sizeof name, "snapshot:%llu", (unsigned long long)snapshots.heads[i].id);
        add_moment(moments, name, snapshots.heads[i].time_ns);
    }
    add_moment(moments, "end", whole->duration_ns);
    qsort(moments->items, moments->count, sizeof *moments->items, compare_moments);
    snapshot_list_clear(&snapshots);
    return true;
}

void app_moments_clear(struct app_moments *moments)
{
    for (size_t i = 0; i < moments->count; i++)
        clear_moment(&moments->items[i]);
    free(moments->items);
    *moments = (struct app_moments){0};
}

/* Several at the same time are one step. */
bool app_jump(struct app *app, bool is_backwards, struct error *error)
{
    struct view_moment *cursor = &app->context.times.cursor;
    uint64_t at_ns = cursor->name ? cursor->time_ns : is_backwards ? UINT64_MAX : 0;
    const struct view_moment *next = NULL;
    struct app_moments moments;
    if (!app_find_moments(app, &moments, error))
        return false;
    for (size_t i = 0; i < moments.count; i++) {
        const struct view_moment *moment = &moments.items[i];
        if (is_backwards ? moment->time_ns < at_ns : !next && moment->time_ns > at_ns)
            next = moment;
    }
    if (next) {
        set_moment(cursor, next->name, next->time_ns);
        snprintf(app->message, sizeof app->message, "%.400s: m marks it", next->name);
    }
    app_moments_clear(&moments);
    return next || error_set(error, "there is no instant with a name %s",
                             is_backwards ? "before it" : "behind it");
}

void app_times_clear(struct app *app)
{
    clear_marks(&app->context.times);
    clear_moment(&app->context.times.cursor);
    profile_destroy(app->interval);
    app->interval = NULL;
}

bool app_times_begin(struct app *app, const struct tui_options *options, struct error *error)
{
    if (options->from && options->to)
        return app_look_from(app, options->from, error) && app_look_to(app, options->to, error);
    if (options->from)
        return app_look_from(app, options->from, error);
    return !options->to || app_look_at(app, options->to, error);
}
