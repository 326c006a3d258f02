/* An unwind table is a program that describes, row by row, where the CFA and the caller's registers
 * are. It is run here once per pc, keeping of its columns just three: bp, sp and the return
 * address. */
#include "preload/frame_rule.h"

#include "preload/arch/arch.h"
#include "preload/byte_cursor.h"
#include "preload/frame_expression.h"

/* ---- the table's program -----------------------------------------------------------------------
 */

enum column_place {
    COLUMN_UNSET, /* same as the callee's, by the ABI's defaults */
    COLUMN_UNDEFINED,
    COLUMN_AT_CFA,        /* saved at CFA + offset */
    COLUMN_AT_EXPRESSION, /* saved where the expression says */
    COLUMN_OTHER          /* nothing that a rule can hold */
};

struct column {
    enum column_place place;
    int64_t offset;
    const uint8_t *expression;
    const uint8_t *expression_end;
};

struct row {
    uint64_t cfa_register;
    int64_t cfa_offset;
    const uint8_t *cfa_expression; /* NULL = register + offset */
    const uint8_t *cfa_expression_end;
    struct column bp;
    struct column sp;
    struct column return_address;
};

enum {
    PROGRAM_MAX_REMEMBERED = 4,
    REGISTER_UNKNOWN = 0xffff
};

struct program {
    const struct eh_frame_entry *entry;
    uint64_t pc;       /* the row of this is wanted */
    uint64_t location; /* the row that is being built begins here */
    struct row row;
    struct row initial; /* after the CIE's instructions, for DW_CFA_restore */
    struct row remembered[PROGRAM_MAX_REMEMBERED];
    unsigned remembered_count;
    bool is_bad;
};

enum {
    CFA_NOP = 0x00,
    CFA_SET_LOC = 0x01,
    CFA_ADVANCE_LOC1 = 0x02,
    CFA_ADVANCE_LOC2 = 0x03,
    CFA_ADVANCE_LOC4 = 0x04,
    CFA_OFFSET_EXTENDED = 0x05,
    CFA_RESTORE_EXTENDED = 0x06,
    CFA_UNDEFINED = 0x07,
    CFA_SAME_VALUE = 0x08,
    CFA_REGISTER = 0x09,
    CFA_REMEMBER_STATE = 0x0a,
    CFA_RESTORE_STATE = 0x0b,
    CFA_DEF_CFA = 0x0c,
    CFA_DEF_CFA_REGISTER = 0x0d,
    CFA_DEF_CFA_OFFSET = 0x0e,
    CFA_DEF_CFA_EXPRESSION = 0x0f,
    CFA_EXPRESSION = 0x10,
    CFA_OFFSET_EXTENDED_SF = 0x11,
    CFA_DEF_CFA_SF = 0x12,
    CFA_DEF_CFA_OFFSET_SF = 0x13,
    CFA_VAL_OFFSET = 0x14,
    CFA_VAL_OFFSET_SF = 0x15,
    CFA_VAL_EXPRESSION = 0x16,
    CFA_GNU_WINDOW_SAVE = 0x2d, /* on aarch64: the sign state of the return address */
    CFA_GNU_ARGS_SIZE = 0x2e,
    CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
    /* The upper two bits, with an operand in the lower six. */
    CFA_ADVANCE_LOC = 0x40,
    CFA_OFFSET = 0x80,
    CFA_RESTORE = 0xc0,
    CFA_OPERANDS = 0x40
};

/* The column of a register, or NULL for those that do not matter. */
static struct column *row_column(struct row *row, uint64_t number)
{
    switch (number) {
    case ARCH_DWARF_BP:
        return &row->bp;
    case ARCH_DWARF_SP:
        return &row->sp;
    case ARCH_DWARF_RETURN_ADDRESS:
        return &row->return_address;
    default:
        return NULL;
    }
}

static void set_column(struct program *program, uint64_t number, enum column_place place,
                       int64_t offset)
{
    struct column *column = row_column(&program->row, number);

    if (column)
        *column = (struct column){.place = place, .offset = offset};
}

static void restore_column(struct program *program, uint64_t number)
{
    struct column *column = row_column(&program->row, number);

    if (column)
        *column = *row_column(&program->initial, number);
}

static int64_t factored(const struct program *program, int64_t offset)
{
    return (int64_t)((uint64_t)offset * (uint64_t)program->entry->data_alignment);
}

