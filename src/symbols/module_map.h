/* Which module stands where in a process, and stood where before.
 *
 * `struct module_table` gives every file one id in a session: path and build-id decide sameness, so
 * the same library in two processes is one module, and a library that was replaced on disk is two.
 * `struct module_map` is one process: the address ranges that modules have now, and those that they
 * had, so that an address range that is used again cannot mislabel what came before. */
#ifndef SEEP_SYMBOLS_MODULE_MAP_H
#define SEEP_SYMBOLS_MODULE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_map.h"

struct module_id {
    uint32_t index;
};

struct module {
    char *path;
    uint8_t *build_id;
    size_t build_id_bytes; /* 0 = none */
};

struct module_table {
    struct module *modules;
    size_t count;
    size_t capacity;
    struct hash_index by_identity;
};

/* A zeroed struct is a valid empty table. */
void module_table_init(struct module_table *table);
void module_table_clear(struct module_table *table);

/* The id of this file; path and build-id are copied. Ids are 0 .. count-1 in the order of arrival.
 */
struct module_id module_table_add(struct module_table *table, const char *path,
                                  const uint8_t *build_id, size_t build_id_bytes);

/* Borrowed until the next add; NULL for an unknown id. */
const struct module *module_table_get(const struct module_table *table, struct module_id id);

/* [start, end) held `module` from time `loaded` until `unloaded` (UINT64_MAX = still). Times are in
 * any unit that grows: nanoseconds, or a count of loads. */
struct module_range {
    uint64_t start;
    uint64_t end;
    uint64_t bias; /* address in memory - address in the file */
    struct module_id module;
    uint64_t loaded;
    uint64_t unloaded;
};

struct module_map {
    struct module_range *ranges; /* loaded now: sorted by address, disjoint */
    size_t count;
    size_t capacity;
    struct module_range *former; /* unloaded, in the order of their going */
    size_t former_count;
    size_t former_capacity;
    size_t last_hit; /* position in ranges that find tries first */
};

/* A zeroed struct is a valid empty map. A copy owns its own arrays (for fork). */
void module_map_init(struct module_map *map);
void module_map_clear(struct module_map *map);
void module_map_copy(struct module_map *copy, const struct module_map *map);

/* A range that the new one overlaps must have gone without notice: it is removed at the same time,
 * whole. One of the same module with the same bias is widened instead, so adding what is there
 * already changes nothing. Empty ranges are ignored. */
void module_map_add(struct module_map *map, uint64_t start, uint64_t end, uint64_t bias,
                    struct module_id module, uint64_t time);

/* Removes the range that begins at `start`; returns whether there was one. */
bool module_map_remove(struct module_map *map, uint64_t start, uint64_t time);

/* The range that holds `address` now, or NULL; borrowed until the next change. The offset in the
 * file's own address space is address - bias. The cache of the last hit is why the map is not
 * const. */
const struct module_range *module_map_find(struct module_map *map, uint64_t address);

/* The same at an earlier time: at the moment of unloading a range is still found. */
const struct module_range *module_map_find_at(struct module_map *map, uint64_t address,
                                              uint64_t time);

#endif
