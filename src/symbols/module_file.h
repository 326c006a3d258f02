/* Everything that is open for one module: its own file, its separate debug file, what dwz shared,
 * and the tables made of them. */
#ifndef SEEP_SYMBOLS_MODULE_FILE_H
#define SEEP_SYMBOLS_MODULE_FILE_H

#include <libelf.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/file_cache.h"
#include "symbols/call_table.h"
#include "symbols/dwarf_lines.h"
#include "symbols/elf_names.h"
#include "symbols/elf_symbols.h"
#include "symbols/symbolizer.h"
#include "symbols/packed_sections.h"

/* A file that libelf has open. */
struct opened_elf {
    Elf *elf;      /* NULL = none */
    int fd;        /* ours to close; -1 = borrowed or none */
    int source_fd; /* of the file, ours or not; -1 = it is none */
    struct packed_sections unpacked;
};

struct module_file {
    const struct file_cache *cache;
    struct opened_elf program;   /* the module itself */
    struct opened_elf debug;     /* its separate debug file */
    struct opened_elf alternate; /* what dwz shared between debug files */
    struct opened_elf mini;      /* "MiniDebugInfo": the unpacked .gnu_debugdata of the program */
    struct elf_symbols symbols;  /* by module_file_symbols */
    bool has_read_symbols;
    struct elf_names names; /* by module_file_names */
    bool has_read_names;
    struct dwarf_lines *lines; /* NULL = no DWARF, or not wanted */
    struct call_table calls;   /* of functions that were asked for, by `lines` */
};

/* Finds and opens what there is; never fails, but *reason says why something is missing ("" =
 * nothing is). `module` and `options` are borrowed during the call; module->fd and `cache` (NULL =
 * none) until the clear. */
void module_file_init(struct module_file *file, const struct symbolizer_module *module,
                      const struct symbolizer_options *options, const struct file_cache *cache,
                      struct error *reason);

/* The same in two steps: finding and opening files takes little; unpacking them, and making tables,
 * which all else needs, takes long. */
void module_file_find(struct module_file *file, const struct symbolizer_module *module,
                      const struct symbolizer_options *options, const struct file_cache *cache,
                      struct error *reason);
void module_file_load(struct module_file *file, const struct symbolizer_module *module,
                      const struct symbolizer_options *options, struct error *reason);

/* What says of all the files that were found that they are the same, and as they were; NULL = it is
 * not known. Caller frees. */
char *module_file_identity(const struct module_file *file);

/* Keeps in the cache what the next one who opens these files would else have to unpack again. */
void module_file_keep(struct module_file *file);

/* The symbol tables of all these files, read when they are first asked for: DWARF seldom needs
 * them. */
const struct elf_symbols *module_file_symbols(struct module_file *file);
/* The same by name. */
const struct elf_names *module_file_names(struct module_file *file);

void module_file_clear(struct module_file *file);

#endif
