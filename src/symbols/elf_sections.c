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

Elf_Data *elf_sections_find(Elf *elf, const char *name)
{
    GElf_Shdr header;
    Elf_Scn *section = find_section(elf, name, &header);

    return section != NULL && header.sh_type != SHT_NOBITS ? elf_getdata(section, NULL) : NULL;
}