static void advance(struct program *program, uint64_t count)
{
    program->location += count * program->entry->code_alignment;
}

static void set_location(struct program *program, struct byte_cursor *cursor)
{
    if (!eh_frame_read_pointer(cursor, program->entry->pointer_encoding, 0, &program->location))
        program->is_bad = true;
}

static void remember_row(struct program *program)
{
    if (program->remembered_count == PROGRAM_MAX_REMEMBERED)
        program->is_bad = true;
    else
        program->remembered[program->remembered_count++] = program->row;
}

static void recall_row(struct program *program)
{
    if (program->remembered_count == 0)
        program->is_bad = true;
    else
        program->row = program->remembered[--program->remembered_count];
}

static void define_cfa(struct program *program, uint64_t number, int64_t offset)
{
    program->row.cfa_register = number;
    program->row.cfa_offset = offset;
    program->row.cfa_expression = NULL;
}

/* Steps over a block; it begins at *bytes and ends at *end. */
static void read_block(struct byte_cursor *cursor, const uint8_t **bytes, const uint8_t **end)
{
    uint64_t size = byte_cursor_uleb(cursor);

    *bytes = cursor->at;
    byte_cursor_skip(cursor, size);
    *end = cursor->at;
}

static void set_expression(struct program *program, struct byte_cursor *cursor, uint64_t number)
{
    struct column column = {.place = COLUMN_AT_EXPRESSION};
    struct column *place = row_column(&program->row, number);

    read_block(cursor, &column.expression, &column.expression_end);
    if (place)
        *place = column;
}

static void ignore_expression(struct program *program, struct byte_cursor *cursor, uint64_t number)
{
    const uint8_t *bytes, *end;

    read_block(cursor, &bytes, &end);
    set_column(program, number, COLUMN_OTHER, 0);
}

/* The instructions whose operation fills all eight bits and that change the CFA or the place. */
static bool cfa_instruction(struct program *program, struct byte_cursor *cursor, uint8_t operation)
{
    uint64_t number;

    switch (operation) {
    case CFA_SET_LOC:
        set_location(program, cursor);
        return true;
    case CFA_ADVANCE_LOC1:
        advance(program, byte_cursor_unsigned(cursor, 1));
        return true;
    case CFA_ADVANCE_LOC2:
        advance(program, byte_cursor_unsigned(cursor, 2));
        return true;
    case CFA_ADVANCE_LOC4:
        advance(program, byte_cursor_unsigned(cursor, 4));
        return true;
    case CFA_DEF_CFA:
        number = byte_cursor_uleb(cursor);
        define_cfa(program, number, (int64_t)byte_cursor_uleb(cursor));
        return true;
    case CFA_DEF_CFA_SF:
        number = byte_cursor_uleb(cursor);
        define_cfa(program, number, factored(program, byte_cursor_sleb(cursor)));
        return true;
    case CFA_DEF_CFA_REGISTER:
        define_cfa(program, byte_cursor_uleb(cursor), program->row.cfa_offset);
        return true;
    case CFA_DEF_CFA_OFFSET:
        program->row.cfa_offset = (int64_t)byte_cursor_uleb(cursor);
        return true;
    case CFA_DEF_CFA_OFFSET_SF:
        program->row.cfa_offset = factored(program, byte_cursor_sleb(cursor));
        return true;
    case CFA_DEF_CFA_EXPRESSION:
        read_block(cursor, &program->row.cfa_expression, &program->row.cfa_expression_end);
        return true;
    default:
        return false;
    }
}

