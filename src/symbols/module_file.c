#include "config.h"

#include "symbols/module_file.h"

#include "base/memory.h"
#include "base/text.h"
#include "symbols/debug_files.h"
#include "symbols/debuginfod_client.h"
#include "symbols/elf_file.h"
#include "symbols/elf_layout.h"
#include "symbols/elf_sections.h"

#include <elf.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Rows of line tables in memory at a time, some 64 bytes each. */
enum {
    MAX_LINES = 4 * 1024 * 1024
};

static void close_elf(struct opened_elf *opened)
{
    elf_end(opened->elf);
    packed_sections_clear(&opened->unpacked);
    if (opened->fd >= 0)
        close(opened->fd);
    *opened = (struct opened_elf){.fd = -1, .source_fd = -1};
}

/* libdw unpacks every section that it knows, and a third of them is not for us. */
static void hide_what_is_not_needed(Elf *elf)
{
    static const char *const names[] = {".debug_loc",      ".debug_loclists",  ".debug_macinfo",
                                        ".debug_macro",    ".debug_frame",     ".debug_pubnames",
                                        ".debug_pubtypes", ".zdebug_loc",      ".zdebug_macinfo",
                                        ".zdebug_frame",   ".zdebug_pubnames", ".zdebug_pubtypes"};

    elf_sections_hide(elf, names, sizeof names / sizeof *names);
}

/* Takes ownership of fd. */
static bool open_elf(struct opened_elf *opened, int fd)
{
    *opened = (struct opened_elf){
        .elf = elf_begin(fd, ELF_C_READ_MMAP_PRIVATE, NULL), .fd = fd, .source_fd = fd};
    if (opened->elf != NULL && elf_kind(opened->elf) == ELF_K_ELF)
        return true;
    close_elf(opened);
    return false;
}

static void unpack(struct opened_elf *opened, const struct file_cache *cache)
{
    if (opened->elf == NULL || opened->source_fd < 0)
        return;
    hide_what_is_not_needed(opened->elf);
    packed_sections_unpack(&opened->unpacked, opened->elf, opened->source_fd, cache);
}

static void print_build_id(struct text *text, const uint8_t *bytes, size_t count)
{
    if (count == 0)
        text_add(text, "none");
    for (size_t i = 0; i < count; i++)
        text_print(text, "%02x", bytes[i]);
}

/* Is the file what the process had in memory? Without a build-id in memory there is nothing to ask.
 */
static bool check_build_id(const struct symbolizer_module *module, const uint8_t *build_id,
                           size_t build_id_bytes, struct error *reason)
{
    struct text message = {0};

    if (module->build_id_bytes == 0 || (module->build_id_bytes == build_id_bytes &&
                                        memcmp(module->build_id, build_id, build_id_bytes) == 0))
        return true;
    text_print(&message, "%s is another file than the process had: its build-id is ", module->path);
    print_build_id(&message, build_id, build_id_bytes);
    text_add(&message, ", not ");
    print_build_id(&message, module->build_id, module->build_id_bytes);
    error_set(reason, "%s", text_get(&message));
    text_clear(&message);
    return false;
}

/* The extent of an ELF image that the kernel mapped: its section headers come last. */
static size_t image_bytes(const Elf64_Ehdr *header)
{
    return (size_t)header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
}

/* The kernel gives all processes the same vDSO, so ours serves, if the build-id agrees. */
static void open_vdso(struct module_file *file, const struct symbolizer_module *module,
                      struct error *reason)
{
    char *image = (char *)getauxval(AT_SYSINFO_EHDR);
    const void *build_id = NULL;
    ssize_t build_id_bytes;
    Elf *elf;

    if (image == NULL) {
        error_set(reason, "this process has no %s", module->path);
        return;
    }
    elf = elf_memory(image, image_bytes((const Elf64_Ehdr *)image));
    build_id_bytes = elf != NULL ? dwelf_elf_gnu_build_id(elf, &build_id) : -1;
    if (check_build_id(module, build_id, build_id_bytes < 0 ? 0 : (size_t)build_id_bytes, reason))
        file->program.elf = elf;
    else
        elf_end(elf);
}

/* Our own reader looks at the file first: it says what is wrong with it. */
static void open_program(struct module_file *file, const struct symbolizer_module *module,
                         struct elf_file *facts, struct error *reason)
{
    int own_fd = -1;
    int fd = module->fd;

