#include "graph/container_sizes.h"

enum {
    WORD_BYTES = 8,
    LIST_HEAD_BYTES = 16
};

static uint64_t bytes_of(const struct type_table *table, uint32_t type)
{
    const struct graph_type *item = type_table_get(table, type);

    return item ? item->facts.bytes : 0;
}

/* The reference that stands at a word of an owner; false: none. */
static bool find_reference(const struct container_search *search,
                           const struct container_owner *owner, uint64_t offset, uint32_t *block,
                           uint32_t *root)
{
    const struct snapshot *snapshot = search->snapshot;

    *root = SNAPSHOT_NONE;
    if (owner->block == SNAPSHOT_NONE) {
        const uint64_t *position = hash_map_find(search->roots, owner->address + offset);

        if (!position)
            return false;
        *root = (uint32_t)*position;
        *block = snapshot->roots[*root].block;
        return true;
    }
    *block = snapshot_find_reference(snapshot, owner->block, offset / WORD_BYTES);
    return *block != SNAPSHOT_NONE;
}

static bool find_fact(const struct container_search *search, const struct container_owner *owner,
                      uint64_t offset, uint32_t root, enum snapshot_fact_kind kind, uint64_t *value)
{
    unsigned shift = SNAPSHOT_FACT_ROOT_OFFSET - SNAPSHOT_FACT_OFFSET;

    return root == SNAPSHOT_NONE
               ? snapshot_find_fact(search->snapshot, kind, owner->block,
                                    (uint32_t)(offset / WORD_BYTES), value)
               : snapshot_find_fact(search->snapshot, (enum snapshot_fact_kind)(kind + shift), root,
                                    0, value);
}

static void count_block(const struct container_search *search, uint32_t block,
                        struct container_figures *figures)
{
    figures->blocks++;
    figures->bytes += search->snapshot->blocks[block].bytes;
}

static bool measure_vector(const struct container_search *search,
                           const struct container_owner *owner, uint64_t offset,
                           const struct graph_type *type, struct container_figures *figures)
{
    bool is_string = type->container == CONTAINER_STRING;
    uint64_t filled, element = bytes_of(search->table, type->element);
    uint32_t block, root;

    if (!find_reference(search, owner, offset, &block, &root) || block == owner->block)
        return false;
    count_block(search, block, figures);
    figures->are_known = find_fact(search, owner, offset, root,
                                   is_string ? SNAPSHOT_FACT_LENGTH : SNAPSHOT_FACT_FILLED,
                                   &filled);
    if (figures->are_known)
        figures->elements = is_string ? filled : filled / element;
    return true;
}

/* Along the first pointers of nodes. */
static void count_chain(const struct container_search *search, uint32_t node, uint32_t block,
                        struct container_figures *figures)
{
    uint32_t first = block, root;

    while (search->blocks[block].type == node &&
           figures->elements < search->snapshot->block_count) {
        struct container_owner owner = {.block = block};

        count_block(search, block, figures);
        figures->elements++;
        if (!find_reference(search, &owner, 0, &block, &root) || block == first)
            return;
    }
}

static bool measure_chain(const struct container_search *search,
                          const struct container_owner *owner, uint64_t offset,
                          const struct graph_type *type, struct container_figures *figures)
{
    uint32_t block, root, buckets;

    if (!find_reference(search, owner,
                        offset + (type->container == CONTAINER_TABLE ? LIST_HEAD_BYTES : 0), &block,
                        &root))
        return false;
    count_chain(search, type->node, block, figures);
    figures->are_known = figures->elements > 0;
    if (type->container == CONTAINER_TABLE &&
        find_reference(search, owner, offset, &buckets, &root) && buckets != owner->block)
        count_block(search, buckets, figures);
    return figures->blocks > 0;
}

/* Left as far as it goes, then right, then up: without a stack, since nodes know their parents. */
static bool measure_tree(const struct container_search *search, const struct container_owner *owner,
                         uint64_t offset, const struct graph_type *type,
                         struct container_figures *figures)
{
    enum {
        TOP = 16, /* of the container; the others are of nodes */
        PARENT = 8,
        LEFT = 16,
        RIGHT = 24
    };
    uint32_t block, top, child, root;
    uint64_t from = PARENT, steps = 0, most = 4 * (uint64_t)search->snapshot->block_count + 4;

