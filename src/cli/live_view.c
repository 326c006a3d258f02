#define _GNU_SOURCE
#include "cli/live_view.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "analysis/leak_report.h"
#include "analysis/memory_uses.h"
#include "analysis/python_heaps.h"
#include "analysis/query.h"
#include "base/clock.h"
#include "base/side_work.h"
#include "cli/graph_argument.h"
#include "cli/live_readings.h"
#include "cli/recording_argument.h"
#include "record/snapshot_request.h"

enum {
    COST_FACTOR = 8 /* loading takes at most this part of the time */
};

struct live_view {
    struct live_source *source;
    uint64_t interval_ns;
    int news_fd; /* tells the viewer */
    struct side_work loading;
    pthread_mutex_t lock; /* of what follows, up to the viewer's own */
    pthread_cond_t changed;
    struct tui_live_use use;
    bool is_quitting, is_over;
    uint32_t snapshot_pid; /* one is wanted of it; 0 = none */
    struct live_picture *pending;
    struct live_picture *dropped; /* not shown any more; NULL = none */
    struct tui_live_news news;

    /* The thread's own. */
    struct live_readings readings;

    /* The viewer's own: what it shows. */
    struct live_picture *shown;
    struct tui_options options;
    struct recording_argument argument;
    struct graph_argument graph;
    bool was_graph_tried;
    struct memory_uses memories;
    bool are_memories_found;
    struct python_heaps pythons;
};

static uint64_t now_ns(void)
{
    struct clock clock = clock_monotonic();
    return clock.now_ns(clock.context);
}

/* ---- the thread -------------------------------------------------------------------------- */

static void tell_viewer(const struct live_view *view)
{
    uint64_t one = 1;
    if (write(view->news_fd, &one, sizeof one) < 0)
        return; /* it was told already */
}

static void take_snapshot(struct live_view *view)
{
    struct snapshot_answer answer;
    struct error error;
    uint32_t pid = view->snapshot_pid;

    pthread_mutex_unlock(&view->lock);
    bool is_taken = snapshot_request_in(&view->source->session, pid, &answer, &error);
    pthread_mutex_lock(&view->lock);
    view->snapshot_pid = 0;
    snprintf(view->news.message, sizeof view->news.message, "%.500s",
             is_taken ? answer.text : error.message);
    tell_viewer(view);
}

/* What the viewer will ask of it, as far as that is known: it would keep people waiting there. */
static void prepare(struct live_view *view, struct live_picture *picture)
{
    pthread_mutex_lock(&view->lock);
    const struct tui_live_use use = view->use;
    pthread_mutex_unlock(&view->lock);
    struct rates_question question = {.process = use.process,
                                      .order = use.order,
                                      .before = live_readings_newest(&view->readings),
                                      .mark = use.mark};

    if (use.are_rates_asked)
        live_picture_prepare_rates(picture, &question);
    live_readings_add(&view->readings, live_picture_take_reading(picture));
    live_readings_sweep(&view->readings, &use);
}

/* Returns how long it took. */
static uint64_t take_picture(struct live_view *view)
{
    uint64_t start_ns = now_ns();
    struct error error = {""};

    pthread_mutex_unlock(&view->lock);
    struct live_picture *picture = live_source_take(view->source, &error);
    if (picture)
        prepare(view, picture);
    pthread_mutex_lock(&view->lock);
    view->pending = picture;
    view->is_over = view->source->has_ended;
    snprintf(view->news.failure, sizeof view->news.failure, "%.250s", picture ? "" : error.message);
    tell_viewer(view);
    return now_ns() - start_ns;
}

static void end_dropped(struct live_view *view)
{
    struct live_picture *picture = view->dropped;

    view->dropped = NULL;
    pthread_mutex_unlock(&view->lock);
    live_picture_destroy(picture);
    pthread_mutex_lock(&view->lock);
}

static void wait_until(struct live_view *view, uint64_t due_ns)
{
    struct timespec limit = {(time_t)(due_ns / 1000000000), (long)(due_ns % 1000000000)};
    pthread_cond_timedwait(&view->changed, &view->lock, &limit);
}

static void work(void *context)
{
    struct live_view *view = context;
    uint64_t due_ns = now_ns() + view->interval_ns;

    pthread_mutex_lock(&view->lock);
    while (!view->is_quitting) {
        if (view->dropped) {
            end_dropped(view);
        } else if (view->snapshot_pid != 0) {
            take_snapshot(view);
            due_ns = now_ns();
        } else if (view->is_over || !view->use.are_wanted || view->pending) {
            pthread_cond_wait(&view->changed, &view->lock);
        } else if (now_ns() < due_ns) {
            wait_until(view, due_ns);
        } else {
            uint64_t cost_ns = take_picture(view) * COST_FACTOR;
            due_ns = now_ns() + (cost_ns > view->interval_ns ? cost_ns : view->interval_ns);
        }
    }
    pthread_mutex_unlock(&view->lock);
}

static bool start(struct live_view *view, struct error *error)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&view->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&view->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    side_work_begin(&view->loading, work, view);
    return !view->loading.trouble ||
           error_set_errno(error, view->loading.trouble, "cannot start a thread");
}

static void stop(struct live_view *view)
{
    atomic_store(&view->source->session.is_cancelled, true);
    pthread_mutex_lock(&view->lock);
    view->is_quitting = true;
    pthread_cond_signal(&view->changed);
    pthread_mutex_unlock(&view->lock);
    side_work_end(&view->loading);
    atomic_store(&view->source->session.is_cancelled, false);
    live_picture_destroy(view->pending);
    live_picture_destroy(view->dropped);
    live_readings_clear(&view->readings);
}

static void clear(struct live_view *view)
{
    pthread_cond_destroy(&view->changed);
    pthread_mutex_destroy(&view->lock);
    close(view->news_fd);
}

