/* DWARF expressions of unwind tables.
 *
 * They are not matched against known forms but evaluated over symbols: pc is known (a rule
 * belongs to one pc), sp and bp stay unknown, and a value is a number, or one of the two plus a
 * number, or what memory holds there plus a number. That covers the forms that occur: the PLT's
 * "rsp + 8 + ((rip & 15) >= 11) * 8" of every linker, gcc's realigned stacks, hand-written assembly
 * that saves rsp on its stack, and the kernel's signal frame. */
#ifndef SEEP_PRELOAD_FRAME_EXPRESSION_H
#define SEEP_PRELOAD_FRAME_EXPRESSION_H

#include <stdbool.h>
#include <stdint.h>

enum frame_symbol {
    FRAME_SYMBOL_NUMBER,
    FRAME_SYMBOL_SP,
    FRAME_SYMBOL_BP
};

/* symbol + offset; or, when is_read, *(symbol + offset) + addend. */
struct frame_value {
    enum frame_symbol symbol;
    bool is_read;
    int64_t offset;
    int64_t addend;
};

/* `initial` is what the evaluation starts with (the CFA for a register's column; NULL = nothing).
 * False: the expression needs what is not known, or is nonsense. */
bool frame_expression_evaluate(const uint8_t *bytes, const uint8_t *end, uint64_t pc,
                               const struct frame_value *initial, struct frame_value *result);

#endif
