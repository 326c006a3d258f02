#include "graph/type_claims.h"

#include "base/memory.h"

enum {
    WORD_BYTES = 8,
    LEAST_ELEMENT_BYTES = 16, /* of structs in arrays: any size is a multiple of less */
    MOST_PARTS = 16,          /* of a block */
    MOST_HEADER_BYTES = 64    /* that allocators of programs put in front */
};

static void type_claims_enqueue(struct type_claims *run, uint32_t block)
{
    if (run->is_queued[block])
        return;
    run->is_queued[block] = 1;
    run->queue[run->tail++] = block;
    if (run->tail > run->snapshot->block_count)
        run->tail = 0;
}

bool type_claims_next(struct type_claims *run, uint32_t *block)
{
    if (run->head == run->tail)
        return false;
    *block = run->queue[run->head++];
    if (run->head > run->snapshot->block_count)
        run->head = 0;
    run->is_queued[*block] = 0;
    return true;
}

/* ---- does it fit? ---- */

/* How well a type fits a block: -1 = not at all. */
static int judge(struct type_claims *run, uint32_t type, uint64_t bytes)
{
    const struct graph_type *item = type_table_get(run->table, type);
    uint64_t offset, own = item ? item->facts.bytes : 0;

    if (!item || own == 0 || bytes < own)
        return -1;
    switch (item->facts.kind) {
    case TYPE_UNKNOWN:
    case TYPE_FUNCTION:
        return -1;
    case TYPE_CHARACTER:
        return TYPE_UNSURE;
    case TYPE_ARRAY:
        if (item->is_memory)
            return bytes % own == 0 ? TYPE_SURE : -1;
        return bytes == own ? TYPE_SURE : TYPE_UNSURE;
    case TYPE_BASE:
        return bytes % own == 0 ? TYPE_LIKELY : -1;
    case TYPE_POINTER:
        return bytes % own == 0 ? TYPE_SURE : -1;
    case TYPE_STRUCT:
    case TYPE_UNION:
    case TYPE_KIND_COUNT:
        break;
    }
    if (bytes == own || (item->is_exact && bytes == own + item->slack))
        return TYPE_SURE;
    if (item->is_exact)
        return -1;
    if (type_table_flexible(run->table, type, &offset) != TYPE_NONE)
        return TYPE_SURE;
    return bytes % own == 0 && own >= LEAST_ELEMENT_BYTES ? TYPE_LIKELY : TYPE_UNSURE;
}

/* What is said of less than a struct gives way to any. */
uint64_t type_claims_weight(const struct type_claims *run, uint32_t type)
{
    const struct graph_type *item = type_table_get(run->table, type);

    if (item->facts.kind == TYPE_CHARACTER)
        return 0;
    if (item->facts.kind == TYPE_BASE)
        return 1;
    return 1 + item->facts.bytes;
}

/* ---- claims ---- */

void type_claims_set(struct type_claims *run, uint32_t block, uint32_t type,
                     enum type_source source, enum type_confidence confidence)
{
    run->types->blocks[block] = (struct block_type){
        .type = type, .source = (uint8_t)source, .confidence = (uint8_t)confidence};
    type_claims_enqueue(run, block);
}

/* Two types for one block: one that begins with the other says all that this one does. */
static void settle(struct type_claims *run, uint32_t block, uint32_t type, enum type_source source,
                   enum type_confidence confidence)
{
    struct block_type *known = &run->types->blocks[block];
    uint64_t new_weight = type_claims_weight(run, type),
             old_weight = type_claims_weight(run, known->type);

    if (known->source == TYPE_SOURCE_VTABLE ||
        type_table_begins_with(run->table, known->type, type))
        return;
    if (type_table_begins_with(run->table, type, known->type)) {
        type_claims_set(run, block, type, source, confidence);
        return;
    }
    if (new_weight <= 1 || (confidence == TYPE_UNSURE && known->confidence > TYPE_UNSURE))
        return;
    if (old_weight <= 1 || (known->confidence == TYPE_UNSURE && confidence > TYPE_UNSURE)) {
        if (new_weight > old_weight)
            type_claims_set(run, block, type, source, confidence);
        return;
    }
    if (new_weight > old_weight)
        type_claims_set(run, block, type, source, TYPE_UNSURE);
    else if (confidence >= known->confidence)
        known->confidence = TYPE_UNSURE;
}

