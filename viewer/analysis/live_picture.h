/* A recording that is being written, as it was at one instant: a profile with its reader, a reading
 * of its counters (rates.h), and what has grown until then (growth.h). Loading reads all of the
 * recording and may take long: it is made to be done beside what people look at. */
#ifndef SEEP_ANALYSIS_LIVE_PICTURE_H
#define SEEP_ANALYSIS_LIVE_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/growth.h"
#include "analysis/profile.h"
#include "analysis/rates.h"
#include "base/error.h"
#include "recording/recording_reader.h"
#include "snapshot/snapshot_store.h"

struct live_picture {
    struct recording_reader *reader;
    struct profile *profile;
    struct snapshot_list snapshots;
    struct rates_reading *reading; /* for later ones to compare with: see take_reading */
    bool is_reading_taken;
    struct growth *growths; /* by process; those that are not known are empty */
    bool has_rates;         /* those were found beforehand, for this question */
    struct rates_question asked;
    struct rates rates;
};

/* `until_ns`: the recorder has told all that was until then (profile_options.live_until_ns); 0: it
 * has ended, whether it finished the recording or not. Caller owns. */
struct live_picture *live_picture_load(const char *path, uint64_t until_ns, struct error *error);
void live_picture_destroy(struct live_picture *picture);

/* The reading is the caller's now, and outlives the picture; that goes on to use it. */
struct rates_reading *live_picture_take_reading(struct live_picture *picture);

/* What its sites do: rates_find_unordered with its own reading and growths (question.growths is not
 * looked at). Beforehand, where that holds nobody up; then in no time, if it is the same question
 * or differs in its order only. `rates` is cleared by the caller and borrows the picture. */
void live_picture_prepare_rates(struct live_picture *picture,
                                const struct rates_question *question);
void live_picture_find_rates(struct live_picture *picture, const struct rates_question *question,
                             struct rates *rates);

/* The position of the newest image of the process with this number; profile.process_count: none. */
uint32_t live_picture_find_pid(const struct live_picture *picture, uint64_t pid);

#endif
