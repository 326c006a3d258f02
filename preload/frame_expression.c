#include "preload/frame_expression.h"

#include "preload/arch/arch.h"
#include "preload/byte_cursor.h"

enum {
    EXPRESSION_MAX_DEPTH = 8
};

struct expression {
    struct byte_cursor cursor;
    uint64_t pc;
    struct frame_value stack[EXPRESSION_MAX_DEPTH];
    unsigned depth;
    bool is_bad; /* needs what is not known, or is nonsense */
};

enum {
    OP_DEREF = 0x06,
    OP_CONST1U = 0x08,
    OP_CONST8S = 0x0f,
    OP_CONSTU = 0x10,
    OP_CONSTS = 0x11,
    OP_DUP = 0x12,
    OP_AND = 0x1a,
    OP_MINUS = 0x1c,
    OP_MUL = 0x1e,
    OP_OR = 0x21,
    OP_PLUS = 0x22,
    OP_PLUS_UCONST = 0x23,
    OP_SHL = 0x24,
    OP_SHR = 0x25,
    OP_XOR = 0x27,
    OP_EQ = 0x29,
    OP_GE = 0x2a,
    OP_GT = 0x2b,
    OP_LE = 0x2c,
    OP_LT = 0x2d,
    OP_NE = 0x2e,
    OP_LIT0 = 0x30,
    OP_LIT31 = 0x4f,
    OP_BREG0 = 0x70,
    OP_BREG31 = 0x8f,
    OP_BREGX = 0x92,
    OP_NOP = 0x96
};

static void push(struct expression *expression, struct frame_value value)
{
    if (expression->depth == EXPRESSION_MAX_DEPTH)
        expression->is_bad = true;
    else
        expression->stack[expression->depth++] = value;
}

static struct frame_value pop(struct expression *expression)
{
    if (expression->depth == 0) {
        expression->is_bad = true;
        return (struct frame_value){0};
    }
    return expression->stack[--expression->depth];
}

static void push_number(struct expression *expression, int64_t number)
{
    push(expression, (struct frame_value){.symbol = FRAME_SYMBOL_NUMBER, .offset = number});
}

static void push_register(struct expression *expression, uint64_t number, int64_t offset)
{
    if (number == ARCH_DWARF_SP)
        push(expression, (struct frame_value){.symbol = FRAME_SYMBOL_SP, .offset = offset});
    else if (number == ARCH_DWARF_BP)
        push(expression, (struct frame_value){.symbol = FRAME_SYMBOL_BP, .offset = offset});
    else if (number == ARCH_DWARF_RETURN_ADDRESS)
        push_number(expression, (int64_t)(expression->pc + (uint64_t)offset));
    else
        expression->is_bad = true;
}

static void push_sum(struct expression *expression, struct frame_value value, int64_t number)
{
    int64_t *part = value.is_read ? &value.addend : &value.offset;

    *part = (int64_t)((uint64_t)*part + (uint64_t)number);
    push(expression, value);
}

static int64_t number_operation(struct expression *expression, uint8_t operation, int64_t left,
                                int64_t right)
{
    switch (operation) {
    case OP_AND:
        return left & right;
    case OP_OR:
        return left | right;
    case OP_XOR:
        return left ^ right;
    case OP_MUL:
        return (int64_t)((uint64_t)left * (uint64_t)right);
    case OP_SHL:
        return right & ~63 ? 0 : (int64_t)((uint64_t)left << right);
    case OP_SHR:
        return right & ~63 ? 0 : (int64_t)((uint64_t)left >> right);
    case OP_EQ:
        return left == right;
    case OP_NE:
        return left != right;
    case OP_GE:
        return left >= right;
    case OP_GT:
        return left > right;
    case OP_LE:
        return left <= right;
    case OP_LT:
        return left < right;
    default:
        expression->is_bad = true;
        return 0;
    }
}

static void two_operands(struct expression *expression, uint8_t operation)
{
    struct frame_value right = pop(expression);
    struct frame_value left = pop(expression);

    if (operation == OP_PLUS && left.symbol == FRAME_SYMBOL_NUMBER)
        push_sum(expression, right, left.offset);
    else if (right.symbol != FRAME_SYMBOL_NUMBER)
        expression->is_bad = true;
    else if (operation == OP_PLUS)
        push_sum(expression, left, right.offset);
    else if (operation == OP_MINUS)
        push_sum(expression, left, (int64_t) - (uint64_t)right.offset);
    else if (left.symbol != FRAME_SYMBOL_NUMBER)
        expression->is_bad = true;
    else
        push_number(expression, number_operation(expression, operation, left.offset, right.offset));
}

static void read_memory(struct expression *expression)
{
    struct frame_value value = pop(expression);

    if (value.symbol == FRAME_SYMBOL_NUMBER || value.is_read)
        expression->is_bad = true;
    value.is_read = true;
    push(expression, value);
}

/* DW_OP_const1u .. const8s: sizes 1, 2, 4, 8, each unsigned and signed. */
static void push_constant(struct expression *expression, uint8_t operation)
{
    unsigned bytes = 1U << (operation - OP_CONST1U) / 2;

    if ((operation - OP_CONST1U) & 1)
        push_number(expression, byte_cursor_signed(&expression->cursor, bytes));
    else
        push_number(expression, (int64_t)byte_cursor_unsigned(&expression->cursor, bytes));
}

static void expression_step(struct expression *expression)
{
    struct byte_cursor *cursor = &expression->cursor;
    uint8_t operation = byte_cursor_byte(cursor);
    uint64_t number;

    if (operation >= OP_LIT0 && operation <= OP_LIT31) {
        push_number(expression, operation - OP_LIT0);
    } else if (operation >= OP_BREG0 && operation <= OP_BREG31) {
        push_register(expression, operation - OP_BREG0, byte_cursor_sleb(cursor));
    } else if (operation == OP_BREGX) {
        number = byte_cursor_uleb(cursor);
        push_register(expression, number, byte_cursor_sleb(cursor));
    } else if (operation >= OP_CONST1U && operation <= OP_CONST8S) {
        push_constant(expression, operation);
    } else if (operation == OP_CONSTU) {
        push_number(expression, (int64_t)byte_cursor_uleb(cursor));
    } else if (operation == OP_CONSTS) {
        push_number(expression, byte_cursor_sleb(cursor));
    } else if (operation == OP_PLUS_UCONST) {
        push_sum(expression, pop(expression), (int64_t)byte_cursor_uleb(cursor));
    } else if (operation == OP_DEREF) {
        read_memory(expression);
    } else if (operation == OP_DUP) {
        struct frame_value top = pop(expression);

        push(expression, top);
        push(expression, top);
    } else if (operation != OP_NOP) {
        two_operands(expression, operation);
    }
}

bool frame_expression_evaluate(const uint8_t *bytes, const uint8_t *end, uint64_t pc,
                               const struct frame_value *initial, struct frame_value *result)
{
    struct expression expression = {.cursor = {.at = bytes, .end = end}, .pc = pc};

    if (initial)
        push(&expression, *initial);
    while (byte_cursor_left(&expression.cursor) && !expression.is_bad)
        expression_step(&expression);
    if (expression.is_bad || expression.cursor.is_bad || expression.depth == 0)
        return false;
    *result = expression.stack[expression.depth - 1];
    return true;
}
