#include "graph/type_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/containers.h"
#include "graph/type_spelling.h"

enum {
    MAX_STEPS = 64,
    MAX_TYPES = 1 << 22,
    WORD_BYTES = 8,
    MOST_LEAF_BYTES = 1 << 20
};

#define NOT_LOOKED_UP UINT32_MAX

void type_table_init(struct type_table *table, const struct snapshot *snapshot,
                     const struct symbolizer_options *options)
{
    *table = (struct type_table){.snapshot = snapshot, .options = options};
    table->modules = memory_allocate_zeroed(snapshot->module_count, sizeof *table->modules);
    table->services = memory_allocate_zeroed(snapshot->module_count, sizeof *table->services);
    table->items = memory_grow(NULL, &table->capacity, 1, sizeof *table->items);
    table->items[table->count++] = NULL;
}

static void destroy_type(struct graph_type *type)
{
    if (!type)
        return;
    type_facts_clear(&type->facts);
    free(type->full_name);
    free(type->leaves);
    free(type);
}

void type_table_clear(struct type_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        destroy_type(table->items[i]);
    free(table->items);
    for (size_t i = 0; table->services && i < table->snapshot->module_count; i++)
        type_service_close(table->services[i]);
    free(table->services);
    free(table->modules);
    hash_map_clear(&table->by_source);
    hash_map_clear(&table->by_signature);
    hash_map_clear(&table->by_name);
    hash_map_clear(&table->pointers);
    *table = (struct type_table){0};
}

const struct graph_type *type_table_get(const struct type_table *table, uint32_t type)
{
    return type < table->count ? table->items[type] : NULL;
}

/* ---- making ---- */

struct type_service *type_table_service(struct type_table *table, uint32_t module)
{
    if (module >= table->snapshot->module_count)
        return NULL;
    if (!table->services[module]) {
        const struct snapshot_module *from = &table->snapshot->modules[module];

        table->modules[module] = (struct symbolizer_module){.path = from->path,
                                                            .fd = -1,
                                                            .build_id = from->build_id,
                                                            .build_id_bytes = from->build_id_bytes};
        table->services[module] = type_service_open(&table->modules[module], table->options);
    }
    return table->services[module];
}

uint32_t type_table_add(struct type_table *table, const struct graph_type *type)
{
    table->items = memory_grow(table->items, &table->capacity, table->count + 1,
                               sizeof *table->items);
    table->items[table->count] = memory_duplicate(type, sizeof *type);
    if (!table->items[table->count]->full_name)
        table->items[table->count]->full_name = memory_duplicate_text(type->facts.name);
    return (uint32_t)table->count++;
}

uint32_t type_table_add_pointer(struct type_table *table, uint32_t target)
{
    bool is_new;
    uint64_t *known = hash_map_put(&table->pointers, target, &is_new);

    if (is_new) {
        uint32_t pointer = type_table_add(
            table, &(struct graph_type){.facts = {.kind = TYPE_POINTER,
                                                  .name = memory_duplicate_text(""),
                                                  .bytes = WORD_BYTES,
                                                  .target = target},
                                        .module = SNAPSHOT_NONE});
        *known = pointer;
    }
    return (uint32_t)*known;
}

/* By which equal types of several units are known; 0 = only as what it is. */
static uint64_t signature_of(const struct type_facts *facts)
{
    uint64_t hash = hash_mix(facts->bytes * TYPE_KIND_COUNT + facts->kind);

    if (!*facts->name)
        return 0;
    hash = hash_bytes(facts->name, strlen(facts->name), hash);
    for (size_t i = 0; i < facts->member_count; i++) {
        hash = hash_bytes(facts->members[i].name, strlen(facts->members[i].name), hash);
        hash = hash_mix(hash ^ facts->members[i].offset);
    }
    return hash | 1;
}

static uint32_t add_described(struct type_table *table, uint32_t module, struct type_facts *facts)
{
    struct graph_type type = {.module = module, .full_name = facts->name};
    uint64_t signature = signature_of(facts), *known;
    bool is_new = true;
    uint32_t number;

    if (signature) {
        known = hash_map_put(&table->by_signature, signature, &is_new);
        if (!is_new) {
            type_facts_clear(facts);
            return (uint32_t)*known;
        }
        *known = table->count;
    }
    facts->name = type_spelling_shorten(type.full_name);
    type.facts = *facts;
    type.is_of_library = (text_starts_with(facts->name, "std::") ||
                          text_starts_with(facts->name, "__gnu_cxx::")) &&
                         !text_starts_with(facts->name, "std::pair<");
    number = type_table_add(table, &type);
    if (type.is_of_library && table->depth < MAX_STEPS) {
        table->depth++;
        containers_recognise(table, table->items[number]);
        table->depth--;
    }
    return number;
}

