#include "record/naming.h"

#include <stdio.h>
#include <time.h>

/* Programs that end sooner than this are named at the end. */
#define FIRST_NS             UINT64_C(20000000)
#define SHORTEST_NS          UINT64_C(50000000)
#define LONGEST_NS           UINT64_C(1000000000)
/* Looking for what is new takes at most as long as not looking: it has to be done at some time ...
 */
#define COST_FACTOR          1
/* ... and at most this part of the time where a child has to read all the files anew. */
#define ANEW_FACTOR          32
/* A child that found nothing to do for so long goes; not sooner than the same part of the time
 * allows. */
#define IDLE_NS              UINT64_C(5000000000)
#define PROGRESS_AFTER_NS    UINT64_C(500000000)
#define PROGRESS_DISTANCE_NS UINT64_C(100000000)
enum {
    NAP_NS = 500000
};

static uint64_t now_ns(const struct naming *naming)
{
    return tick_clock_to_ns(naming->clock, tick_clock_now(naming->clock));
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void naming_begin(struct naming *naming, struct recording_output *output,
                  const struct tick_clock *clock)
{
    *naming = (struct naming){.output = output, .clock = clock};
    naming->next_ns = now_ns(naming) + FIRST_NS;
}

static uint64_t distance_ns(const struct naming *naming, uint64_t cost_ns)
{
    bool is_ready = recording_output_is_naming_ready(naming->output);
    uint64_t distance = larger(now_ns(naming) / 8, SHORTEST_NS);
    if (distance > LONGEST_NS)
        distance = LONGEST_NS;
    return larger(distance, cost_ns * (is_ready ? COST_FACTOR : ANEW_FACTOR));
}

void naming_go_on(struct naming *naming, uint64_t now)
{
    bool was_at_it = naming->since_ns != 0;
    if (!was_at_it && now < naming->next_ns)
        return;
    bool was_ready = recording_output_is_naming_ready(naming->output);
    bool is_at_it = recording_output_name_frames(naming->output, false);
    if (is_at_it && !was_at_it) {
        naming->since_ns = now;
        naming->is_anew = !was_ready;
    }
    if (is_at_it)
        return;
    uint64_t cost = was_at_it ? now - naming->since_ns : 0;
    if (was_at_it)
        naming->named_ns = now;
    if (was_at_it && naming->is_anew)
        naming->anew_ns = cost;
    if (now - naming->named_ns > larger(IDLE_NS, naming->anew_ns * ANEW_FACTOR))
        recording_output_dismiss_naming(naming->output);
    naming->next_ns = now + distance_ns(naming, cost);
    naming->since_ns = 0;
}

static void show_progress(const struct naming *naming)
{
    uint32_t done = 0, wanted = 0;
    if (recording_output_naming_progress(naming->output, &done, &wanted))
        fprintf(stderr, "\rseep: looking up names: %u of %u frames", done, wanted);
    fflush(stderr);
}

static void end_progress(void)
{
    fputs("\r\033[K", stderr);
    fflush(stderr);
}

void naming_finish(struct naming *naming, struct session_host *host, bool is_progress_shown)
{
    uint64_t next_progress_ns = now_ns(naming) + PROGRESS_AFTER_NS;
    bool has_shown = false;
    while (recording_output_has_unnamed(naming->output)) {
        if (!recording_output_name_frames(naming->output, true))
            continue;
        struct timespec nap = {0, NAP_NS};
        nanosleep(&nap, NULL);
        session_host_beat(host, naming->clock);
        if (is_progress_shown && now_ns(naming) > next_progress_ns) {
            show_progress(naming);
            has_shown = true;
            next_progress_ns += PROGRESS_DISTANCE_NS;
        }
    }
    if (has_shown)
        end_progress();
    recording_output_dismiss_naming(naming->output);
}
