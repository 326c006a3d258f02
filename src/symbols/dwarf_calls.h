/* The calls that a function makes, as debug information tells of them: DW_TAG_call_site of DWARF 5
 * (section 3.4), and DW_TAG_GNU_call_site, which older files have instead. */
#ifndef SEEP_SYMBOLS_DWARF_CALLS_H
#define SEEP_SYMBOLS_DWARF_CALLS_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dwarf_call {
    uint64_t address; /* where it returns to; or of the call itself */
    bool is_exact;    /* of the call itself */
    bool is_tail;     /* a jump: the caller's frame is gone */
    uint64_t place;   /* the same for calls of which the same inlined functions are around */
    Dwarf_Die callee; /* as the call names it: a declaration, perhaps; only where that is known */
};

struct dwarf_calls {
    struct dwarf_call *items;
    size_t count;
    size_t capacity;
};

/* Appends the calls of a function whose callee is known. */
void dwarf_calls_collect(struct dwarf_calls *calls, Dwarf_Die *function);
void dwarf_calls_clear(struct dwarf_calls *calls);

/* What all DIEs of one function have in common, in one unit: the abstract instance, the declaration
 * inside a class, a copy of it. */
uint64_t dwarf_calls_identity(Dwarf_Die *function);

/* Its linkage name, or else its name; NULL = none. */
const char *dwarf_calls_name(Dwarf_Die *function);

/* Can other units call it by its name? */
bool dwarf_calls_is_external(Dwarf_Die *function);

#endif
