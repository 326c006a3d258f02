#include "snapshot/snapshot_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "recording/varint.h"

enum {
    PIECE_BLOCKS = 32 * 1024,
    PIECE_REFERENCES = 64 * 1024, /* after which a piece ends, with the block that it is in */
    PIECE_ROOTS = 32 * 1024,
    PIECE_FACTS = 32 * 1024,
    BLOCK_FIELDS = 5, /* varints of an item */
    REFERENCE_FIELDS = 2,
    ROOT_FIELDS = 6,
    FACT_FIELDS = 3,
    KIND_SHIFT = 4
};

#define KIND_MASK ((1u << KIND_SHIFT) - 1)

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
        uint8_t *to = piece_reserve(&piece, count * BLOCK_FIELDS);
        for (size_t i = first; i < first + count; i++) {
            const struct snapshot_block *block = &snapshot->blocks[i];
            to = varint_write(to, block->address - previous.address);
            to = varint_write(to, block->bytes);
            to = varint_write(to, block->site);
            to = varint_write(to,
                              (uint64_t)block->thread << KIND_SHIFT | (block->flags & KIND_MASK));
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
    uint8_t *to = piece_reserve(piece, 1 + (end - first) * REFERENCE_FIELDS);
    uint32_t previous_slot = 0;
    to = varint_write(to, end - first);
    for (uint64_t i = first; i < end; i++) {
        const struct snapshot_reference *reference = &snapshot->references[i];
        to = write_difference(to, reference->block, block);
        to = varint_write(to, (uint64_t)((reference->slot - previous_slot) & SNAPSHOT_FAR_SLOT)
                                      << KIND_SHIFT |
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
        uint8_t *to = piece_reserve(&piece, count * ROOT_FIELDS);
        for (size_t i = first; i < first + count; i++) {
            const struct snapshot_root *root = &snapshot->roots[i];
            to = varint_write(to, root->kind | (uint64_t)root->reference << KIND_SHIFT);
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
        uint8_t *to = piece_reserve(&piece, count * FACT_FIELDS);
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
        .resident_bytes = snapshot->resident_bytes,
        .block_count = snapshot->block_count,
        .reference_count = snapshot->reference_count,
        .root_count = snapshot->root_count,
        .module_count = snapshot->module_count,
        .thread_count = snapshot->thread_count,
        .class_count = snapshot->class_count,
        .fact_count = count_facts(snapshot),
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
}

/* What is there of a snapshot: sums over the records that were found. */
struct tally {
    uint64_t blocks, rows, references, roots, modules, threads, classes, facts;
};

struct list_reading {
    struct snapshot_list *list;
    struct tally *tallies; /* beside list->heads */
    size_t capacity, tally_capacity;
};

static size_t find_head(const struct snapshot_list *list, uint64_t id)
{
    size_t low = 0;
    size_t high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->heads[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool visit_head(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct list_reading *reading = context;
    struct snapshot_list *list = reading->list;
    struct recording_snapshot head = *(const struct recording_snapshot *)record;
    size_t at = find_head(list, head.id);
    head.note = memory_duplicate_text(head.note);
    head.mark = memory_duplicate_text(head.mark != NULL ? head.mark : "");
    if (at < list->count && list->heads[at].id == head.id) {
        free((char *)list->heads[at].note);
        free((char *)list->heads[at].mark);
        list->heads[at] = head;
        return true;
    }
    list->heads = memory_grow(list->heads, &reading->capacity, list->count + 1,
                              sizeof *list->heads);
    memmove(&list->heads[at + 1], &list->heads[at], (list->count - at) * sizeof *list->heads);
    list->heads[at] = head;
    list->count++;
    return true;
}

static bool visit_piece(void *context, enum recording_kind kind, const void *record)
{
    struct list_reading *reading = context;
    uint64_t id = *(const uint64_t *)record; /* every piece begins with its snapshot's */
    size_t at = find_head(reading->list, id);
    if (at >= reading->list->count || reading->list->heads[at].id != id)
        return true;
    struct tally *tally = &reading->tallies[at];
    if (kind == RECORDING_snapshot_module) {
        tally->modules++;
    } else if (kind == RECORDING_snapshot_thread) {
        tally->threads++;
    } else if (kind == RECORDING_snapshot_blocks) {
        tally->blocks += ((const struct recording_snapshot_blocks *)record)->block_count;
    } else if (kind == RECORDING_snapshot_references) {
        const struct recording_snapshot_references *piece = record;
        tally->rows += piece->block_count;
        tally->references += piece->reference_count;
    } else if (kind == RECORDING_snapshot_class) {
        tally->classes++;
    } else if (kind == RECORDING_snapshot_facts) {
        tally->facts += ((const struct recording_snapshot_facts *)record)->fact_count;
    } else {
        tally->roots += ((const struct recording_snapshot_roots *)record)->root_count;
    }
    return true;
}

static bool is_whole(const struct recording_snapshot *head, const struct tally *tally)
{
    return tally->blocks == head->block_count && tally->rows == head->block_count &&
           tally->references == head->reference_count && tally->roots == head->root_count &&
           tally->modules == head->module_count && tally->threads == head->thread_count &&
           tally->classes == head->class_count && tally->facts == head->fact_count;
}

static void drop_torn(struct snapshot_list *list, const struct tally *tallies)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (is_whole(&list->heads[i], &tallies[i])) {
            list->heads[kept++] = list->heads[i];
        } else {
            free((char *)list->heads[i].note);
            free((char *)list->heads[i].mark);
            list->torn_count++;
        }
    }
    list->count = kept;
}

static const enum recording_kind piece_kinds[] = {
    RECORDING_snapshot_module,     RECORDING_snapshot_thread, RECORDING_snapshot_blocks,
    RECORDING_snapshot_references, RECORDING_snapshot_roots,  RECORDING_snapshot_class,
    RECORDING_snapshot_facts,
};

enum {
    PIECE_KINDS = sizeof piece_kinds / sizeof *piece_kinds
};

bool snapshot_list_read(struct snapshot_list *list, struct recording_reader *reader,
                        struct error *error)
{
    *list = (struct snapshot_list){0};
    struct list_reading reading = {.list = list};
    bool is_read = recording_reader_visit(reader, RECORDING_snapshot, visit_head, &reading, error);
    if (is_read && list->count > 0) {
        reading.tallies = memory_allocate_zeroed(list->count, sizeof *reading.tallies);
        for (size_t i = 0; i < PIECE_KINDS && is_read; i++)
            is_read = recording_reader_visit(reader, piece_kinds[i], visit_piece, &reading, error);
        drop_torn(list, reading.tallies);
    }
    free(reading.tallies);
    if (!is_read)
        snapshot_list_clear(list);
    return is_read;
}

void snapshot_list_clear(struct snapshot_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free((char *)list->heads[i].note);
        free((char *)list->heads[i].mark);
    }
    free(list->heads);
    *list = (struct snapshot_list){0};
}

struct snapshot_reading {
    struct snapshot *snapshot;
    uint64_t id;
    struct recording_snapshot head;
    bool has_head;
    struct error *error;
    bool is_damaged;
    uint64_t row_count; /* of references, so far */
    uint64_t fact_count;
};

static bool damage(struct snapshot_reading *reading, const char *what)
{
    reading->is_damaged = true;
    return error_set(reading->error, "snapshot %" PRIu64 " is damaged: %s", reading->id, what);
}

static bool take_head(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct snapshot_reading *reading = context;
    const struct recording_snapshot *head = record;
    if (head->id != reading->id)
        return true;
    struct snapshot *snapshot = reading->snapshot;
    if (head->process_id > UINT32_MAX || head->block_count >= SNAPSHOT_NONE ||
        head->id > UINT32_MAX)
        return damage(reading, "its head makes no sense");
    reading->has_head = true;
    reading->head = *head;
    snapshot->number = (uint32_t)head->id;
    snapshot->process_id = (uint32_t)head->process_id;
    snapshot->time_ns = head->time_ns;
    snapshot->reason = (enum snapshot_reason)head->reason;
    snapshot->end = (enum snapshot_end)head->end;
    snapshot->stop_ns = head->stop_ns;
    snapshot->scan_ns = head->scan_ns;
    snapshot->unreadable_bytes = head->unreadable_bytes;
    snapshot->missing_threads = head->missing_threads;
    snapshot->unsure_blocks = head->unsure_blocks;
    snapshot->roots_off = head->roots_off;
    snapshot->scanned_bytes = head->scanned_bytes;
    snapshot->skipped_bytes = head->skipped_bytes;
    snapshot->is_copied = head->is_copied != 0;
    snapshot->resident_bytes = head->resident_bytes;
    size_t note_bytes = strnlen(head->note, sizeof snapshot->note - 1);
    memcpy(snapshot->note, head->note, note_bytes);
    snapshot->note[note_bytes] = '\0';
    snprintf(snapshot->mark, sizeof snapshot->mark, "%s", head->mark);
    return true;
}

static bool take_module(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct snapshot_reading *reading = context;
    const struct recording_snapshot_module *read = record;
    struct snapshot_module module = {.path = (char *)read->path,
                                     .start = read->start_address,
                                     .end = read->end_address,
                                     .bias = read->bias};
    if (read->snapshot_id != reading->id)
        return true;
    if (read->build_id.count <= sizeof module.build_id && read->build_id.count > 0) {
        memcpy(module.build_id, read->build_id.bytes, read->build_id.count);
        module.build_id_bytes = (uint32_t)read->build_id.count;
    }
    snapshot_add_module(reading->snapshot, &module);
    return true;
}

static bool take_thread(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct snapshot_reading *reading = context;
    const struct recording_snapshot_thread *read = record;
    if (read->snapshot_id != reading->id)
        return true;
    struct snapshot_thread thread = {
        .tid = (uint32_t)read->tid, .stack_start = read->stack_start, .stack_end = read->stack_end};
    size_t name_bytes = strnlen(read->name, sizeof thread.name - 1);
    memcpy(thread.name, read->name, name_bytes);
    snapshot_add_thread(reading->snapshot, &thread);
    uint64_t address = 0;
    for (size_t i = 0; i + 1 < read->frames.count; i += 2) {
        address += read->frames.items[i];
        snapshot_add_frame(reading->snapshot, address, (uint32_t)read->frames.items[i + 1]);
    }
    return true;
}

/* Reads `count` varints. */
static bool read_varints(const uint8_t **at, const uint8_t *end, uint64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!varint_read(at, end, &values[i]))
            return false;
    return true;
}

static bool take_block(struct snapshot *snapshot, const uint64_t *field,
                       const struct snapshot_block *previous)
{
    struct snapshot_block block = {
        .address = previous->address + field[0],
        .bytes = field[1],
        .site = (uint32_t)field[2],
        .thread = (uint16_t)(field[3] >> KIND_SHIFT),
        .flags = (uint16_t)(field[3] & KIND_MASK),
        .birth_ns = previous->birth_ns + (uint64_t)varint_unzigzag(field[4]),
    };
    if (block.address < previous->address || block.bytes > UINT64_MAX - block.address ||
        field[2] > UINT32_MAX)
        return false;
    if (snapshot->block_count > 0) {
        const struct snapshot_block *last = &snapshot->blocks[snapshot->block_count - 1];
        if (block.address <= last->address || block.address < last->address + last->bytes)
            return false;
    }
    snapshot_add_block(snapshot, &block);
    return true;
}

static bool take_blocks(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct snapshot_reading *reading = context;
    struct snapshot *snapshot = reading->snapshot;
    const struct recording_snapshot_blocks *piece = record;
    if (piece->snapshot_id != reading->id)
        return true;
    if (piece->first_block != snapshot->block_count ||
        piece->block_count > piece->blocks.count / BLOCK_FIELDS ||
        piece->block_count > reading->head.block_count - snapshot->block_count)
        return damage(reading, "its blocks do not follow each other");
    const uint8_t *at = piece->blocks.bytes;
    const uint8_t *end = at + piece->blocks.count;
    struct snapshot_block previous = {0};
    for (uint64_t i = 0; i < piece->block_count; i++) {
        uint64_t field[BLOCK_FIELDS];
        if (!read_varints(&at, end, field, BLOCK_FIELDS) || !take_block(snapshot, field, &previous))
            return damage(reading, "a block makes no sense");
        previous = snapshot->blocks[snapshot->block_count - 1];
    }
    return true;
}

/* The references of block `from`. The one to itself, which cannot be, counts as damage too. */
static bool take_row(struct snapshot *snapshot, uint64_t from, const uint8_t **at,
                     const uint8_t *end)
{
    uint64_t count;
    if (!varint_read(at, end, &count) || count > (uint64_t)(end - *at))
        return false;
    uint32_t slot = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t field[REFERENCE_FIELDS];
        if (!read_varints(at, end, field, REFERENCE_FIELDS))
            return false;
        uint64_t to = from + (uint64_t)varint_unzigzag(field[0]);
        uint64_t kind = field[1] & KIND_MASK;
        slot = (uint32_t)(slot + (field[1] >> KIND_SHIFT)) & SNAPSHOT_FAR_SLOT;
        if (to >= snapshot->block_count || to == from || kind > SNAPSHOT_INTERIOR)
            return false;
        snapshot_add_reference(snapshot, (uint32_t)from, (uint32_t)to, slot,
                               (enum snapshot_reference_kind)kind);
    }
    return true;
}

