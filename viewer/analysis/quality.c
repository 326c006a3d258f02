#include "config.h"

#include "analysis/quality.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/query.h"
#include "base/memory.h"
#include "base/units.h"

enum {
    SHOWN_BUILD_ID_DIGITS = 12,
    LEAST_WAITING_NS = 1000000 /* less is not worth a word */
};

struct problem_words {
    const char *name;
    const char *one; /* "1 frame", but "1 of 12 frames" for what is counted of a whole */
    const char *many;
};

static const struct problem_words words[] = {
    [QUALITY_TORN] = {"torn", "the recording is torn", ""},
    [QUALITY_UNFINISHED] = {"unfinished",
                            "the recording has no end, as its writer was stopped or is still at"
                            " work",
                            ""},
    [QUALITY_LOST_EVENTS] = {"lost_events", "events was lost: the figures are too low",
                             "events were lost: the figures are too low"},
    [QUALITY_BAD_RECORDS] = {"bad_records", "record of the target was malformed and left out",
                             "records of the target were malformed and left out"},
    [QUALITY_DROPPED_RECORDS] = {"dropped_records",
                                 "reference in the recording leads nowhere and was left out",
                                 "references in the recording lead nowhere and were left out"},
    [QUALITY_LOST_ELSEWHERE] = {"lost_elsewhere", "events of other processes were lost", ""},
    [QUALITY_STOPPED_EARLY] = {"stopped_early", "the recorder had to stop early", ""},
    [QUALITY_SAMPLED] = {"sampled",
                         "sampled: figures of the heap are estimates, from one block in ", ""},
    [QUALITY_BOTTLENECK] = {"bottleneck", "the recorder was the bottleneck: threads waited for it ",
                            ""},
    [QUALITY_UNKNOWN_FREES] = {"unknown_frees", "free of a block whose allocation was not seen",
                               "frees of blocks whose allocation was not seen"},
    [QUALITY_MISSED_FREES] = {"missed_frees", "free was missed: the address was allocated again",
                              "frees were missed: the addresses were allocated again"},
    [QUALITY_FAILED_UNWINDS] = {"failed_unwinds",
                                "stack ends early: it could not be unwound further",
                                "stacks end early: they could not be unwound further"},
    [QUALITY_TRUNCATED_STACKS] = {"truncated_stacks",
                                  "stack is cut in its middle by the depth limit",
                                  "stacks are cut in their middle by the depth limit"},
    [QUALITY_APPROXIMATE_STACKS] = {"approximate_stacks",
                                    "stack is approximate in where Python stands among C",
                                    "stacks are approximate in where Python stands among C"},
    [QUALITY_NO_PYTHON] = {"no_python", "", ""},
    [QUALITY_NOT_OBSERVED] = {"not_observed", "its allocations were not seen",
                              "their allocations were not seen"},
    [QUALITY_REMARK] = {"remark", "", ""},
    [QUALITY_NO_SYMBOLS] = {"no_symbols", "frames has no symbol", "frames have no symbols"},
};

const char *quality_kind_name(enum quality_problem_kind kind)
{
    return words[kind].name;
}

/* ---- what is wrong ---- */

struct judging {
    const struct profile *profile;
    uint32_t process;
    struct quality *quality;
    size_t capacity;
};

static bool is_asked_for(const struct judging *judging, uint32_t process)
{
    return judging->process == QUERY_ALL_PROCESSES || judging->process == process;
}

static struct quality_problem *add_problem(struct judging *judging, enum quality_problem_kind kind,
                                           uint64_t count)
{
    struct quality *quality = judging->quality;
    quality->problems = memory_grow(quality->problems, &judging->capacity,
                                    quality->problem_count + 1, sizeof *quality->problems);
    struct quality_problem *problem = &quality->problems[quality->problem_count++];
    *problem = (struct quality_problem){.kind = kind,
                                        .count = count,
                                        .words = count > 1 ? words[kind].many : words[kind].one,
                                        .reason = ""};
    return problem;
}

static void add_counted(struct judging *judging, enum quality_problem_kind kind, uint64_t count,
                        uint64_t whole)
{
    if (count)
        add_problem(judging, kind, count)->whole = whole;
}

static void sum_up(struct judging *judging)
{
    struct recording_quality *sum = &judging->quality->sum;
    for (uint32_t i = 0; i < judging->profile->process_count; i++) {
        const struct profile_process *process = &judging->profile->processes[i];
        const struct recording_quality *quality = &process->quality;
        if (!is_asked_for(judging, i))
            continue;
        judging->quality->is_known |= process->has_quality;
        judging->quality->is_observed |= process->about.observed != 0;
        sum->events += quality->events;
        sum->lost_events += quality->lost_events;
        sum->unknown_frees += quality->unknown_frees;
        sum->missed_frees += quality->missed_frees;
        sum->repaired_events += quality->repaired_events;
        sum->failed_unwinds += quality->failed_unwinds;
        sum->truncated_stacks += quality->truncated_stacks;
        sum->remote_unwinds += quality->remote_unwinds;
        sum->bad_records += quality->bad_records;
        sum->wait_ns += quality->wait_ns;
        sum->own_bytes += quality->own_bytes;
        sum->approximate_stacks += quality->approximate_stacks;
    }
}

