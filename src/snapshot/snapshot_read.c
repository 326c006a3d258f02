#include "snapshot/snapshot_pieces.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "recording/varint.h"

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
    snapshot->is_self_read = head->is_self_read != 0;
    snapshot->resident_bytes = head->resident_bytes;
    snapshot->content_limit = head->content_limit;
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

static struct snapshot_block make_block(const uint64_t *field,
                                        const struct snapshot_block *previous)
{
    return (struct snapshot_block){
        .address = previous->address + field[0],
        .bytes = field[1],
        .site = (uint32_t)field[2],
        .thread = (uint16_t)(field[3] >> SNAPSHOT_KIND_SHIFT),
        .flags = (uint16_t)(field[3] & SNAPSHOT_KIND_MASK),
        .birth_ns = previous->birth_ns + (uint64_t)varint_unzigzag(field[4]),
    };
}

static bool take_block(struct snapshot *snapshot, const uint64_t *field,
                       const struct snapshot_block *previous)
{
    struct snapshot_block block = make_block(field, previous);
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
        piece->block_count > piece->blocks.count / SNAPSHOT_BLOCK_FIELDS ||
        piece->block_count > reading->head.block_count - snapshot->block_count)
        return damage(reading, "its blocks do not follow each other");
    const uint8_t *at = piece->blocks.bytes;
    const uint8_t *end = at + piece->blocks.count;
    struct snapshot_block previous = {0};
    for (uint64_t i = 0; i < piece->block_count; i++) {
        uint64_t field[SNAPSHOT_BLOCK_FIELDS];
        if (!read_varints(&at, end, field, SNAPSHOT_BLOCK_FIELDS) ||
            !take_block(snapshot, field, &previous))
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
        uint64_t field[SNAPSHOT_REFERENCE_FIELDS];
        if (!read_varints(at, end, field, SNAPSHOT_REFERENCE_FIELDS))
            return false;
        uint64_t to = from + (uint64_t)varint_unzigzag(field[0]);
        uint64_t kind = field[1] & SNAPSHOT_KIND_MASK;
        slot = (uint32_t)(slot + (field[1] >> SNAPSHOT_KIND_SHIFT)) & SNAPSHOT_FAR_SLOT;
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
    root->kind = (uint8_t)(field[0] & SNAPSHOT_KIND_MASK);
    root->reference = (uint8_t)(field[0] >> SNAPSHOT_KIND_SHIFT & SNAPSHOT_KIND_MASK);
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
        uint64_t field[SNAPSHOT_ROOT_FIELDS];
        if (!read_varints(&at, end, field, SNAPSHOT_ROOT_FIELDS) ||
            !take_root(snapshot, field, &root))
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
    if (piece->fact_count > piece->facts.count / SNAPSHOT_FACT_FIELDS)
        return damage(reading, "its facts are not all there");
    reading->fact_count += piece->fact_count;
    if (piece->kind >= SNAPSHOT_FACT_KIND_COUNT)
        return true; /* of a newer seep */
    enum snapshot_fact_kind of = (enum snapshot_fact_kind)piece->kind;
    const uint8_t *at = piece->facts.bytes;
    const uint8_t *end = at + piece->facts.count;
    uint64_t owner = 0;
    for (uint64_t i = 0; i < piece->fact_count; i++) {
        uint64_t field[SNAPSHOT_FACT_FIELDS];
        if (!read_varints(&at, end, field, SNAPSHOT_FACT_FIELDS))
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
    static const recording_visit takers[SNAPSHOT_PIECE_KINDS] = {
        take_module, take_thread, take_blocks, take_references, take_roots, take_class, take_facts};
    if (!recording_reader_visit_owned(reader, RECORDING_snapshot, reading->id, take_head, reading,
                                      reading->error) ||
        reading->is_damaged)
        return false;
    if (!reading->has_head)
        return error_set(reading->error, "there is no snapshot %" PRIu64, reading->id);
    for (size_t i = 0; i < SNAPSHOT_PIECE_KINDS; i++)
        if (!recording_reader_visit_owned(reader, snapshot_piece_kinds[i], reading->id, takers[i],
                                          reading, reading->error) ||
            reading->is_damaged)
            return false;
    snapshot_end_references(reading->snapshot);
    const struct snapshot *snapshot = reading->snapshot;
    const struct snapshot_tally tally = {snapshot->block_count,     reading->row_count,
                                         snapshot->reference_count, snapshot->root_count,
                                         snapshot->module_count,    snapshot->thread_count,
                                         snapshot->class_count,     reading->fact_count};
    return snapshot_tally_is_whole(&tally, &reading->head) || damage(reading, "it is not whole");
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

/* ---- blocks alone ---- */

struct block_visit {
    uint64_t id;
    snapshot_visit_block visit;
    void *context;
    bool is_ended;
};

static bool visit_piece(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct block_visit *visit = context;
    const struct recording_snapshot_blocks *piece = record;
    const uint8_t *at = piece->blocks.bytes;
    const uint8_t *end = at + piece->blocks.count;
    struct snapshot_block block = {0};
    if (piece->snapshot_id != visit->id)
        return true;
    for (uint64_t i = 0; i < piece->block_count && !visit->is_ended; i++) {
        uint64_t field[SNAPSHOT_BLOCK_FIELDS];
        if (!read_varints(&at, end, field, SNAPSHOT_BLOCK_FIELDS))
            return true;
        block = make_block(field, &block);
        visit->is_ended = !visit->visit(visit->context, &block);
    }
    return !visit->is_ended;
}

bool snapshot_visit_blocks(struct recording_reader *reader, uint64_t id, snapshot_visit_block visit,
                           void *context, struct error *error)
{
    struct block_visit passed = {.id = id, .visit = visit, .context = context};
    return recording_reader_visit_owned(reader, RECORDING_snapshot_blocks, id, visit_piece, &passed,
                                        error);
}
