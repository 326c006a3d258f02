#include "preload/python_merge.h"

#include <string.h>

#include "wire/wire_format.h"

/* Writes frames while there is room for the inner part; later ones push the oldest of the outer
 * part out. So both ends stay, whatever the length. */
struct output {
    struct python_merge *merge;
    uint32_t inner_limit, outer_limit;
    bool has_gap;         /* what comes belongs to the outer part */
    uint32_t outer_count; /* in the ring behind the inner part */
    uint32_t outer_first;
};

static void put(struct output *output, uint64_t word)
{
    struct python_merge *merge = output->merge;
    if (!output->has_gap && merge->inner_count < output->inner_limit) {
        merge->frames[merge->inner_count++] = word;
        return;
    }
    uint64_t *outer = merge->frames + merge->inner_count;
    uint32_t room = merge->limit - merge->inner_count;
    if (output->has_gap && room > output->outer_limit)
        room = output->outer_limit;
    if (output->outer_count < room) {
        outer[output->outer_count++] = word;
        return;
    }
    outer[output->outer_first] = word;
    output->outer_first = (output->outer_first + 1) % room;
    merge->omitted++;
}

/* Frames were left out here already: what the outer part has so far lies between two gaps. */
static void put_gap(struct output *output, uint64_t omitted)
{
    struct python_merge *merge = output->merge;
    merge->omitted += omitted + output->outer_count;
    output->outer_count = output->outer_first = 0;
    output->has_gap = true;
}

static void reverse(uint64_t *words, uint32_t count)
{
    for (uint32_t i = 0; i < count / 2; i++) {
        uint64_t word = words[i];
        words[i] = words[count - 1 - i];
        words[count - 1 - i] = word;
    }
}

/* The ring begins with its oldest. */
static void finish(struct output *output)
{
    struct python_merge *merge = output->merge;
    uint64_t *outer = merge->frames + merge->inner_count;
    if (output->outer_first != 0) {
        reverse(outer, output->outer_first);
        reverse(outer + output->outer_first, output->outer_count - output->outer_first);
        reverse(outer, output->outer_count);
    }
    merge->count = merge->inner_count + output->outer_count;
    if (merge->omitted == 0)
        merge->inner_count = merge->count;
}

static bool is_evaluation(const struct python_merge *merge, uint64_t word)
{
    bool is_exact = (word & WIRE_FRAME_EXACT) != 0;
    uint64_t address = (word & ~WIRE_FRAME_EXACT) - !is_exact;
    for (size_t i = 0; i < merge->evaluation_count; i++)
        if (address >= merge->evaluation[i].start && address < merge->evaluation[i].end)
            return true;
    return false;
}

/* What most frames are told by that are none of the evaluation's: its main piece, and all that lies
 * from the first to the last of the others. */
struct near {
    uint64_t start, size;
    uint64_t others_start, others_size;
};

static struct near find_near(const struct python_merge *merge)
{
    struct near near = {0};
    if (merge->evaluation_count == 0)
        return near;
    near.start = merge->evaluation[0].start;
    near.size = merge->evaluation[0].end - near.start;
    uint64_t start = UINT64_MAX, end = 0;
    for (size_t i = 1; i < merge->evaluation_count; i++) {
        const struct code_range *piece = &merge->evaluation[i];
        start = piece->start < start ? piece->start : start;
        end = piece->end > end ? piece->end : end;
    }
    near.others_start = start;
    near.others_size = end > start ? end - start : 0;
    return near;
}

/* False: the frame is none of the evaluation's for certain. */
static inline bool is_near(const struct near *near, uint64_t word)
{
    uint64_t address = word - 1;
    return address - near->start < near->size || address - near->others_start < near->others_size ||
           (word & WIRE_FRAME_EXACT) != 0;
}

static uint32_t count_evaluations(const struct python_merge *merge, uint32_t from, uint32_t to)
{
    uint32_t count = 0;
    for (uint32_t i = from; i < to; i++)
        count += is_evaluation(merge, merge->native[i]);
    return count;
}

/* One that goes on at the end, cut off, is one too. */
static uint32_t count_groups(const struct python_merge *merge)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < merge->python_count; i++)
        count += merge->python[i].ends_group || i + 1 == merge->python_count;
    return count;
}

