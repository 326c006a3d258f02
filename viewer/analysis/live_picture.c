#include "analysis/live_picture.h"

#include <stdlib.h>

#include "base/memory.h"

/* Of processes that ended nothing can be done any more; those of a long session are many. */
static void find_growths(struct live_picture *picture)
{
    const struct profile *profile = picture->profile;

    picture->growths = memory_allocate_zeroed(profile->process_count + 1, sizeof *picture->growths);
    for (uint32_t i = 0; i < profile->process_count; i++)
        if (!profile->is_live || profile->processes[i].about.exit_kind == RECORDING_EXIT_RUNNING)
            growth_find(profile, picture->reader, &picture->snapshots, i, &picture->growths[i]);
}

struct live_picture *live_picture_load(const char *path, uint64_t until_ns, struct error *error)
{
    struct profile_options options = {.with_timeline = true, .live_until_ns = until_ns};
    struct live_picture *picture = memory_allocate_zeroed(1, sizeof *picture);

    picture->reader = recording_reader_open(path, error);
    if (picture->reader && snapshot_list_read(&picture->snapshots, picture->reader, error))
        picture->profile = profile_load(picture->reader, &options, error);
    if (!picture->profile) {
        live_picture_destroy(picture);
        return NULL;
    }
    picture->reading = rates_reading_create(picture->profile,
                                            until_ns ? until_ns : picture->profile->duration_ns);
    find_growths(picture);
    return picture;
}

void live_picture_destroy(struct live_picture *picture)
{
    if (!picture)
        return;
    for (size_t i = 0; picture->growths && i < picture->profile->process_count; i++)
        growth_clear(&picture->growths[i]);
    free(picture->growths);
    rates_clear(&picture->rates);
    if (!picture->is_reading_taken)
        rates_reading_destroy(picture->reading);
    snapshot_list_clear(&picture->snapshots);
    profile_destroy(picture->profile);
    recording_reader_close(picture->reader);
    free(picture);
}

struct rates_reading *live_picture_take_reading(struct live_picture *picture)
{
    picture->is_reading_taken = true;
    return picture->reading;
}

static void find_rates(const struct live_picture *picture, const struct rates_question *question,
                       struct rates *rates)
{
    struct rates_question asked = *question;

    asked.growths = picture->growths;
    rates_find_unordered(picture->profile, picture->reading, &asked, rates);
}

void live_picture_prepare_rates(struct live_picture *picture, const struct rates_question *question)
{
    rates_clear(&picture->rates);
    find_rates(picture, question, &picture->rates);
    picture->asked = *question;
    picture->has_rates = true;
}

static bool has_answer(const struct live_picture *picture, const struct rates_question *question)
{
    const struct rates_question *asked = &picture->asked;

    return picture->has_rates && asked->process == question->process &&
           asked->before == question->before && asked->mark == question->mark;
}

void live_picture_find_rates(struct live_picture *picture, const struct rates_question *question,
                             struct rates *rates)
{
    if (!has_answer(picture, question)) {
        find_rates(picture, question, rates);
        return;
    }
    *rates = picture->rates;
    picture->rates = (struct rates){0};
    picture->has_rates = false;
    if (picture->asked.order != question->order)
        rates_reorder(rates, question->order);
}

uint32_t live_picture_find_pid(const struct live_picture *picture, uint64_t pid)
{
    const struct profile *profile = picture->profile;

    for (size_t i = profile->process_count; i > 0; i--)
        if (profile->processes[i - 1].about.pid == pid)
            return (uint32_t)(i - 1);
    return (uint32_t)profile->process_count;
}
