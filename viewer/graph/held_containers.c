#include "graph/held_containers.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/units.h"
#include "graph/container_sizes.h"

enum {
    WORD_BYTES = 8,
    MOST_CONTAINERS_OF_TYPE = 256,
    MOST_DEPTH = 8,
    MOST_ELEMENTS = 64 /* of arrays within a type that are looked into */
};

struct found_container {
    uint64_t offset;
    uint32_t type;
};

/* The containers within a type: where they are. */
struct inner_containers {
    struct found_container *items;
    size_t count, capacity;
};

static void find_inner(struct type_names *names, uint32_t type, uint64_t offset, unsigned depth,
                       struct inner_containers *found)
{
    const struct graph_type *item = type_table_get(&names->table, type);

    if (!item || depth > MOST_DEPTH || found->count >= MOST_CONTAINERS_OF_TYPE)
        return;
    if (item->container != CONTAINER_NONE) {
        found->items = memory_grow(found->items, &found->capacity, found->count + 1,
                                   sizeof *found->items);
        found->items[found->count++] = (struct found_container){offset, type};
    } else if (item->facts.kind == TYPE_STRUCT) {
        for (size_t i = 0; i < item->facts.member_count; i++)
            find_inner(names, type_table_member(&names->table, type, i),
                       offset + item->facts.members[i].offset, depth + 1, found);
    } else if (item->facts.kind == TYPE_ARRAY && item->facts.count <= MOST_ELEMENTS) {
        uint32_t element = type_table_target(&names->table, type);
        const struct graph_type *of = type_table_get(&names->table, element);

        for (uint64_t i = 0; of && i < item->facts.count; i++)
            find_inner(names, element, offset + i * of->facts.bytes, depth + 1, found);
    }
}

struct gathering {
    struct type_names *names;
    struct hash_map by_type; /* position in found */
    struct inner_containers *found;
    size_t count, capacity;
    struct hash_map places; /* of containers in blocks: position in names->containers */
};

static const struct inner_containers *inner_of(struct gathering *gathering, uint32_t type)
{
    bool is_new;
    uint64_t *position = hash_map_put(&gathering->by_type, type, &is_new);

    if (is_new) {
        *position = gathering->count;
        gathering->found = memory_grow(gathering->found, &gathering->capacity, gathering->count + 1,
                                       sizeof *gathering->found);
        gathering->found[gathering->count] = (struct inner_containers){0};
        find_inner(gathering->names, type, 0, 0, &gathering->found[gathering->count++]);
    }
    return &gathering->found[*position];
}

static void clear_gathering(struct gathering *gathering)
{
    for (size_t i = 0; i < gathering->count; i++)
        free(gathering->found[i].items);
    free(gathering->found);
    hash_map_clear(&gathering->by_type);
    hash_map_clear(&gathering->places);
}

static bool measure(const struct type_names *names, const struct container_owner *owner,
                    struct container *container)
{
    const struct container_search search = {.table = (struct type_table *)&names->table,
                                            .snapshot = names->snapshot,
                                            .blocks = names->types.blocks,
                                            .roots = &names->root_at};
    struct container_figures figures;

    if (!container_sizes_measure(&search, owner, container->offset, container->type, &figures))
        return false;
    container->count = 1;
    container->elements = figures.elements;
    container->are_known = figures.are_known;
    container->blocks = figures.blocks;
    container->bytes = figures.bytes;
    return true;
}

static void add_container(struct type_names *names, const struct container *container)
{
    names->containers = memory_grow(names->containers, &names->container_capacity,
                                    names->container_count + 1, sizeof *names->containers);
    names->containers[names->container_count++] = *container;
}

/* Those in blocks count by the type of the block and the place in it. */
static void sum_up(struct gathering *gathering, const struct container *container, uint64_t place)
{
    struct type_names *names = gathering->names;
    uint32_t owner = names->types.blocks[container->block].type;
    uint64_t key = hash_mix((uint64_t)owner << 32 | container->type) ^ place;
    bool is_new;
    uint64_t *position = hash_map_put(&gathering->places, key, &is_new);

    if (is_new) {
        *position = names->container_count;
        add_container(names, container);
        return;
    }
    struct container *sum = &names->containers[*position];
    sum->count++;
    sum->elements += container->elements;
    sum->are_known = sum->are_known && container->are_known;
    sum->blocks += container->blocks;
    sum->bytes += container->bytes;
}

/* The elements of a typed block: what of type, how many, and from where on. */
struct elements {
    uint32_t type;
    uint64_t count, start, step;
};

static bool find_elements(const struct type_names *names, uint32_t block, struct elements *elements)
{
    const struct block_type *of = &names->types.blocks[block];
    const struct graph_type *type = type_table_get(&names->table, of->type);
    uint64_t bytes = names->snapshot->blocks[block].bytes;

    elements->start = (uint64_t)of->header_words * WORD_BYTES;
    if (!type || type->facts.bytes == 0 || bytes < elements->start)
        return false;
    elements->type = of->type;
    elements->step = type->facts.bytes;
    elements->count = 1;
    if (type->is_memory && type->facts.kind == TYPE_ARRAY)
        elements->type = type_table_target((struct type_table *)&names->table, of->type);
    if (elements->type != of->type || type_names_is_array(names, block))
        elements->count = (bytes - elements->start) / elements->step;
    return true;
}

