#include "preload/stack_trail.h"

#include <stdatomic.h>
#include <stddef.h>

#include "preload/stack_hash.h"

/* Other frames' memory is read as plain words, which a sanitizer (in tests) would take amiss. */
#define READS_FOREIGN_FRAMES __attribute__((no_sanitize("address", "undefined", "thread")))

enum {
    END = STACK_TRAIL_FRAMES
};

/* ---- rules in a word
 * -----------------------------------------------------------------------------
 *
 *   bits  0      CFA = bp + offset; else sp + offset
 *   bits  1-4    words from where bp is saved up to the CFA; 0 = bp is kept
 *   bits  5-16   offset of the CFA in words
 *   bits 17-63   pc
 *
 * No offset at all is the outermost frame. What does not fit is looked up each time. */

enum {
    STEP_BY_BP = 1,
    STEP_SAVED_SHIFT = 1,
    STEP_SAVED_MAX = 15,
    STEP_OFFSET_SHIFT = 5,
    STEP_OFFSET_MAX = 4095,
    STEP_PC_SHIFT = 17,
    STEP_OUTERMOST = 0,
    STEP_OTHER = 1 << STEP_PC_SHIFT /* none of a trail's */
};

#define STEP_RULE_MASK ((UINT32_C(1) << STEP_PC_SHIFT) - 1)

static uint32_t step_pack(struct frame_rule rule)
{
    uint64_t offset = frame_rule_cfa_offset(rule), saved = 0 - frame_rule_bp_offset(rule);
    enum frame_rule_bp_place place = frame_rule_bp_place(rule);

    if (frame_rule_kind(rule) == FRAME_RULE_END)
        return STEP_OUTERMOST;
    if (frame_rule_kind(rule) > FRAME_RULE_BP || place > FRAME_RULE_BP_AT_CFA)
        return STEP_OTHER;
    if (place == FRAME_RULE_BP_SAME)
        saved = 0;
    else if (saved == 0)
        return STEP_OTHER;
    if (offset == 0 || offset % 8 != 0 || offset / 8 > STEP_OFFSET_MAX || saved % 8 != 0 ||
        saved / 8 > STEP_SAVED_MAX)
        return STEP_OTHER;
    return (uint32_t)(offset / 8 << STEP_OFFSET_SHIFT | saved / 8 << STEP_SAVED_SHIFT) |
           (frame_rule_kind(rule) == FRAME_RULE_BP ? STEP_BY_BP : 0);
}

static __attribute__((noinline)) uint32_t
step_learn(struct stack_trail *trail, struct unwind_rules *rules, uint64_t generation, uint64_t pc)
{
    uint32_t step = step_pack(unwind_rules_find(rules, pc, generation));

    if (step != STEP_OTHER && pc >> (64 - STEP_PC_SHIFT) == 0)
        trail->steps[pc % STACK_TRAIL_STEPS] = pc << STEP_PC_SHIFT | step;
    return step;
}

static inline uint32_t step_find(struct stack_trail *trail, struct unwind_rules *rules,
                                 uint64_t generation, uint64_t pc)
{
    uint64_t word = trail->steps[pc % STACK_TRAIL_STEPS];

    /* Of pc 0 an empty word would tell; nothing is there, as the table of all rules knows. */
    return __builtin_expect(word >> STEP_PC_SHIFT == pc && pc != 0, 1)
               ? (uint32_t)word & STEP_RULE_MASK
               : step_learn(trail, rules, generation, pc);
}

/* ---- the walk ----------------------------------------------------------------------------------
 */

/* The frame that was reached and is not yet put out. */
struct trail_walk {
    struct stack_trail *trail;
    struct walk_memory *memory;
    struct walk_range range; /* of it; has all words that were read */
    uint64_t pc, sp, bp;
    uint64_t bp_saved;    /* as in struct stack_trail_note */
    uint32_t known;       /* frames of the trail inside of this one are passed */
    uint32_t fresh_count; /* frames put out */
};

