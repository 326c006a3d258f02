#include "tests/tui/demo_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "analysis/live_picture.h"

#define STEP_NS 500000000ull

static struct live_picture *make_picture(struct demo_live *live)
{
    char path[] = "/tmp/seep-test-XXXXXX";
    bool is_last = live->number == DEMO_LIVE_END;
    struct error error;
    int fd = mkstemp(path);
    struct profile_builder *builder = profile_builder_create();
    live->uses.fill(live->uses.context, builder, live->number);
    if (!is_last)
        profile_builder_set_unfinished(builder);
    profile_builder_write(builder, path);
    profile_builder_destroy(builder);
    struct live_picture *picture = live_picture_load(
        path, is_last ? 0 : (live->number + 4) * STEP_NS, &error);
    if (!picture) {
        fprintf(stderr, "demo_live: %s\n", error.message);
        exit(1);
    }
    if (live->use.are_rates_asked) /* as the thread of seep top does */
        live_picture_prepare_rates(
            picture, &(struct rates_question){.process = live->use.process,
                                              .order = live->use.order,
                                              .before = live->readings[live->number - 1],
                                              .mark = live->use.mark});
    live->readings[live->number++] = live_picture_take_reading(picture);
    if (fd >= 0)
        close(fd);
    unlink(path);
    return picture;
}

static struct live_picture *take(void *context, struct tui_live_news *news)
{
    struct demo_live *live = context;
    news->message[0] = news->failure[0] = '\0';
    if (live->is_told)
        snprintf(news->message, sizeof news->message, "no snapshot: nobody runs");
    live->is_told = false;
    return live->number <= DEMO_LIVE_END ? make_picture(live) : NULL;
}

static void tell(void *context, const struct tui_live_use *use)
{
    struct demo_live *live = context;
    live->use = *use;
}

static void show(void *context, struct live_picture *picture)
{
    struct demo_live *live = context;
    if (picture == live->shown)
        return;
    live->shown = picture;
    live->uses.show(live->uses.context, picture ? picture->profile : NULL);
}

static void drop(void *context, struct live_picture *picture)
{
    (void)context;
    live_picture_destroy(picture);
}

static void ask_for_snapshot(void *context, uint64_t pid)
{
    struct demo_live *live = context;
    (void)pid;
    live->is_told = true;
}

void demo_live_begin(struct demo_live *live, const struct demo_live_uses *uses)
{
    *live = (struct demo_live){.uses = *uses};
    live->live = (struct tui_live){.context = live,
                                   .fd = eventfd(1, EFD_CLOEXEC), /* there is always one more */
                                   .first = make_picture(live),
                                   .take = take,
                                   .tell = tell,
                                   .show = show,
                                   .drop = drop,
                                   .snapshot = ask_for_snapshot};
}

void demo_live_end(struct demo_live *live)
{
    for (unsigned i = 0; i < live->number; i++)
        rates_reading_destroy(live->readings[i]);
    close(live->live.fd);
}