/* The others of eight bits: registers' columns, and what means nothing here. */
static void column_instruction(struct program *program, struct byte_cursor *cursor,
                               uint8_t operation)
{
    uint64_t number = 0;

    if (operation >= CFA_OFFSET_EXTENDED && operation <= CFA_VAL_EXPRESSION &&
        operation != CFA_REMEMBER_STATE && operation != CFA_RESTORE_STATE)
        number = byte_cursor_uleb(cursor);
    switch (operation) {
    case CFA_NOP:
    case CFA_GNU_WINDOW_SAVE:
        break;
    case CFA_OFFSET_EXTENDED:
        set_column(program, number, COLUMN_AT_CFA,
                   factored(program, (int64_t)byte_cursor_uleb(cursor)));
        break;
    case CFA_OFFSET_EXTENDED_SF:
        set_column(program, number, COLUMN_AT_CFA, factored(program, byte_cursor_sleb(cursor)));
        break;
    case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
        number = byte_cursor_uleb(cursor);
        set_column(program, number, COLUMN_AT_CFA,
                   factored(program, -(int64_t)(byte_cursor_uleb(cursor) & INT64_MAX)));
        break;
    case CFA_RESTORE_EXTENDED:
        restore_column(program, number);
        break;
    case CFA_UNDEFINED:
        set_column(program, number, COLUMN_UNDEFINED, 0);
        break;
    case CFA_SAME_VALUE:
        set_column(program, number, COLUMN_UNSET, 0);
        break;
    case CFA_REGISTER:
    case CFA_VAL_OFFSET:
    case CFA_VAL_OFFSET_SF:
        byte_cursor_uleb(cursor);
        set_column(program, number, COLUMN_OTHER, 0);
        break;
    case CFA_EXPRESSION:
        set_expression(program, cursor, number);
        break;
    case CFA_VAL_EXPRESSION:
        ignore_expression(program, cursor, number);
        break;
    case CFA_REMEMBER_STATE:
        remember_row(program);
        break;
    case CFA_RESTORE_STATE:
        recall_row(program);
        break;
    case CFA_GNU_ARGS_SIZE:
        byte_cursor_uleb(cursor);
        break;
    default:
        program->is_bad = true;
    }
}

static void program_step(struct program *program, struct byte_cursor *cursor)
{
    uint8_t operation = byte_cursor_byte(cursor);
    uint8_t operand = operation & 0x3f;

    switch (operation & 0xc0) {
    case CFA_ADVANCE_LOC:
        advance(program, operand);
        break;
    case CFA_OFFSET:
        set_column(program, operand, COLUMN_AT_CFA,
                   factored(program, (int64_t)byte_cursor_uleb(cursor)));
        break;
    case CFA_RESTORE:
        restore_column(program, operand);
        break;
    default:
        if (!cfa_instruction(program, cursor, operation))
            column_instruction(program, cursor, operation);
    }
}

/* Where the cursor is no more within a function's usual instructions, with operands of the usual
 * size, or the row is complete: what most of a table is, without a look at each byte's limit. */
static void run_usual(struct program *program, struct byte_cursor *cursor)
{
    enum {
        LONGEST = 3,
        MORE = 0x80 /* of a LEB128 */
    };
    uint64_t location = program->location, pc = program->pc;
    uint64_t alignment = program->entry->code_alignment;

    if (byte_cursor_left(cursor) < LONGEST)
        return;
    const uint8_t *at = cursor->at, *end = cursor->end - (LONGEST - 1);
    while (location <= pc && at < end) {
        unsigned operation = at[0];

        if (operation - CFA_ADVANCE_LOC < CFA_OPERANDS) {
            location += (operation - CFA_ADVANCE_LOC) * alignment;
            at += 1;
        } else if (operation == CFA_DEF_CFA_OFFSET && at[1] < MORE) {
            program->row.cfa_offset = at[1];
            at += 2;
        } else if (operation == CFA_DEF_CFA_OFFSET && at[2] < MORE) {
            program->row.cfa_offset = (at[1] & ~MORE) | at[2] << 7;
            at += 3;
        } else if (operation == CFA_ADVANCE_LOC1) {
            location += at[1] * alignment;
            at += 2;
        } else if (operation == CFA_ADVANCE_LOC2) {
            location += byte_cursor_word(at + 1, 2) * alignment;
            at += 3;
        } else if (operation - CFA_OFFSET < CFA_OPERANDS && at[1] < MORE) {
            set_column(program, operation - CFA_OFFSET, COLUMN_AT_CFA, factored(program, at[1]));
            at += 2;
        } else if (operation >= CFA_RESTORE) {
            restore_column(program, operation - CFA_RESTORE);
            at += 1;
        } else {
            break;
        }
    }
    cursor->at = at;
    program->location = location;
}

/* Runs until the row of the wanted pc is complete: the next one begins after it. */
static bool program_run(struct program *program, const uint8_t *begin, const uint8_t *end)
{
    struct byte_cursor cursor = {.at = begin, .end = end};

    for (;;) {
        run_usual(program, &cursor);
        if (program->location > program->pc || byte_cursor_left(&cursor) == 0)
            return true;
        program_step(program, &cursor);
        if (program->is_bad || cursor.is_bad)
            return false;
    }
}