static bool take_references(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct snapshot_reading *reading = context;
    const struct recording_snapshot_references *piece = record;
    if (piece->snapshot_id != reading->id)
        return true;
    if (piece->first_block != reading->row_count ||
        piece->block_count > reading->snapshot->block_count - reading->row_count)
        return damage(reading, "its references do not follow each other");
    const uint8_t *at = piece->references.bytes;
    const uint8_t *end = at + piece->references.count;
    for (uint64_t i = 0; i < piece->block_count; i++)
        if (!take_row(reading->snapshot, piece->first_block + i, &at, end))
            return damage(reading, "a reference makes no sense");
    reading->row_count += piece->block_count;
    return true;
}

static bool take_root(const struct snapshot *snapshot, const uint64_t *field,
                      struct snapshot_root *root)
{
    root->kind = (uint8_t)(field[0] & KIND_MASK);
    root->reference = (uint8_t)(field[0] >> KIND_SHIFT & KIND_MASK);
    root->address += (uint64_t)varint_unzigzag(field[1]);
    root->block += (uint32_t)varint_unzigzag(field[2]);
    root->module = (uint32_t)field[3] - 1;
    root->thread = (uint32_t)field[4] - 1;
    root->number = (uint32_t)field[5];
    return root->kind < SNAPSHOT_ROOT_KIND_COUNT && root->reference <= SNAPSHOT_INTERIOR &&
           root->block < snapshot->block_count &&
           (root->module == SNAPSHOT_NONE || root->module < snapshot->module_count) &&
           (root->thread == SNAPSHOT_NONE || root->thread < snapshot->thread_count);
}

