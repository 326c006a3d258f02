#include "snapshot/class_tables.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "snapshot/mapping_search.h"

enum {
    WORD_BYTES = 8,
    PAGE_BYTES = 4096,
    KNOWN_ADDRESSES = 1024,
    CLASSES_MAX = 1 << 16,
    NAME_BYTES_MAX = 2048,
    NAME_PIECE_BYTES = 64
};

struct class_tables {
    const struct target_mappings *mappings;
    struct word_cache *words;
    struct snapshot *snapshot;
    struct hash_map by_address;      /* of tables: position in the snapshot's classes */
    uint64_t known[KNOWN_ADDRESSES]; /* addresses that are no tables; 0 = none */
};

struct class_tables *class_tables_create(const struct target_mappings *mappings,
                                         struct word_cache *words, struct snapshot *snapshot)
{
    struct class_tables *tables = memory_allocate_zeroed(1, sizeof *tables);
    tables->mappings = mappings;
    tables->words = words;
    tables->snapshot = snapshot;
    return tables;
}

void class_tables_destroy(struct class_tables *tables)
{
    if (!tables)
        return;
    hash_map_clear(&tables->by_address);
    free(tables);
}

static const struct target_mapping *find_file(const struct class_tables *tables, uint64_t address)
{
    const struct target_mapping *mapping = mapping_search(tables->mappings, address);
    return mapping && mapping->inode != 0 && mapping->flags & TARGET_MAPPING_READ ? mapping : NULL;
}

static bool is_code(const struct class_tables *tables, uint64_t address)
{
    const struct target_mapping *mapping = mapping_search(tables->mappings, address);
    return mapping && mapping->flags & TARGET_MAPPING_EXECUTE;
}

/* A mangled type: a class's begins with the length of its name, N or S; a '*' in front says that
 * equal names may be of different types. */
static bool is_type_name(const char *name)
{
    if (!isdigit((unsigned char)name[0]) && name[0] != 'N' && name[0] != 'S')
        return false;
    for (const char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at) && *at != '_' && *at != '$' && *at != '.')
            return false;
    return true;
}

static bool read_name(const struct class_tables *tables, uint64_t address, char *name)
{
    char first;
    if (!find_file(tables, address) ||
        !word_cache_read_bytes(tables->words, address, &first, sizeof first))
        return false;
    address += first == '*';
    for (size_t at = 0; at + NAME_PIECE_BYTES < NAME_BYTES_MAX;) {
        size_t count = NAME_PIECE_BYTES - (address + at) % NAME_PIECE_BYTES;
        if (!word_cache_read_bytes(tables->words, address + at, name + at, count))
            return false;
        if (memchr(name + at, '\0', count))
            return is_type_name(name);
        at += count;
    }
    return false;
}

/* In front of the first function stand the offset from the object to its whole, 0 of the table that
 * an object begins with, and the type information: its own table, then the name. Pure virtual
 * functions are code too. */
static bool read_table(const struct class_tables *tables, uint64_t address, char *name)
{
    const struct target_mapping *mapping = find_file(tables, address);
    uint64_t head[3], information[2];
    name[0] = '\0';
    if (!mapping || mapping->flags & TARGET_MAPPING_EXECUTE ||
        address - mapping->start < 2 * WORD_BYTES ||
        !word_cache_read_bytes(tables->words, address - 2 * WORD_BYTES, head, sizeof head) ||
        head[0] != 0)
        return false;
    if (head[1] == 0)
        return is_code(tables, head[2]);
    return head[1] % WORD_BYTES == 0 && find_file(tables, head[1]) &&
           word_cache_read_bytes(tables->words, head[1], information, sizeof information) &&
           information[0] % WORD_BYTES == 0 && find_file(tables, information[0]) &&
           read_name(tables, information[1], name) && (is_code(tables, head[2]) || head[2] == 0);
}

static uint32_t add_class(struct class_tables *tables, uint64_t address, char *name)
{
    struct snapshot_class class = {.name = name, .module = SNAPSHOT_NONE, .address = address};
    for (size_t i = 0; i < tables->snapshot->module_count; i++) {
        const struct snapshot_module *module = &tables->snapshot->modules[i];
        if (address < module->start || address >= module->end)
            continue;
        class.module = (uint32_t)i;
        class.address = address - module->bias;
    }
    return snapshot_add_class(tables->snapshot, &class);
}

uint32_t class_tables_find(struct class_tables *tables, uint64_t address)
{
    char name[NAME_BYTES_MAX];
    if (address < PAGE_BYTES || address % WORD_BYTES != 0)
        return SNAPSHOT_NONE;
    uint64_t *known = &tables->known[(address >> 3 ^ address >> 15) % KNOWN_ADDRESSES];
    if (*known == address)
        return SNAPSHOT_NONE;
    const uint64_t *position = hash_map_find(&tables->by_address, address);
    if (position)
        return (uint32_t)*position;
    if (tables->snapshot->class_count >= CLASSES_MAX || !read_table(tables, address, name)) {
        *known = address;
        return SNAPSHOT_NONE;
    }
    uint32_t class = add_class(tables, address, name);
    *hash_map_put(&tables->by_address, address, NULL) = class;
    return class;
}
