/* What an unwind table says of one place in a function: where the CFA and the caller's registers
 * are.
 *
 * The table of a function is a program that describes its rows one after the other (DWARF 5,
 * section 6.4.3). It is run up to the row that is wanted, keeping of its columns just three: bp, sp
 * and the return address. In a function of a hundred kilobytes that is a long way, and where one
 * call of it is on a stack the next ones will be, too: so the state in which the program was left
 * is kept for the last long ways, and one that leads on from there begins there. */
#ifndef SEEP_PRELOAD_FRAME_ROW_H
#define SEEP_PRELOAD_FRAME_ROW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "preload/eh_frame.h"

enum frame_column_place {
    FRAME_COLUMN_UNSET, /* same as the callee's, by the ABI's defaults */
    FRAME_COLUMN_UNDEFINED,
    FRAME_COLUMN_AT_CFA,        /* saved at CFA + offset */
    FRAME_COLUMN_AT_EXPRESSION, /* saved where the expression says */
    FRAME_COLUMN_OTHER          /* nothing that a rule can hold */
};

struct frame_column {
    enum frame_column_place place;
    int64_t offset;
    const uint8_t *expression;
    const uint8_t *expression_end;
};

struct frame_row {
    uint64_t cfa_register;
    int64_t cfa_offset;
    const uint8_t *cfa_expression; /* NULL = register + offset */
    const uint8_t *cfa_expression_end;
    struct frame_column bp;
    struct frame_column sp;
    struct frame_column return_address;
};

/* The program of a table, left in front of an instruction. */
struct frame_place {
    uint64_t generation;         /* of the module; 0 = nothing is kept here */
    const uint8_t *instructions; /* whose program that is */
    uint64_t pc;                 /* for this the row was wanted */
    uint64_t offset;             /* the next instruction, in bytes behind the first */
    uint64_t location;           /* the next row begins here */
    struct frame_row row;
};

enum {
    FRAME_PLACES = 4,
    FRAME_PLACE_LEAST_BYTES = 128 /* a shorter way is not worth keeping */
};

/* Zeroed at first. One thread uses it at a time; whoever finds it in use goes all the way: nobody
 * waits, nor does a signal handler that comes in between. Where its user never comes back (a
 * handler that jumps away, a child of fork without the thread) all ways are long again, and that is
 * all. */
struct frame_places {
    _Atomic bool is_in_use;
    struct eh_frame_known known;
    struct frame_place
        initial;   /* behind the instructions of a CIE; offset and location are of no use */
    uint32_t next; /* to be given up for a new one */
    struct frame_place at[FRAME_PLACES];
};

/* Takes the places for one rule: NULL where that cannot be. */
struct frame_places *frame_places_take(struct frame_places *places,
                                       const struct eh_frame_module *module);

/* `places` may be NULL. */
void frame_places_give_back(struct frame_places *places);

/* The row of the instruction at `pc`, which the entry covers; `places` were taken, or NULL. False
 * for programs that make no sense. */
bool frame_row_find(const struct eh_frame_module *module, const struct eh_frame_entry *entry,
                    uint64_t pc, struct frame_places *places, struct frame_row *row);

#endif