    if (fd < 0) {
        own_fd = fd = elf_layout_open(module->path);
        if (fd < 0) {
            error_set_errno(reason, errno, "cannot open %s", module->path);
            return;
        }
    }
    if (elf_file_read(fd, module->path, facts, reason) &&
        check_build_id(module, facts->build_id, facts->build_id_bytes, reason)) {
        if (!open_elf(&file->program, fd))
            error_set(reason, "cannot read %s: %s", module->path, elf_errmsg(-1));
        else if (own_fd < 0)
            file->program.fd = -1; /* the caller closes its own */
        return;
    }
    if (own_fd >= 0)
        close(own_fd);
}

/* The build-id of the process, or else of the file. */
static void find_identity(const struct module_file *file, const struct elf_file *facts, int fd,
                          struct debug_wanted *wanted)
{
    struct stat status;

    wanted->file = file->program.elf;
    if (fd >= 0 && fstat(fd, &status) == 0) {
        wanted->device = status.st_dev;
        wanted->inode = status.st_ino;
    }
    if (wanted->build_id_bytes == 0 && file->program.elf != NULL) {
        wanted->build_id = facts->build_id;
        wanted->build_id_bytes = facts->build_id_bytes;
    }
}

/* Caller frees the path of what was found; NULL = nothing. */
static char *open_debug(struct module_file *file, const struct elf_file *facts,
                        const struct symbolizer_module *module,
                        const struct symbolizer_options *options,
                        const struct debug_folders *folders)
{
    struct debug_wanted wanted = {
        .path = module->path,
        .build_id = module->build_id,
        .build_id_bytes = module->build_id_bytes,
    };
    char *path;
    int fd;

    find_identity(file, facts, file->program.fd >= 0 ? file->program.fd : module->fd, &wanted);
    fd = debug_files_open(folders, &wanted, &path);
    if (fd < 0 && options->is_debuginfod_allowed)
        fd = debuginfod_client_fetch(wanted.build_id, wanted.build_id_bytes, &path);
    if (fd >= 0 && open_elf(&file->debug, fd))
        return path;
    free(path);
    return NULL;
}

/* .gnu_debugaltlink: a name, NUL, and the build-id. */
static void open_alternate(struct module_file *file, Elf *elf, const char *path,
                           const struct debug_folders *folders)
{
    Elf_Data *link = elf_sections_find(elf, ".gnu_debugaltlink");
    const char *name;
    size_t name_bytes;
    int fd;

    if (link == NULL || link->d_buf == NULL)
        return;
    name = link->d_buf;
    name_bytes = strnlen(name, link->d_size);
    if (name_bytes == 0 || name_bytes == link->d_size)
        return;
    fd = debug_files_open_alternate(folders, path, name, (const uint8_t *)name + name_bytes + 1,
                                    link->d_size - name_bytes - 1);
    if (fd >= 0)
        open_elf(&file->alternate, fd);
}

/* .gnu_debugdata is a whole ELF file with the functions that .dynsym lacks, packed with xz, which
 * libdwelf unpacks when it finds it in a file of its own. */
static void open_mini(struct module_file *file)
{
    Elf_Data *packed = elf_sections_find(file->program.elf, ".gnu_debugdata");
    int fd;

    if (packed == NULL || packed->d_buf == NULL)
        return;
    fd = memfd_create("seep-debugdata", MFD_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, packed->d_buf, packed->d_size) == (ssize_t)packed->d_size)
        file->mini.elf = dwelf_elf_begin(fd);
    close(fd); /* what was unpacked is in memory */
}

/* The file with DWARF; NULL = there is none. */
static Elf *find_dwarf(const struct module_file *file)
{
    bool is_separate = file->debug.elf != NULL && elf_sections_have_dwarf(file->debug.elf);
    Elf *elf = is_separate ? file->debug.elf : file->program.elf;

    return elf != NULL && elf_sections_have_dwarf(elf) ? elf : NULL;
}

static bool needs_debug_file(const struct module_file *file,
                             const struct symbolizer_options *options)
{
    Elf *elf = file->program.elf;

    if (elf == NULL)
        return true;
    return options->is_line_wanted ? !elf_sections_have_dwarf(elf)
                                   : !elf_sections_have_symbols(elf);
}

