/* All nodes are decoded first, then the rows of references are made anew: an object has those that
 * its interpreter sees, and what a scan took for pointers in its memory is left out, since heads of
 * the collector's lists look like them; so do, in what objects keep apart from themselves, places
 * that are not in use. What seems to refer to an object from elsewhere counts only where the
 * interpreter counts more references than were found.
 *
 * Where an arena is itself a block of malloc's, that block stays a node: of what it has beside its
 * objects. Nothing is known of what is in there, but that objects do not refer to it. */
#include "snapshot/python_graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "recording/varint.h"
#include "snapshot/snapshot_scan.h"

#define BLOCK_TARGET UINT32_C(0x80000000)

enum {
    ADDRESS_UNIT = 8,
    HOLDER_SLOTS = 1 << 27
};

struct joined_edge {
    uint32_t target; /* a node, or BLOCK_TARGET + a block */
    uint32_t label;
};

struct texts {
    char **items;
    size_t count, capacity;
};

struct joining {
    struct snapshot *snapshot;
    uint64_t id;
    bool has_head, is_damaged;
    uint64_t node_total, edge_total;
    uint64_t type_total, label_total;
    struct texts types, labels;
    uint32_t native_count;
    uint32_t *block_of_node;
    uint32_t *type_of_node;
    uint64_t *edge_ends; /* by node */
    size_t node_count, node_capacity, type_capacity, end_capacity;
    struct joined_edge *edges;
    size_t edge_count, edge_capacity;
    uint8_t *roots, *slots, *holders, *unsure, *arenas;
    size_t root_bytes, slot_bytes, holder_bytes, unsure_bytes, arena_bytes;
    struct address_range *ranges; /* of arenas, by address */
    size_t range_count, range_capacity;
    /* While rows are made; by native block. */
    uint32_t *node_of_block;
    uint8_t *is_sure, *is_owned, *is_storage, *is_arena;
    uint32_t storage_label;
};

/* ---- decoding ---- */

static bool damage(struct joining *joining)
{
    joining->is_damaged = true;
    return false;
}

static uint8_t *copy_bytes(const struct recording_bytes *bytes, size_t *count)
{
    *count = bytes->count;
    uint8_t *copy = memory_allocate(bytes->count + 1);
    if (bytes->count > 0)
        memcpy(copy, bytes->bytes, bytes->count);
    return copy;
}

static bool take_head(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct joining *joining = context;
    const struct recording_snapshot_python_graph *head = record;
    if (head->snapshot_id != joining->id || joining->has_head)
        return true;
    joining->has_head = true;
    joining->node_total = head->node_count;
    joining->edge_total = head->edge_count;
    joining->type_total = head->type_count;
    joining->label_total = head->label_count;
    joining->roots = copy_bytes(&head->roots, &joining->root_bytes);
    joining->slots = copy_bytes(&head->slots, &joining->slot_bytes);
    joining->holders = copy_bytes(&head->holders, &joining->holder_bytes);
    joining->arenas = copy_bytes(&head->arenas, &joining->arena_bytes);
    joining->unsure = copy_bytes(&head->unsure, &joining->unsure_bytes);
    return head->node_count < BLOCK_TARGET - joining->native_count || damage(joining);
}

static bool take_names(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct joining *joining = context;
    const struct recording_snapshot_python_names *names = record;
    struct texts *texts = names->kind == 0 ? &joining->types : &joining->labels;
    if (names->snapshot_id != joining->id)
        return true;
    if (names->first != texts->count || names->kind > 1)
        return damage(joining);
    texts->items = memory_grow(texts->items, &texts->capacity, texts->count + names->names.count,
                               sizeof *texts->items);
    for (size_t i = 0; i < names->names.count; i++)
        texts->items[texts->count++] = memory_duplicate_text(names->names.items[i]);
    return true;
}

/* The label of an edge, whose code this is. */
static bool take_label(const struct joining *joining, uint64_t code, const uint8_t **at,
                       const uint8_t *end, uint64_t *next, uint32_t *label)
{
    if (code >= 2) {
        *label = PYTHON_GRAPH_TEXTS + (uint32_t)(code - 2);
        return code - 2 < joining->labels.count;
    }
    if (code == 1 && !varint_read(at, end, next))
        return false;
    if (*next >= PYTHON_GRAPH_TEXTS)
        return false;
    *label = (uint32_t)(*next)++;
    return true;
}