/* ---- from a row to a rule ----------------------------------------------------------------------
 */

static bool cfa_value(const struct row *row, uint64_t pc, struct frame_value *cfa)
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

static bool find_bp(const struct row *row, uint64_t pc, const struct frame_value *cfa,
                    enum frame_rule_bp_place *place, int64_t *offset)
{
    struct frame_value value;

    *offset = row->bp.offset;
    switch (row->bp.place) {
    case COLUMN_UNSET:
        *place = FRAME_RULE_BP_SAME;
        *offset = 0;
        return true;
    case COLUMN_AT_CFA:
        *place = FRAME_RULE_BP_AT_CFA;
        return true;
    case COLUMN_AT_EXPRESSION:
        if (!frame_expression_evaluate(row->bp.expression, row->bp.expression_end, pc, cfa,
                                       &value) ||
            value.is_read || value.symbol == FRAME_SYMBOL_NUMBER)
            return false;
        *place = value.symbol == FRAME_SYMBOL_SP ? FRAME_RULE_BP_AT_SP : FRAME_RULE_BP_AT_BP;
        *offset = value.offset;
        return true;
    case COLUMN_UNDEFINED:
    case COLUMN_OTHER:
        break;
    }
    return false;
}

/* Is the column saved at sp + offset? */
static bool is_saved_at_sp(const struct column *column, uint64_t pc, const struct frame_value *cfa,
                           int64_t offset)
{
    struct frame_value value;

    return column->place == COLUMN_AT_EXPRESSION &&
           frame_expression_evaluate(column->expression, column->expression_end, pc, cfa, &value) &&
           value.symbol == FRAME_SYMBOL_SP && !value.is_read && value.offset == offset;
}

static bool is_signal_row(const struct row *row, uint64_t pc, const struct frame_value *cfa)
{
    return cfa->symbol == FRAME_SYMBOL_SP && cfa->is_read &&
           cfa->offset == ARCH_SIGNAL_CONTEXT_SP && cfa->addend == 0 &&
           is_saved_at_sp(&row->return_address, pc, cfa, ARCH_SIGNAL_CONTEXT_PC) &&
           is_saved_at_sp(&row->bp, pc, cfa, ARCH_SIGNAL_CONTEXT_BP);
}

static struct frame_rule rule_from_row(const struct row *row, uint64_t pc, bool is_signal_frame)
{
    const struct frame_rule none = frame_rule_make(FRAME_RULE_NONE);
    enum frame_rule_bp_place bp_place;
    struct frame_rule rule;
    struct frame_value cfa;
    int64_t bp_offset;

    if (row->return_address.place == COLUMN_UNDEFINED)
        return frame_rule_make(FRAME_RULE_END);
    if (!cfa_value(row, pc, &cfa))
        return none;
    if (is_signal_frame)
        return is_signal_row(row, pc, &cfa) ? frame_rule_make(FRAME_RULE_SIGNAL) : none;
    if (row->return_address.place != COLUMN_AT_CFA || row->return_address.offset != -8 ||
        row->sp.place != COLUMN_UNSET || !find_bp(row, pc, &cfa, &bp_place, &bp_offset))
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
    bool is_made_up = eh_frame_find(module, pc + 1, &next) && next.pc_begin == pc + 1;

    return frame_rule_make(is_made_up ? FRAME_RULE_END : FRAME_RULE_NO_TABLE);
}

struct frame_rule frame_rule_compute(const struct eh_frame_module *module, uint64_t pc)
{
    struct eh_frame_entry entry;
    struct program program = {.entry = &entry, .pc = pc};

    if (!eh_frame_find(module, pc, &entry))
        return rule_without_table(module, pc);
    if (entry.return_address_register != ARCH_DWARF_RETURN_ADDRESS)
        return frame_rule_make(FRAME_RULE_NONE);
    program.row.cfa_register = REGISTER_UNKNOWN;
    program.location = entry.pc_begin;
    if (!program_run(&program, entry.initial_instructions, entry.initial_instructions_end))
        return frame_rule_make(FRAME_RULE_NONE);
    program.initial = program.row;
    program.location = entry.pc_begin;
    if (!program_run(&program, entry.instructions, entry.instructions_end))
        return frame_rule_make(FRAME_RULE_NONE);
    return rule_from_row(&program.row, pc, entry.is_signal_frame);
}
