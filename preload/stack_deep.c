#include "preload/stack_deep.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "preload/stack_hash.h"

/* ---- writing frames, from the root inwards ----------------------------------------------------
 */

static uint32_t outer_count_of(const struct stack_deep *deep)
{
    return deep->limit / 4;
}

/* Stands outside of the outermost frame. */
static const struct plain_note nothing_outside = {.bp_saved = 1};

/* Writes what follows from the frame outside of it. */
static void complete(struct plain_frame *frame, struct plain_note *note,
                     const struct plain_note *outside)
{
    note->needs_bp = note->is_by_bp || (outside->bp_saved == 0 && outside->needs_bp);
    note->hash = stack_hash_roll(outside->hash, frame->pc);
    frame->bp_slot = note->needs_bp ? note->bp_saved : 0;
}

static void put(struct plain_frame *frame, struct plain_note *note, const struct plain_place *place,
                bool is_by_bp)
{
    *frame = (struct plain_frame){.pc = place->pc, .sp = place->sp, .bp = place->bp};
    *note = (struct plain_note){.bp_saved = place->bp_saved, .is_by_bp = is_by_bp};
}

/* ---- marks beyond ------------------------------------------------------------------------------
 */

static void halve_marks(struct stack_deep *deep)
{
    deep->mark_count /= 2;
    for (uint32_t i = 0; i < deep->mark_count; i++)
        deep->marks[i] = deep->marks[2 * i];
    deep->mark_stride *= 2;
}

/* One more frame lies beyond. */
static inline void pass_beyond(struct stack_deep *deep, const struct plain_frame *frame)
{
    if (--deep->until_mark != 0)
        return;
    if (deep->mark_count == STACK_DEEP_MARKS)
        halve_marks(deep);
    deep->until_mark = deep->mark_stride;
    deep->marks[deep->mark_count++] = *frame;
}

/* ---- a walk of all -----------------------------------------------------------------------------
 */

struct whole_walk {
    struct stack_deep *deep;
    struct plain_place place;
    uint64_t count; /* frames put */
    /* Of the frame outside of those that are kept: does one further out need the bp of this one? */
    bool is_bp_decided, is_bp_needed;
};

static void put_beyond(struct whole_walk *walk, struct plain_frame *frame, bool is_by_bp)
{
    if (!walk->is_bp_decided) {
        walk->is_bp_needed = walk->place.bp_saved == 0 && is_by_bp;
        walk->is_bp_decided = walk->place.bp_saved != 0 || is_by_bp;
    }
    /* It may count otherwise, too; that is not known yet. */
    frame->bp_slot = is_by_bp ? walk->place.bp_saved : 0;
    pass_beyond(walk->deep, frame);
}

static void put_any(struct whole_walk *walk, bool is_by_bp)
{
    uint64_t at = walk->count++, last = at % STACK_DEEP_OUTER;
    struct stack_deep *deep = walk->deep;

    put(&deep->last_frames[last], &deep->last_notes[last], &walk->place, is_by_bp);
    if (at >= STACK_DEEP_KEPT) {
        put_beyond(walk, &deep->last_frames[last], is_by_bp);
        return;
    }
    put(&deep->frames[deep->end], &deep->notes[deep->end], &walk->place, is_by_bp);
    deep->end++;
}

static bool walk_to_end(struct whole_walk *walk, struct plain_steps *steps,
                        struct unwind_rules *rules, uint64_t generation)
{
    while (walk->count < STACK_WALK_MAX_FRAMES) {
        uint32_t step = plain_step_find(steps, rules, generation, walk->place.pc - 1);

        if (step == PLAIN_STEP_OTHER)
            return false;
        put_any(walk, step & PLAIN_STEP_BY_BP);
        if (step == PLAIN_STEP_OUTERMOST)
            return true;
        if (!plain_place_step(&walk->place, step))
            return false;
    }
    return false;
}

