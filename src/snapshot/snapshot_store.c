#include "snapshot/snapshot_store.h"

#include <stdlib.h>

#include "base/memory.h"
#include "recording/varint.h"
#include "snapshot/block_contents.h"
#include "snapshot/memory_use.h"
#include "snapshot/python_graph.h"
#include "snapshot/python_heap.h"
#include "snapshot/snapshot_pieces.h"

enum {
    PIECE_BLOCKS = 32 * 1024,
    PIECE_REFERENCES = 64 * 1024, /* after which a piece ends, with the block that it is in */
    PIECE_ROOTS = 32 * 1024,
    PIECE_FACTS = 32 * 1024
};

/* Where the bytes of a piece are made. */
struct piece {
    uint8_t *bytes;
    size_t capacity;
    size_t count;
};

/* Room for so many more varints. */
static uint8_t *piece_reserve(struct piece *piece, size_t varints)
{
    piece->bytes = memory_grow(piece->bytes, &piece->capacity,
                               piece->count + varints * VARINT_MAX_BYTES, 1);
    return piece->bytes + piece->count;
}

static void piece_end(struct piece *piece, const uint8_t *end)
{
    piece->count = (size_t)(end - piece->bytes);
}

static struct recording_bytes piece_bytes(const struct piece *piece)
{
    return (struct recording_bytes){.bytes = piece->bytes, .count = piece->count};
}

static uint8_t *write_difference(uint8_t *to, uint64_t value, uint64_t previous)
{
    return varint_write(to, varint_zigzag((int64_t)(value - previous)));
}

static void write_blocks(const struct snapshot *snapshot, snapshot_add_record add, void *context)
{
    struct piece piece = {0};
    for (size_t first = 0; first < snapshot->block_count; first += PIECE_BLOCKS) {
        size_t count = snapshot->block_count - first;
        if (count > PIECE_BLOCKS)
            count = PIECE_BLOCKS;
        struct snapshot_block previous = {0};
        piece.count = 0;
        uint8_t *to = piece_reserve(&piece, count * SNAPSHOT_BLOCK_FIELDS);
        for (size_t i = first; i < first + count; i++) {
            const struct snapshot_block *block = &snapshot->blocks[i];
            to = varint_write(to, block->address - previous.address);
            to = varint_write(to, block->bytes);
            to = varint_write(to, block->site);
            to = varint_write(to, (uint64_t)block->thread << SNAPSHOT_KIND_SHIFT |
                                      (block->flags & SNAPSHOT_KIND_MASK));
            to = write_difference(to, block->birth_ns, previous.birth_ns);
            previous = *block;
        }
        piece_end(&piece, to);
        const struct recording_snapshot_blocks record = {.snapshot_id = snapshot->number,
                                                         .first_block = first,
                                                         .block_count = count,
                                                         .blocks = piece_bytes(&piece)};
        add(context, RECORDING_snapshot_blocks, &record);
    }
    free(piece.bytes);
}

static void write_row(const struct snapshot *snapshot, size_t block, struct piece *piece)
{
    uint64_t first = snapshot->first_reference[block];
    uint64_t end = snapshot->first_reference[block + 1];
    uint8_t *to = piece_reserve(piece, 1 + (end - first) * SNAPSHOT_REFERENCE_FIELDS);
    uint32_t previous_slot = 0;
    to = varint_write(to, end - first);
    for (uint64_t i = first; i < end; i++) {
        const struct snapshot_reference *reference = &snapshot->references[i];
        to = write_difference(to, reference->block, block);
        to = varint_write(to, (uint64_t)((reference->slot - previous_slot) & SNAPSHOT_FAR_SLOT)
                                      << SNAPSHOT_KIND_SHIFT |
                                  reference->kind);
        previous_slot = reference->slot;
    }
    piece_end(piece, to);
}