static bool take_edges(struct joining *joining, const uint8_t **at, const uint8_t *end)
{
    uint64_t count, next = 0;
    if (!varint_read(at, end, &count) || count > (uint64_t)(end - *at))
        return false;
    joining->edges = memory_grow(joining->edges, &joining->edge_capacity,
                                 joining->edge_count + count, sizeof *joining->edges);
    for (uint64_t i = 0; i < count; i++) {
        struct joined_edge *edge = &joining->edges[joining->edge_count];
        uint64_t code, target;
        if (!varint_read(at, end, &code) ||
            !take_label(joining, code >> 1, at, end, &next, &edge->label) ||
            !varint_read(at, end, &target))
            return false;
        bool is_block = code & 1;
        target = (uint64_t)varint_unzigzag(target) + (is_block ? 0 : joining->node_count);
        if (target >= (is_block ? joining->native_count : joining->node_total))
            return false;
        edge->target = (uint32_t)target | (is_block ? BLOCK_TARGET : 0);
        joining->edge_count++;
    }
    return true;
}

struct last_place {
    uint64_t address, block;
};

static bool take_place(struct joining *joining, const uint8_t **at, const uint8_t *end,
                       bool is_block, struct last_place *last, uint32_t *block)
{
    uint64_t difference, bytes;
    if (!varint_read(at, end, &difference))
        return false;
    if (is_block) {
        last->block += (uint64_t)varint_unzigzag(difference);
        *block = (uint32_t)last->block;
        return last->block < joining->native_count;
    }
    last->address += (uint64_t)varint_unzigzag(difference);
    if (!varint_read(at, end, &bytes) || bytes > UINT64_MAX / 4 ||
        last->address > UINT64_MAX / 2 / ADDRESS_UNIT)
        return false;
    *block = (uint32_t)joining->snapshot->block_count;
    snapshot_add_block(joining->snapshot,
                       &(struct snapshot_block){.address = last->address * ADDRESS_UNIT,
                                                .bytes = bytes,
                                                .site = SNAPSHOT_NONE,
                                                .thread = UINT16_MAX});
    return true;
}

static bool take_node(struct joining *joining, const uint8_t **at, const uint8_t *end,
                      struct last_place *last)
{
    uint64_t type;
    uint32_t block;
    if (!take_edges(joining, at, end) || !varint_read(at, end, &type) ||
        type >> 1 >= joining->types.count || !take_place(joining, at, end, type & 1, last, &block))
        return false;
    size_t wanted = joining->node_count + 1;
    joining->block_of_node = memory_grow(joining->block_of_node, &joining->node_capacity, wanted,
                                         sizeof *joining->block_of_node);
    joining->type_of_node = memory_grow(joining->type_of_node, &joining->type_capacity, wanted,
                                        sizeof *joining->type_of_node);
    joining->edge_ends = memory_grow(joining->edge_ends, &joining->end_capacity, wanted,
                                     sizeof *joining->edge_ends);
    joining->block_of_node[joining->node_count] = block;
    joining->type_of_node[joining->node_count] = (uint32_t)(type >> 1);
    joining->edge_ends[joining->node_count++] = joining->edge_count;
    return true;
}

static bool take_nodes(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct joining *joining = context;
    const struct recording_snapshot_python_nodes *piece = record;
    struct last_place last = {0};
    if (piece->snapshot_id != joining->id)
        return true;
    if (piece->first_node != joining->node_count ||
        piece->node_count > joining->node_total - joining->node_count)
        return damage(joining);
    const uint8_t *at = piece->nodes.bytes, *end = at + piece->nodes.count;
    for (uint64_t i = 0; i < piece->node_count; i++)
        if (!take_node(joining, &at, end, &last))
            return damage(joining);
    return true;
}

/* ---- marks ---- */