static void write_outer(struct stack_deep *deep, uint64_t count)
{
    const struct plain_note *outside = &nothing_outside;

    for (uint32_t i = outer_count_of(deep); i-- > 0;) {
        uint64_t last = --count % STACK_DEEP_OUTER;

        complete(&deep->last_frames[last], &deep->last_notes[last], outside);
        deep->outer[i] = deep->last_frames[last];
        outside = &deep->last_notes[last];
    }
    deep->outer_hash = outside->hash;
}

static void write_kept(const struct whole_walk *walk)
{
    struct stack_deep *deep = walk->deep;
    struct plain_note beyond = nothing_outside;
    const struct plain_note *outside = &beyond;

    if (deep->beyond != 0)
        beyond = (struct plain_note){.bp_saved = 0, .needs_bp = walk->is_bp_needed};
    for (uint32_t i = deep->end; i-- > deep->first;) {
        complete(&deep->frames[i], &deep->notes[i], outside);
        outside = &deep->notes[i];
    }
}

static uint64_t power_of(uint32_t count)
{
    uint64_t power = 1;

    while (count-- > 0)
        power = stack_hash_modulo((unsigned __int128)power * STACK_HASH_BASE);
    return power;
}

static enum stack_deep_found walk_anew(struct stack_deep *deep, struct plain_steps *steps,
                                       struct unwind_rules *rules, struct walk_memory *memory,
                                       const struct walk_registers *from, uint64_t generation)
{
    struct whole_walk walk = {.deep = deep};

    plain_place_begin(&walk.place, memory, from);
    deep->generation = 0;
    atomic_signal_fence(memory_order_seq_cst);
    deep->first = deep->end = STACK_DEEP_FRESH;
    deep->mark_count = 0;
    deep->mark_stride = deep->until_mark = STACK_DEEP_STRIDE;
    if (!walk_to_end(&walk, steps, rules, generation))
        return STACK_DEEP_NOT_FOUND;
    if (walk.count <= deep->limit)
        return STACK_DEEP_NOT_DEEP;
    deep->beyond = walk.count - (deep->end - deep->first);
    write_kept(&walk);
    write_outer(deep, walk.count);
    atomic_signal_fence(memory_order_seq_cst);
    deep->generation = generation;
    return STACK_DEEP_FOUND;
}

/* ---- a walk to what is kept --------------------------------------------------------------------
 */

struct deep_walk {
    struct stack_deep *deep;
    struct plain_place place; /* not yet put out */
    uint32_t known;           /* kept frames inside of this one are passed */
    uint32_t fresh_count;     /* frames put out */
};

enum meeting {
    MEETING_HOLDS,      /* all outside of the frame that is met stays */
    MEETING_NONE,       /* nothing is left of what is kept */
    MEETING_NOT_A_STACK /* not of plain frames */
};

static inline bool put_out(struct deep_walk *walk, bool is_by_bp)
{
    uint32_t at = walk->fresh_count;

    if (at == STACK_DEEP_FRESH)
        return false;
    put(&walk->deep->fresh_frames[at], &walk->deep->fresh_notes[at], &walk->place, is_by_bp);
    walk->fresh_count = at + 1;
    return true;
}

/* Is the frame that was reached one that is kept, and does all of the stack lie where this walk may
 * read? Each frame lies above the one before. */
static inline bool is_known(struct deep_walk *walk)
{
    const struct stack_deep *deep = walk->deep;
    uint32_t known = walk->known;

    while (known != deep->end && deep->frames[known].sp < walk->place.sp)
        known++;
    walk->known = known;
    return known != deep->end && deep->frames[known].sp == walk->place.sp &&
           deep->frames[known].pc == walk->place.pc &&
           (deep->frames[known].bp == walk->place.bp || !deep->notes[known].needs_bp) &&
           deep->outer[outer_count_of(deep) - 1].sp <= walk->place.range.high;
}

static inline bool have_changed(const struct plain_frame *frames, uint32_t count)
{
    return plain_frames_changed(frames, frames + count) != frames + count;
}

