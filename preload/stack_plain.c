#include "preload/stack_plain.h"

static uint32_t step_pack(struct frame_rule rule)
{
    uint64_t offset = frame_rule_cfa_offset(rule), saved = 0 - frame_rule_bp_offset(rule);
    enum frame_rule_bp_place place = frame_rule_bp_place(rule);

    if (frame_rule_kind(rule) == FRAME_RULE_END)
        return PLAIN_STEP_OUTERMOST;
    if (frame_rule_kind(rule) > FRAME_RULE_BP || place > FRAME_RULE_BP_AT_CFA)
        return PLAIN_STEP_OTHER;
    if (place == FRAME_RULE_BP_SAME)
        saved = 0;
    else if (saved == 0)
        return PLAIN_STEP_OTHER;
    if (offset == 0 || offset % 8 != 0 || offset / 8 > PLAIN_STEP_OFFSET_MAX || saved % 8 != 0 ||
        saved / 8 > PLAIN_STEP_SAVED_MAX)
        return PLAIN_STEP_OTHER;
    return (uint32_t)(offset / 8 << PLAIN_STEP_OFFSET_SHIFT | saved / 8 << PLAIN_STEP_SAVED_SHIFT) |
           (frame_rule_kind(rule) == FRAME_RULE_BP ? PLAIN_STEP_BY_BP : 0);
}

__attribute__((noinline)) uint32_t plain_step_learn(struct plain_steps *steps,
                                                    struct unwind_rules *rules, uint64_t generation,
                                                    uint64_t pc)
{
    uint32_t step = step_pack(unwind_rules_find(rules, pc, generation));

    if (step != PLAIN_STEP_OTHER && pc >> (64 - PLAIN_STEP_PC_SHIFT) == 0)
        steps->words[pc % STACK_PLAIN_STEPS] = pc << PLAIN_STEP_PC_SHIFT | step;
    return step;
}

void plain_steps_begin(struct plain_steps *steps, uint64_t generation)
{
    if (steps->generation == generation)
        return;
    /* Fresh pages are zero; written once before they are read, each of them takes one fault, not
     * two. */
    uint32_t stride = steps->generation != 0 ? 1 : STACK_PLAIN_STEPS / 4;
    for (uint32_t i = 0; i < STACK_PLAIN_STEPS; i += stride)
        *(volatile uint64_t *)&steps->words[i] = 0;
    steps->generation = generation;
}
