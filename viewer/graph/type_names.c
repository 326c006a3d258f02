#include "graph/type_names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/held_containers.h"
#include "graph/object_labels.h"

enum {
    WORD_BYTES = 8
};

/* ---- groups ---- */

bool type_names_is_array(const struct type_names *names, uint32_t block)
{
    const struct block_type *of = &names->types.blocks[block];
    const struct graph_type *type = type_table_get(&names->table, of->type);
    uint64_t flexible,
        bytes = names->snapshot->blocks[block].bytes - (uint64_t)of->header_words * WORD_BYTES;

    if (type->is_memory || type->facts.bytes == 0)
        return false;
    if (type->facts.kind == TYPE_POINTER || type->facts.kind == TYPE_CHARACTER ||
        type->facts.kind == TYPE_BASE)
        return bytes != type->facts.bytes;
    return bytes >= 2 * type->facts.bytes && of->confidence > TYPE_UNSURE &&
           type_table_flexible((struct type_table *)&names->table, of->type, &flexible) ==
               TYPE_NONE;
}

static uint32_t add_group(struct type_names *names, uint32_t type, bool is_of_several,
                          struct hash_map *by_name)
{
    const struct graph_type *item = type_table_get(&names->table, type);
    struct text name = {0};
    uint64_t *known;
    bool is_new;

    if (item->is_memory)
        text_add(&name, item->facts.name);
    else
        type_table_add_name(&names->table, type, &name);
    if (is_of_several)
        text_add(&name, "[]");
    known = hash_map_put(by_name, hash_bytes(text_get(&name), name.count, 0), &is_new);
    if (!is_new) {
        text_clear(&name);
        return (uint32_t)*known;
    }
    *known = names->group_count;
    names->groups = memory_grow(names->groups, &names->group_capacity, names->group_count + 1,
                                sizeof *names->groups);
    names->groups[names->group_count] = (struct type_group){
        .name = text_take(&name),
        .is_plain = item->facts.kind == TYPE_BASE || item->facts.kind == TYPE_CHARACTER};
    return (uint32_t)names->group_count++;
}

static bool is_python_object(const struct type_names *names, uint32_t block)
{
    const struct snapshot_objects *objects = names->snapshot->objects;

    return objects && objects->types[block] != SNAPSHOT_NONE;
}

/* Its interpreter knows better than what only points to it. */
static void add_python_object(struct type_names *names, uint32_t block, struct hash_map *by_type)
{
    const struct snapshot_objects *objects = names->snapshot->objects;
    bool is_new;
    uint64_t *known = hash_map_put(by_type, objects->types[block], &is_new);

    if (is_new) {
        names->groups = memory_grow(names->groups, &names->group_capacity, names->group_count + 1,
                                    sizeof *names->groups);
        *known = names->group_count;
        names->groups[names->group_count++] = (struct type_group){
            .name = memory_duplicate_text(objects->type_names[objects->types[block]])};
    }
    struct type_group *group = &names->groups[*known];
    names->group_of_block[block] = (uint32_t)*known;
    group->blocks++;
    group->bytes += names->snapshot->blocks[block].bytes;
    group->by_source[TYPE_SOURCE_PYTHON]++;
    group->by_confidence[TYPE_SURE]++;
}

static void find_groups(struct type_names *names)
{
    struct hash_map by_type = {0}, by_name = {0}, by_python_type = {0};

    names->group_of_block = memory_allocate_large(names->snapshot->block_count, sizeof(uint32_t));
    for (uint32_t i = 0; i < names->snapshot->block_count; i++) {
        const struct block_type *of = &names->types.blocks[i];
        uint64_t *known;
        bool is_new, is_of_several;

        names->group_of_block[i] = TYPE_NO_GROUP;
        if (is_python_object(names, i)) {
            add_python_object(names, i, &by_python_type);
            continue;
        }
        if (of->type == TYPE_NONE)
            continue;
        is_of_several = type_names_is_array(names, i);
        known = hash_map_put(&by_type, (uint64_t)of->type << 1 | is_of_several, &is_new);
        if (is_new)
            *known = add_group(names, of->type, is_of_several, &by_name);
        names->group_of_block[i] = (uint32_t)*known;
        struct type_group *group = &names->groups[*known];
        group->blocks++;
        group->bytes += names->snapshot->blocks[i].bytes;
        group->by_source[of->source]++;
        group->by_confidence[of->confidence]++;
    }
    hash_map_clear(&by_type);
    hash_map_clear(&by_name);
    hash_map_clear(&by_python_type);
}