/* Have the words changed that are compared beyond those of all innermost frames, up to `at`? */
static bool has_rest_changed(const struct stack_deep *deep, uint32_t at)
{
    for (; at < deep->end; at += STACK_DEEP_STRIDE)
        if (have_changed(&deep->frames[at], 1))
            return true;
    return have_changed(deep->marks, deep->mark_count) ||
           have_changed(deep->outer, outer_count_of(deep));
}

/* As of a trail, from the frame that was met to the frame `until`. */
STACK_PLAIN_READS_FOREIGN_FRAMES
static bool go_along(struct deep_walk *walk, uint32_t until)
{
    const struct stack_deep *deep = walk->deep;

    for (; walk->known != until; walk->known++) {
        uint32_t next = walk->known + 1;

        if (!put_out(walk, deep->notes[walk->known].is_by_bp))
            return false;
        walk->place.pc = deep->frames[next].pc;
        walk->place.sp = deep->frames[next].sp;
        walk->place.bp_saved = deep->notes[next].bp_saved;
        if (walk->place.bp_saved != 0)
            walk->place.bp = *(const uint64_t *)(uintptr_t)walk->place.bp_saved;
    }
    walk->known = until + 1;
    return true;
}

/* At a frame that is kept: false, go on from the last frame that holds; or *meeting is decided. */
static bool is_decided(struct deep_walk *walk, enum meeting *meeting)
{
    const struct stack_deep *deep = walk->deep;
    uint32_t missing = walk->fresh_count < STACK_DEEP_COMPARED
                           ? STACK_DEEP_COMPARED - walk->fresh_count
                           : 1;

    *meeting = MEETING_NONE;
    if (missing >= deep->end - walk->known) {
        if (deep->beyond != 0) /* the frame behind the window is needed, too, for its hash */
            return true;
        missing = deep->end - walk->known;
    }
    const struct plain_frame *end = &deep->frames[walk->known + missing];
    const struct plain_frame *changed = plain_frames_changed(&deep->frames[walk->known + 1], end);
    if (changed != end)
        return !go_along(walk, (uint32_t)(changed - deep->frames) - 1);
    if (!has_rest_changed(deep, walk->known + missing))
        *meeting = MEETING_HOLDS;
    return true;
}

static enum meeting walk_to_known(struct deep_walk *walk, struct plain_steps *steps,
                                  struct unwind_rules *rules, uint64_t generation)
{
    enum meeting meeting;

    for (;;) {
        if (is_known(walk) && is_decided(walk, &meeting))
            return meeting;
        if (walk->known == walk->deep->end)
            return MEETING_NONE;
        uint32_t step = plain_step_find(steps, rules, generation, walk->place.pc - 1);

        if (step == PLAIN_STEP_OTHER)
            return MEETING_NOT_A_STACK;
        if (step == PLAIN_STEP_OUTERMOST || !put_out(walk, step & PLAIN_STEP_BY_BP))
            return MEETING_NONE;
        if (!plain_place_step(&walk->place, step))
            return MEETING_NOT_A_STACK;
    }
}

/* Moves those from `known` on to the end of the room, as many as are kept; returns where the first
 * of them is then. */
static uint32_t make_room(struct stack_deep *deep, uint32_t known)
{
    uint32_t kept = deep->end - known;

    if (kept > STACK_DEEP_KEPT)
        kept = STACK_DEEP_KEPT;
    while (deep->end > known + kept) {
        deep->end--;
        deep->beyond++;
        pass_beyond(deep, &deep->frames[deep->end]);
    }
    uint32_t to = STACK_DEEP_FRAMES - kept;
    memmove(&deep->frames[to], &deep->frames[known], kept * sizeof *deep->frames);
    memmove(&deep->notes[to], &deep->notes[known], kept * sizeof *deep->notes);
    deep->end = STACK_DEEP_FRAMES;
    return to;
}

