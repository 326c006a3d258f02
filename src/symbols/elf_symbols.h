/* The functions, or the variables, in the symbol tables of a module, as one sorted array of disjoint
 * address ranges.
 *
 * libdwfl looks symbols up one after the other (some 0.1 ms each in libc); an array that is sorted
 * once answers in a binary search. What overlaps is decided while it is built: the innermost symbol
 * with a size wins, symbols without one (assembly) fill what is left up to the next symbol or the
 * end of their section, and of several names for one address the plainest is taken. An address in
 * no symbol has no name: the symbol before it would be a guess. */
#ifndef SEEP_SYMBOLS_ELF_SYMBOLS_H
#define SEEP_SYMBOLS_ELF_SYMBOLS_H

#include <libelf.h>
#include <stddef.h>
#include <stdint.h>

struct elf_symbol {
    uint64_t start;
    uint64_t end;
    const char *name; /* as in the table: mangled, perhaps with "@VERSION"; borrowed from the Elf */
};

struct elf_symbols {
    struct elf_symbol *ranges; /* sorted, disjoint */
    size_t count;
};

enum elf_symbol_kind {
    ELF_SYMBOL_FUNCTIONS,
    ELF_SYMBOL_VARIABLES,
    ELF_SYMBOL_THREAD_VARIABLES /* addresses are offsets in the module's TLS segment */
};

/* Collects the symbols of all these files (NULLs are skipped), which must outlive the result.
 * elf_symbols_clear releases it. */
void elf_symbols_init(struct elf_symbols *symbols, enum elf_symbol_kind kind, Elf *const *files,
                      size_t file_count);
void elf_symbols_clear(struct elf_symbols *symbols);

/* NULL: the address is in no symbol. Borrowed. */
const struct elf_symbol *elf_symbols_find(const struct elf_symbols *symbols, uint64_t address);

#endif
