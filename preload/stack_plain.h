/* Plain frames, and a step from one to its caller: what stack_trail and stack_deep are made of.
 *
 * A frame is plain where its rule is one of the two plain kinds (frame_rule.h), with bp kept or
 * saved inside of the frame. The rules of the plain frames that a thread runs through stand close
 * together here, a word each: in the table of all rules each of them would bring a line of its own
 * into the processor's cache. */
#ifndef SEEP_PRELOAD_STACK_PLAIN_H
#define SEEP_PRELOAD_STACK_PLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/stack_walk.h"

enum {
    STACK_PLAIN_STEPS = 2048
};

/* What is compared. The return address `pc` stands at sp - 8. */
struct plain_frame {
    uint64_t pc, sp;
    uint64_t bp_slot; /* where bp was read, if it counts; 0 = nothing is to be compared */
    uint64_t bp;
};

/* What else is known of a frame. */
struct plain_note {
    uint64_t hash;     /* of this frame and those outside of it */
    uint64_t bp_saved; /* where bp was read; 0 = it is what the next frame inside had */
    bool is_by_bp;     /* its caller is found by bp */
    bool needs_bp;     /* a frame outside of it is found by the bp that it has */
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
    PLAIN_STEP_BY_BP = 1,
    PLAIN_STEP_SAVED_SHIFT = 1,
    PLAIN_STEP_SAVED_MAX = 15,
    PLAIN_STEP_OFFSET_SHIFT = 5,
    PLAIN_STEP_OFFSET_MAX = 4095,
    PLAIN_STEP_PC_SHIFT = 17,
    PLAIN_STEP_OUTERMOST = 0,
    PLAIN_STEP_OTHER = 1 << PLAIN_STEP_PC_SHIFT /* not a plain frame's */
};

#define PLAIN_STEP_RULE_MASK ((UINT32_C(1) << PLAIN_STEP_PC_SHIFT) - 1)

/* Of one thread; zeroes are an empty one. */
struct plain_steps {
    uint64_t generation;               /* of the rules */
    uint64_t words[STACK_PLAIN_STEPS]; /* by pc */
};

/* To be called before steps of that generation are looked for. */
void plain_steps_begin(struct plain_steps *steps, uint64_t generation);

/* Looks the rule up in the table of all rules. */
uint32_t plain_step_learn(struct plain_steps *steps, struct unwind_rules *rules,
                          uint64_t generation, uint64_t pc);

static inline uint32_t plain_step_find(struct plain_steps *steps, struct unwind_rules *rules,
                                       uint64_t generation, uint64_t pc)
{
    uint64_t word = steps->words[pc % STACK_PLAIN_STEPS];

    /* Of pc 0 an empty word would tell; nothing is there, as the table of all rules knows. */
    return __builtin_expect(word >> PLAIN_STEP_PC_SHIFT == pc && pc != 0, 1)
               ? (uint32_t)word & PLAIN_STEP_RULE_MASK
               : plain_step_learn(steps, rules, generation, pc);
}

/* ---- steps -------------------------------------------------------------------------------------
 */

/* Other frames' memory is read as plain words, which a sanitizer (in tests) would take amiss. */
#define STACK_PLAIN_READS_FOREIGN_FRAMES                                                           \
    __attribute__((no_sanitize("address", "undefined", "thread")))

/* The frame that a walk has reached. */
struct plain_place {
    struct walk_memory *memory;
    struct walk_range range; /* of it; has all words that were read */
    uint64_t pc, sp, bp;
    uint64_t bp_saved; /* as in struct plain_note */
};

static inline void plain_place_begin(struct plain_place *place, struct walk_memory *memory,
                                     const struct walk_registers *from)
{
    place->memory = memory;
    place->range = walk_memory_enter(memory, from->sp);
    place->pc = from->pc;
    place->sp = from->sp;
    place->bp = from->bp;
    place->bp_saved = 0;
}

/* Goes to the caller. False: what the frame's rule leads to is not a plain frame's caller. */
STACK_PLAIN_READS_FOREIGN_FRAMES
static inline bool plain_place_step(struct plain_place *place, uint32_t step)
{
    uint64_t cfa = (step & PLAIN_STEP_BY_BP ? place->bp : place->sp) +
                   (uint64_t)(step >> PLAIN_STEP_OFFSET_SHIFT) * 8;
    uint64_t saved = (step >> PLAIN_STEP_SAVED_SHIFT & PLAIN_STEP_SAVED_MAX) * UINT64_C(8);

    if (cfa - 8 < place->sp || cfa < 8 ||
        (__builtin_expect(cfa > place->range.high, 0) &&
         !walk_memory_widen(place->memory, &place->range, cfa - 8)))
        return false;
    place->bp_saved = saved != 0 ? cfa - saved : 0;
    if (saved != 0) {
        if (place->bp_saved - place->sp > cfa - 8 - place->sp) /* in its own frame */
            return false;
        place->bp = *(const uint64_t *)(uintptr_t)place->bp_saved;
    }
    place->pc = *(const uint64_t *)(uintptr_t)(cfa - 8);
    place->sp = cfa;
    return true;
}

/* The first of the frames whose words have changed; `end` = none. All of them can be read. */
STACK_PLAIN_READS_FOREIGN_FRAMES
static inline const struct plain_frame *plain_frames_changed(const struct plain_frame *frame,
                                                             const struct plain_frame *end)
{
    for (; frame != end; frame++)
        if (*(const uint64_t *)(uintptr_t)(frame->sp - 8) != frame->pc ||
            (frame->bp_slot != 0 && *(const uint64_t *)(uintptr_t)frame->bp_slot != frame->bp))
            break;
    return frame;
}

#endif