static bool is_lost_elsewhere(const struct judging *judging)
{
    for (uint32_t i = 0; i < judging->profile->process_count; i++) {
        const struct recording_quality *quality = &judging->profile->processes[i].quality;
        if (!is_asked_for(judging, i) && (quality->lost_events || quality->bad_records))
            return true;
    }
    return false;
}

static void judge_completeness(struct judging *judging)
{
    const struct profile *profile = judging->profile;
    const struct recording_quality *sum = &judging->quality->sum;
    if (profile->info.is_torn) {
        struct quality_problem *torn = add_problem(judging, QUALITY_TORN, 0);
        torn->reason = profile->info.damage;
        if (torn->reason[0])
            torn->words = "";
    } else if (!profile->is_finished && !profile->is_live) {
        add_problem(judging, QUALITY_UNFINISHED, 0);
    }
    add_counted(judging, QUALITY_LOST_EVENTS, sum->lost_events, sum->events + sum->lost_events);
    add_counted(judging, QUALITY_BAD_RECORDS, sum->bad_records, 0);
    add_counted(judging, QUALITY_DROPPED_RECORDS, profile->dropped_records, 0);
    if (is_lost_elsewhere(judging))
        add_problem(judging, QUALITY_LOST_ELSEWHERE, 0);
    if (!profile->is_complete && !judging->quality->problem_count)
        add_problem(judging, QUALITY_STOPPED_EARLY, 0);
}

/* ---- processes that were not seen, or not to their end ---- */

/* What is to be said of one, and as what. */
struct remark {
    const struct profile_process *process;
    enum quality_problem_kind kind;
    const char *reason;
};

static bool take_remark(const struct profile_process *process, struct remark *remark)
{
    bool is_observed = process->about.observed != 0;
    *remark = (struct remark){process, is_observed ? QUALITY_REMARK : QUALITY_NOT_OBSERVED,
                              process->about.reason};
    return !is_observed || process->about.reason[0];
}

static bool take_python_note(const struct profile_process *process, struct remark *remark)
{
    *remark = (struct remark){process, QUALITY_NO_PYTHON, process->about.python_note};
    return process->about.python_note[0];
}

static int compare_remarks(const void *left, const void *right)
{
    const struct remark *a = left, *b = right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    int order = strcmp(a->reason, b->reason);
    return order ? order : (a->process > b->process) - (a->process < b->process);
}

static void add_remark(struct judging *judging, const struct remark *first, size_t count)
{
    struct quality_problem *problem = add_problem(judging, first->kind, count);
    problem->reason = first->reason;
    problem->process = first->process;
}

/* Those with the same reason stand together: a build can run thousands of them. */
static void judge_processes(struct judging *judging,
                            bool (*take)(const struct profile_process *, struct remark *))
{
    const struct profile *profile = judging->profile;
    struct remark *remarks = memory_allocate_zeroed(profile->process_count, sizeof *remarks);
    size_t count = 0;
    for (uint32_t i = 0; i < profile->process_count; i++)
        if (is_asked_for(judging, i) && take(&profile->processes[i], &remarks[count]))
            count++;
    if (count)
        qsort(remarks, count, sizeof *remarks, compare_remarks);
    for (size_t start = 0, end; start < count; start = end) {
        for (end = start + 1; end < count && remarks[end].kind == remarks[start].kind &&
                              strcmp(remarks[end].reason, remarks[start].reason) == 0;)
            end++;
        add_remark(judging, &remarks[start], end - start);
    }
    free(remarks);
}

/* ---- symbols ---- */

