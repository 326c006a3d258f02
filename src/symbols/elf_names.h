/* Functions of a module by name: where is the one that another file, or debug information, only
 * names? Aliases all count, and what a compiler made of a function ("f.constprop.0") is found by
 * the function's own name. */
#ifndef SEEP_SYMBOLS_ELF_NAMES_H
#define SEEP_SYMBOLS_ELF_NAMES_H

#include <libelf.h>
#include <stddef.h>
#include <stdint.h>

struct elf_name;

struct elf_names {
    struct elf_name *items; /* by hash, then address */
    size_t count;
    size_t capacity;
};

/* The function symbols of all these files (NULLs are skipped), which must outlive the result.
 * elf_names_clear releases it. */
void elf_names_init(struct elf_names *names, Elf *const *files, size_t file_count);
void elf_names_clear(struct elf_names *names);

/* Fills `addresses` with the different places of functions of this (mangled) name, ascending;
 * returns how many, at most `max`. */
size_t elf_names_find(const struct elf_names *names, const char *name, uint64_t *addresses,
                      size_t max);

#endif
