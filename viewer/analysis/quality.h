/* How far a recording can be trusted: what is wrong with it, in the order in which it matters.
 *
 * The judgement is made here once; reports, the summary, JSON and the viewer only lay it out. */
#ifndef SEEP_ANALYSIS_QUALITY_H
#define SEEP_ANALYSIS_QUALITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"
#include "base/text.h"

/* In the order in which they are told. With any of the first group the recording is incomplete. */
enum quality_problem_kind {
    QUALITY_TORN,
    QUALITY_UNFINISHED,
    QUALITY_LOST_EVENTS,
    QUALITY_BAD_RECORDS,
    QUALITY_DROPPED_RECORDS,
    QUALITY_LOST_ELSEWHERE, /* in processes that are not asked for */
    QUALITY_STOPPED_EARLY,

    QUALITY_SAMPLED,    /* count: bytes per sample */
    QUALITY_BOTTLENECK, /* count: ns that the program waited, whole: ns that it ran */
    QUALITY_UNKNOWN_FREES,
    QUALITY_MISSED_FREES,
    QUALITY_FAILED_UNWINDS,
    QUALITY_TRUNCATED_STACKS,
    QUALITY_APPROXIMATE_STACKS,
    QUALITY_NO_PYTHON, /* processes whose stacks have no Python functions, with the same reason */
    QUALITY_NOT_OBSERVED, /* processes, those with the same reason together */
    QUALITY_REMARK,       /* on processes that were observed, the same */
    QUALITY_NO_SYMBOLS
};

struct quality_problem {
    enum quality_problem_kind kind;
    uint64_t count;     /* 0: there is nothing to count */
    uint64_t whole;     /* what they are a part of; 0: of nothing known */
    const char *words;  /* what there are so many of, in the right number; "" = reason tells it */
    const char *reason; /* what the recording adds, foreign; "" = nothing */
    const struct profile_process *process; /* the first one that it is about; NULL: about all */
};

struct quality {
    bool is_complete;
    bool is_observed;             /* some process asked for was: else nothing is measured */
    bool is_sampled;              /* the events are those of samples, figures are estimates */
    bool is_known;                /* some process has a record of its quality: else sum is empty */
    struct recording_quality sum; /* of the processes asked for (process_id 0) */
    uint64_t frame_count;         /* on the stacks of the recording */
    uint64_t unsymbolized_frame_count;
    struct quality_problem *problems;
    size_t problem_count;
    const struct profile_module **missing; /* modules without symbols, most frames first */
    size_t missing_count;
};

/* `process` is a position in profile.processes, or QUERY_ALL_PROCESSES. Clear after use; texts are
 * the profile's. */
void quality_judge(const struct profile *profile, uint32_t process, struct quality *quality);
void quality_clear(struct quality *quality);

/* The word for a kind that programs read: "lost_events". */
const char *quality_kind_name(enum quality_problem_kind kind);

/* Append what people read, without a newline; what is foreign in it is not made harmless. The
 * state is "complete: 12 events, nothing lost", "nothing was observed", or "incomplete: " and the
 * first problem, which is then told (see quality_first_untold). */
void quality_describe_state(const struct quality *quality, struct text *out);
void quality_describe_problem(const struct quality_problem *problem, struct text *out);

/* The position of the first problem that the state does not tell. */
size_t quality_first_untold(const struct quality *quality);

/* "5,284 in cc1plus (build-id 68b310b90b90)": of one of quality.missing. */
void quality_describe_missing(const struct profile_module *module, struct text *out);

/* Frames on the stacks of the profile, and how many of them have no symbol. */
void quality_count_frames(const struct profile *profile, uint64_t *frames, uint64_t *unsymbolized);

#endif