static inline bool put_out(struct trail_walk *walk, bool is_by_bp)
{
    uint32_t at = walk->fresh_count;

    if (at == STACK_TRAIL_FRAMES)
        return false;
    walk->trail->fresh_frames[at] = (struct stack_trail_frame){
        .pc = walk->pc, .sp = walk->sp, .bp = walk->bp};
    walk->trail->fresh_notes[at] = (struct stack_trail_note){.bp_saved = walk->bp_saved,
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

    while (known != END && trail->frames[known].sp < walk->sp)
        known++;
    walk->known = known;
    return known != END && trail->frames[known].sp == walk->sp &&
           trail->frames[known].pc == walk->pc &&
           (trail->frames[known].bp == walk->bp || !trail->notes[known].needs_bp) &&
           trail->frames[END - 1].sp <= walk->range.high;
}

/* The outermost frame up to which the words of the trail have not changed from `at` on. */
READS_FOREIGN_FRAMES
static inline uint32_t unchanged_until(const struct stack_trail *trail, uint32_t at)
{
    const struct stack_trail_frame *frame = &trail->frames[at + 1], *end = &trail->frames[END];

    for (; frame != end; frame++)
        if (*(const uint64_t *)(uintptr_t)(frame->sp - 8) != frame->pc ||
            (frame->bp_slot != 0 && *(const uint64_t *)(uintptr_t)frame->bp_slot != frame->bp))
            break;
    return (uint32_t)(frame - trail->frames) - 1;
}

/* Goes along the trail from where it was met to its frame `until`, as far as it holds. What bp was
 * there is read anew: it need not have counted on the trail, and may count now. */
READS_FOREIGN_FRAMES
static bool go_along(struct trail_walk *walk, uint32_t until)
{
    const struct stack_trail *trail = walk->trail;

    for (; walk->known != until; walk->known++) {
        uint32_t next = walk->known + 1;

        if (!put_out(walk, trail->notes[walk->known].is_by_bp))
            return false;
        walk->pc = trail->frames[next].pc;
        walk->sp = trail->frames[next].sp;
        walk->bp_saved = trail->notes[next].bp_saved;
        if (walk->bp_saved != 0)
            walk->bp = *(const uint64_t *)(uintptr_t)walk->bp_saved;
    }
    walk->known = until + 1;
    return true;
}

/* Puts the frame out and goes to its caller. */
READS_FOREIGN_FRAMES
static inline bool step_out(struct trail_walk *walk, uint32_t step)
{
    uint64_t cfa = (step & STEP_BY_BP ? walk->bp : walk->sp) +
                   (uint64_t)(step >> STEP_OFFSET_SHIFT) * 8;
    uint64_t saved = (step >> STEP_SAVED_SHIFT & STEP_SAVED_MAX) * UINT64_C(8);

    if (cfa - 8 < walk->sp || cfa < 8 ||
        (__builtin_expect(cfa > walk->range.high, 0) &&
         !walk_memory_widen(walk->memory, &walk->range, cfa - 8)) ||
        !put_out(walk, step & STEP_BY_BP))
        return false;
    walk->bp_saved = saved != 0 ? cfa - saved : 0;
    if (saved != 0) {
        if (walk->bp_saved - walk->sp > cfa - 8 - walk->sp) /* in its own frame */
            return false;
        walk->bp = *(const uint64_t *)(uintptr_t)walk->bp_saved;
    }
    walk->pc = *(const uint64_t *)(uintptr_t)(cfa - 8);
    walk->sp = cfa;
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
        uint32_t step = step_find(walk->trail, rules, generation, walk->pc - 1);

        if (step == STEP_OUTERMOST)
            return put_out(walk, false);
        if (step == STEP_OTHER || !step_out(walk, step))
            return false;
    }
}

/* Frames that are new go in front of those that stay, told from the root inwards. */
static void write_fresh(const struct trail_walk *walk, uint32_t met)
{
    struct stack_trail *trail = walk->trail;
    uint64_t hash = met != END ? trail->notes[met].hash : trail->hash_seed;
    bool is_needed_outside = met != END && trail->notes[met].needs_bp;
    bool is_kept = met != END && walk->bp_saved == 0;
    uint32_t at = met;

    for (uint32_t i = walk->fresh_count; i-- > 0;) {
        const struct stack_trail_frame *frame = &trail->fresh_frames[i];
        const struct stack_trail_note *note = &trail->fresh_notes[i];
        bool needs_bp = note->is_by_bp || (is_kept && is_needed_outside);

        hash = stack_hash_step(hash, frame->pc);
        at--;
        trail->frames[at] = (struct stack_trail_frame){frame->pc, frame->sp,
                                                       needs_bp ? note->bp_saved : 0, frame->bp};
        trail->notes[at] = (struct stack_trail_note){hash, note->bp_saved, note->is_by_bp,
                                                     needs_bp};
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
        trail->frames[met].bp = walk->bp;
        trail->frames[met].bp_slot = trail->notes[met].needs_bp ? walk->bp_saved : 0;
        trail->notes[met].bp_saved = walk->bp_saved;
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
    struct trail_walk walk = {.trail = trail,
                              .memory = memory,
                              .range = walk_memory_enter(memory, from->sp),
                              .pc = from->pc,
                              .sp = from->sp,
                              .bp = from->bp,
                              .known = trail->first};
    uint32_t met;

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
    if (trail->step_generation == generation)
        return;
    for (uint32_t i = 0; i < STACK_TRAIL_STEPS && trail->step_generation != 0; i++)
        trail->steps[i] = 0; /* pages that nobody touched are left alone */
    trail->step_generation = generation;
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
        const struct stack_trail_frame *frame = &trail->frames[i];

        reads_add(reads, frame->sp - 8, frame->pc);
        if (frame->bp_slot != 0)
            reads_add(reads, frame->bp_slot, frame->bp);
    }
}
