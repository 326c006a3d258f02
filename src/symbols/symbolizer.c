#include "config.h"

#include "symbols/symbolizer.h"

#include "base/hash_map.h"
#include "base/memory.h"
#include "base/string_pool.h"
#include "symbols/demangle.h"
#include "symbols/dwarf_lines.h"
#include "symbols/elf_symbols.h"
#include "symbols/known_answers.h"
#include "symbols/module_file.h"
#include "symbols/source_path.h"
#include "symbols/tail_calls.h"

#include <fcntl.h>
#include <libelf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_LOCATIONS = KNOWN_LOCATIONS_MOST,
    MAX_NAME_BYTES = 64 * 1024
};

struct symbolizer_entry {
    char *path;
    uint8_t *build_id;
    size_t build_id_bytes;
    int fd;         /* borrowed */
    bool is_open;   /* files were found */
    bool is_loaded; /* and read */
    struct module_file file;
    struct error reason;
    struct known_answers *known; /* NULL = nothing is kept of it */
    uint64_t identity;           /* a hash of what its answers depend on; 0 = not known */
};

struct symbolizer {
    struct symbolizer_options options;
    struct file_cache *cache; /* NULL = none */
    char *own_identity;       /* of this program, whose answers are kept; NULL = not known */
    char **debug_folders;
    struct symbolizer_entry *entries;
    size_t count;
    size_t capacity;
    struct string_pool *strings;
    struct hash_map demangled; /* string id of a name -> string id of what it says */
};

static char *find_own_identity(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    char *identity = file_cache_identity(fd);

    if (fd >= 0)
        close(fd);
    return identity;
}

struct symbolizer *symbolizer_create(const struct symbolizer_options *options)
{
    struct symbolizer *symbolizer = memory_allocate_zeroed(1, sizeof *symbolizer);

    elf_version(EV_CURRENT);
    symbolizer->options = *options;
    symbolizer->debug_folders = memory_allocate_zeroed(options->debug_folder_count,
                                                       sizeof *symbolizer->debug_folders);
    for (size_t i = 0; i < options->debug_folder_count; i++)
        symbolizer->debug_folders[i] = memory_duplicate_text(options->debug_folders[i]);
    symbolizer->options.debug_folders = (const char *const *)symbolizer->debug_folders;
    if (options->cache_folder != NULL)
        symbolizer->cache = file_cache_open(options->cache_folder, SYMBOLIZER_CACHE_BYTES);
    if (symbolizer->cache != NULL)
        symbolizer->own_identity = find_own_identity();
    symbolizer->options.cache_folder = NULL; /* it may be gone by now */
    symbolizer->strings = string_pool_create();
    hash_map_init(&symbolizer->demangled);
    return symbolizer;
}

static void clear_entry(struct symbolizer_entry *entry)
{
    if (entry->is_open)
        module_file_clear(&entry->file);
    known_answers_close(entry->known);
    free(entry->path);
    free(entry->build_id);
}

void symbolizer_destroy(struct symbolizer *symbolizer)
{
    if (symbolizer == NULL)
        return;
    for (size_t i = 0; i < symbolizer->count; i++)
        clear_entry(&symbolizer->entries[i]);
    for (size_t i = 0; i < symbolizer->options.debug_folder_count; i++)
        free(symbolizer->debug_folders[i]);
    free(symbolizer->debug_folders);
    free(symbolizer->own_identity);
    file_cache_close(symbolizer->cache);
    free(symbolizer->entries);
    string_pool_destroy(symbolizer->strings);
    hash_map_clear(&symbolizer->demangled);
    free(symbolizer);
}

void symbolizer_keep(struct symbolizer *symbolizer)
{
    for (size_t i = 0; symbolizer->cache != NULL && i < symbolizer->count; i++) {
        struct symbolizer_entry *entry = &symbolizer->entries[i];

        if (entry->is_loaded)
            module_file_keep(&entry->file);
        if (entry->known != NULL)
            known_answers_keep(entry->known, symbolizer->cache);
    }
}

int symbolizer_add_module(struct symbolizer *symbolizer, const struct symbolizer_module *module)
{
    struct symbolizer_entry *entry;

    symbolizer->entries = memory_grow(symbolizer->entries, &symbolizer->capacity,
                                      symbolizer->count + 1, sizeof *symbolizer->entries);
    entry = &symbolizer->entries[symbolizer->count];
    *entry = (struct symbolizer_entry){
        .path = memory_duplicate_text(module->path),
        .build_id = memory_duplicate(module->build_id, module->build_id_bytes),
        .build_id_bytes = module->build_id_bytes,
        .fd = module->fd,
    };
    return (int)symbolizer->count++;
}