enum type_source type_group_source(const struct type_group *group)
{
    enum type_source best = TYPE_SOURCE_VTABLE;

    for (int i = TYPE_SOURCE_VTABLE; i < TYPE_SOURCE_COUNT; i++)
        if (group->by_source[i] > group->by_source[best])
            best = (enum type_source)i;
    return best;
}

enum type_confidence type_group_confidence(const struct type_group *group)
{
    uint64_t below = 0;

    for (int i = TYPE_UNSURE; i < TYPE_SURE; i++) {
        below += group->by_confidence[i];
        if (2 * below >= group->blocks)
            return (enum type_confidence)i;
    }
    return TYPE_SURE;
}

const char *type_source_name(enum type_source source)
{
    static const char *const words[] = {"none", "vtable", "dwarf", "container", "site", "python"};

    return words[source];
}

const char *type_confidence_name(enum type_confidence confidence)
{
    static const char *const words[] = {"unsure", "likely", "sure"};

    return words[confidence];
}

/* ---- members ---- */

static bool add_path(struct text *out, size_t start, const struct text *path)
{
    const char *text = text_get(path);

    /* What stands first has no dot. */
    text_add(out, out->count == start && *text == '.' ? text + 1 : text);
    return out->count > start;
}

/* The place in a typed block: of several elements, which. */
bool type_names_add_place(struct type_names *names, uint32_t block, uint64_t offset,
                          struct text *out)
{
    const struct block_type *of = &names->types.blocks[block];
    const struct graph_type *type = type_table_get(&names->table, of->type);
    uint32_t element = of->type;
    struct type_leaf leaf;
    struct text path = {0};
    size_t start = out->count;

    if (!type || type->facts.bytes == 0 || offset < (uint64_t)of->header_words * WORD_BYTES)
        return false;
    offset -= (uint64_t)of->header_words * WORD_BYTES;
    if (type_names_is_array(names, block) || (type->is_memory && type->facts.kind == TYPE_ARRAY)) {
        text_print(&path, "[%" PRIu64 "]", offset / type->facts.bytes);
        offset %= type->facts.bytes;
        if (type->is_memory)
            element = type_table_target(&names->table, element);
    }
    type_table_descend(&names->table, element, offset, &leaf, &path);
    add_path(out, start, &path);
    text_clear(&path);
    return out->count > start;
}

bool type_names_add_member(struct type_names *names, uint32_t from, uint32_t to, struct text *out)
{
    const struct snapshot *snapshot = names->snapshot;

    if (object_labels_add(snapshot, from, to, out))
        return true;
    if (names->types.blocks[from].type == TYPE_NONE)
        return false;
    for (uint64_t i = snapshot->first_reference[from]; i < snapshot->first_reference[from + 1]; i++)
        if (snapshot->references[i].block == to &&
            snapshot->references[i].slot != SNAPSHOT_FAR_SLOT)
            return type_names_add_place(names, from,
                                        (uint64_t)snapshot->references[i].slot * WORD_BYTES, out);
    return false;
}

static void find_first_slots(struct type_names *names)
{
    for (size_t i = 0; i < names->snapshot->root_count; i++) {
        uint64_t key = (uint64_t)names->roots->root_of_slot[i] << 32 |
                       names->snapshot->roots[i].block;
        bool is_new;
        uint64_t *slot = hash_map_put(&names->first_slots, key, &is_new);

        /* One that is in a known variable says more. */
        if (is_new || (names->types.variable_of_root[*slot] == TYPE_NO_VARIABLE &&
                       names->types.variable_of_root[i] != TYPE_NO_VARIABLE))
            *slot = i;
    }
}

static bool is_python_root(const struct type_names *names, uint32_t root)
{
    return names->roots->items[root].kind == SNAPSHOT_ROOT_PYTHON;
}

