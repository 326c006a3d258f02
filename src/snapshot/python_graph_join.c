/* All nodes are decoded first (python_graph_read), then the rows of references are made anew: an
 * object has those that its interpreter sees, and what a scan took for pointers in its memory is
 * left out, since heads of the collector's lists look like them; so do, in what objects keep apart
 * from themselves, places that are not in use. What seems to refer to an object from elsewhere
 * counts only where the interpreter counts more references than were found.
 *
 * Where an arena is itself a block of malloc's, that block stays a node: of what it has beside its
 * objects. Nothing is known of what is in there, but that objects do not refer to it. */
#include "snapshot/python_graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "recording/varint.h"
#include "snapshot/python_graph_read.h"
#include "snapshot/snapshot_scan.h"

enum {
    HOLDER_SLOTS = 1 << 27
};

struct joining {
    struct snapshot *snapshot;
    struct python_graph_records *read;
    struct address_range *ranges; /* of arenas, by address */
    size_t range_count, range_capacity;
    uint32_t *node_of_block; /* these and the following by native block */
    uint8_t *is_sure, *is_owned, *is_storage, *is_arena;
    uint32_t storage_label;
};

/* ---- marks ---- */

static void mark_blocks(struct joining *joining)
{
    uint32_t count = joining->read->native_count;
    joining->node_of_block = memory_allocate_large((size_t)count + 1, sizeof(uint32_t));
    memset(joining->node_of_block, 0xff, ((size_t)count + 1) * sizeof(uint32_t));
    joining->is_sure = memory_allocate_zeroed_large((size_t)count + 1, 1);
    joining->is_owned = memory_allocate_zeroed_large((size_t)count + 1, 1);
    joining->is_storage = memory_allocate_zeroed_large((size_t)count + 1, 1);
    joining->is_arena = memory_allocate_zeroed_large((size_t)count + 1, 1);
    for (size_t i = 0; i < joining->read->node_count; i++) {
        if (joining->read->block_of_node[i] >= count)
            continue;
        joining->node_of_block[joining->read->block_of_node[i]] = (uint32_t)i;
        joining->is_sure[joining->read->block_of_node[i]] = 1;
    }
    const uint8_t *at = joining->read->unsure, *end = at + joining->read->unsure_bytes;
    for (uint64_t node; varint_read(&at, end, &node);)
        if (node < joining->read->node_count && joining->read->block_of_node[node] < count)
            joining->is_sure[joining->read->block_of_node[node]] = 0;
    for (size_t i = 0; i < joining->read->edge_count; i++) {
        uint32_t block = joining->read->edges[i].target & ~PYTHON_GRAPH_BLOCK;
        if (!(joining->read->edges[i].target & PYTHON_GRAPH_BLOCK))
            continue;
        joining->is_owned[block] = 1;
        joining->is_storage[block] |= joining->read->edges[i].label == joining->storage_label;
    }
}