static bool take_roots(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct snapshot_reading *reading = context;
    struct snapshot *snapshot = reading->snapshot;
    const struct recording_snapshot_roots *piece = record;
    if (piece->snapshot_id != reading->id)
        return true;
    if (piece->first_root != snapshot->root_count)
        return damage(reading, "its roots do not follow each other");
    const uint8_t *at = piece->roots.bytes;
    const uint8_t *end = at + piece->roots.count;
    struct snapshot_root root = {0};
    for (uint64_t i = 0; i < piece->root_count; i++) {
        uint64_t field[ROOT_FIELDS];
        if (!read_varints(&at, end, field, ROOT_FIELDS) || !take_root(snapshot, field, &root))
            return damage(reading, "a root makes no sense");
        snapshot_add_root(snapshot, &root);
    }
    return true;
}

static bool take_class(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct snapshot_reading *reading = context;
    const struct recording_snapshot_class *read = record;
    if (read->snapshot_id != reading->id)
        return true;
    if (read->module_plus_1 > reading->snapshot->module_count)
        return damage(reading, "a class makes no sense");
    snapshot_add_class(reading->snapshot,
                       &(struct snapshot_class){.name = (char *)read->name,
                                                .module = (uint32_t)read->module_plus_1 - 1,
                                                .address = read->address});
    return true;
}