void type_claims_add(struct type_claims *run, uint32_t block, uint32_t type,
                     enum type_source source, enum type_confidence most)
{
    struct block_type *known = &run->types->blocks[block];
    const struct graph_type *item = type_table_get(run->table, type);
    int fit = judge(run, type, run->snapshot->blocks[block].bytes);
    enum type_confidence confidence;

    if (fit < 0)
        return;
    /* A size that fits makes up for what was only likely on the way. */
    confidence = fit == TYPE_SURE && most == TYPE_LIKELY && source != TYPE_SOURCE_SITE ? TYPE_SURE
                 : (enum type_confidence)fit < most ? (enum type_confidence)fit
                                                    : most;
    if (item->is_memory && source == TYPE_SOURCE_DWARF)
        source = TYPE_SOURCE_CONTAINER;
    if (known->type == TYPE_NONE)
        type_claims_set(run, block, type, source, confidence);
    else if (known->type != type)
        settle(run, block, type, source, confidence);
    else if (known->confidence < confidence && known->source == source)
        known->confidence = (uint8_t)confidence;
}

/* What begins there is known already, or it is one part too many. */
static bool has_part(struct type_claims *run, uint32_t block, uint64_t offset, uint32_t type)
{
    const uint64_t *first = hash_map_find(&run->first_part, block);
    size_t count = 0;

    for (uint64_t at = first ? *first : 0; at != 0; at = run->parts[at - 1].next, count++)
        if (run->parts[at - 1].offset == offset &&
            type_table_begins_with(run->table, run->parts[at - 1].type, type))
            return true;
    return count >= MOST_PARTS;
}

static void add_part(struct type_claims *run, uint32_t block, uint64_t offset, uint32_t type,
                     enum type_confidence confidence)
{
    uint64_t *first = hash_map_put(&run->first_part, block, NULL);

    run->parts = memory_grow(run->parts, &run->part_capacity, run->part_count + 1,
                             sizeof *run->parts);
    run->parts[run->part_count] = (struct type_part){.offset = offset,
                                                     .type = type,
                                                     .next = (uint32_t)*first,
                                                     .confidence = (uint8_t)confidence};
    *first = ++run->part_count;
    type_claims_enqueue(run, block);
}

static void set_behind(struct type_claims *run, uint32_t block, uint32_t type,
                       enum type_source source, enum type_confidence confidence, uint64_t offset)
{
    type_claims_set(run, block, type, source, confidence);
    run->types->blocks[block].header_words = (uint16_t)(offset / WORD_BYTES);
}

void type_claims_add_behind(struct type_claims *run, uint32_t block, uint32_t type,
                            enum type_source source, enum type_confidence most, uint64_t offset,
                            bool counts_as_start)
{
    const struct graph_type *item = type_table_get(run->table, type);
    const struct block_type *known = &run->types->blocks[block];
    uint64_t bytes = run->snapshot->blocks[block].bytes, own = item ? item->facts.bytes : 0;
    bool is_struct = item && item->facts.kind == TYPE_STRUCT && own >= LEAST_ELEMENT_BYTES;
    int fit;

    if (own == 0 || offset % WORD_BYTES != 0 || offset > bytes || own > bytes - offset ||
        item->is_memory || (known->type == type && known->header_words * WORD_BYTES == offset))
        return;
    if (!counts_as_start && is_struct && bytes % own == 0 && offset % own == 0) {
        type_claims_add(run, block, type, source, most < TYPE_LIKELY ? most : TYPE_LIKELY);
        return;
    }
    fit = judge(run, type, bytes - offset);
    if (!counts_as_start && fit > TYPE_UNSURE)
        fit = offset <= MOST_HEADER_BYTES && fit == TYPE_SURE ? TYPE_LIKELY : TYPE_UNSURE;
    if (fit > (int)most)
        fit = (int)most;
    if (known->type == TYPE_NONE && offset / WORD_BYTES <= UINT16_MAX && fit >= 0 &&
        (is_struct || counts_as_start))
        set_behind(run, block, type, source, (enum type_confidence)fit, offset);
    else if (is_struct && !has_part(run, block, offset, type))
        add_part(run, block, offset, type, most);
}
