#include "config.h"

#include "symbols/elf_sections.h"

#include <gelf.h>
#include <string.h>

static Elf_Scn *find_section(Elf *elf, const char *name, GElf_Shdr *header)
{
    Elf_Scn *section = NULL;
    size_t names;

    if (elf_getshdrstrndx(elf, &names) != 0)
        return NULL;
    while ((section = elf_nextscn(elf, section)) != NULL) {
        const char *found = gelf_getshdr(section, header) != NULL
                                ? elf_strptr(elf, names, header->sh_name)
                                : NULL;

        if (found != NULL && strcmp(found, name) == 0)
            return section;
    }
    return NULL;
}

bool elf_sections_have_symbols(Elf *elf)
{
    Elf_Scn *section = NULL;
    GElf_Shdr header;

    while ((section = elf_nextscn(elf, section)) != NULL) {
        if (gelf_getshdr(section, &header) != NULL && header.sh_type == SHT_SYMTAB &&
            header.sh_size > 0)
            return true;
    }
    return false;
}

static bool has_content(Elf *elf, const char *name)
{
    GElf_Shdr header;

    return find_section(elf, name, &header) != NULL && header.sh_type != SHT_NOBITS &&
           header.sh_size > 0;
}

bool elf_sections_have_dwarf(Elf *elf)
{
    return has_content(elf, ".debug_info") || has_content(elf, ".zdebug_info");
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

void elf_sections_hide(Elf *elf, const char *const *names, size_t count)
{
    Elf_Scn *section = NULL;
    GElf_Shdr header;
    size_t all_names;

    if (elf_getshdrstrndx(elf, &all_names) != 0)
        return;
    while ((section = elf_nextscn(elf, section)) != NULL) {
        const char *name = gelf_getshdr(section, &header) != NULL
                               ? elf_strptr(elf, all_names, header.sh_name)
                               : NULL;

        if (name == NULL || !is_one_of(name, names, count))
            continue;
        header.sh_type = SHT_NOBITS;
        gelf_update_shdr(section, &header);
    }
}

Elf_Data *elf_sections_find(Elf *elf, const char *name)
{
    GElf_Shdr header;
    Elf_Scn *section = find_section(elf, name, &header);

    return section != NULL && header.sh_type != SHT_NOBITS ? elf_getdata(section, NULL) : NULL;
}

static void visit_table(Elf *elf, Elf_Scn *scn, const GElf_Shdr *header,
                        elf_sections_visit_symbol visit, void *context)
{
    Elf_Data *data = elf_getdata(scn, NULL);
    size_t count;

    if (data == NULL || data->d_buf == NULL || header->sh_entsize == 0)
        return;
    count = data->d_size / gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
    for (size_t i = 0; i < count && i < INT32_MAX; i++) {
        GElf_Sym symbol;
        const char *name;

        if (gelf_getsym(data, (int)i, &symbol) == NULL)
            return;
        name = elf_strptr(elf, header->sh_link, symbol.st_name);
        if (name != NULL)
            visit(context, elf, &symbol, name);
    }
}

void elf_sections_visit_symbols(Elf *elf, elf_sections_visit_symbol visit, void *context)
{
    Elf_Scn *scn = NULL;
    GElf_Shdr header;

    while ((scn = elf_nextscn(elf, scn)) != NULL) {
        if (gelf_getshdr(scn, &header) != NULL &&
            (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM))
            visit_table(elf, scn, &header, visit, context);
    }
}