static struct symbolizer_module module_of(const struct symbolizer_entry *entry)
{
    return (struct symbolizer_module){entry->path, entry->fd, entry->build_id,
                                      entry->build_id_bytes};
}

/* Answers depend on the files, on how they are asked, and on who answers. */
static void find_known(struct symbolizer *symbolizer, struct symbolizer_entry *entry)
{
    char *files = symbolizer->cache != NULL ? module_file_identity(&entry->file) : NULL;
    char *all;

    if (files == NULL || symbolizer->own_identity == NULL) {
        free(files);
        return;
    }
    all = memory_print_text("%s %s %s %s", symbolizer->own_identity,
                            symbolizer->options.is_line_wanted ? "lines" : "names", entry->path,
                            files);
    entry->known = known_answers_open(symbolizer->cache, all);
    entry->identity = hash_bytes(all, strlen(all), 0);
    free(files);
    free(all);
}

/* NULL for a handle that was never given out. */
static struct symbolizer_entry *open_entry(struct symbolizer *symbolizer, int module)
{
    struct symbolizer_entry *entry;

    if (module < 0 || (size_t)module >= symbolizer->count)
        return NULL;
    entry = &symbolizer->entries[module];
    if (!entry->is_open) {
        struct symbolizer_module wanted = module_of(entry);

        module_file_find(&entry->file, &wanted, &symbolizer->options, symbolizer->cache,
                         &entry->reason);
        entry->is_open = true;
        find_known(symbolizer, entry);
    }
    return entry;
}

static enum symbolizer_detail detail_of(struct symbolizer_entry *entry)
{
    if (entry->file.lines != NULL)
        return SYMBOLIZER_LINES;
    return module_file_symbols(&entry->file)->count > 0 ? SYMBOLIZER_SYMBOL_TABLE
                                                        : SYMBOLIZER_NOTHING;
}

static void load(struct symbolizer *symbolizer, struct symbolizer_entry *entry)
{
    struct symbolizer_module wanted = module_of(entry);

    if (entry->is_loaded)
        return;
    module_file_load(&entry->file, &wanted, &symbolizer->options, &entry->reason);
    entry->is_loaded = true;
}

enum symbolizer_detail symbolizer_module_detail(struct symbolizer *symbolizer, int module,
                                                struct error *reason)
{
    struct symbolizer_entry *entry = open_entry(symbolizer, module);
    enum symbolizer_detail detail;
    struct known_text why;

    if (entry == NULL) {
        error_set(reason, "there is no module %d", module);
        return SYMBOLIZER_NOTHING;
    }
    if (!entry->is_loaded && entry->known != NULL &&
        known_answers_detail(entry->known, &detail, &why)) {
        if (reason != NULL)
            error_set(reason, "%.*s", (int)why.count, why.bytes);
        return detail;
    }
    load(symbolizer, entry);
    detail = detail_of(entry);
    if (entry->known != NULL &&
        !known_answers_detail(entry->known, &(enum symbolizer_detail){0}, &why))
        known_answers_set_detail(entry->known, detail, entry->reason.message);
    if (reason != NULL)
        *reason = entry->reason;
    return detail;
}

static const char *keep_bytes(struct symbolizer *symbolizer, const char *bytes, size_t count)
{
    return string_pool_text(symbolizer->strings,
                            string_pool_add_bytes(symbolizer->strings, bytes, count));
}

static const char *keep_path(struct symbolizer *symbolizer, const char *file, const char *folder)
{
    char *path = source_path_clean(file, folder);
    const char *kept = keep_bytes(symbolizer, path, strnlen(path, MAX_NAME_BYTES));

    free(path);
    return kept;
}

/* The same few names come again and again, and long ones take long to demangle. */
static const char *demangle(struct symbolizer *symbolizer, const char *name, size_t count)
{
    struct string_id raw = string_pool_add_bytes(symbolizer->strings, name, count);
    bool is_new;
    uint64_t *said = hash_map_put(&symbolizer->demangled, raw.index, &is_new);

    if (is_new) {
        char *text = demangle_name(string_pool_text(symbolizer->strings, raw));

        *said = string_pool_add(symbolizer->strings, text).index;
        free(text);
    }
    return string_pool_text(symbolizer->strings, (struct string_id){(uint32_t)*said});
}