/* ---- what the viewer asks (tui.h) ---------------------------------------------------------- */

static struct live_picture *take(void *context, struct tui_live_news *news)
{
    struct live_view *view = context;
    uint64_t count;

    pthread_mutex_lock(&view->lock);
    if (read(view->news_fd, &count, sizeof count) < 0)
        count = 0; /* nothing was told */
    struct live_picture *picture = view->pending;
    view->pending = NULL;
    *news = view->news;
    view->news.message[0] = '\0';
    pthread_cond_signal(&view->changed);
    pthread_mutex_unlock(&view->lock);
    return picture;
}

static void tell(void *context, const struct tui_live_use *use)
{
    struct live_view *view = context;

    pthread_mutex_lock(&view->lock);
    bool were_wanted = view->use.are_wanted;
    view->use = *use;
    if (use->are_wanted && !were_wanted && view->pending)
        tell_viewer(view);
    pthread_cond_signal(&view->changed);
    pthread_mutex_unlock(&view->lock);
}

/* One at a time: there is none while the next is made. */
static void drop(void *context, struct live_picture *picture)
{
    struct live_view *view = context;

    pthread_mutex_lock(&view->lock);
    struct live_picture *before = view->dropped;
    view->dropped = picture;
    pthread_cond_signal(&view->changed);
    pthread_mutex_unlock(&view->lock);
    live_picture_destroy(before);
}

static void ask_for_snapshot(void *context, uint64_t pid)
{
    struct live_view *view = context;

    pthread_mutex_lock(&view->lock);
    view->snapshot_pid = (uint32_t)pid;
    pthread_cond_signal(&view->changed);
    pthread_mutex_unlock(&view->lock);
}

/* ---- of the newest snapshot in the picture that is shown ----------------------------------- */

static const struct process_graph *get_graph(void *context, const struct progress *progress,
                                             struct error *error)
{
    struct live_view *view = context;

    if (!view->was_graph_tried) {
        view->was_graph_tried = true;
        if (graph_argument_open(&view->graph, &view->argument, QUERY_ALL_PROCESSES,
                                &(struct symbolizer_options){0}, progress, error))
            process_graph_find_types(&view->graph.graph, &(struct symbolizer_options){0});
    }
    if (view->graph.is_built)
        return &view->graph.graph;
    if (view->graph.was_stopped) {
        graph_argument_close(&view->graph);
        view->was_graph_tried = false;
        return NULL;
    }
    error_set(error, "there is no graph yet: c takes a snapshot");
    return NULL;
}

static bool find_leaks(void *context, const struct leak_report_options *asked,
                       struct leak_report *report, struct error *error)
{
    const struct live_view *view = context;
    struct leak_report_options options = *asked;

    options.process = QUERY_ALL_PROCESSES;
    return leak_report_build(view->argument.profile, view->argument.reader, &options, report,
                             error);
}

static const struct memory_uses *get_memories(void *context, struct error *error)
{
    struct live_view *view = context;

    if (!view->are_memories_found)
        view->are_memories_found = memory_uses_find(&view->memories, view->argument.profile,
                                                    view->argument.reader, error);
    return view->are_memories_found ? &view->memories : NULL;
}

static bool has_snapshot(const struct live_picture *picture)
{
    for (size_t i = 0; i < picture->snapshots.count; i++)
        if (picture->snapshots.heads[i].end == SNAPSHOT_DONE)
            return true;
    return false;
}

static void show(void *context, struct live_picture *picture)
{
    struct live_view *view = context;
    struct error ignored;

    if (picture == view->shown)
        return;
    graph_argument_close(&view->graph);
    view->was_graph_tried = false;
    memory_uses_clear(&view->memories);
    view->are_memories_found = false;
    python_heaps_clear(&view->pythons);
    view->shown = picture;
    if (!picture)
        return;
    view->argument.reader = picture->reader;
    view->argument.profile = picture->profile;
    view->options.get_graph = has_snapshot(picture) ? get_graph : NULL;
    view->options.get_memories = has_snapshot(picture) ? get_memories : NULL;
    if (has_snapshot(picture) &&
        !python_heaps_find(&view->pythons, picture->profile, picture->reader, &ignored))
        python_heaps_clear(&view->pythons); /* the rest can be looked at */
}

bool live_view_run(struct live_source *source, struct live_picture *first,
                   const struct live_view_options *options, struct error *error)
{
    struct live_view view = {.source = source,
                             .interval_ns = options->interval_ns,
                             .use = {.are_wanted = true},
                             .is_over = source->has_ended,
                             .options = options->tui};
    struct tui_live live = {.context = &view,
                            .first = first,
                            .take = take,
                            .tell = tell,
                            .show = show,
                            .drop = drop,
                            .snapshot = ask_for_snapshot};

    view.news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (view.news_fd < 0) {
        live_picture_destroy(first);
        return error_set_errno(error, errno, "cannot make an event descriptor");
    }
    live.fd = view.news_fd;
    view.argument = (struct recording_argument){
        .path = source->path, .instant = INSTANT_END, .instant_text = (char *)"now"};
    view.options.recording = source->path;
    view.options.live = &live;
    view.options.graph_context = &view;
    view.options.memories_context = &view;
    view.options.pythons = &view.pythons;
    view.options.find_leaks = find_leaks;
    view.options.leaks_context = &view;
    view.options.process = options->process;
    live_readings_add(&view.readings, live_picture_take_reading(first));
    bool is_started = start(&view, error);
    bool is_done = is_started && tui_run(first->profile, &view.options, error);
    if (is_started) {
        stop(&view);
    } else {
        live_picture_destroy(first);
        live_readings_clear(&view.readings);
    }
    clear(&view);
    return is_done;
}