static void mark_blocks(struct joining *joining)
{
    uint32_t count = joining->native_count;
    joining->node_of_block = memory_allocate_large((size_t)count + 1, sizeof(uint32_t));
    memset(joining->node_of_block, 0xff, ((size_t)count + 1) * sizeof(uint32_t));
    joining->is_sure = memory_allocate_zeroed_large((size_t)count + 1, 1);
    joining->is_owned = memory_allocate_zeroed_large((size_t)count + 1, 1);
    joining->is_storage = memory_allocate_zeroed_large((size_t)count + 1, 1);
    joining->is_arena = memory_allocate_zeroed_large((size_t)count + 1, 1);
    for (size_t i = 0; i < joining->node_count; i++) {
        if (joining->block_of_node[i] >= count)
            continue;
        joining->node_of_block[joining->block_of_node[i]] = (uint32_t)i;
        joining->is_sure[joining->block_of_node[i]] = 1;
    }
    const uint8_t *at = joining->unsure, *end = at + joining->unsure_bytes;
    for (uint64_t node; varint_read(&at, end, &node);)
        if (node < joining->node_count && joining->block_of_node[node] < count)
            joining->is_sure[joining->block_of_node[node]] = 0;
    for (size_t i = 0; i < joining->edge_count; i++) {
        uint32_t block = joining->edges[i].target & ~BLOCK_TARGET;
        if (!(joining->edges[i].target & BLOCK_TARGET))
            continue;
        joining->is_owned[block] = 1;
        joining->is_storage[block] |= joining->edges[i].label == joining->storage_label;
    }
}

static void read_arenas(struct joining *joining)
{
    const uint8_t *at = joining->arenas, *end = at + joining->arena_bytes;
    uint64_t last = 0, address, bytes;
    while (varint_read(&at, end, &address) && varint_read(&at, end, &bytes)) {
        if (address > UINT64_MAX - last || bytes > UINT64_MAX - last - address)
            return;
        joining->ranges = memory_grow(joining->ranges, &joining->range_capacity,
                                      joining->range_count + 1, sizeof *joining->ranges);
        last += address + bytes;
        joining->ranges[joining->range_count++] = (struct address_range){last - bytes, last};
    }
}

