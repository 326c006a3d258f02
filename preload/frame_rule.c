#include "preload/frame_rule.h"

#include "preload/arch/arch.h"
#include "preload/frame_expression.h"

static bool cfa_value(const struct frame_row *row, uint64_t pc, struct frame_value *cfa)
{
    *cfa = (struct frame_value){.offset = row->cfa_offset};
    if (row->cfa_expression)
        return frame_expression_evaluate(row->cfa_expression, row->cfa_expression_end, pc, NULL,
                                         cfa) &&
               cfa->symbol != FRAME_SYMBOL_NUMBER;
    if (row->cfa_register != ARCH_DWARF_SP && row->cfa_register != ARCH_DWARF_BP)
        return false;
    cfa->symbol = row->cfa_register == ARCH_DWARF_SP ? FRAME_SYMBOL_SP : FRAME_SYMBOL_BP;
    return true;
}

static bool pack(enum frame_rule_kind kind, int64_t cfa_offset, int64_t cfa_addend,
                 enum frame_rule_bp_place bp_place, int64_t bp_offset, struct frame_rule *rule)
{
    if (cfa_offset != (int32_t)cfa_offset || cfa_addend != (int8_t)cfa_addend ||
        bp_offset != (int16_t)bp_offset)
        return false;
    rule->bits = (uint64_t)(uint32_t)cfa_offset | (uint64_t)(uint16_t)bp_offset << 32 |
                 (uint64_t)(uint8_t)cfa_addend << 48 | (uint64_t)kind << 56 |
                 (uint64_t)bp_place << 60;
    return true;
}

static bool find_bp(const struct frame_row *row, uint64_t pc, const struct frame_value *cfa,
                    enum frame_rule_bp_place *place, int64_t *offset)
{
    struct frame_value value;

    *offset = row->bp.offset;
    switch (row->bp.place) {
    case FRAME_COLUMN_UNSET:
        *place = FRAME_RULE_BP_SAME;
        *offset = 0;
        return true;
    case FRAME_COLUMN_AT_CFA:
        *place = FRAME_RULE_BP_AT_CFA;
        return true;
    case FRAME_COLUMN_AT_EXPRESSION:
        if (!frame_expression_evaluate(row->bp.expression, row->bp.expression_end, pc, cfa,
                                       &value) ||
            value.is_read || value.symbol == FRAME_SYMBOL_NUMBER)
            return false;
        *place = value.symbol == FRAME_SYMBOL_SP ? FRAME_RULE_BP_AT_SP : FRAME_RULE_BP_AT_BP;
        *offset = value.offset;
        return true;
    case FRAME_COLUMN_UNDEFINED:
    case FRAME_COLUMN_OTHER:
        break;
    }
    return false;
}

/* Is the column saved at sp + offset? */
static bool is_saved_at_sp(const struct frame_column *column, uint64_t pc,
                           const struct frame_value *cfa, int64_t offset)
{
    struct frame_value value;

    return column->place == FRAME_COLUMN_AT_EXPRESSION &&
           frame_expression_evaluate(column->expression, column->expression_end, pc, cfa, &value) &&
           value.symbol == FRAME_SYMBOL_SP && !value.is_read && value.offset == offset;
}

static bool is_signal_row(const struct frame_row *row, uint64_t pc, const struct frame_value *cfa)
{
    return cfa->symbol == FRAME_SYMBOL_SP && cfa->is_read &&
           cfa->offset == ARCH_SIGNAL_CONTEXT_SP && cfa->addend == 0 &&
           is_saved_at_sp(&row->return_address, pc, cfa, ARCH_SIGNAL_CONTEXT_PC) &&
           is_saved_at_sp(&row->bp, pc, cfa, ARCH_SIGNAL_CONTEXT_BP);
}

static struct frame_rule rule_from_row(const struct frame_row *row, uint64_t pc,
                                       bool is_signal_frame)
{
    const struct frame_rule none = frame_rule_make(FRAME_RULE_NONE);
    enum frame_rule_bp_place bp_place;
    struct frame_rule rule;
    struct frame_value cfa;
    int64_t bp_offset;

    if (row->return_address.place == FRAME_COLUMN_UNDEFINED)
        return frame_rule_make(FRAME_RULE_END);
    if (!cfa_value(row, pc, &cfa))
        return none;
    if (is_signal_frame)
        return is_signal_row(row, pc, &cfa) ? frame_rule_make(FRAME_RULE_SIGNAL) : none;
    if (row->return_address.place != FRAME_COLUMN_AT_CFA || row->return_address.offset != -8 ||
        row->sp.place != FRAME_COLUMN_UNSET || !find_bp(row, pc, &cfa, &bp_place, &bp_offset))
        return none;
    if (cfa.is_read)
        return pack(cfa.symbol == FRAME_SYMBOL_SP ? FRAME_RULE_SP_READ : FRAME_RULE_BP_READ,
                    cfa.offset, cfa.addend, bp_place, bp_offset, &rule)
                   ? rule
                   : none;
    return pack(cfa.symbol == FRAME_SYMBOL_SP ? FRAME_RULE_SP : FRAME_RULE_BP, cfa.offset, 0,
                bp_place, bp_offset, &rule)
               ? rule
               : none;
}

/* For code without a table. Where a function begins right after it, a return address points at that
 * function's first instruction, and no call did that: somebody laid the address there for a new
 * stack to end in (makecontext does, with a function whose table does not tell). */
static struct frame_rule rule_without_table(const struct eh_frame_module *module, uint64_t pc)
{
    struct eh_frame_entry next;
    bool is_made_up = eh_frame_find(module, pc + 1, NULL, &next) && next.pc_begin == pc + 1;

    return frame_rule_make(is_made_up ? FRAME_RULE_END : FRAME_RULE_NO_TABLE);
}

static struct frame_rule compute(const struct eh_frame_module *module, uint64_t pc,
                                 struct frame_places *places)
{
    struct eh_frame_entry entry;
    struct frame_row row;

    if (!eh_frame_find(module, pc, places != NULL ? &places->known : NULL, &entry))
        return rule_without_table(module, pc);
    if (entry.return_address_register != ARCH_DWARF_RETURN_ADDRESS ||
        !frame_row_find(module, &entry, pc, places, &row))
        return frame_rule_make(FRAME_RULE_NONE);
    return rule_from_row(&row, pc, entry.is_signal_frame);
}

struct frame_rule frame_rule_compute(const struct eh_frame_module *module, uint64_t pc,
                                     struct frame_places *places)
{
    struct frame_places *taken = frame_places_take(places, module);
    struct frame_rule rule = compute(module, pc, taken);

    frame_places_give_back(taken);
    return rule;
}
