/* Small questions about the sections of a file that libelf has open. */
#ifndef SEEP_SYMBOLS_ELF_SECTIONS_H
#define SEEP_SYMBOLS_ELF_SECTIONS_H

#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>

/* A full symbol table (.symtab), with content. */
bool elf_sections_have_symbols(Elf *elf);

/* .debug_info with content, compressed or not. */
bool elf_sections_have_dwarf(Elf *elf);

/* Makes the sections of these names look empty to whoever reads the file through `elf`, which must
 * have been opened with ELF_C_READ_MMAP_PRIVATE: its headers are changed, in memory. */
void elf_sections_hide(Elf *elf, const char *const *names, size_t count);

/* The content of the section of this name; NULL when there is none. Borrowed from the Elf. */
Elf_Data *elf_sections_find(Elf *elf, const char *name);

/* All entries of the file's symbol tables, with their names. */
typedef void (*elf_sections_visit_symbol)(void *context, Elf *elf, const GElf_Sym *symbol,
                                          const char *name);
void elf_sections_visit_symbols(Elf *elf, elf_sections_visit_symbol visit, void *context);

#endif
