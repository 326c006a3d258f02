/* From an address in an ELF file to functions, files and lines, inlined ones included.
 *
 * One symbolizer holds the modules of a session. It reads what may be hostile files, so the
 * recorder runs it in a child process: a crash there costs names only. libdw is not thread-safe. */
#ifndef SEEP_SYMBOLS_SYMBOLIZER_H
#define SEEP_SYMBOLS_SYMBOLIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "wire/function_kinds.h"

struct symbolizer_options {
    const char *const *debug_folders; /* searched first: build-id trees, and files by name */
    size_t debug_folder_count;
    bool is_debuginfod_allowed; /* off by default: it goes to the network */
    bool is_line_wanted;        /* false: function names only */
    const char *cache_folder;   /* for what is slow to read (base/file_cache.h); NULL = none */
};

/* A file to look things up in. fd: an open descriptor of it, or -1 to open `path`; borrowed until
 * the symbolizer is destroyed. build_id: what the process had in memory; a file with another is
 * refused (its names would be wrong). */
struct symbolizer_module {
    const char *path;
    int fd;
    const uint8_t *build_id;
    size_t build_id_bytes;
};

struct source_location {
    const char *function; /* demangled; NULL = not known. Borrowed from the symbolizer */
    const char *file;     /* NULL = not known */
    uint32_t line;        /* 0 = not known */
    bool is_inlined;      /* into the next location of the list */
};

enum symbolizer_detail { /* as RECORDING_FIELDS_module.has_symbols */
    SYMBOLIZER_NOTHING = 1,
    SYMBOLIZER_SYMBOL_TABLE = 2,
    SYMBOLIZER_LINES = 3
};

struct symbolizer;

/* What the folder may take, in all. */
#define SYMBOLIZER_CACHE_BYTES (UINT64_C(256) << 20)

/* Caller owns. */
struct symbolizer *symbolizer_create(const struct symbolizer_options *options);
void symbolizer_destroy(struct symbolizer *symbolizer);

/* Writes into the cache what will save others time; best when nothing waits for us any more. */
void symbolizer_keep(struct symbolizer *symbolizer);

/* Opens a module lazily: files are touched at its first lookup. Returns a handle >= 0. */
int symbolizer_add_module(struct symbolizer *symbolizer, const struct symbolizer_module *module);

/* What the module offers; opens it. `error` says why nothing was found (missing file, build-id
 * differs, not ELF, ...); not a failure of the call. */
enum symbolizer_detail symbolizer_module_detail(struct symbolizer *symbolizer, int module,
                                                struct error *reason);

/* Looks up `offset`, an address in the file's own address space, of the instruction itself (callers
 * subtract 1 from return addresses). Innermost first: inlined functions, then the function that
 * stands in the symbol table. At most max_locations are filled; returns how many (0 = nothing
 * known). Results are borrowed from the symbolizer. Sorted lookups per module are fastest. Constant
 * memory per module beyond what libdw maps. */
size_t symbolizer_lookup(struct symbolizer *symbolizer, int module, uint64_t offset,
                         struct source_location *locations, size_t max_locations);

/* A function that a stack does not show, since it ended in a jump (tail_calls.h). */
struct symbolizer_tail_call {
    int module;
    uint64_t offset;
    bool is_exact; /* else a return address */
};

/* What was found on a stack above a call: an address in a function, or what allocates. */
struct symbolizer_callee {
    int module; /* -1 = the latter */
    uint64_t offset;
    enum function_kind kind;
};

/* The functions that are gone between a call that returns to `return_offset` and what was found;
 * innermost first, at most `max`. */
size_t symbolizer_find_tail_calls(struct symbolizer *symbolizer, int module, uint64_t return_offset,
                                  const struct symbolizer_callee *callee,
                                  struct symbolizer_tail_call *calls, size_t max);

#endif