static void write_references(const struct snapshot *snapshot, snapshot_add_record add,
                             void *context)
{
    struct piece piece = {0};
    const uint64_t *row = snapshot->first_reference;
    size_t first = 0;
    for (size_t i = 0; i < snapshot->block_count; i++) {
        write_row(snapshot, i, &piece);
        if (i + 1 < snapshot->block_count && i + 1 - first < PIECE_BLOCKS &&
            row[i + 1] - row[first] < PIECE_REFERENCES)
            continue;
        const struct recording_snapshot_references record = {.snapshot_id = snapshot->number,
                                                             .first_block = first,
                                                             .block_count = i + 1 - first,
                                                             .reference_count = row[i + 1] -
                                                                                row[first],
                                                             .references = piece_bytes(&piece)};
        add(context, RECORDING_snapshot_references, &record);
        piece.count = 0;
        first = i + 1;
    }
    free(piece.bytes);
}

static void write_roots(const struct snapshot *snapshot, snapshot_add_record add, void *context)
{
    struct piece piece = {0};
    for (size_t first = 0; first < snapshot->root_count; first += PIECE_ROOTS) {
        size_t count = snapshot->root_count - first;
        if (count > PIECE_ROOTS)
            count = PIECE_ROOTS;
        struct snapshot_root previous = {0};
        piece.count = 0;
        uint8_t *to = piece_reserve(&piece, count * SNAPSHOT_ROOT_FIELDS);
        for (size_t i = first; i < first + count; i++) {
            const struct snapshot_root *root = &snapshot->roots[i];
            to = varint_write(to, root->kind | (uint64_t)root->reference << SNAPSHOT_KIND_SHIFT);
            to = write_difference(to, root->address, previous.address);
            to = write_difference(to, root->block, previous.block);
            to = varint_write(to, root->module + 1); /* SNAPSHOT_NONE becomes 0 */
            to = varint_write(to, root->thread + 1);
            to = varint_write(to, root->number);
            previous = *root;
        }
        piece_end(&piece, to);
        const struct recording_snapshot_roots record = {.snapshot_id = snapshot->number,
                                                        .first_root = first,
                                                        .root_count = count,
                                                        .roots = piece_bytes(&piece)};
        add(context, RECORDING_snapshot_roots, &record);
    }
    free(piece.bytes);
}

static void write_modules(const struct snapshot *snapshot, snapshot_add_record add, void *context)
{
    for (size_t i = 0; i < snapshot->module_count; i++) {
        const struct snapshot_module *module = &snapshot->modules[i];
        const struct recording_snapshot_module record = {
            .snapshot_id = snapshot->number,
            .path = module->path,
            .build_id = {.bytes = module->build_id, .count = module->build_id_bytes},
            .start_address = module->start,
            .end_address = module->end,
            .bias = module->bias,
        };
        add(context, RECORDING_snapshot_module, &record);
    }
}

static void write_threads(const struct snapshot *snapshot, snapshot_add_record add, void *context)
{
    uint64_t *pairs = NULL;
    size_t capacity = 0;
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        const struct snapshot_thread *thread = &snapshot->threads[i];
        pairs = memory_grow(pairs, &capacity, 2 * (size_t)thread->frame_count, sizeof *pairs);
        uint64_t previous = 0;
        for (uint32_t j = 0; j < thread->frame_count; j++) {
            const struct snapshot_frame *frame = &snapshot->frames[thread->first_frame + j];
            pairs[2 * j] = frame->address - previous;
            pairs[2 * j + 1] = frame->frame_id;
            previous = frame->address;
        }
        const struct recording_snapshot_thread record = {
            .snapshot_id = snapshot->number,
            .tid = thread->tid,
            .name = thread->name,
            .stack_start = thread->stack_start,
            .stack_end = thread->stack_end,
            .frames = {.items = pairs, .count = 2 * (size_t)thread->frame_count},
        };
        add(context, RECORDING_snapshot_thread, &record);
    }
    free(pairs);
}

