/* What the sites of a process allocated and freed in each bucket of its timeline.
 *
 * A timeline is a journal until the recording is finished: a block of deltas replaces an earlier
 * one of its number, and when buckets were widened all earlier blocks are void. So it is read
 * twice: first for which blocks stand, then, as often as wanted, for their deltas. */
#ifndef SEEP_ANALYSIS_TIMELINE_DELTAS_H
#define SEEP_ANALYSIS_TIMELINE_DELTAS_H

#include <stdint.h>

#include "base/hash_map.h"
#include "heap/timeline_codec.h"
#include "recording/recording_reader.h"

struct timeline_deltas {
    struct recording_reader *reader; /* borrowed */
    uint64_t process_id;
    uint64_t bucket_ns;     /* of the blocks that stand; 0: there is no timeline */
    struct hash_map blocks; /* number to the last record of it, counted from 1 */
};

/* Clear after use. */
void timeline_deltas_find(struct timeline_deltas *deltas, struct recording_reader *reader,
                          uint64_t process_id);
void timeline_deltas_clear(struct timeline_deltas *deltas);

/* Those of a bucket happened from bucket * bucket_ns on, and before (bucket + 1) * bucket_ns, which
 * does not overflow. What is malformed is left out. */
typedef void (*timeline_take_delta)(void *context, const struct timeline_delta *delta);
void timeline_deltas_visit(const struct timeline_deltas *deltas, timeline_take_delta take,
                           void *context);

#endif
