#include "preload/stack_trail.h"

#include <stdatomic.h>
#include <stddef.h>

#include "preload/stack_hash.h"

enum {
    END = STACK_TRAIL_FRAMES
};

/* ---- the walk ----------------------------------------------------------------------------------
 */

struct trail_walk {
    struct stack_trail *trail;
    struct plain_place place; /* not yet put out */
    uint32_t known;           /* frames of the trail inside of this one are passed */
    uint32_t fresh_count;     /* frames put out */
};

static inline bool put_out(struct trail_walk *walk, bool is_by_bp)
{
    uint32_t at = walk->fresh_count;

    if (at == STACK_TRAIL_FRAMES)
        return false;
    walk->trail->fresh_frames[at] = (struct plain_frame){
        .pc = walk->place.pc, .sp = walk->place.sp, .bp = walk->place.bp};
    walk->trail->fresh_notes[at] = (struct plain_note){.bp_saved = walk->place.bp_saved,
                                                       .is_by_bp = is_by_bp};
    walk->fresh_count = at + 1;
    return true;
}

/* Is the frame that was reached one of the trail's, and does all of that lie where this walk may
 * read? Each frame lies above the one before. */
static inline bool is_on_trail(struct trail_walk *walk)
{
    const struct stack_trail *trail = walk->trail;
    uint32_t known = walk->known;

    while (known != END && trail->frames[known].sp < walk->place.sp)
        known++;
    walk->known = known;
    return known != END && trail->frames[known].sp == walk->place.sp &&
           trail->frames[known].pc == walk->place.pc &&
           (trail->frames[known].bp == walk->place.bp || !trail->notes[known].needs_bp) &&
           trail->frames[END - 1].sp <= walk->place.range.high;
}

/* The outermost frame up to which the words of the trail have not changed from `at` on. */
static inline uint32_t unchanged_until(const struct stack_trail *trail, uint32_t at)
{
    const struct plain_frame *changed = plain_frames_changed(&trail->frames[at + 1],
                                                             &trail->frames[END]);

    return (uint32_t)(changed - trail->frames) - 1;
}

/* Goes along the trail from where it was met to its frame `until`, as far as it holds. What bp was
 * there is read anew: it need not have counted on the trail, and may count now. */
STACK_PLAIN_READS_FOREIGN_FRAMES
static bool go_along(struct trail_walk *walk, uint32_t until)
{
    const struct stack_trail *trail = walk->trail;

    for (; walk->known != until; walk->known++) {
        uint32_t next = walk->known + 1;

        if (!put_out(walk, trail->notes[walk->known].is_by_bp))
            return false;
        walk->place.pc = trail->frames[next].pc;
        walk->place.sp = trail->frames[next].sp;
        walk->place.bp_saved = trail->notes[next].bp_saved;
        if (walk->place.bp_saved != 0)
            walk->place.bp = *(const uint64_t *)(uintptr_t)walk->place.bp_saved;
    }
    walk->known = until + 1;
    return true;
}

/* Goes to the trail, or to the outermost frame: *met is the frame of the trail from which on it
 * stays; END = none. */
static inline bool walk_to_trail(struct trail_walk *walk, struct unwind_rules *rules,
                                 uint64_t generation, uint32_t *met)
{
    *met = END;
    for (;;) {
        if (is_on_trail(walk)) {
            uint32_t until = unchanged_until(walk->trail, walk->known);

            if (until == END - 1) {
                *met = walk->known;
                return true;
            }
            if (!go_along(walk, until))
                return false;
        }
        uint32_t step = plain_step_find(&walk->trail->steps, rules, generation, walk->place.pc - 1);

        if (step == PLAIN_STEP_OUTERMOST)
            return put_out(walk, false);
        if (step == PLAIN_STEP_OTHER || !put_out(walk, step & PLAIN_STEP_BY_BP) ||
            !plain_place_step(&walk->place, step))
            return false;
    }
}

