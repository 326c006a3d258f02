#include "report/quality.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analysis/query.h"
#include "base/memory.h"
#include "base/units.h"
#include "report/page.h"

struct recording_quality quality_sum(const struct profile *profile, uint32_t process)
{
    struct recording_quality sum = {0};
    for (uint32_t i = 0; i < profile->process_count; i++) {
        const struct recording_quality *quality = &profile->processes[i].quality;
        if (process != QUERY_ALL_PROCESSES && process != i)
            continue;
        sum.events += quality->events;
        sum.lost_events += quality->lost_events;
        sum.unknown_frees += quality->unknown_frees;
        sum.missed_frees += quality->missed_frees;
        sum.repaired_events += quality->repaired_events;
        sum.failed_unwinds += quality->failed_unwinds;
        sum.truncated_stacks += quality->truncated_stacks;
        sum.remote_unwinds += quality->remote_unwinds;
        sum.bad_records += quality->bad_records;
        sum.wait_ns += quality->wait_ns;
        sum.own_bytes += quality->own_bytes;
    }
    return sum;
}

static bool is_code(const struct profile_frame *frame)
{
    return frame->kind != RECORDING_FRAME_OMITTED &&
           (frame->kind != RECORDING_FRAME_UNKNOWN || frame->offset);
}

void quality_count_frames(const struct profile *profile, uint64_t *frames, uint64_t *unsymbolized)
{
    *frames = *unsymbolized = 0;
    for (size_t i = 0; i < profile->frame_count; i++) {
        const struct profile_frame *frame = &profile->frames[i];
        if (!is_code(frame))
            continue;
        uint32_t last = frame->first_location + frame->location_count - 1;
        ++*frames;
        *unsymbolized += !profile->locations[last].is_symbolized;
    }
}

static void print_count(struct text *out, uint64_t count, const char *one, const char *many)
{
    char number[UNITS_TEXT_BYTES];
    text_print(out, "%s %s", units_format_count(count, number), count == 1 ? one : many);
}

static void print_problem(struct text *out, uint64_t count, const char *one, const char *many)
{
    if (!count)
        return;
    print_count(out, count, one, many);
    text_add(out, "\n");
}

static void print_state(const struct profile *profile, const struct recording_quality *sum,
                        struct text *out)
{
    if (profile->info.is_torn && profile->info.damage[0]) {
        text_add(out, "incomplete: ");
        page_make_safe(out, profile->info.damage);
        text_add(out, "\n");
    } else if (!profile->is_finished) {
        text_add(out, "incomplete: the recording has no end, as its writer was stopped or is still"
                      " at work\n");
    } else if (!profile->is_complete) {
        text_add(out, "incomplete:\n");
    }
    char lost[UNITS_TEXT_BYTES], all[UNITS_TEXT_BYTES];
    if (sum->lost_events)
        text_print(out, "%s of %s events were lost: the figures are too low\n",
                   units_format_count(sum->lost_events, lost),
                   units_format_count(sum->events + sum->lost_events, all));
}

static void print_processes(const struct profile *profile, uint32_t process, struct text *out)
{
    for (uint32_t i = 0; i < profile->process_count; i++) {
        const struct recording_process *about = &profile->processes[i].about;
        if ((process != QUERY_ALL_PROCESSES && process != i) ||
            (about->observed && !about->reason[0]))
            continue;
        text_print(out, "process %" PRIu64 " (", about->id);
        page_make_safe(out, text_file_name(about->executable));
        text_add(out, about->observed ? "): " : "): its allocations were not seen");
        if (!about->observed && about->reason[0])
            text_add(out, ": ");
        page_make_safe(out, about->reason);
        text_add(out, "\n");
    }
}

static int compare_missing(const void *left, const void *right)
{
    const struct profile_module *a = *(const struct profile_module *const *)left;
    const struct profile_module *b = *(const struct profile_module *const *)right;
    if (a->unsymbolized_frame_count != b->unsymbolized_frame_count)
        return a->unsymbolized_frame_count > b->unsymbolized_frame_count ? -1 : 1;
    return a < b ? -1 : 1;
}

/* "12 of 340 frames have no symbols (libfoo.so.1, build-id 1111..., 10; ...)". */
static void print_symbols(const struct profile *profile, struct text *out)
{
    enum {
        NAMED_MODULES = 3
    };
    char number[UNITS_TEXT_BYTES];
    uint64_t frames, unsymbolized;
    quality_count_frames(profile, &frames, &unsymbolized);
    if (!unsymbolized)
        return;
    const struct profile_module **missing = memory_allocate_zeroed(profile->module_count,
                                                                   sizeof *missing);
    size_t count = 0;
    for (size_t i = 0; i < profile->module_count; i++)
        if (profile->modules[i].unsymbolized_frame_count)
            missing[count++] = &profile->modules[i];
    if (count)
        qsort(missing, count, sizeof *missing, compare_missing);
    text_add(out, units_format_count(unsymbolized, number));
    text_print(out, " of %s frames have no symbols", units_format_count(frames, number));
    for (size_t i = 0; i < count && i < NAMED_MODULES; i++) {
        text_add(out, i == 0 ? ": " : ", ");
        text_add(out, units_format_count(missing[i]->unsymbolized_frame_count, number));
        text_add(out, " in ");
        page_make_safe(out, missing[i]->name);
        if (missing[i]->build_id[0])
            text_print(out, " (build-id %s)", missing[i]->build_id);
    }
    if (count > NAMED_MODULES)
        text_print(out, ", and in %zu more", count - NAMED_MODULES);
    text_add(out, "\n");
    free(missing);
}

void quality_print(const struct profile *profile, uint32_t process, struct text *out)
{
    struct recording_quality sum = quality_sum(profile, process);
    if (profile->is_complete) {
        text_add(out, "complete: ");
        print_count(out, sum.events, "event", "events");
        text_add(out, ", nothing lost\n");
    } else {
        print_state(profile, &sum, out);
    }
    print_problem(out, sum.bad_records, "record of the target was malformed and left out",
                  "records of the target were malformed and left out");
    print_problem(out, profile->dropped_records,
                  "reference in the recording leads nowhere and was left out",
                  "references in the recording lead nowhere and were left out");
    print_problem(out, sum.unknown_frees, "free of a block whose allocation was not seen",
                  "frees of blocks whose allocation was not seen");
    print_problem(out, sum.missed_frees, "free was missed: the address was allocated again",
                  "frees were missed: the addresses were allocated again");
    print_problem(out, sum.failed_unwinds, "stack ends early: it could not be unwound further",
                  "stacks end early: they could not be unwound further");
    print_problem(out, sum.truncated_stacks, "stack is cut in its middle by the depth limit",
                  "stacks are cut in their middle by the depth limit");
    print_processes(profile, process, out);
    print_symbols(profile, out);
}
