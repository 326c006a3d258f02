#include "config.h"

#include "symbols/module_map.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

struct module_identity {
    const char *path;
    const uint8_t *build_id;
    size_t build_id_bytes;
};

void module_table_init(struct module_table *table)
{
    *table = (struct module_table){0};
    hash_index_init(&table->by_identity);
}

void module_table_clear(struct module_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->modules[i].path);
        free(table->modules[i].build_id);
    }
    free(table->modules);
    hash_index_clear(&table->by_identity);
    module_table_init(table);
}

static bool is_same_module(const void *context, uint32_t position, const void *key)
{
    const struct module_table *table = context;
    const struct module *module = &table->modules[position];
    const struct module_identity *identity = key;

    return module->build_id_bytes == identity->build_id_bytes &&
           memcmp(module->build_id, identity->build_id, identity->build_id_bytes) == 0 &&
           strcmp(module->path, identity->path) == 0;
}

struct module_id module_table_add(struct module_table *table, const char *path,
                                  const uint8_t *build_id, size_t build_id_bytes)
{
    static const uint8_t no_build_id[1];
    struct module_identity identity = {path, build_id_bytes == 0 ? no_build_id : build_id,
                                       build_id_bytes};
    uint64_t hash = hash_bytes(path, strlen(path),
                               hash_bytes(identity.build_id, build_id_bytes, 0));
    uint32_t position = hash_index_find(&table->by_identity, hash, &identity, is_same_module,
                                        table);

    if (position != HASH_INDEX_NONE)
        return (struct module_id){position};
    table->modules = memory_grow(table->modules, &table->capacity, table->count + 1,
                                 sizeof *table->modules);
    table->modules[table->count] = (struct module){
        .path = memory_duplicate_text(path),
        .build_id = memory_duplicate(identity.build_id, build_id_bytes),
        .build_id_bytes = build_id_bytes,
    };
    hash_index_add(&table->by_identity, hash, (uint32_t)table->count);
    return (struct module_id){(uint32_t)table->count++};
}

const struct module *module_table_get(const struct module_table *table, struct module_id id)
{
    return id.index < table->count ? &table->modules[id.index] : NULL;
}

void module_map_init(struct module_map *map)
{
    *map = (struct module_map){0};
}

void module_map_clear(struct module_map *map)
{
    free(map->ranges);
    free(map->former);
    module_map_init(map);
}

void module_map_copy(struct module_map *copy, const struct module_map *map)
{
    *copy = (struct module_map){
        .ranges = memory_duplicate(map->ranges, map->count * sizeof *map->ranges),
        .count = map->count,
        .capacity = map->count,
        .former = memory_duplicate(map->former, map->former_count * sizeof *map->former),
        .former_count = map->former_count,
        .former_capacity = map->former_count,
    };
}

/* The first position whose range ends above `address`: the one that holds it, or the next one. */
static size_t first_position_above(const struct module_map *map, uint64_t address)
{
    size_t low = 0;
    size_t high = map->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (map->ranges[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void take_out(struct module_map *map, size_t position)
{
    map->count--;
    memmove(&map->ranges[position], &map->ranges[position + 1],
            (map->count - position) * sizeof *map->ranges);
    map->last_hit = 0;
}

static void retire(struct module_map *map, size_t position, uint64_t time)
{
    map->former = memory_grow(map->former, &map->former_capacity, map->former_count + 1,
                              sizeof *map->former);
    map->former[map->former_count] = map->ranges[position];
    map->former[map->former_count].unloaded = time;
    map->former_count++;
    take_out(map, position);
}

static void put_in(struct module_map *map, size_t position, const struct module_range *range)
{
    map->ranges = memory_grow(map->ranges, &map->capacity, map->count + 1, sizeof *map->ranges);
    memmove(&map->ranges[position + 1], &map->ranges[position],
            (map->count - position) * sizeof *map->ranges);
    map->ranges[position] = *range;
    map->count++;
    map->last_hit = 0;
}

static bool is_same_load(const struct module_range *a, const struct module_range *b)
{
    return a->module.index == b->module.index && a->bias == b->bias;
}

static void widen(struct module_range *range, const struct module_range *other)
{
    range->start = other->start < range->start ? other->start : range->start;
    range->end = other->end > range->end ? other->end : range->end;
    range->loaded = other->loaded < range->loaded ? other->loaded : range->loaded;
}

void module_map_add(struct module_map *map, uint64_t start, uint64_t end, uint64_t bias,
                    struct module_id module, uint64_t time)
{
    struct module_range added = {start, end, bias, module, time, UINT64_MAX};
    size_t position;

    if (start >= end)
        return;
    position = first_position_above(map, start);
    while (position < map->count && map->ranges[position].start < end) {
        if (is_same_load(&map->ranges[position], &added)) {
            widen(&added, &map->ranges[position]);
            take_out(map, position);
        } else {
            retire(map, position, time);
        }
    }
    put_in(map, position, &added);
}

bool module_map_remove(struct module_map *map, uint64_t start, uint64_t time)
{
    size_t position = first_position_above(map, start);

    if (position == map->count || map->ranges[position].start != start)
        return false;
    retire(map, position, time);
    return true;
}

static bool holds(const struct module_range *range, uint64_t address)
{
    return address >= range->start && address < range->end;
}

const struct module_range *module_map_find(struct module_map *map, uint64_t address)
{
    size_t position;

    if (map->last_hit < map->count && holds(&map->ranges[map->last_hit], address))
        return &map->ranges[map->last_hit];
    position = first_position_above(map, address);
    if (position == map->count || !holds(&map->ranges[position], address))
        return NULL;
    map->last_hit = position;
    return &map->ranges[position];
}

const struct module_range *module_map_find_at(struct module_map *map, uint64_t address,
                                              uint64_t time)
{
    const struct module_range *now = module_map_find(map, address);

    if (now != NULL && now->loaded <= time)
        return now;
    for (size_t i = map->former_count; i-- > 0;) {
        const struct module_range *former = &map->former[i];

        if (holds(former, address) && former->loaded <= time && time <= former->unloaded)
            return former;
    }
    return NULL;
}