uint32_t type_table_resolve(struct type_table *table, uint32_t module, uint32_t number)
{
    uint64_t key = (uint64_t)module << 32 | number;
    const uint64_t *known = hash_map_find(&table->by_source, key);
    struct type_facts facts;
    uint32_t type;

    if (number == 0 || module >= table->snapshot->module_count)
        return TYPE_NONE;
    if (known)
        return (uint32_t)*known;
    if (table->count >= MAX_TYPES)
        return TYPE_NONE;
    type_service_describe(type_table_service(table, module), number, &facts);
    *hash_map_put(&table->by_source, key, NULL) = table->count;
    type = add_described(table, module, &facts);
    *hash_map_put(&table->by_source, key, NULL) = type;
    return type;
}

static uint32_t resolve_of(struct type_table *table, const struct graph_type *type, uint32_t number)
{
    return type->module == SNAPSHOT_NONE ? number : type_table_resolve(table, type->module, number);
}

uint32_t type_table_target(struct type_table *table, uint32_t type)
{
    const struct graph_type *item = type_table_get(table, type);

    return item ? resolve_of(table, item, item->facts.target) : TYPE_NONE;
}

uint32_t type_table_member(struct type_table *table, uint32_t type, size_t member)
{
    const struct graph_type *item = type_table_get(table, type);

    if (!item || member >= item->facts.member_count)
        return TYPE_NONE;
    /* The members that a container gets are of this table. */
    return item->container != CONTAINER_NONE
               ? item->facts.members[member].target
               : resolve_of(table, item, item->facts.members[member].target);
}

uint32_t type_table_parameter(struct type_table *table, uint32_t type, size_t position)
{
    const struct graph_type *item = type_table_get(table, type);

    return item && position < item->facts.parameter_count
               ? resolve_of(table, item, item->facts.parameters[position])
               : TYPE_NONE;
}

uint32_t type_table_find(struct type_table *table, uint32_t module, const char *name)
{
    uint64_t hash = hash_bytes(name, strlen(name), module);
    const uint64_t *known = hash_map_find(&table->by_name, hash);
    uint32_t type = TYPE_NONE;

    if (known)
        return (uint32_t)*known;
    if (module < table->snapshot->module_count)
        type = type_table_resolve(table, module,
                                  type_service_find_type(type_table_service(table, module), name));
    for (uint32_t i = 0; type == TYPE_NONE && i < table->snapshot->module_count; i++)
        if (i != module)
            type = type_table_resolve(table, i,
                                      type_service_find_type(type_table_service(table, i), name));
    *hash_map_put(&table->by_name, hash, NULL) = type;
    return type;
}

bool type_table_find_variable(struct type_table *table, uint32_t module, uint64_t address,
                              bool is_thread_local, struct type_variable *variable)
{
    struct type_service *service = type_table_service(table, module);

    if (!service || !type_service_find_variable(service, address, is_thread_local, variable))
        return false;
    variable->type = type_table_resolve(table, module, variable->type);
    return true;
}

/* ---- walking down ---- */

/* The member that an offset lies in; several begin at one place when some are empty. */
static bool find_member(struct type_table *table, uint32_t type, uint64_t offset, size_t *position)
{
    const struct type_facts *facts = &type_table_get(table, type)->facts;

    for (size_t i = facts->member_count; i-- > 0;) {
        const struct type_member *member = &facts->members[i];
        const struct graph_type *inner;

        if (member->offset > offset)
            continue;
        inner = type_table_get(table, type_table_member(table, type, i));
        if (!inner)
            continue;
        facts = &type_table_get(table, type)->facts;
        if (offset - facts->members[i].offset < inner->facts.bytes ||
            (inner->facts.kind == TYPE_ARRAY && inner->facts.count == 0 &&
             facts->members[i].offset >= facts->bytes - WORD_BYTES)) {
            *position = i;
            return true;
        }
    }
    return false;
}

static void add_step(struct text *path, const struct type_member *member)
{
    if (path && !member->is_base && *member->name)
        text_print(path, ".%s", member->name);
}

bool type_table_descend(struct type_table *table, uint32_t type, uint64_t offset,
                        struct type_leaf *leaf, struct text *path)
{
    uint64_t whole_offset = offset;