/* Puts the frames of so many groups from *at on. */
static void put_groups(struct output *output, uint32_t *at, uint32_t groups)
{
    const struct python_merge *merge = output->merge;
    while (groups != 0 && *at < merge->python_count) {
        if (merge->python_omitted != 0 && *at == merge->python_inner_count)
            put_gap(output, merge->python_omitted);
        const struct python_merge_frame *frame = &merge->python[(*at)++];
        if (frame->word != 0)
            put(output, frame->word);
        groups -= frame->ends_group;
    }
}

/* Leaves so many groups out. */
static uint64_t skip_groups(const struct python_merge *merge, uint32_t *at, uint32_t groups)
{
    uint64_t skipped = 0;
    while (groups != 0 && *at < merge->python_count) {
        if (*at == merge->python_inner_count)
            skipped += merge->python_omitted;
        skipped += merge->python[*at].word != 0;
        groups -= merge->python[(*at)++].ends_group;
    }
    return skipped;
}

/* How pairs are made: evaluation frames that have no group come first, or groups without one. */
struct pairing {
    uint32_t bare;   /* innermost evaluation frames without a group */
    uint32_t inside; /* groups that stand inside of the next pair */
    uint32_t at_gap; /* groups whose evaluation frames lie in the native gap */
    uint32_t at_end; /* groups outside of all native frames */
};

static struct pairing find_pairing(struct python_merge *merge)
{
    bool has_gap = merge->native_omitted != 0;
    uint32_t evaluations = count_evaluations(merge, 0, merge->native_count);
    uint32_t groups = count_groups(merge);
    struct pairing pairing = {0};
    merge->is_approximate = has_gap ? evaluations > groups
                                    : evaluations != groups || merge->python_omitted != 0;
    if (evaluations > groups)
        pairing.bare = evaluations - groups;
    else if (!merge->is_native_whole || evaluations == 0)
        pairing.at_end = groups - evaluations;
    else if (has_gap)
        pairing.at_gap = groups - evaluations;
    else
        pairing.inside = groups - evaluations;
    return pairing;
}

void python_merge_run_any(struct python_merge *merge)
{
    struct output output = {.merge = merge,
                            .inner_limit = merge->limit - merge->limit / 4,
                            .outer_limit = merge->limit / 4};
    struct pairing pairing = find_pairing(merge);
    uint32_t at = 0;
    merge->count = merge->inner_count = 0;
    merge->omitted = 0;
    for (uint32_t i = 0; i < merge->native_count; i++) {
        if (merge->native_omitted != 0 && i == merge->native_inner_count)
            put_gap(&output, merge->native_omitted + skip_groups(merge, &at, pairing.at_gap));
        if (!is_evaluation(merge, merge->native[i])) {
            put(&output, merge->native[i]);
        } else if (pairing.bare != 0) {
            pairing.bare--;
            put(&output, merge->native[i]);
        } else {
            put_groups(&output, &at, pairing.inside + 1);
            pairing.inside = 0;
        }
    }
    put_groups(&output, &at, pairing.at_end);
    finish(&output);
}

/* As many groups as evaluation frames, and nothing left out: they change places, one by one. False:
 * it is not so. */
static bool run_plain(struct python_merge *merge)
{
    if ((merge->native_omitted | merge->python_omitted) != 0 ||
        (uint64_t)merge->native_count + merge->python_count > merge->limit)
        return false;
    const struct python_merge_frame *python = merge->python, *end = python + merge->python_count;
    struct near near = find_near(merge);
    uint64_t *to = merge->frames;
    for (uint32_t i = 0; i < merge->native_count; i++) {
        if (!is_near(&near, merge->native[i]) || !is_evaluation(merge, merge->native[i])) {
            *to++ = merge->native[i];
            continue;
        }
        if (python == end)
            return false;
        do {
            *to = python->word;
            to += python->word != 0;
        } while (!python++->ends_group && python != end);
    }
    if (python != end)
        return false;
    merge->count = merge->inner_count = (uint32_t)(to - merge->frames);
    merge->omitted = 0;
    merge->is_approximate = false;
    return true;
}

void python_merge_run(struct python_merge *merge)
{
    if (!run_plain(merge))
        python_merge_run_any(merge);
}