static const struct typed_variable *find_variable(const struct type_names *names, uint32_t root,
                                                  uint32_t to, uint64_t *slot)
{
    const uint64_t *found = hash_map_find(&names->first_slots, (uint64_t)root << 32 | to);

    if (!found || names->types.variable_of_root[*found] == TYPE_NO_VARIABLE)
        return NULL;
    *slot = *found;
    return &names->types.variables[names->types.variable_of_root[*found]];
}

void type_names_add_variable_place(struct type_names *names, uint32_t slot, uint64_t offset,
                                   struct text *out)
{
    const struct typed_variable *variable =
        &names->types.variables[names->types.variable_of_root[slot]];
    const char *root = names->roots->items[names->roots->root_of_slot[slot]].name;
    size_t bytes = strlen(variable->name), root_bytes = strlen(root), start = out->count;
    struct type_leaf leaf;
    struct text path = {0};

    /* The root is called after the variable, perhaps with its scopes or a number behind. */
    if (names->snapshot->roots[slot].kind == SNAPSHOT_ROOT_STACK || root_bytes < bytes ||
        !strstr(root, variable->name))
        text_add(out, variable->name);
    type_table_descend(&names->table, variable->type, offset, &leaf, &path);
    add_path(out, start, &path);
    text_clear(&path);
}

bool type_names_add_root_member(struct type_names *names, uint32_t root, uint32_t to,
                                struct text *out)
{
    uint64_t slot;

    if (is_python_root(names, root))
        return true;
    if (!find_variable(names, root, to, &slot))
        return false;
    type_names_add_variable_place(
        names, (uint32_t)slot,
        block_types_root_offset(names->snapshot, &names->types, (uint32_t)slot), out);
    return true;
}

bool type_names_add_slot(struct type_names *names, uint32_t block, uint64_t offset,
                         struct text *out)
{
    if (object_labels_add_slot(names->snapshot, block, offset / WORD_BYTES, out))
        return true;
    return names->types.blocks[block].type != TYPE_NONE &&
           type_names_add_place(names, block, offset, out);
}

bool type_names_add_root_slot(struct type_names *names, uint32_t slot, struct text *out)
{
    size_t start = out->count;

    if (names->types.variable_of_root[slot] == TYPE_NO_VARIABLE)
        return false;
    type_names_add_variable_place(
        names, slot, block_types_root_offset(names->snapshot, &names->types, slot), out);
    return out->count > start;
}

bool type_names_add_root_type(struct type_names *names, uint32_t root, uint32_t to,
                              struct text *out)
{
    uint64_t slot = 0;
    const struct typed_variable *variable = NULL;

    if (to != SNAPSHOT_NONE)
        variable = find_variable(names, root, to, &slot);
    for (size_t i = 0; to == SNAPSHOT_NONE && i < names->snapshot->root_count && !variable; i++)
        if (names->roots->root_of_slot[i] == root &&
            names->types.variable_of_root[i] != TYPE_NO_VARIABLE)
            variable = &names->types.variables[names->types.variable_of_root[i]];
    if (!variable || variable->type == TYPE_NONE)
        return false;
    type_table_add_name(&names->table, variable->type, out);
    return true;
}

/* ---- all ---- */

void type_names_find(const struct profile *profile, const struct snapshot *snapshot,
                     const uint32_t *site_of_block, const struct root_names *roots,
                     const struct symbolizer_options *options, struct type_names *names)
{
    const struct type_input input = {.profile = profile,
                                     .snapshot = snapshot,
                                     .site_of_block = site_of_block,
                                     .table = &names->table};

    *names = (struct type_names){.snapshot = snapshot, .roots = roots, .options = *options};
    type_table_init(&names->table, snapshot, &names->options);
    block_types_find(&input, &names->types);
    find_groups(names);
    find_first_slots(names);
    held_containers_find(names);
}

void type_names_clear(struct type_names *names)
{
    if (!names->snapshot)
        return;
    block_types_clear(&names->types);
    type_table_clear(&names->table);
    free(names->group_of_block);
    for (size_t i = 0; i < names->group_count; i++)
        free(names->groups[i].name);
    free(names->groups);
    free(names->containers);
    hash_map_clear(&names->first_slots);
    hash_map_clear(&names->root_at);
    *names = (struct type_names){0};
}