static void gather_in_block(struct gathering *gathering, uint32_t block)
{
    struct elements elements;

    if (!find_elements(gathering->names, block, &elements))
        return;
    const struct inner_containers *inner = inner_of(gathering, elements.type);
    for (uint64_t i = 0; inner->count > 0 && i < elements.count; i++)
        for (size_t j = 0; j < inner->count; j++) {
            struct container container = {.block = block,
                                          .variable = TYPE_NO_VARIABLE,
                                          .root = SNAPSHOT_NONE,
                                          .offset = elements.start + i * elements.step +
                                                    inner->items[j].offset,
                                          .type = inner->items[j].type};

            if (measure(gathering->names, &(struct container_owner){.block = block}, &container))
                sum_up(gathering, &container, inner->items[j].offset);
        }
}

static void gather_in_variables(struct gathering *gathering)
{
    struct type_names *names = gathering->names;
    struct hash_map seen = {0};

    for (uint32_t i = 0; i < names->snapshot->root_count; i++) {
        uint32_t number = names->types.variable_of_root[i];
        uint64_t start;
        bool is_new;

        if (number == TYPE_NO_VARIABLE)
            continue;
        /* Where the variable begins in memory, also of thread-local ones. */
        start = names->snapshot->roots[i].address -
                block_types_root_offset(names->snapshot, &names->types, i);
        hash_map_put(&seen, start, &is_new);
        if (!is_new)
            continue;
        const struct inner_containers *inner = inner_of(gathering,
                                                        names->types.variables[number].type);
        for (size_t j = 0; j < inner->count; j++) {
            struct container container = {.block = SNAPSHOT_NONE,
                                          .variable = number,
                                          .root = i,
                                          .offset = inner->items[j].offset,
                                          .type = inner->items[j].type};

            if (measure(names, &(struct container_owner){SNAPSHOT_NONE, start}, &container))
                add_container(names, &container);
        }
    }
    hash_map_clear(&seen);
}

static int compare_containers(const void *left, const void *right)
{
    const struct container *a = left, *b = right;

    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    if (a->elements != b->elements)
        return a->elements < b->elements ? 1 : -1;
    if (a->root != b->root)
        return a->root > b->root ? 1 : -1;
    if (a->block != b->block)
        return a->block < b->block ? -1 : 1;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

void held_containers_find(struct type_names *names)
{
    const struct snapshot *snapshot = names->snapshot;
    struct gathering gathering = {.names = names};

    for (uint32_t i = 0; i < snapshot->root_count; i++)
        if (snapshot->roots[i].kind != SNAPSHOT_ROOT_REGISTER)
            *hash_map_put(&names->root_at, snapshot->roots[i].address, NULL) = i;
    gather_in_variables(&gathering);
    for (uint32_t i = 0; i < snapshot->block_count; i++)
        gather_in_block(&gathering, i);
    if (names->container_count > 0)
        qsort(names->containers, names->container_count, sizeof *names->containers,
              compare_containers);
    clear_gathering(&gathering);
}

static bool find_in_block(struct type_names *names, uint32_t block, struct container *container)
{
    struct gathering gathering = {.names = names};
    struct elements elements;
    bool is_any = false;

    if (find_elements(names, block, &elements) && elements.count == 1) {
        const struct inner_containers *inner = inner_of(&gathering, elements.type);

        for (size_t i = 0; i < inner->count; i++) {
            struct container found = {.block = block,
                                      .variable = TYPE_NO_VARIABLE,
                                      .root = SNAPSHOT_NONE,
                                      .offset = elements.start + inner->items[i].offset,
                                      .type = inner->items[i].type};

            if (!measure(names, &(struct container_owner){.block = block}, &found) ||
                (is_any && compare_containers(&found, container) >= 0))
                continue;
            *container = found;
            is_any = true;
        }
    }
    clear_gathering(&gathering);
    return is_any;
}

bool held_containers_largest(struct type_names *names, uint32_t block, uint32_t root,
                             struct container *container)
{
    if (block != SNAPSHOT_NONE)
        return find_in_block(names, block, container);
    for (size_t i = 0; i < names->container_count; i++)
        if (names->containers[i].block == SNAPSHOT_NONE &&
            names->roots->root_of_slot[names->containers[i].root] == root) {
            *container = names->containers[i];
            return true;
        }
    return false;
}

bool held_containers_add_member(struct type_names *names, const struct container *container,
                                struct text *out)
{
    size_t start = out->count;

    if (container->block != SNAPSHOT_NONE)
        return type_names_add_place(names, container->block, container->offset, out);
    type_names_add_variable_place(names, container->root, container->offset, out);
    return out->count > start;
}

void held_containers_add_place(struct type_names *names, const struct container *container,
                               struct text *out)
{
    if (container->block != SNAPSHOT_NONE) {
        char count[UNITS_TEXT_BYTES];
        struct text place = {0};

        if (container->count > 1)
            text_print(out, "%s x ", units_format_count(container->count, count));
        text_add(out, names->groups[names->group_of_block[container->block]].name);
        type_names_add_place(names, container->block, container->offset, &place);
        /* Which element it is says nothing of many. */
        const char *at = text_get(&place);
        if (*at == '[' && strchr(at, ']'))
            at = strchr(at, ']') + 1;
        text_print(out, "%s%s", *at && *at != '.' ? "." : "", at);
        text_clear(&place);
        return;
    }
    const struct root_name *root =
        &names->roots->items[names->roots->root_of_slot[container->root]];
    struct text place = {0};
    text_add(out, root->name);
    type_names_add_variable_place(names, container->root, container->offset, &place);
    if (place.count > 0)
        text_print(out, "%s%s",
                   root->kind == SNAPSHOT_ROOT_STACK ? ": "
                   : *text_get(&place) == '['        ? ""
                                                     : ".",
                   text_get(&place));
    text_clear(&place);
}