/* NULL when no symbol holds the address. */
static const char *symbol_name(struct symbolizer *symbolizer, struct symbolizer_entry *entry,
                               uint64_t offset)
{
    const struct elf_symbol *symbol = elf_symbols_find(module_file_symbols(&entry->file), offset);
    const char *version;
    size_t count;

    if (symbol == NULL)
        return NULL;
    /* A name in a symbol table may end in "@VERSION", which says nothing about the code. */
    count = strnlen(symbol->name, MAX_NAME_BYTES);
    version = memchr(symbol->name, '@', count);
    if (version != NULL && version > symbol->name)
        count = (size_t)(version - symbol->name);
    return demangle(symbolizer, symbol->name, count);
}

static bool is_mangled_symbol(struct symbolizer_entry *entry, uint64_t offset)
{
    const struct elf_symbol *symbol = elf_symbols_find(module_file_symbols(&entry->file), offset);

    return symbol != NULL && symbol->name[0] == '_' &&
           (symbol->name[1] == 'Z' || symbol->name[1] == 'R');
}

/* A linkage name that is not mangled is a rename by the C library or a compiler
 * ("__GI___libc_malloc"): then the name in the source says more. */
static const char *dwarf_name(struct symbolizer *symbolizer, const struct dwarf_location *location)
{
    if (location->linkage_name != NULL) {
        const char *name = demangle(symbolizer, location->linkage_name,
                                    strnlen(location->linkage_name, MAX_NAME_BYTES));

        if (location->name == NULL || strcmp(name, location->linkage_name) != 0)
            return name;
    }
    return location->name != NULL
               ? keep_bytes(symbolizer, location->name, strnlen(location->name, MAX_NAME_BYTES))
               : NULL;
}

/* A function of its own may have its full name only in the symbol table. */
static const char *function_name(struct symbolizer *symbolizer, struct symbolizer_entry *entry,
                                 uint64_t offset, const struct dwarf_location *location)
{
    const char *name = dwarf_name(symbolizer, location);

    if (!location->is_inlined &&
        (name == NULL ||
         (location->linkage_name == NULL && !location->is_c && is_mangled_symbol(entry, offset))))
        return symbol_name(symbolizer, entry, offset);
    return name;
}

static size_t take_lines(struct symbolizer *symbolizer, struct symbolizer_entry *entry,
                         uint64_t offset, struct source_location *locations, size_t max)
{
    struct dwarf_location found[MAX_LOCATIONS];
    size_t count;

    if (entry->file.lines == NULL)
        return 0;
    count = dwarf_lines_find(entry->file.lines, offset, found,
                             max < MAX_LOCATIONS ? max : MAX_LOCATIONS);
    for (size_t i = 0; i < count; i++) {
        locations[i] = (struct source_location){
            .function = function_name(symbolizer, entry, offset, &found[i]),
            .file = found[i].file == NULL ? NULL
                                          : keep_path(symbolizer, found[i].file, found[i].folder),
            .line = found[i].line,
            .is_inlined = found[i].is_inlined,
        };
    }
    return count;
}

static size_t read_files(struct symbolizer *symbolizer, struct symbolizer_entry *entry,
                         uint64_t offset, struct source_location *locations, size_t max)
{
    size_t count = take_lines(symbolizer, entry, offset, locations, max);
    const char *name = count == 0 ? symbol_name(symbolizer, entry, offset) : NULL;

    if (name == NULL)
        return count;
    locations[0] = (struct source_location){.function = name};
    return 1;
}

static bool depends_on_known_files(const struct symbolizer_entry *entry)
{
    return entry->file.lines == NULL || !dwarf_lines_is_split(entry->file.lines);
}

static const char *keep_known(struct symbolizer *symbolizer, const struct known_text *text)
{
    return text->bytes != NULL ? keep_bytes(symbolizer, text->bytes, text->count) : NULL;
}

static size_t take_known(struct symbolizer *symbolizer, const struct known_location *known,
                         size_t count, struct source_location *locations)
{
    for (size_t i = 0; i < count; i++)
        locations[i] = (struct source_location){
            .function = keep_known(symbolizer, &known[i].function),
            .file = keep_known(symbolizer, &known[i].file),
            .line = known[i].line,
            .is_inlined = known[i].is_inlined,
        };
    return count;
}

