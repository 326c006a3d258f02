#include "preload/frame_row.h"

#include "preload/arch/arch.h"
#include "preload/byte_cursor.h"

enum {
    PROGRAM_MAX_REMEMBERED = 4,
    REGISTER_UNKNOWN = 0xffff
};

struct program {
    const struct eh_frame_entry *entry;
    uint64_t pc;       /* the row of this is wanted */
    uint64_t location; /* the row that is being built begins here */
    struct frame_row row;
    struct frame_row initial; /* after the CIE's instructions, for DW_CFA_restore */
    struct frame_row remembered[PROGRAM_MAX_REMEMBERED];
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
static struct frame_column *row_column(struct frame_row *row, uint64_t number)
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

static void set_column(struct program *program, uint64_t number, enum frame_column_place place,
                       int64_t offset)
{
    struct frame_column *column = row_column(&program->row, number);

    if (column)
        *column = (struct frame_column){.place = place, .offset = offset};
}

static void restore_column(struct program *program, uint64_t number)
{
    struct frame_column *column = row_column(&program->row, number);

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
    struct frame_column column = {.place = FRAME_COLUMN_AT_EXPRESSION};
    struct frame_column *place = row_column(&program->row, number);

    read_block(cursor, &column.expression, &column.expression_end);
    if (place)
        *place = column;
}

static void ignore_expression(struct program *program, struct byte_cursor *cursor, uint64_t number)
{
    const uint8_t *bytes, *end;

    read_block(cursor, &bytes, &end);
    set_column(program, number, FRAME_COLUMN_OTHER, 0);
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
        set_column(program, number, FRAME_COLUMN_AT_CFA,
                   factored(program, (int64_t)byte_cursor_uleb(cursor)));
        break;
    case CFA_OFFSET_EXTENDED_SF:
        set_column(program, number, FRAME_COLUMN_AT_CFA,
                   factored(program, byte_cursor_sleb(cursor)));
        break;
    case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
        number = byte_cursor_uleb(cursor);
        set_column(program, number, FRAME_COLUMN_AT_CFA,
                   factored(program, -(int64_t)(byte_cursor_uleb(cursor) & INT64_MAX)));
        break;
    case CFA_RESTORE_EXTENDED:
        restore_column(program, number);
        break;
    case CFA_UNDEFINED:
        set_column(program, number, FRAME_COLUMN_UNDEFINED, 0);
        break;
    case CFA_SAME_VALUE:
        set_column(program, number, FRAME_COLUMN_UNSET, 0);
        break;
    case CFA_REGISTER:
    case CFA_VAL_OFFSET:
    case CFA_VAL_OFFSET_SF:
        byte_cursor_uleb(cursor);
        set_column(program, number, FRAME_COLUMN_OTHER, 0);
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
        set_column(program, operand, FRAME_COLUMN_AT_CFA,
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
            set_column(program, operation - CFA_OFFSET, FRAME_COLUMN_AT_CFA,
                       factored(program, at[1]));
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
static bool program_run(struct program *program, struct byte_cursor *cursor)
{
    for (;;) {
        run_usual(program, cursor);
        if (program->location > program->pc || byte_cursor_left(cursor) == 0)
            return true;
        program_step(program, cursor);
        if (program->is_bad || cursor->is_bad)
            return false;
    }
}

/* ---- places that are kept ----------------------------------------------------------------------
 */

/* The last one on the way to the wanted pc. All rows of the way begin where the wanted one does or
 * before, and so did those up to there: the program came by in that very state. */
static struct frame_place *find_place(struct frame_places *places, const struct program *program,
                                      uint64_t generation)
{
    struct frame_place *best = NULL;

    for (struct frame_place *place = places->at; place < places->at + FRAME_PLACES; place++)
        if (place->generation == generation &&
            place->instructions == program->entry->instructions && place->pc <= program->pc &&
            (best == NULL || place->pc > best->pc))
            best = place;
    return best;
}

static void begin_at(struct program *program, const struct frame_place *place,
                     struct byte_cursor *cursor)
{
    program->location = place->location;
    program->row = place->row;
    program->remembered_count = 0;
    byte_cursor_skip(cursor, place->offset);
}

static void keep_place(struct frame_place *place, const struct program *program,
                       uint64_t generation, const struct byte_cursor *cursor)
{
    place->generation = generation;
    place->instructions = program->entry->instructions;
    place->pc = program->pc;
    place->offset = (uint64_t)(cursor->at - program->entry->instructions);
    place->location = program->location;
    place->row = program->row;
}

/* program_run, beginning at a place that was kept, and keeping where it ends. Rows that wait to be
 * restored are not kept: they stand around the ends of functions, where no calls are. */
static bool program_lead_on(struct program *program, struct byte_cursor *cursor,
                            struct frame_places *places, uint64_t generation)
{
    struct frame_place *place = find_place(places, program, generation);
    const uint8_t *begin;

    if (place != NULL)
        begin_at(program, place, cursor);
    begin = cursor->at;
    if (!program_run(program, cursor))
        return false;
    if (cursor->at - begin >= FRAME_PLACE_LEAST_BYTES && program->remembered_count == 0) {
        if (place == NULL)
            place = &places->at[places->next++ % FRAME_PLACES];
        keep_place(place, program, generation, cursor);
    }
    return true;
}

static bool run_function(const struct eh_frame_module *module, struct program *program,
                         struct frame_places *places)
{
    struct byte_cursor cursor = {.at = program->entry->instructions,
                                 .end = program->entry->instructions_end};

    if (places == NULL || byte_cursor_left(&cursor) < FRAME_PLACE_LEAST_BYTES)
        return program_run(program, &cursor);
    return program_lead_on(program, &cursor, places, module->generation);
}

/* The CIE's instructions, all of which come before the first row. */
static bool run_initial(const struct eh_frame_module *module, struct program *program,
                        struct frame_places *places)
{
    const struct eh_frame_entry *entry = program->entry;
    struct byte_cursor cursor = {.at = entry->initial_instructions,
                                 .end = entry->initial_instructions_end};
    struct frame_place *initial = places != NULL ? &places->initial : NULL;

    if (initial != NULL && initial->generation == module->generation &&
        initial->instructions == entry->initial_instructions) {
        program->row = initial->row;
        return true;
    }
    program->row = (struct frame_row){.cfa_register = REGISTER_UNKNOWN};
    if (!program_run(program, &cursor))
        return false;
    /* One that goes on into rows would have ended elsewhere for another pc. */
    if (initial != NULL && program->remembered_count == 0 && program->location == entry->pc_begin) {
        initial->generation = module->generation;
        initial->instructions = entry->initial_instructions;
        initial->row = program->row;
    }
    return true;
}

struct frame_places *frame_places_take(struct frame_places *places,
                                       const struct eh_frame_module *module)
{
    if (places == NULL || module->generation == 0 ||
        atomic_exchange_explicit(&places->is_in_use, true, memory_order_acquire))
        return NULL;
    return places;
}

void frame_places_give_back(struct frame_places *places)
{
    if (places != NULL)
        atomic_store_explicit(&places->is_in_use, false, memory_order_release);
}

bool frame_row_find(const struct eh_frame_module *module, const struct eh_frame_entry *entry,
                    uint64_t pc, struct frame_places *places, struct frame_row *row)
{
    struct program program;

    /* Not what is remembered, which is most of it and seldom used. */
    program.entry = entry;
    program.pc = pc;
    program.location = entry->pc_begin;
    program.remembered_count = 0;
    program.is_bad = false;
    if (!run_initial(module, &program, places))
        return false;
    program.initial = program.row;
    program.location = entry->pc_begin;
    if (!run_function(module, &program, places))
        return false;
    *row = program.row;
    return true;
}