/* What has an owner, in the order by which facts are found. */
static bool is_fact(const struct snapshot *snapshot, enum snapshot_fact_kind kind, uint64_t owner,
                    uint64_t slot, uint64_t value)
{
    const struct snapshot_facts *facts = &snapshot->facts[kind];
    const struct snapshot_fact *last = facts->count ? &facts->items[facts->count - 1] : NULL;
    uint64_t owners = kind < SNAPSHOT_FACT_ROOT_OFFSET ? snapshot->block_count
                                                       : snapshot->root_count;
    return owner < owners && slot < SNAPSHOT_FAR_SLOT &&
           (kind != SNAPSHOT_FACT_CLASS || value < snapshot->class_count) &&
           (!last || last->owner < owner || (last->owner == owner && last->slot < slot));
}

static bool take_facts(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct snapshot_reading *reading = context;
    const struct recording_snapshot_facts *piece = record;
    if (piece->snapshot_id != reading->id)
        return true;
    if (piece->fact_count > piece->facts.count / FACT_FIELDS)
        return damage(reading, "its facts are not all there");
    reading->fact_count += piece->fact_count;
    if (piece->kind >= SNAPSHOT_FACT_KIND_COUNT)
        return true; /* of a newer seep */
    enum snapshot_fact_kind of = (enum snapshot_fact_kind)piece->kind;
    const uint8_t *at = piece->facts.bytes;
    const uint8_t *end = at + piece->facts.count;
    uint64_t owner = 0;
    for (uint64_t i = 0; i < piece->fact_count; i++) {
        uint64_t field[FACT_FIELDS];
        if (!read_varints(&at, end, field, FACT_FIELDS))
            return damage(reading, "a fact makes no sense");
        owner += field[0];
        if (!is_fact(reading->snapshot, of, owner, field[1], field[2]))
            return damage(reading, "a fact makes no sense");
        snapshot_add_fact(reading->snapshot, of, (uint32_t)owner, field[1], field[2]);
    }
    return true;
}