/* Short lists are not kept: they are not all there is. */
size_t symbolizer_lookup(struct symbolizer *symbolizer, int module, uint64_t offset,
                         struct source_location *locations, size_t max_locations)
{
    struct symbolizer_entry *entry = open_entry(symbolizer, module);
    struct known_answers *answers;
    struct known_location known[KNOWN_LOCATIONS_MOST];
    size_t count;

    if (entry == NULL || max_locations == 0)
        return 0;
    answers = max_locations >= MAX_LOCATIONS ? entry->known : NULL;
    if (answers != NULL && known_answers_find(answers, offset, known, &count))
        return take_known(symbolizer, known, count, locations);
    load(symbolizer, entry);
    count = read_files(symbolizer, entry, offset, locations, max_locations);
    if (answers != NULL && depends_on_known_files(entry))
        known_answers_add(answers, offset, locations, count);
    return count;
}

static int module_of_file(const struct symbolizer *symbolizer, const struct module_file *file)
{
    for (size_t i = 0; i < symbolizer->count; i++)
        if (&symbolizer->entries[i].file == file)
            return (int)i;
    return -1;
}

static size_t read_tail_calls(struct symbolizer *symbolizer, struct symbolizer_entry *caller,
                              uint64_t return_offset, struct symbolizer_entry *found,
                              const struct symbolizer_callee *callee,
                              struct symbolizer_tail_call *calls, size_t max)
{
    struct tail_callee wanted = {found != NULL ? &found->file : NULL, callee->offset, callee->kind};
    struct tail_chain chain;
    size_t count = 0;

    load(symbolizer, caller);
    if (found != NULL)
        load(symbolizer, found);
    tail_calls_find(&caller->file, return_offset, &wanted, &chain);
    for (size_t i = 0; i < chain.count && count < max; i++)
        calls[count++] = (struct symbolizer_tail_call){
            module_of_file(symbolizer, chain.calls[i].file), chain.calls[i].offset,
            chain.calls[i].is_exact};
    return count;
}

/* As far as is known without reading it. */
static bool has_no_lines(const struct symbolizer_entry *entry)
{
    enum symbolizer_detail detail;
    struct known_text reason;

    if (entry->is_loaded)
        return entry->file.lines == NULL;
    return entry->known != NULL && known_answers_detail(entry->known, &detail, &reason) &&
           detail != SYMBOLIZER_LINES;
}

static void keep_calls(struct known_answers *answers, const struct known_pair *pair, int caller,
                       int callee, const struct symbolizer_tail_call *calls, size_t count)
{
    struct known_call known[KNOWN_CALLS_MOST];

    for (size_t i = 0; i < count; i++) {
        if (calls[i].module != caller && calls[i].module != callee)
            return;
        known[i] = (struct known_call){calls[i].module != caller, calls[i].is_exact,
                                       calls[i].offset};
    }
    known_answers_add_calls(answers, pair, known, count);
}

size_t symbolizer_find_tail_calls(struct symbolizer *symbolizer, int module, uint64_t return_offset,
                                  const struct symbolizer_callee *callee,
                                  struct symbolizer_tail_call *calls, size_t max)
{
    struct symbolizer_entry *caller = open_entry(symbolizer, module);
    struct symbolizer_entry *found = open_entry(symbolizer, callee->module);
    struct known_call known[KNOWN_CALLS_MOST];
    struct known_pair pair = {return_offset, found != NULL ? found->identity : 0,
                              found != NULL ? callee->offset : (uint64_t)callee->kind};
    struct known_answers *answers;
    size_t count;

    if (caller == NULL || (found == NULL && callee->module >= 0) || has_no_lines(caller))
        return 0;
    answers = max >= KNOWN_CALLS_MOST && (found == NULL || found->identity != 0) ? caller->known
                                                                                 : NULL;
    if (answers == NULL || !known_answers_find_calls(answers, &pair, known, &count)) {
        count = read_tail_calls(symbolizer, caller, return_offset, found, callee, calls, max);
        if (answers != NULL && depends_on_known_files(caller) &&
            (found == NULL || depends_on_known_files(found)))
            keep_calls(answers, &pair, module, callee->module, calls, count);
        return count;
    }
    for (size_t i = 0; i < count; i++)
        calls[i] = (struct symbolizer_tail_call){known[i].is_of_callee ? callee->module : module,
                                                 known[i].offset, known[i].is_exact};
    return count;
}