static void read_arenas(struct joining *joining)
{
    const uint8_t *at = joining->read->arenas, *end = at + joining->read->arena_bytes;
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
    uint32_t low = 0, high = joining->read->native_count;
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
    for (size_t i = joining->read->native_count; i < snapshot->block_count; i++) {
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
    uint64_t first = node > 0 ? joining->read->edge_ends[node - 1] : 0;
    for (uint64_t i = first; i < joining->read->edge_ends[node]; i++) {
        uint32_t target = joining->read->edges[i].target;
        uint32_t block = target & PYTHON_GRAPH_BLOCK ? target & ~PYTHON_GRAPH_BLOCK
                                                     : joining->read->block_of_node[target];
        if (block != joining->read->block_of_node[node])
            add_reference(rows, block, (uint32_t)(i - first), SNAPSHOT_START,
                          joining->read->edges[i].label);
    }
}

/* Holders come by growing block. */
static void add_holders(const struct joining *joining, uint32_t block, const uint8_t **at,
                        struct rows *rows)
{
    const uint8_t *end = joining->read->holders + joining->read->holder_bytes, *next = *at;
    uint64_t holder, node;
    for (uint32_t slot = HOLDER_SLOTS;
         varint_read(&next, end, &holder) && varint_read(&next, end, &node) && holder <= block;
         slot++, *at = next)
        if (holder == block && node < joining->read->node_count &&
            joining->read->block_of_node[node] != block)
            add_reference(rows, joining->read->block_of_node[node], slot, SNAPSHOT_START,
                          PYTHON_GRAPH_NO_LABEL);
}

static void make_rows(struct joining *joining)
{
    struct snapshot *snapshot = joining->snapshot;
    struct rows rows = {0};
    const uint8_t *holders = joining->read->holders;
    uint32_t node = 0;
    rows.firsts = memory_allocate_large(snapshot->block_count + 1, sizeof *rows.firsts);
    for (uint32_t block = 0; block < snapshot->block_count; block++) {
        rows.firsts[block] = rows.count;
        if (block < joining->read->native_count) {
            if (joining->node_of_block[block] != SNAPSHOT_NONE)
                add_edges(joining, joining->node_of_block[block], &rows);
            else
                add_native(joining, block, &rows);
            add_holders(joining, block, &holders, &rows);
            continue;
        }
        while (joining->read->block_of_node[node] != block)
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
    const uint8_t *at = joining->read->roots, *end = at + joining->read->root_bytes;
    for (uint64_t label, node; varint_read(&at, end, &label) && varint_read(&at, end, &node);)
        if (label < joining->read->labels.count && node < joining->read->node_count)
            snapshot_add_root(joining->snapshot,
                              &(struct snapshot_root){.block = joining->read->block_of_node[node],
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
    const uint8_t *at = joining->read->slots, *end = at + joining->read->slot_bytes;
    for (uint64_t kind, address, tid, node;
         varint_read(&at, end, &kind) && varint_read(&at, end, &address) &&
         varint_read(&at, end, &tid) && varint_read(&at, end, &node);) {
        if (node >= joining->read->node_count || kind > SNAPSHOT_ROOT_REGISTER)
            return;
        bool is_global = kind == SNAPSHOT_ROOT_GLOBAL;
        snapshot_add_root(snapshot,
                          &(struct snapshot_root){
                              .address = address,
                              .block = joining->read->block_of_node[node],
                              .module = is_global ? find_module(snapshot, address) : SNAPSHOT_NONE,
                              .thread = is_global ? SNAPSHOT_NONE : find_thread(snapshot, tid),
                              .kind = (uint8_t)kind,
                          });
    }
}

/* The threads have the variable each for itself: its name does not say whose it is. */
static void add_locals(const struct joining *joining)
{
    struct snapshot *snapshot = joining->snapshot;
    const uint8_t *at = joining->read->locals, *end = at + joining->read->local_bytes;
    for (uint64_t address, module, offset, node;
         varint_read(&at, end, &address) && varint_read(&at, end, &module) &&
         varint_read(&at, end, &offset) && varint_read(&at, end, &node);) {
        if (node >= joining->read->node_count || offset > UINT32_MAX)
            return;
        snapshot_add_root(snapshot,
                          &(struct snapshot_root){.address = address,
                                                  .block = joining->read->block_of_node[node],
                                                  .module = find_module(snapshot, module),
                                                  .thread = SNAPSHOT_NONE,
                                                  .number = (uint32_t)offset,
                                                  .kind = SNAPSHOT_ROOT_TLS});
    }
}

/* ---- types ---- */

static uint32_t add_type(struct joining *joining, char *name)
{
    struct python_graph_texts *names = &joining->read->types;
    names->items = memory_grow(names->items, &names->capacity, names->count + 1,
                               sizeof *names->items);
    names->items[names->count++] = name;
    return (uint32_t)(names->count - 1);
}

static void name_arenas(struct joining *joining)
{
    uint32_t type = SNAPSHOT_NONE;
    for (uint32_t i = 0; i < joining->read->native_count; i++) {
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
    uint32_t *of_storage = memory_allocate_zeroed(joining->read->types.count + 1,
                                                  sizeof *of_storage);
    uint64_t edge = 0;
    for (size_t node = 0; node < joining->read->node_count; node++)
        for (; edge < joining->read->edge_ends[node]; edge++) {
            uint32_t type = joining->read->type_of_node[node];
            uint32_t block = joining->read->edges[edge].target & ~PYTHON_GRAPH_BLOCK;
            if (!(joining->read->edges[edge].target & PYTHON_GRAPH_BLOCK) ||
                !joining->is_storage[block] || types[block] != SNAPSHOT_NONE)
                continue;
            if (of_storage[type] == 0) {
                struct text name = {0};
                text_print(&name, "%s storage", joining->read->types.items[type]);
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
    objects->first_block = joining->read->native_count;
    for (size_t i = 0; i < joining->read->labels.count; i++)
        if (strcmp(joining->read->labels.items[i], PYTHON_GRAPH_STORAGE) == 0)
            joining->storage_label = PYTHON_GRAPH_TEXTS + (uint32_t)i;
    mark_blocks(joining);
    read_arenas(joining);
    mark_arenas(joining);
    make_rows(joining);
    drop_roots(joining);
    add_roots(joining);
    add_slots(joining);
    add_locals(joining);
    objects->types = memory_allocate_large(snapshot->block_count + 1, sizeof *objects->types);
    memset(objects->types, 0xff, (snapshot->block_count + 1) * sizeof *objects->types);
    for (size_t i = 0; i < joining->read->node_count; i++)
        objects->types[joining->read->block_of_node[i]] = joining->read->type_of_node[i];
    name_storage(joining);
    name_arenas(joining);
    objects->type_names = joining->read->types.items;
    objects->type_count = joining->read->types.count;
    objects->label_texts = joining->read->labels.items;
    objects->label_count = joining->read->labels.count;
    joining->read->types = joining->read->labels = (struct python_graph_texts){0};
}

static void clear(struct joining *joining)
{
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
    struct python_graph_records read;
    bool is_read = python_graph_read(reader, snapshot_id, snapshot, &read, error);
    struct joining joining = {
        .snapshot = snapshot, .read = &read, .storage_label = PYTHON_GRAPH_NO_LABEL};
    if (is_read && read.is_whole && read.node_count > 0)
        join(&joining);
    else
        snapshot->block_count = read.native_count; /* of a torn recording: without them */
    clear(&joining);
    python_graph_records_clear(&read);
    return is_read;
}
