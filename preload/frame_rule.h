/* How to get from a frame to its caller, in 64 bits: all that a walk needs to know of a pc.
 *
 *   bits  0-31  cfa_offset  signed
 *   bits 32-47  bp_offset   signed
 *   bits 48-55  cfa_addend  signed; only for the two kinds that read memory
 *   bits 56-59  kind        enum frame_rule_kind
 *   bits 60-61  bp_place    enum frame_rule_bp_place
 *
 * The return address stands at CFA - 8, and the caller's sp is the CFA. What does not fit (other
 * registers, longer expressions, a return address elsewhere) is FRAME_RULE_NONE. */
#ifndef SEEP_PRELOAD_FRAME_RULE_H
#define SEEP_PRELOAD_FRAME_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/eh_frame.h"
#include "preload/frame_row.h"

/* The two plain kinds come first: a walk tells them from all others by one compare. */
enum frame_rule_kind {
    FRAME_RULE_SP = 0,      /* CFA = sp + cfa_offset */
    FRAME_RULE_BP = 1,      /* CFA = bp + cfa_offset */
    FRAME_RULE_SP_READ = 2, /* CFA = *(sp + cfa_offset) + cfa_addend */
    FRAME_RULE_BP_READ = 3, /* CFA = *(bp + cfa_offset) + cfa_addend: a realigned stack */
    FRAME_RULE_SIGNAL = 4,  /* sp points at the kernel's ucontext, which holds the registers */
    FRAME_RULE_END = 5,     /* the outermost frame: it has no caller */
    FRAME_RULE_NONE = 6,    /* the table says what no rule can hold */
    FRAME_RULE_NO_TABLE = 7 /* there is no table for this pc: code by hand or made at run time */
};

/* Where the caller's bp is. */
enum frame_rule_bp_place {
    FRAME_RULE_BP_SAME = 0, /* still in bp */
    FRAME_RULE_BP_AT_CFA = 1,
    FRAME_RULE_BP_AT_BP = 2,
    FRAME_RULE_BP_AT_SP = 3
};

struct frame_rule {
    uint64_t bits;
};

static inline struct frame_rule frame_rule_make(enum frame_rule_kind kind)
{
    return (struct frame_rule){(uint64_t)kind << 56};
}

static inline enum frame_rule_kind frame_rule_kind(struct frame_rule rule)
{
    return (enum frame_rule_kind)(rule.bits >> 56 & 15);
}

static inline enum frame_rule_bp_place frame_rule_bp_place(struct frame_rule rule)
{
    return (enum frame_rule_bp_place)(rule.bits >> 60 & 3);
}

/* Sign-extended, to be added to an address. */
static inline uint64_t frame_rule_cfa_offset(struct frame_rule rule)
{
    return (uint64_t)(int64_t)(int32_t)rule.bits;
}

static inline uint64_t frame_rule_bp_offset(struct frame_rule rule)
{
    return (uint64_t)(int64_t)(int16_t)(rule.bits >> 32);
}

static inline uint64_t frame_rule_cfa_addend(struct frame_rule rule)
{
    return (uint64_t)(int64_t)(int8_t)(rule.bits >> 48);
}

/* The rule for the instruction at `pc`: from its row in the unwind table. NONE where the module has
 * no table for it. `places` may be NULL. */
struct frame_rule frame_rule_compute(const struct eh_frame_module *module, uint64_t pc,
                                     struct frame_places *places);

#endif