    *leaf = (struct type_leaf){.type = TYPE_NONE};
    for (int step = 0; step < MAX_STEPS; step++) {
        const struct graph_type *item = type_table_get(table, type);
        size_t member;

        if (!item)
            return false;
        if (item->is_of_library)
            path = NULL;
        if (item->container != CONTAINER_NONE && leaf->container == TYPE_NONE) {
            leaf->container = type;
            leaf->container_offset = whole_offset - offset;
        }
        if (item->facts.kind == TYPE_STRUCT) {
            if (!find_member(table, type, offset, &member))
                return false;
            item = type_table_get(table, type);
            add_step(path, &item->facts.members[member]);
            offset -= item->facts.members[member].offset;
            type = type_table_member(table, type, member);
        } else if (item->facts.kind == TYPE_ARRAY) {
            uint64_t count = item->facts.count;
            uint32_t element = type_table_target(table, type);
            const struct graph_type *of = type_table_get(table, element);

            if (!of || of->facts.bytes == 0 || (count && offset / of->facts.bytes >= count))
                return false;
            if (path)
                text_print(path, "[%" PRIu64 "]", offset / of->facts.bytes);
            offset %= of->facts.bytes;
            type = element;
        } else {
            leaf->type = type;
            return offset == 0 && item->facts.kind != TYPE_UNION;
        }
    }
    return false;
}

static uint32_t find_pointee(struct type_table *table, uint32_t type, uint64_t offset)
{
    struct type_leaf leaf;
    const struct graph_type *pointer;

    if (!type_table_descend(table, type, offset, &leaf, NULL))
        return TYPE_NONE;
    pointer = type_table_get(table, leaf.type);
    return pointer && pointer->facts.kind == TYPE_POINTER ? type_table_target(table, leaf.type)
                                                          : TYPE_NONE;
}

uint32_t type_table_pointee(struct type_table *table, uint32_t type, uint64_t offset)
{
    struct graph_type *item = type < table->count ? table->items[type] : NULL;
    uint32_t *leaf;

    if (!item || offset % WORD_BYTES != 0)
        return TYPE_NONE;
    if (offset >= item->facts.bytes || item->facts.bytes > MOST_LEAF_BYTES)
        return find_pointee(table, type, offset);
    if (!item->leaves) {
        item->leaves = memory_allocate((item->facts.bytes / WORD_BYTES + 1) * sizeof *leaf);
        memset(item->leaves, 0xff, (item->facts.bytes / WORD_BYTES + 1) * sizeof *leaf);
    }
    leaf = &item->leaves[offset / WORD_BYTES];
    if (*leaf == NOT_LOOKED_UP)
        *leaf = find_pointee(table, type, offset);
    return *leaf;
}

bool type_table_begins_with(struct type_table *table, uint32_t outer, uint32_t inner)
{
    for (int step = 0; step < MAX_STEPS && outer != TYPE_NONE; step++) {
        const struct graph_type *item = type_table_get(table, outer);
        size_t member;

        if (outer == inner)
            return true;
        if (item->facts.kind == TYPE_ARRAY)
            outer = type_table_target(table, outer);
        else if (item->facts.kind == TYPE_STRUCT && find_member(table, outer, 0, &member))
            outer = type_table_member(table, outer, member);
        else
            return false;
    }
    return false;
}

uint32_t type_table_flexible(struct type_table *table, uint32_t type, uint64_t *offset)
{
    const struct graph_type *item = type_table_get(table, type);
    size_t last;
    uint32_t inner;

    if (!item || item->facts.kind != TYPE_STRUCT || item->facts.member_count == 0 ||
        item->container != CONTAINER_NONE)
        return TYPE_NONE;
    last = item->facts.member_count - 1;
    *offset = item->facts.members[last].offset;
    inner = type_table_member(table, type, last);
    item = type_table_get(table, inner);
    /* [1] at the end is how it was written before there were flexible arrays. */
    return item && item->facts.kind == TYPE_ARRAY && item->facts.count <= 1
               ? type_table_target(table, inner)
               : TYPE_NONE;
}

/* ---- names ---- */

void type_table_add_name(struct type_table *table, uint32_t type, struct text *out)
{
    struct text suffix = {0};

    for (int step = 0; step < MAX_STEPS; step++) {
        const struct graph_type *item = type_table_get(table, type);

        if (item && item->facts.kind == TYPE_POINTER) {
            char *behind = memory_duplicate_text(text_get(&suffix));

            suffix.count = 0;
            text_print(&suffix, "*%s", behind);
            free(behind);
        } else if (item && item->facts.kind == TYPE_ARRAY) {
            text_print(&suffix, "[%" PRIu64 "]", item->facts.count);
        } else {
            text_add(out, !item                                   ? "void"
                          : item->facts.kind == TYPE_FUNCTION     ? "function"
                          : item->facts.name && *item->facts.name ? item->facts.name
                          : item->facts.kind == TYPE_UNION        ? "union"
                          : item->facts.kind == TYPE_STRUCT       ? "struct"
                                                                  : "?");
            break;
        }
        type = type_table_target(table, type);
    }
    if (suffix.count > 0 && *text_get(&suffix) == '*')
        text_add(out, " ");
    text_add(out, text_get(&suffix));
    text_clear(&suffix);
}
