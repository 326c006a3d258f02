#include "tui/app_live.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/live_picture.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/units.h"

#define NS_PER_SECOND UINT64_C(1000000000)

enum {
    TITLE_STEP_MS = 1000, /* ages are told in seconds */
    YOUNG_SECONDS = 4,    /* not worth telling while pictures come */
    LONG_SECONDS = 120
};

struct app_live {
    const struct tui_live *source;
    struct live_picture *picture;
    struct view_live shown;                    /* what views see */
    const struct rates_reading *before, *mark; /* NULL = none; the source's */
    bool is_paused;
    bool has_ended; /* nothing new will come */
    bool is_lost;   /* and that is not how it should have ended */
    bool are_wanted;
    uint64_t taken_ns;
    char failure[256]; /* why there is no newer picture; "" = nothing is wrong */
};

static uint64_t now_ns(void)
{
    struct clock clock = clock_monotonic();
    return clock.now_ns(clock.context);
}

/* ---- what views see ---- */

static void publish(struct app *app)
{
    struct app_live *live = app->live;
    live->shown = (struct view_live){
        .picture = live->picture,
        .before = live->before,
        .mark = live->mark,
    };
    app->context.profile = live->picture->profile;
    app->context.live = &live->shown;
    live->source->show(live->source->context, live->picture);
}

void app_live_begin(struct app *app, const struct tui_options *options)
{
    struct app_live *live = memory_allocate_zeroed(1, sizeof *live);
    live->source = options->live;
    live->picture = options->live->first;
    live->has_ended = !live->picture->profile->is_live;
    live->are_wanted = true;
    live->taken_ns = now_ns();
    app->live = live;
    publish(app);
}

void app_live_end(struct app *app)
{
    struct app_live *live = app->live;
    if (!live)
        return;
    live->source->show(live->source->context, NULL);
    live->source->drop(live->source->context, live->picture);
    free(live);
    app->live = NULL;
}

/* ---- one picture for another ---- */

static bool can_follow(const struct app *app)
{
    return app->depth == 0 && app_current_view(app)->ops->row_key;
}

static void tell_use(struct app *app)
{
    struct app_live *live = app->live;
    const struct view *view = app_current_view(app);
    struct tui_live_use use = {
        .are_wanted = !live->is_paused && can_follow(app),
        .now = live->picture->reading,
        .before = live->before,
        .mark = live->mark,
        .are_rates_asked = view->ops == &view_live,
        .process = app->context.question.process,
    };
    if (use.are_rates_asked)
        use.order = (enum rates_order)view->table.sort_key;
    live->source->tell(live->source->context, &use);
    live->are_wanted = use.are_wanted;
}

static bool swap(struct app *app, struct live_picture *picture, struct error *error)
{
    struct app_live *live = app->live;
    struct live_picture *old = live->picture;
    app_prepare_reload(app);
    live->before = old->reading;
    live->picture = picture;
    live->has_ended = !picture->profile->is_live;
    live->is_lost = live->has_ended && !picture->profile->is_finished;
    live->taken_ns = now_ns();
    publish(app);
    bool is_loaded = app_reload(app, error);
    live->source->drop(live->source->context, old);
    return is_loaded;
}

bool app_live_refresh(struct app *app, struct error *error)
{
    struct app_live *live = app->live;
    if (!live || live->is_paused || !can_follow(app))
        return true;
    struct tui_live_news news;
    struct live_picture *picture = live->source->take(live->source->context, &news);
    if (news.message[0] != '\0')
        app_say(app, news.message);
    if (news.failure[0] != '\0')
        app_say(app, news.failure);
    memcpy(live->failure, news.failure, sizeof live->failure);
    return !picture || swap(app, picture, error);
}

bool app_live_await(struct app *app, struct error *error)
{
    struct app_live *live = app->live;
    if (!live)
        return error_set(error, "this is a recording: it stays as it is");
    const struct live_picture *before = live->picture;
    live->is_paused = false;
    tell_use(app);
    while (can_follow(app) && live->picture == before && !live->has_ended) {
        struct pollfd poll_fd = {.fd = live->source->fd, .events = POLLIN};
        poll(&poll_fd, 1, TITLE_STEP_MS);
        if (!app_live_refresh(app, error))
            return false;
    }
    return true;
}

void app_live_read(struct app *app, struct input *input)
{
    tell_use(app);
    int fd = app->live->are_wanted ? app->live->source->fd : -1;
    terminal_read_or(app->terminal, fd, TITLE_STEP_MS, input);
}

/* ---- what keys do ---- */

static void set_mark(struct app *app)
{
    struct app_live *live = app->live;
    char time[UNITS_TEXT_BYTES];
    live->mark = live->picture->reading;
    publish(app);
    snprintf(app->message, sizeof app->message, "growth counts from %s on now",
             units_format_duration(live->mark->time_ns, time));
}

/* Of the process that is looked at; of several the first that runs. */
static void ask_for_snapshot(struct app *app)
{
    const struct app_live *live = app->live;
    const struct profile *profile = live->picture->profile;
    uint32_t process = app->context.question.process;
    for (uint32_t i = 0; process >= profile->process_count && i < profile->process_count; i++)
        if (profile->processes[i].about.exit_kind == RECORDING_EXIT_RUNNING)
            process = i;
    if (live->has_ended || process >= profile->process_count) {
        app_say(app, "it has ended: no more snapshots");
        return;
    }
    live->source->snapshot(live->source->context, profile->processes[process].about.pid);
    app_say(app, "a snapshot is being taken ...");
}

bool app_live_do(struct app *app, enum action action)
{
    struct error ignored;
    if (!app->live)
        return false;
    switch (action) {
    case ACTION_PAUSE:
        app->live->is_paused = !app->live->is_paused && !app->live->has_ended;
        return true;
    case ACTION_SET_MARK:
        set_mark(app);
        app_prepare_reload(app);
        app_reload(app, &ignored);
        return true;
    case ACTION_SNAPSHOT:
        ask_for_snapshot(app);
        return true;
    default:
        return false;
    }
}

/* ---- the title ---- */

void app_live_print_state(const struct app *app, struct text *out)
{
    const struct app_live *live = app->live;
    uint64_t seconds = (now_ns() - live->taken_ns) / NS_PER_SECOND;
    char age[UNITS_TEXT_BYTES];
    if (live->has_ended) {
        text_add(out, live->is_lost ? "! ended, unfinished" : "ended");
        return;
    }
    text_add(out, live->is_paused    ? "paused"
                  : live->failure[0] ? "! no news"
                  : !can_follow(app) ? "stands still"
                                     : "live");
    if (seconds >= LONG_SECONDS)
        text_print(out, ", %s old", units_format_duration(seconds * NS_PER_SECOND, age));
    else if (seconds >= YOUNG_SECONDS || live->is_paused)
        text_print(out, ", %u s old", (unsigned)seconds);
}