/* The arena that an address is in; NULL: it is in none. */
static const struct address_range *find_arena(const struct joining *joining, uint64_t address)
{
    size_t low = 0, high = joining->range_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (joining->ranges[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < joining->range_count && joining->ranges[low].start <= address
               ? &joining->ranges[low]
               : NULL;
}

static bool is_in_arena(const struct joining *joining, uint64_t address)
{
    return find_arena(joining, address) != NULL;
}

/* The block that an arena is; SNAPSHOT_NONE: it is mapped by itself. */
static uint32_t find_arena_block(const struct joining *joining, const struct address_range *arena)
{
    const struct snapshot *snapshot = joining->snapshot;
    uint32_t low = 0, high = joining->native_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (snapshot->blocks[middle].address <= arena->start)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || joining->node_of_block[low - 1] != SNAPSHOT_NONE)
        return SNAPSHOT_NONE;
    const struct snapshot_block *block = &snapshot->blocks[low - 1];
    return arena->start - block->address <= block->bytes &&
                   arena->end - block->address <= block->bytes
               ? low - 1
               : SNAPSHOT_NONE;
}

static void mark_arenas(struct joining *joining)
{
    struct snapshot *snapshot = joining->snapshot;
    uint32_t *blocks = memory_allocate((joining->range_count + 1) * sizeof *blocks);
    for (size_t i = 0; i < joining->range_count; i++) {
        blocks[i] = find_arena_block(joining, &joining->ranges[i]);
        if (blocks[i] != SNAPSHOT_NONE)
            joining->is_arena[blocks[i]] = 1;
    }
    for (size_t i = joining->native_count; i < snapshot->block_count; i++) {
        const struct address_range *arena = find_arena(joining, snapshot->blocks[i].address);
        uint32_t block = arena != NULL ? blocks[arena - joining->ranges] : SNAPSHOT_NONE;
        if (block == SNAPSHOT_NONE)
            continue;
        uint64_t *left = &snapshot->blocks[block].bytes, bytes = snapshot->blocks[i].bytes;
        *left -= bytes < *left ? bytes : *left;
    }
    free(blocks);
}

/* ---- rows ---- */

struct rows {
    struct snapshot_reference *references;
    size_t count, capacity;
    uint32_t *labels;
    size_t label_capacity;
    uint64_t *firsts;
};

static void add_reference(struct rows *rows, uint32_t block, uint32_t slot, unsigned kind,
                          uint32_t label)
{
    rows->references = memory_grow(rows->references, &rows->capacity, rows->count + 1,
                                   sizeof *rows->references);
    rows->labels = memory_grow(rows->labels, &rows->label_capacity, rows->count + 1,
                               sizeof *rows->labels);
    rows->references[rows->count] = (struct snapshot_reference){
        .block = block, .slot = slot & SNAPSHOT_FAR_SLOT, .kind = kind & 0xf};
    rows->labels[rows->count++] = label;
}

static void add_native(const struct joining *joining, uint32_t block, struct rows *rows)
{
    const struct snapshot *snapshot = joining->snapshot;
    if (joining->is_storage[block])
        return;
    for (uint64_t i = snapshot->first_reference[block]; i < snapshot->first_reference[block + 1];
         i++) {
        const struct snapshot_reference *reference = &snapshot->references[i];
        bool is_known = joining->is_sure[reference->block] ||
                        (joining->is_arena[block] && joining->is_owned[reference->block]);
        if (!is_known)
            add_reference(rows, reference->block, reference->slot, reference->kind,
                          PYTHON_GRAPH_NO_LABEL);
    }
}

static void add_edges(const struct joining *joining, uint32_t node, struct rows *rows)
{
    uint64_t first = node > 0 ? joining->edge_ends[node - 1] : 0;
    for (uint64_t i = first; i < joining->edge_ends[node]; i++) {
        uint32_t target = joining->edges[i].target;
        uint32_t block = target & BLOCK_TARGET ? target & ~BLOCK_TARGET
                                               : joining->block_of_node[target];
        if (block != joining->block_of_node[node])
            add_reference(rows, block, (uint32_t)(i - first), SNAPSHOT_START,
                          joining->edges[i].label);
    }
}

/* Holders come by growing block. */
static void add_holders(const struct joining *joining, uint32_t block, const uint8_t **at,
                        struct rows *rows)
{
    const uint8_t *end = joining->holders + joining->holder_bytes, *next = *at;
    uint64_t holder, node;
    for (uint32_t slot = HOLDER_SLOTS;
         varint_read(&next, end, &holder) && varint_read(&next, end, &node) && holder <= block;
         slot++, *at = next)
        if (holder == block && node < joining->node_count && joining->block_of_node[node] != block)
            add_reference(rows, joining->block_of_node[node], slot, SNAPSHOT_START,
                          PYTHON_GRAPH_NO_LABEL);
}

static void make_rows(struct joining *joining)
{
    struct snapshot *snapshot = joining->snapshot;
    struct rows rows = {0};
    const uint8_t *holders = joining->holders;
    uint32_t node = 0;
    rows.firsts = memory_allocate_large(snapshot->block_count + 1, sizeof *rows.firsts);
    for (uint32_t block = 0; block < snapshot->block_count; block++) {
        rows.firsts[block] = rows.count;
        if (block < joining->native_count) {
            if (joining->node_of_block[block] != SNAPSHOT_NONE)
                add_edges(joining, joining->node_of_block[block], &rows);
            else
                add_native(joining, block, &rows);
            add_holders(joining, block, &holders, &rows);
            continue;
        }
        while (joining->block_of_node[node] != block)
            node++;
        add_edges(joining, node, &rows);
    }
    rows.firsts[snapshot->block_count] = rows.count;
    free(snapshot->references);
    free(snapshot->first_reference);
    snapshot->references = rows.references;
    snapshot->reference_count = rows.count;
    snapshot->reference_capacity = rows.capacity;
    snapshot->first_reference = rows.firsts;
    snapshot->row_capacity = snapshot->block_count + 1;
    snapshot->objects->labels = rows.labels;
}

/* ---- roots ---- */

/* Facts of roots go by their positions. */
static void renumber_facts(struct snapshot *snapshot, const uint32_t *new_positions)
{
    for (int kind = SNAPSHOT_FACT_ROOT_OFFSET; kind < SNAPSHOT_FACT_KIND_COUNT; kind++) {
        struct snapshot_facts *facts = &snapshot->facts[kind];
        size_t kept = 0;
        for (size_t i = 0; i < facts->count; i++) {
            uint32_t owner = new_positions[facts->items[i].owner];
            if (owner == SNAPSHOT_NONE)
                continue;
            facts->items[kept] = facts->items[i];
            facts->items[kept++].owner = owner;
        }
        facts->count = kept;
    }
}

static void drop_roots(const struct joining *joining)
{
    struct snapshot *snapshot = joining->snapshot;
    uint32_t *new_positions = memory_allocate(snapshot->root_count * sizeof(uint32_t) + 1);
    size_t kept = 0;
    for (size_t i = 0; i < snapshot->root_count; i++) {
        const struct snapshot_root *root = &snapshot->roots[i];
        bool is_kept = !joining->is_sure[root->block] &&
                       !(joining->is_owned[root->block] && is_in_arena(joining, root->address));
        new_positions[i] = is_kept ? (uint32_t)kept : SNAPSHOT_NONE;
        if (is_kept)
            snapshot->roots[kept++] = snapshot->roots[i];
    }
    snapshot->root_count = kept;
    renumber_facts(snapshot, new_positions);
    free(new_positions);
}

static void add_roots(const struct joining *joining)
{
    const uint8_t *at = joining->roots, *end = at + joining->root_bytes;
    for (uint64_t label, node; varint_read(&at, end, &label) && varint_read(&at, end, &node);)
        if (label < joining->labels.count && node < joining->node_count)
            snapshot_add_root(joining->snapshot,
                              &(struct snapshot_root){.block = joining->block_of_node[node],
                                                      .module = SNAPSHOT_NONE,
                                                      .thread = SNAPSHOT_NONE,
                                                      .number = (uint32_t)label,
                                                      .kind = SNAPSHOT_ROOT_PYTHON});
}

static uint32_t find_module(const struct snapshot *snapshot, uint64_t address)
{
    for (uint32_t i = 0; i < snapshot->module_count; i++)
        if (address >= snapshot->modules[i].start && address < snapshot->modules[i].end)
            return i;
    return SNAPSHOT_NONE;
}

static uint32_t find_thread(const struct snapshot *snapshot, uint64_t tid)
{
    for (uint32_t i = 0; i < snapshot->thread_count; i++)
        if (snapshot->threads[i].tid == tid)
            return i;
    return SNAPSHOT_NONE;
}

static void add_slots(const struct joining *joining)
{
    struct snapshot *snapshot = joining->snapshot;
    const uint8_t *at = joining->slots, *end = at + joining->slot_bytes;
    for (uint64_t kind, address, tid, node;
         varint_read(&at, end, &kind) && varint_read(&at, end, &address) &&
         varint_read(&at, end, &tid) && varint_read(&at, end, &node);) {
        if (node >= joining->node_count || kind > SNAPSHOT_ROOT_REGISTER)
            return;
        bool is_global = kind == SNAPSHOT_ROOT_GLOBAL;
        snapshot_add_root(snapshot,
                          &(struct snapshot_root){
                              .address = address,
                              .block = joining->block_of_node[node],
                              .module = is_global ? find_module(snapshot, address) : SNAPSHOT_NONE,
                              .thread = is_global ? SNAPSHOT_NONE : find_thread(snapshot, tid),
                              .kind = (uint8_t)kind,
                          });
    }
}

/* ---- types ---- */

static uint32_t add_type(struct joining *joining, char *name)
{
    struct texts *names = &joining->types;
    names->items = memory_grow(names->items, &names->capacity, names->count + 1,
                               sizeof *names->items);
    names->items[names->count++] = name;
    return (uint32_t)(names->count - 1);
}

static void name_arenas(struct joining *joining)
{
    uint32_t type = SNAPSHOT_NONE;
    for (uint32_t i = 0; i < joining->native_count; i++) {
        if (!joining->is_arena[i])
            continue;
        if (type == SNAPSHOT_NONE)
            type = add_type(joining, memory_duplicate_text(PYTHON_GRAPH_ARENA));
        joining->snapshot->objects->types[i] = type;
    }
}

/* What an object keeps apart is called after it. */
static void name_storage(struct joining *joining)
{
    uint32_t *types = joining->snapshot->objects->types;
    uint32_t *of_storage = memory_allocate_zeroed(joining->types.count + 1, sizeof *of_storage);
    uint64_t edge = 0;
    for (size_t node = 0; node < joining->node_count; node++)
        for (; edge < joining->edge_ends[node]; edge++) {
            uint32_t type = joining->type_of_node[node];
            uint32_t block = joining->edges[edge].target & ~BLOCK_TARGET;
            if (!(joining->edges[edge].target & BLOCK_TARGET) || !joining->is_storage[block] ||
                types[block] != SNAPSHOT_NONE)
                continue;
            if (of_storage[type] == 0) {
                struct text name = {0};
                text_print(&name, "%s storage", joining->types.items[type]);
                of_storage[type] = add_type(joining, text_take(&name)) + 1;
            }
            types[block] = of_storage[type] - 1;
        }
    free(of_storage);
}

/* ---- all of it ---- */

static void join(struct joining *joining)
{
    struct snapshot *snapshot = joining->snapshot;
    struct snapshot_objects *objects = memory_allocate_zeroed(1, sizeof *objects);
    snapshot->objects = objects;
    objects->first_block = joining->native_count;
    for (size_t i = 0; i < joining->labels.count; i++)
        if (strcmp(joining->labels.items[i], PYTHON_GRAPH_STORAGE) == 0)
            joining->storage_label = PYTHON_GRAPH_TEXTS + (uint32_t)i;
    mark_blocks(joining);
    read_arenas(joining);
    mark_arenas(joining);
    make_rows(joining);
    drop_roots(joining);
    add_roots(joining);
    add_slots(joining);
    objects->types = memory_allocate_large(snapshot->block_count + 1, sizeof *objects->types);
    memset(objects->types, 0xff, (snapshot->block_count + 1) * sizeof *objects->types);
    for (size_t i = 0; i < joining->node_count; i++)
        objects->types[joining->block_of_node[i]] = joining->type_of_node[i];
    name_storage(joining);
    name_arenas(joining);
    objects->type_names = joining->types.items;
    objects->type_count = joining->types.count;
    objects->label_texts = joining->labels.items;
    objects->label_count = joining->labels.count;
    joining->types = joining->labels = (struct texts){0};
}

static void clear_texts(struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->items[i]);
    free(texts->items);
}