/* Frames that are new go in front of those that stay, told from the root inwards. */
static void write_fresh(const struct trail_walk *walk, uint32_t met)
{
    struct stack_trail *trail = walk->trail;
    uint64_t hash = met != END ? trail->notes[met].hash : trail->hash_seed;
    bool is_needed_outside = met != END && trail->notes[met].needs_bp;
    bool is_kept = met != END && walk->place.bp_saved == 0;
    uint32_t at = met;

    for (uint32_t i = walk->fresh_count; i-- > 0;) {
        const struct plain_frame *frame = &trail->fresh_frames[i];
        const struct plain_note *note = &trail->fresh_notes[i];
        bool needs_bp = note->is_by_bp || (is_kept && is_needed_outside);

        hash = stack_hash_step(hash, frame->pc);
        at--;
        trail->frames[at] = (struct plain_frame){frame->pc, frame->sp,
                                                 needs_bp ? note->bp_saved : 0, frame->bp};
        trail->notes[at] = (struct plain_note){hash, note->bp_saved, note->is_by_bp, needs_bp};
        is_needed_outside = needs_bp;
        is_kept = note->bp_saved == 0;
    }
    trail->first = at;
}

/* Void while it is written: a signal may end this by a jump. */
static inline void write_trail(const struct trail_walk *walk, uint32_t met, uint64_t generation)
{
    struct stack_trail *trail = walk->trail;

    trail->generation = 0;
    atomic_signal_fence(memory_order_seq_cst);
    if (met != END) { /* bp may have been saved elsewhere, and be another where it does not count */
        trail->frames[met].bp = walk->place.bp;
        trail->frames[met].bp_slot = trail->notes[met].needs_bp ? walk->place.bp_saved : 0;
        trail->notes[met].bp_saved = walk->place.bp_saved;
    }
    write_fresh(walk, met);
    if (trail->noticed < met)
        trail->noticed = met;
    atomic_signal_fence(memory_order_seq_cst);
    trail->generation = generation;
}

static bool find(struct stack_trail *trail, struct unwind_rules *rules, struct walk_memory *memory,
                 const struct walk_registers *from, uint32_t limit, uint64_t generation)
{
    struct trail_walk walk;
    uint32_t met;

    walk.trail = trail;
    walk.known = trail->first;
    walk.fresh_count = 0;
    plain_place_begin(&walk.place, memory, from);
    if (from->is_exact || !walk_to_trail(&walk, rules, generation, &met))
        return false;
    if (walk.fresh_count > met || END - met + walk.fresh_count > limit)
        return false;
    write_trail(&walk, met, generation);
    return true;
}

static void begin_anew(struct stack_trail *trail, uint64_t generation, uint64_t hash_seed)
{
    trail->first = trail->noticed = END;
    trail->hash_seed = hash_seed;
    plain_steps_begin(&trail->steps, generation);
}

bool stack_trail_find(struct stack_trail *trail, struct unwind_rules *rules,
                      struct walk_memory *memory, const struct walk_registers *from, uint32_t limit,
                      uint64_t hash_seed)
{
    uint64_t generation = unwind_rules_generation(rules);

    if (trail->failures >= STACK_TRAIL_PATIENCE) {
        if (++trail->failures % STACK_TRAIL_RETRY != 0)
            return false;
        trail->failures = STACK_TRAIL_PATIENCE;
    }
    if (trail->generation != generation || trail->hash_seed != hash_seed)
        begin_anew(trail, generation, hash_seed);
    if (!find(trail, rules, memory, from, limit, generation)) {
        trail->failures++;
        return false;
    }
    trail->failures = 0;
    return true;
}

void stack_trail_copy(const struct stack_trail *trail, uint64_t *frames)
{
    for (uint32_t i = trail->first; i < END; i++)
        *frames++ = trail->frames[i].pc;
}

static void reads_add(struct walk_reads *reads, uint64_t address, uint64_t value)
{
    if (reads->count < reads->capacity)
        reads->reads[reads->count] = (struct walk_read){address, value};
    reads->count++;
}

void stack_trail_tell_reads(const struct stack_trail *trail, struct walk_reads *reads)
{
    reads->count = 0;
    reads->is_bp_used = trail->notes[trail->first].needs_bp;
    for (uint32_t i = trail->first + 1; i < END; i++) {
        const struct plain_frame *frame = &trail->frames[i];

        reads_add(reads, frame->sp - 8, frame->pc);
        if (frame->bp_slot != 0)
            reads_add(reads, frame->bp_slot, frame->bp);
    }
}