static bool is_code(const struct profile_frame *frame)
{
    return frame->kind != RECORDING_FRAME_OMITTED && frame->kind != RECORDING_FRAME_JIT &&
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

static int compare_missing(const void *left, const void *right)
{
    const struct profile_module *a = *(const struct profile_module *const *)left;
    const struct profile_module *b = *(const struct profile_module *const *)right;
    if (a->unsymbolized_frame_count != b->unsymbolized_frame_count)
        return a->unsymbolized_frame_count > b->unsymbolized_frame_count ? -1 : 1;
    return (a > b) - (a < b);
}

static void find_missing_symbols(const struct profile *profile, struct quality *quality)
{
    size_t count = 0;
    quality->missing = memory_allocate_zeroed(profile->module_count, sizeof *quality->missing);
    for (size_t i = 0; i < profile->module_count; i++)
        if (profile->modules[i].unsymbolized_frame_count)
            quality->missing[count++] = &profile->modules[i];
    if (count)
        qsort(quality->missing, count, sizeof *quality->missing, compare_missing);
    quality->missing_count = count;
}

/* ---- the recorder ---- */

/* Threads that waited for seep a tenth of the time that their process ran have other times than
 * they would have without it. */
static void judge_waiting(struct judging *judging)
{
    uint64_t waited = judging->quality->sum.wait_ns, ran = 0;
    for (uint32_t i = 0; i < judging->profile->process_count; i++) {
        const struct recording_process *about = &judging->profile->processes[i].about;
        if (is_asked_for(judging, i) && about->end_ns > about->start_ns)
            ran += about->end_ns - about->start_ns;
    }
    if (waited > ran / 10 && waited >= LEAST_WAITING_NS)
        *add_problem(judging, QUALITY_BOTTLENECK,
                     1) = (struct quality_problem){.kind = QUALITY_BOTTLENECK,
                                                   .count = waited,
                                                   .whole = ran,
                                                   .words = words[QUALITY_BOTTLENECK].one,
                                                   .reason = ""};
}

/* ---- the whole ---- */

void quality_judge(const struct profile *profile, uint32_t process, struct quality *quality)
{
    *quality = (struct quality){.is_complete = profile->is_complete};
    struct judging judging = {.profile = profile, .process = process, .quality = quality};
    sum_up(&judging);
    judge_completeness(&judging);
    const struct recording_quality *sum = &quality->sum;
    quality->is_sampled = profile_is_sampled(profile);
    if (quality->is_sampled)
        add_problem(&judging, QUALITY_SAMPLED, 1)->count = profile->session.sample_bytes;
    judge_waiting(&judging);
    add_counted(&judging, QUALITY_UNKNOWN_FREES, sum->unknown_frees, 0);
    add_counted(&judging, QUALITY_MISSED_FREES, sum->missed_frees, 0);
    add_counted(&judging, QUALITY_FAILED_UNWINDS, sum->failed_unwinds, 0);
    add_counted(&judging, QUALITY_TRUNCATED_STACKS, sum->truncated_stacks, 0);
    add_counted(&judging, QUALITY_APPROXIMATE_STACKS, sum->approximate_stacks, 0);
    judge_processes(&judging, take_python_note);
    judge_processes(&judging, take_remark);
    quality_count_frames(profile, &quality->frame_count, &quality->unsymbolized_frame_count);
    add_counted(&judging, QUALITY_NO_SYMBOLS, quality->unsymbolized_frame_count,
                quality->frame_count);
    find_missing_symbols(profile, quality);
}

void quality_clear(struct quality *quality)
{
    free(quality->problems);
    free(quality->missing);
    *quality = (struct quality){0};
}

/* ---- in words ---- */

static void describe_processes(const struct quality_problem *problem, struct text *out)
{
    char number[UNITS_TEXT_BYTES];
    if (problem->count > 1)
        text_print(out, "%s processes, the first of them %" PRIu64 " (",
                   units_format_count(problem->count, number), problem->process->about.id);
    else
        text_print(out, "process %" PRIu64 " (", problem->process->about.id);
    text_add(out, profile_process_name(problem->process));
    text_add(out, ")");
}

void quality_describe_problem(const struct quality_problem *problem, struct text *out)
{
    char number[UNITS_TEXT_BYTES];
    if (problem->kind == QUALITY_SAMPLED) {
        text_print(out, "%s%s", problem->words, units_format_size(problem->count, number));
        return;
    }
    if (problem->kind == QUALITY_BOTTLENECK) {
        text_print(out, "%s%s", problem->words, units_format_duration(problem->count, number));
        text_print(out, " of %s", units_format_duration(problem->whole, number));
        return;
    }
    bool is_begun = false;
    if (problem->process) {
        describe_processes(problem, out);
        is_begun = true;
    } else if (problem->count) {
        text_add(out, units_format_count(problem->count, number));
        if (problem->whole)
            text_print(out, " of %s", units_format_count(problem->whole, number));
        text_print(out, " %s", problem->words);
        return;
    }
    if (problem->words[0])
        text_print(out, "%s%s", is_begun ? ": " : "", problem->words);
    is_begun |= problem->words[0] != 0;
    if (problem->reason[0])
        text_print(out, "%s%s", is_begun ? ": " : "", problem->reason);
}

void quality_describe_state(const struct quality *quality, struct text *out)
{
    char number[UNITS_TEXT_BYTES];
    if (!quality->is_observed) {
        text_add(out, "nothing was observed");
        return;
    }
    if (quality->is_complete) {
        text_print(out, "complete: %s %sevent%s, nothing lost",
                   units_format_count(quality->sum.events, number),
                   quality->is_sampled ? "sampled " : "", quality->sum.events == 1 ? "" : "s");
        return;
    }
    text_add(out, "incomplete");
    if (quality->problem_count) {
        text_add(out, ": ");
        quality_describe_problem(&quality->problems[0], out);
    }
}

size_t quality_first_untold(const struct quality *quality)
{
    return quality->is_observed && !quality->is_complete && quality->problem_count ? 1 : 0;
}

void quality_describe_missing(const struct profile_module *module, struct text *out)
{
    char number[UNITS_TEXT_BYTES];
    text_print(out, "%s in %s", units_format_count(module->unsymbolized_frame_count, number),
               module->name);
    if (module->build_id[0])
        text_print(out, " (build-id %.*s)", SHOWN_BUILD_ID_DIGITS, module->build_id);
}