/* Void while it is written: a signal may end this by a jump. */
static void write_fresh(const struct deep_walk *walk, uint64_t generation)
{
    struct stack_deep *deep = walk->deep;
    uint32_t at = walk->known;

    deep->generation = 0;
    atomic_signal_fence(memory_order_seq_cst);
    if (walk->fresh_count > at)
        at = make_room(deep, at);
    /* bp may have been saved elsewhere, and be another where it does not count */
    deep->frames[at].bp = walk->place.bp;
    deep->notes[at].bp_saved = walk->place.bp_saved;
    deep->frames[at].bp_slot = deep->notes[at].needs_bp ? walk->place.bp_saved : 0;
    for (uint32_t i = walk->fresh_count; i-- > 0; at--) {
        deep->frames[at - 1] = deep->fresh_frames[i];
        deep->notes[at - 1] = deep->fresh_notes[i];
        complete(&deep->frames[at - 1], &deep->notes[at - 1], &deep->notes[at]);
    }
    deep->first = at;
    atomic_signal_fence(memory_order_seq_cst);
    deep->generation = generation;
}

static enum stack_deep_found find(struct stack_deep *deep, struct plain_steps *steps,
                                  struct unwind_rules *rules, struct walk_memory *memory,
                                  const struct walk_registers *from, uint64_t generation)
{
    struct deep_walk walk = {.deep = deep, .known = deep->first};

    plain_place_begin(&walk.place, memory, from);
    if (from->is_exact)
        return STACK_DEEP_NOT_FOUND;
    if (deep->generation != generation)
        return walk_anew(deep, steps, rules, memory, from, generation);
    switch (walk_to_known(&walk, steps, rules, generation)) {
    case MEETING_NOT_A_STACK:
        return STACK_DEEP_NOT_FOUND;
    case MEETING_NONE:
        return walk_anew(deep, steps, rules, memory, from, generation);
    case MEETING_HOLDS:
        break;
    }
    if (walk.fresh_count + (deep->end - walk.known) + deep->beyond <= deep->limit)
        return STACK_DEEP_NOT_DEEP;
    write_fresh(&walk, generation);
    return STACK_DEEP_FOUND;
}

static void set_limit(struct stack_deep *deep, uint32_t limit)
{
    deep->generation = 0;
    deep->limit = limit;
    for (uint32_t i = 0; i < outer_count_of(deep); i++)
        deep->powers[i] = power_of(stack_cut_most_inner(limit) - i);
}

enum stack_deep_found stack_deep_find(struct stack_deep *deep, struct plain_steps *steps,
                                      struct unwind_rules *rules, struct walk_memory *memory,
                                      const struct walk_registers *from, uint32_t limit)
{
    uint64_t generation = unwind_rules_generation(rules);

    if (limit > STACK_DEEP_LIMIT || limit < STACK_WALK_MIN_LIMIT)
        return STACK_DEEP_NOT_FOUND;
    if (deep->failures >= STACK_DEEP_PATIENCE) {
        if (++deep->failures % STACK_DEEP_RETRY != 0)
            return STACK_DEEP_NOT_FOUND;
        deep->failures = STACK_DEEP_PATIENCE;
    }
    if (deep->limit != limit)
        set_limit(deep, limit);
    plain_steps_begin(steps, generation);
    enum stack_deep_found found = find(deep, steps, rules, memory, from, generation);
    deep->failures = found == STACK_DEEP_NOT_FOUND ? deep->failures + 1 : 0;
    if (found == STACK_DEEP_FOUND)
        deep->cut = stack_cut_of(deep->end - deep->first + deep->beyond, limit);
    return found;
}

uint64_t stack_deep_hash(const struct stack_deep *deep, uint64_t begin)
{
    uint32_t behind = deep->first + deep->cut.inner;
    uint64_t from_behind = behind < deep->end ? deep->notes[behind].hash : 0;
    uint64_t power = deep->powers[stack_cut_most_inner(deep->limit) - deep->cut.inner];

    return stack_hash_cut(begin,
                          stack_hash_window(deep->notes[deep->first].hash, from_behind, power),
                          deep->outer_hash);
}

void stack_deep_copy(const struct stack_deep *deep, uint64_t *frames)
{
    for (uint32_t i = 0; i < deep->cut.inner; i++)
        *frames++ = deep->frames[deep->first + i].pc;
    for (uint32_t i = 0; i < deep->cut.outer; i++)
        *frames++ = deep->outer[i].pc;
}