static bool read_pieces(struct snapshot_reading *reading, struct recording_reader *reader)
{
    static const recording_visit takers[PIECE_KINDS] = {
        take_module, take_thread, take_blocks, take_references, take_roots, take_class, take_facts};
    if (!recording_reader_visit_owned(reader, RECORDING_snapshot, reading->id, take_head, reading,
                                      reading->error) ||
        reading->is_damaged)
        return false;
    if (!reading->has_head)
        return error_set(reading->error, "there is no snapshot %" PRIu64, reading->id);
    for (size_t i = 0; i < PIECE_KINDS; i++)
        if (!recording_reader_visit_owned(reader, piece_kinds[i], reading->id, takers[i], reading,
                                          reading->error) ||
            reading->is_damaged)
            return false;
    snapshot_end_references(reading->snapshot);
    const struct snapshot *snapshot = reading->snapshot;
    const struct tally tally = {snapshot->block_count,     reading->row_count,
                                snapshot->reference_count, snapshot->root_count,
                                snapshot->module_count,    snapshot->thread_count,
                                snapshot->class_count,     reading->fact_count};
    return is_whole(&reading->head, &tally) || damage(reading, "it is not whole");
}

bool snapshot_read(struct recording_reader *reader, uint64_t id, struct snapshot *snapshot,
                   struct error *error)
{
    struct snapshot_reading reading = {.snapshot = snapshot, .id = id, .error = error};
    if (read_pieces(&reading, reader))
        return true;
    snapshot_clear(snapshot);
    return false;
}