const struct elf_symbols *module_file_symbols(struct module_file *file)
{
    Elf *const files[] = {file->debug.elf, file->program.elf, file->mini.elf};

    if (!file->has_read_symbols)
        elf_symbols_init(&file->symbols, ELF_SYMBOL_FUNCTIONS, files, sizeof files / sizeof *files);
    file->has_read_symbols = true;
    return &file->symbols;
}

const struct elf_names *module_file_names(struct module_file *file)
{
    Elf *const files[] = {file->debug.elf, file->program.elf, file->mini.elf};

    if (!file->has_read_names)
        elf_names_init(&file->names, files, sizeof files / sizeof *files);
    file->has_read_names = true;
    return &file->names;
}

static void set_reason(struct module_file *file, const struct symbolizer_module *module,
                       const struct symbolizer_options *options, struct error *reason)
{
    if (reason->message[0] != '\0')
        return;
    if (file->lines == NULL && module_file_symbols(file)->count == 0)
        error_set(reason, "%s has no symbols, and no debug file for it was found", module->path);
    else if (file->lines == NULL && options->is_line_wanted)
        error_set(reason, "%s has no line information, and no debug file for it was found",
                  module->path);
}

void module_file_find(struct module_file *file, const struct symbolizer_module *module,
                      const struct symbolizer_options *options, const struct file_cache *cache,
                      struct error *reason)
{
    const struct debug_folders folders = {options->debug_folders, options->debug_folder_count};
    struct elf_file facts = {0};
    char *debug_path = NULL;
    Elf *dwarf;

    *file = (struct module_file){
        .cache = cache,
        .program = {.fd = -1, .source_fd = -1},
        .debug = {.fd = -1, .source_fd = -1},
        .alternate = {.fd = -1, .source_fd = -1},
        .mini = {.fd = -1, .source_fd = -1},
    };
    reason->message[0] = '\0';
    if (strcmp(module->path, "[vdso]") == 0)
        open_vdso(file, module, reason);
    else
        open_program(file, module, &facts, reason);
    if (needs_debug_file(file, options))
        debug_path = open_debug(file, &facts, module, options, &folders);
    dwarf = options->is_line_wanted ? find_dwarf(file) : NULL;
    if (dwarf != NULL)
        open_alternate(file, dwarf, dwarf == file->debug.elf ? debug_path : module->path, &folders);
    free(debug_path);
}

void module_file_load(struct module_file *file, const struct symbolizer_module *module,
                      const struct symbolizer_options *options, struct error *reason)
{
    Elf *dwarf;

    unpack(&file->program, file->cache);
    unpack(&file->debug, file->cache);
    unpack(&file->alternate, file->cache);
    if (file->program.elf != NULL)
        open_mini(file);
    dwarf = options->is_line_wanted ? find_dwarf(file) : NULL;
    if (dwarf != NULL)
        file->lines = dwarf_lines_create(dwarf, file->alternate.elf, MAX_LINES);
    set_reason(file, module, options, reason);
}

void module_file_init(struct module_file *file, const struct symbolizer_module *module,
                      const struct symbolizer_options *options, const struct file_cache *cache,
                      struct error *reason)
{
    module_file_find(file, module, options, cache, reason);
    module_file_load(file, module, options, reason);
}

static char *identity_of(const struct opened_elf *opened)
{
    char *identity = file_cache_identity(opened->source_fd);

    return identity != NULL ? identity : memory_duplicate_text("none");
}

char *module_file_identity(const struct module_file *file)
{
    char *program, *debug, *alternate, *all;

    if (file->program.elf == NULL || file->program.source_fd < 0)
        return NULL;
    program = identity_of(&file->program);
    debug = identity_of(&file->debug);
    alternate = identity_of(&file->alternate);
    all = memory_print_text("%s %s %s", program, debug, alternate);
    free(program);
    free(debug);
    free(alternate);
    return all;
}

void module_file_keep(struct module_file *file)
{
    packed_sections_keep(&file->program.unpacked, file->cache);
    packed_sections_keep(&file->debug.unpacked, file->cache);
    packed_sections_keep(&file->alternate.unpacked, file->cache);
}

void module_file_clear(struct module_file *file)
{
    call_table_clear(&file->calls);
    dwarf_lines_destroy(file->lines);
    elf_names_clear(&file->names);
    elf_symbols_clear(&file->symbols);
    close_elf(&file->mini);
    close_elf(&file->alternate);
    close_elf(&file->debug);
    close_elf(&file->program);
    *file = (struct module_file){0};
}
