/* The modules of a stopped process: files mapped as ELF images, told by their own headers in
 * memory.
 *
 * A recorder learns of a module when a stack runs through it; a library of nothing but data would
 * be missed, and its variables are roots all the same. So the program headers are read in the
 * target: they say where the writable segments are, also the part that no file backs, and where the
 * template of thread-local variables is. A file that is merely mapped to be read is none: each
 * segment must be mapped from where the headers say. */
#ifndef SEEP_SNAPSHOT_TARGET_MODULES_H
#define SEEP_SNAPSHOT_TARGET_MODULES_H

#include "snapshot/range_list.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_scan.h"
#include "snapshot/word_cache.h"

enum {
    MODULE_SEGMENTS_MAX = 8
};

struct target_module {
    const char *path; /* borrowed from the mappings */
    uint64_t start, end;
    uint64_t bias;
    uint64_t dynamic;   /* address of the dynamic section; 0 = none */
    uint64_t tls_bytes; /* of its thread-local variables */
    uint8_t build_id[40];
    uint32_t build_id_bytes;
    struct address_range writable[MODULE_SEGMENTS_MAX]; /* segments, up to the end of their page */
    size_t writable_count;
    bool is_own; /* seep's preload */
};

struct target_modules {
    struct target_module *items; /* by address */
    size_t count, capacity;
};

/* `mappings` is borrowed as long as the modules are. */
void target_modules_find(struct target_modules *modules, const struct target_mappings *mappings,
                         struct word_cache *words);
void target_modules_clear(struct target_modules *modules);

/* Adds it to what the snapshot knows of modules. */
void target_module_tell(const struct target_module *module, struct snapshot *snapshot);

/* Where a module says what it exports. */
struct target_symbols {
    uint64_t bias;
    uint64_t symbols, names, hash;              /* addresses of its tables */
    uint32_t bucket_count, first, filter_words; /* of its GNU hash table */
};

/* False: it exports nothing that could be found. */
bool target_symbols_open(struct target_symbols *symbols, const struct target_module *module,
                         struct word_cache *words);

/* The address of an exported symbol; false if there is none. By the module's own GNU hash table. */
bool target_symbols_find(const struct target_symbols *symbols, struct word_cache *words,
                         const char *name, uint64_t *address);

#endif
