#include "symbols/variables.h"

#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "symbols/demangle.h"
#include "symbols/elf_symbols.h"
#include "symbols/module_file.h"

struct variables {
    struct module_file file;
    struct elf_symbols globals;
    struct elf_symbols thread_locals;
};

struct variables *variables_open(const struct symbolizer_module *module,
                                 const struct symbolizer_options *options)
{
    struct variables *variables = memory_allocate_zeroed(1, sizeof *variables);
    struct symbolizer_options with_debug_file = *options;
    struct error reason;

    with_debug_file.is_line_wanted = true; /* which knows the static variables */
    elf_version(EV_CURRENT);
    module_file_init(&variables->file, module, &with_debug_file, NULL, &reason);
    Elf *const files[] = {variables->file.debug.elf, variables->file.program.elf,
                          variables->file.mini.elf};
    elf_symbols_init(&variables->globals, ELF_SYMBOL_VARIABLES, files,
                     sizeof files / sizeof *files);
    elf_symbols_init(&variables->thread_locals, ELF_SYMBOL_THREAD_VARIABLES, files,
                     sizeof files / sizeof *files);
    return variables;
}

void variables_close(struct variables *variables)
{
    if (!variables)
        return;
    elf_symbols_clear(&variables->globals);
    elf_symbols_clear(&variables->thread_locals);
    module_file_clear(&variables->file);
    free(variables);
}

static char *find(const struct elf_symbols *symbols, uint64_t address, uint64_t *start)
{
    const struct elf_symbol *symbol = elf_symbols_find(symbols, address);
    char *plain, *name;

    if (!symbol)
        return NULL;
    *start = symbol->start;
    plain = memory_duplicate_text(symbol->name);
    plain[strcspn(plain, "@")] = '\0';
    name = demangle_name(plain);
    free(plain);
    return name;
}

char *variables_find(const struct variables *variables, uint64_t address, uint64_t *start)
{
    return find(&variables->globals, address, start);
}

char *variables_find_thread_local(const struct variables *variables, uint64_t offset,
                                  uint64_t *start)
{
    return find(&variables->thread_locals, offset, start);
}

char *variables_find_section(const struct variables *variables, uint64_t address)
{
    Elf *elf = variables->file.program.elf;
    Elf_Scn *section = NULL;
    size_t names;
    if (elf == NULL || elf_getshdrstrndx(elf, &names) != 0)
        return NULL;
    while ((section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) == NULL || !(header.sh_flags & SHF_ALLOC) ||
            header.sh_flags & SHF_TLS || address < header.sh_addr ||
            address - header.sh_addr >= header.sh_size)
            continue;
        const char *name = elf_strptr(elf, names, header.sh_name);
        return name != NULL ? memory_duplicate_text(name) : NULL;
    }
    return NULL;
}