static void clear(struct joining *joining)
{
    clear_texts(&joining->types);
    clear_texts(&joining->labels);
    free(joining->block_of_node);
    free(joining->type_of_node);
    free(joining->edge_ends);
    free(joining->edges);
    free(joining->roots);
    free(joining->slots);
    free(joining->holders);
    free(joining->unsure);
    free(joining->arenas);
    free(joining->ranges);
    free(joining->is_owned);
    free(joining->node_of_block);
    free(joining->is_sure);
    free(joining->is_storage);
    free(joining->is_arena);
}

bool python_graph_join(struct recording_reader *reader, uint64_t snapshot_id,
                       struct snapshot *snapshot, struct error *error)
{
    struct joining joining = {.snapshot = snapshot,
                              .id = snapshot_id,
                              .native_count = (uint32_t)snapshot->block_count,
                              .storage_label = PYTHON_GRAPH_NO_LABEL};
    bool is_read = recording_reader_visit_owned(reader, RECORDING_snapshot_python_graph,
                                                snapshot_id, take_head, &joining, error);
    if (is_read && joining.has_head)
        is_read = recording_reader_visit_owned(reader, RECORDING_snapshot_python_names, snapshot_id,
                                               take_names, &joining, error) &&
                  recording_reader_visit_owned(reader, RECORDING_snapshot_python_nodes, snapshot_id,
                                               take_nodes, &joining, error);
    bool is_whole = is_read && !joining.is_damaged && joining.node_count == joining.node_total &&
                    joining.edge_count == joining.edge_total &&
                    joining.types.count == joining.type_total &&
                    joining.labels.count == joining.label_total;
    if (is_whole && joining.node_count > 0)
        join(&joining);
    else
        snapshot->block_count = joining.native_count; /* of a torn recording: without them */
    clear(&joining);
    return is_read || joining.is_damaged;
}