static void write_classes(const struct snapshot *snapshot, snapshot_add_record add, void *context)
{
    for (size_t i = 0; i < snapshot->class_count; i++) {
        const struct snapshot_class *class = &snapshot->classes[i];
        const struct recording_snapshot_class record = {
            .snapshot_id = snapshot->number,
            .name = class->name,
            .module_plus_1 = (uint32_t)(class->module + 1), /* SNAPSHOT_NONE becomes 0 */
            .address = class->address,
        };
        add(context, RECORDING_snapshot_class, &record);
    }
}

static void write_facts(const struct snapshot *snapshot, enum snapshot_fact_kind kind,
                        snapshot_add_record add, void *context)
{
    const struct snapshot_facts *facts = &snapshot->facts[kind];
    struct piece piece = {0};
    for (size_t first = 0; first < facts->count; first += PIECE_FACTS) {
        size_t count = facts->count - first;
        if (count > PIECE_FACTS)
            count = PIECE_FACTS;
        uint32_t owner = 0;
        piece.count = 0;
        uint8_t *to = piece_reserve(&piece, count * SNAPSHOT_FACT_FIELDS);
        for (size_t i = first; i < first + count; i++) {
            to = varint_write(to, facts->items[i].owner - owner);
            to = varint_write(to, facts->items[i].slot);
            to = varint_write(to, facts->items[i].value);
            owner = facts->items[i].owner;
        }
        piece_end(&piece, to);
        const struct recording_snapshot_facts record = {.snapshot_id = snapshot->number,
                                                        .kind = kind,
                                                        .fact_count = count,
                                                        .facts = piece_bytes(&piece)};
        add(context, RECORDING_snapshot_facts, &record);
    }
    free(piece.bytes);
}

static uint64_t count_facts(const struct snapshot *snapshot)
{
    uint64_t count = 0;
    for (size_t i = 0; i < SNAPSHOT_FACT_KIND_COUNT; i++)
        count += snapshot->facts[i].count;
    return count;
}

void snapshot_write(const struct snapshot *snapshot, snapshot_add_record add, void *context)
{
    const struct recording_snapshot head = {
        .id = snapshot->number,
        .process_id = snapshot->process_id,
        .time_ns = snapshot->time_ns,
        .reason = snapshot->reason,
        .end = snapshot->end,
        .note = snapshot->note,
        .mark = snapshot->mark,
        .stop_ns = snapshot->stop_ns,
        .scan_ns = snapshot->scan_ns,
        .unreadable_bytes = snapshot->unreadable_bytes,
        .missing_threads = snapshot->missing_threads,
        .unsure_blocks = snapshot->unsure_blocks,
        .roots_off = snapshot->roots_off,
        .scanned_bytes = snapshot->scanned_bytes,
        .skipped_bytes = snapshot->skipped_bytes,
        .is_copied = snapshot->is_copied,
        .is_self_read = snapshot->is_self_read,
        .resident_bytes = snapshot->resident_bytes,
        .block_count = snapshot->block_count,
        .reference_count = snapshot->reference_count,
        .root_count = snapshot->root_count,
        .module_count = snapshot->module_count,
        .thread_count = snapshot->thread_count,
        .class_count = snapshot->class_count,
        .fact_count = count_facts(snapshot),
        .python_nodes = snapshot->python != NULL && snapshot->python->graph != NULL
                            ? snapshot->python->graph->node_count
                            : 0,
        .content_limit = snapshot->content_limit,
    };
    add(context, RECORDING_snapshot, &head);
    write_modules(snapshot, add, context);
    write_threads(snapshot, add, context);
    write_blocks(snapshot, add, context);
    if (snapshot->first_reference)
        write_references(snapshot, add, context);
    write_roots(snapshot, add, context);
    write_classes(snapshot, add, context);
    for (int kind = 0; kind < SNAPSHOT_FACT_KIND_COUNT; kind++)
        write_facts(snapshot, (enum snapshot_fact_kind)kind, add, context);
    if (snapshot->python)
        python_heap_write(snapshot->python, snapshot->number, add, context);
    if (snapshot->memory)
        memory_use_write(snapshot->memory, snapshot->number, add, context);
    block_contents_write(snapshot, add, context);
}