    if (!find_reference(search, owner, offset + TOP, &top, &root))
        return false;
    for (block = top; search->blocks[block].type == type->node && steps < most; steps++) {
        struct container_owner node = {.block = block};

        if (from == PARENT) {
            count_block(search, block, figures);
            figures->elements++;
            from = LEFT;
            if (find_reference(search, &node, LEFT, &child, &root)) {
                block = child;
                from = PARENT;
            }
        } else if (from == LEFT) {
            from = RIGHT;
            if (find_reference(search, &node, RIGHT, &child, &root)) {
                block = child;
                from = PARENT;
            }
        } else {
            struct container_owner parent;

            if (block == top || !find_reference(search, &node, PARENT, &parent.block, &root))
                break;
            from = find_reference(search, &parent, LEFT, &child, &root) && child == block ? LEFT
                                                                                          : RIGHT;
            block = parent.block;
        }
    }
    figures->are_known = figures->elements > 0;
    return figures->blocks > 0;
}

/* How far behind a block's start the pointer at a word points. */
static bool find_position(const struct container_search *search,
                          const struct container_owner *owner, uint64_t offset, uint32_t *block,
                          uint64_t *position)
{
    uint32_t root;

    *position = 0;
    if (!find_reference(search, owner, offset, block, &root))
        return false;
    find_fact(search, owner, offset, root, SNAPSHOT_FACT_OFFSET, position);
    return true;
}

static bool measure_deque(const struct container_search *search,
                          const struct container_owner *owner, uint64_t offset,
                          const struct graph_type *type, struct container_figures *figures)
{
    enum {
        FIRST = 16,
        FIRST_IN_MAP = 40,
        LAST = 48,
        LAST_IN_MAP = 72
    };
    uint64_t from, to, first, last, element = bytes_of(search->table, type->element);
    uint32_t map, first_chunk, last_chunk, root;

    if (!find_reference(search, owner, offset, &map, &root))
        return false;
    count_block(search, map, figures);
    if (!find_position(search, owner, offset + FIRST, &first_chunk, &first) ||
        !find_position(search, owner, offset + LAST, &last_chunk, &last) ||
        !find_position(search, owner, offset + FIRST_IN_MAP, &root, &from) || root != map ||
        !find_position(search, owner, offset + LAST_IN_MAP, &root, &to) || root != map || to < from)
        return true;
    for (uint64_t at = from; at <= to; at += WORD_BYTES) {
        const struct container_owner of_map = {.block = map};
        uint32_t chunk;

        if (find_reference(search, &of_map, at, &chunk, &root))
            count_block(search, chunk, figures);
    }
    uint64_t in_chunk = search->snapshot->blocks[first_chunk].bytes / element;
    uint64_t end = (to - from) / WORD_BYTES * in_chunk + last / element;
    figures->are_known = end >= first / element;
    figures->elements = figures->are_known ? end - first / element : 0;
    return true;
}

bool container_sizes_measure(const struct container_search *search,
                             const struct container_owner *owner, uint64_t offset,
                             uint32_t container, struct container_figures *figures)
{
    const struct graph_type *type = type_table_get(search->table, container);

    *figures = (struct container_figures){0};
    switch (type->container) {
    case CONTAINER_VECTOR:
    case CONTAINER_STRING:
        return measure_vector(search, owner, offset, type, figures);
    case CONTAINER_LIST:
    case CONTAINER_FORWARD_LIST:
    case CONTAINER_TABLE:
        return measure_chain(search, owner, offset, type, figures);
    case CONTAINER_TREE:
        return measure_tree(search, owner, offset, type, figures);
    case CONTAINER_DEQUE:
        return measure_deque(search, owner, offset, type, figures);
    case CONTAINER_NONE:
    case CONTAINER_SHARED:
        break;
    }
    return false;
}
