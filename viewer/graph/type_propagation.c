#include "graph/type_propagation.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/containers.h"
#include "graph/type_claims.h"
#include "graph/type_variables.h"
#include "symbols/demangle.h"

enum {
    WORD_BYTES = 8,
    MOST_ALLOCATOR_FRAMES = 8, /* innermost ones, in which the library's allocator is looked for */
    VOTES = 3                  /* rounds */
};

static const double SURE_VOTE = 0.9;

/* ---- spreading ---- */

/* What the pointer at an offset of a typed block points to. */
static uint32_t pointee_at(struct type_claims *run, const struct block_type *of, uint64_t bytes,
                           uint64_t offset)
{
    const struct graph_type *item = type_table_get(run->table, of->type);
    uint64_t own = item->facts.bytes, start;
    uint32_t element;

    if (offset < (uint64_t)of->header_words * WORD_BYTES || own == 0)
        return TYPE_NONE;
    offset -= (uint64_t)of->header_words * WORD_BYTES;
    bytes -= (uint64_t)of->header_words * WORD_BYTES;
    if (item->facts.kind == TYPE_POINTER)
        return type_table_target(run->table, of->type);
    if (item->facts.kind == TYPE_ARRAY && item->is_memory) {
        element = type_table_target(run->table, of->type);
        return element ? type_table_pointee(run->table, element, offset % own) : TYPE_NONE;
    }
    if (offset >= own) {
        element = type_table_flexible(run->table, of->type, &start);
        item = type_table_get(run->table, element);
        if (item && item->facts.bytes > 0 && offset >= start)
            return type_table_pointee(run->table, element, (offset - start) % item->facts.bytes);
        if (bytes % own != 0 || of->confidence == TYPE_UNSURE)
            return TYPE_NONE;
        offset %= own;
    }
    return type_table_pointee(run->table, of->type, offset);
}

static void spread_reference(struct type_claims *run, uint32_t block, uint64_t position,
                             uint32_t type, enum type_source source,
                             enum type_confidence confidence)
{
    const struct snapshot_reference *reference = &run->snapshot->references[position];
    uint64_t offset;

    if (type == TYPE_NONE)
        return;
    if (reference->kind == SNAPSHOT_START)
        type_claims_add(run, reference->block, type, source, confidence);
    else if (snapshot_find_fact(run->snapshot, SNAPSHOT_FACT_OFFSET, block, reference->slot,
                                &offset))
        type_claims_add_behind(
            run, reference->block, type, source, confidence, offset,
            snapshot_counts_as_start((enum snapshot_reference_kind)reference->kind));
}

static void spread_part(struct type_claims *run, uint32_t block, const struct type_part *part)
{
    const struct snapshot *snapshot = run->snapshot;
    uint64_t end = part->offset + type_table_get(run->table, part->type)->facts.bytes;
    uint64_t first = part->offset / WORD_BYTES;

    for (uint64_t i = snapshot_first_reference_from(snapshot, block, first);
         i < snapshot->first_reference[block + 1]; i++) {
        uint64_t at = (uint64_t)snapshot->references[i].slot * WORD_BYTES;

        if (at >= end || snapshot->references[i].slot == SNAPSHOT_FAR_SLOT)
            return;
        spread_reference(run, block, i,
                         type_table_pointee(run->table, part->type, at - part->offset),
                         TYPE_SOURCE_DWARF, (enum type_confidence)part->confidence);
    }
}

static void spread_parts(struct type_claims *run, uint32_t block)
{
    const uint64_t *first = hash_map_find(&run->first_part, block);

    for (uint64_t at = first ? *first : 0; at != 0; at = run->parts[at - 1].next) {
        struct type_part part = run->parts[at - 1];

        if (part.is_spread)
            continue;
        run->parts[at - 1].is_spread = true;
        spread_part(run, block, &part);
    }
}

static void spread_block(struct type_claims *run, uint32_t block)
{
    const struct snapshot *snapshot = run->snapshot;
    struct block_type of = run->types->blocks[block];
    enum type_source source = of.source == TYPE_SOURCE_SITE ? TYPE_SOURCE_SITE : TYPE_SOURCE_DWARF;

    for (uint64_t i = snapshot->first_reference[block];
         of.type != TYPE_NONE && i < snapshot->first_reference[block + 1]; i++)
        if (snapshot->references[i].slot != SNAPSHOT_FAR_SLOT)
            spread_reference(run, block, i,
                             pointee_at(run, &of, snapshot->blocks[block].bytes,
                                        (uint64_t)snapshot->references[i].slot * WORD_BYTES),
                             source, (enum type_confidence)of.confidence);
    spread_parts(run, block);
}

static void spread(struct type_claims *run)
{
    uint32_t block;

    while (type_claims_next(run, &block))
        spread_block(run, block);
}

/* ---- classes ---- */

static uint32_t type_of_class(struct type_claims *run, const struct snapshot_class *class)
{
    char *mangled, *name;
    uint32_t type;

    if (!*class->name)
        return TYPE_NONE;
    /* A type's name alone is not demangled; that of its type information is. */
    mangled = memory_print_text("_ZTS%s", class->name);
    name = demangle_name(mangled);
    static const char in_front[] = "typeinfo name for ";
    bool is_known = text_starts_with(name, in_front);
    type = is_known
               ? containers_type_of_class(run->table, class->module, name + sizeof in_front - 1)
               : TYPE_NONE;
    free(name);
    free(mangled);
    return type;
}

static void seed_classes(struct type_claims *run)
{
    const struct snapshot *snapshot = run->snapshot;
    const struct snapshot_facts *facts = &snapshot->facts[SNAPSHOT_FACT_CLASS];
    uint32_t *types = memory_allocate_zeroed(snapshot->class_count, sizeof *types);

    for (size_t i = 0; i < snapshot->class_count; i++)
        types[i] = type_of_class(run, &snapshot->classes[i]);
    for (size_t i = 0; i < facts->count; i++) {
        const struct snapshot_fact *fact = &facts->items[i];
        const struct graph_type *item = type_table_get(run->table, types[fact->value]);
        uint64_t bytes = snapshot->blocks[fact->owner].bytes - (uint64_t)fact->slot * WORD_BYTES;

        if (!item || run->types->blocks[fact->owner].type != TYPE_NONE)
            continue;
        type_claims_set(run, fact->owner, types[fact->value],
                        item->is_memory ? TYPE_SOURCE_CONTAINER : TYPE_SOURCE_VTABLE,
                        item->facts.bytes && bytes % item->facts.bytes ? TYPE_LIKELY : TYPE_SURE);
        run->types->blocks[fact->owner].header_words = (uint16_t)fact->slot;
    }
    free(types);
}

/* ---- sites ---- */

/* The innermost functions of a site's stack, inlined ones too. */
static size_t find_functions(const struct profile *profile, uint32_t node, const char **functions)
{
    size_t count = 0;

    for (; node != 0; node = profile->nodes[node].parent) {
        const struct profile_frame *frame = &profile->frames[profile->nodes[node].frame];

        for (uint32_t i = 0; i < frame->location_count; i++) {
            if (count == MOST_ALLOCATOR_FRAMES)
                return count;
            functions[count++] = profile->locations[frame->first_location + i].function;
        }
    }
    return count;
}

static uint32_t type_of_site(struct type_claims *run, const struct profile_site *site)
{
    const char *functions[MOST_ALLOCATOR_FRAMES];
    size_t count = find_functions(run->input->profile, site->stack_node, functions);
    uint32_t type = TYPE_NONE;

    for (size_t i = 0; i < count && type == TYPE_NONE; i++)
        type = containers_type_of_allocator(run->table, functions[i], functions + i + 1,
                                            count - i - 1);
    return type;
}

#define SITE_NOT_ASKED UINT32_MAX

static void seed_sites(struct type_claims *run)
{
    const struct profile *profile = run->input->profile;
    uint32_t *types = memory_allocate(profile->site_count * sizeof *types);

    memset(types, 0xff, profile->site_count * sizeof *types);
    for (uint32_t i = 0; i < run->snapshot->block_count; i++) {
        uint32_t site = run->input->site_of_block[i];

        if (site >= profile->site_count || run->types->blocks[i].type != TYPE_NONE)
            continue;
        if (types[site] == SITE_NOT_ASKED)
            types[site] = type_of_site(run, &profile->sites[site]);
        if (types[site] == TYPE_NONE)
            continue;
        if (type_table_get(run->table, types[site])->facts.bytes > 0)
            type_claims_add(run, i, types[site], TYPE_SOURCE_CONTAINER, TYPE_SURE);
        else
            type_claims_set(run, i, types[site], TYPE_SOURCE_CONTAINER, TYPE_SURE);
    }
    free(types);
}

/* What pointers say that look like those of strings and vectors. */
static void seed_shapes(struct type_claims *run)
{
    static const enum snapshot_fact_kind kinds[] = {SNAPSHOT_FACT_LENGTH, SNAPSHOT_FACT_ROOT_LENGTH,
                                                    SNAPSHOT_FACT_FILLED,
                                                    SNAPSHOT_FACT_ROOT_FILLED};
    const struct snapshot *snapshot = run->snapshot;

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t i = 0; i < snapshot->facts[kinds[k]].count; i++) {
            const struct snapshot_fact *fact = &snapshot->facts[kinds[k]].items[i];
            uint32_t block = SNAPSHOT_NONE;

            if (kinds[k] >= SNAPSHOT_FACT_ROOT_OFFSET)
                block = snapshot->roots[fact->owner].block;
            else
                block = snapshot_find_reference(snapshot, fact->owner, fact->slot);
            if (block == SNAPSHOT_NONE || run->types->blocks[block].type != TYPE_NONE)
                continue;
            type_claims_set(run, block,
                            k < 2 ? containers_plain_string(run->table)
                                  : containers_plain_vector(run->table),
                            TYPE_SOURCE_CONTAINER, k < 2 ? TYPE_LIKELY : TYPE_UNSURE);
        }
}

/* ---- votes ---- */

struct vote {
    uint32_t site, type;
    uint16_t header_words;
    uint64_t count;
};

static int compare_votes(const void *left, const void *right)
{
    const struct vote *a = left, *b = right;

    if (a->site != b->site)
        return a->site < b->site ? -1 : 1;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return a->type < b->type ? -1 : a->type > b->type;
}

static struct vote *count_votes(struct type_claims *run, size_t *count)
{
    struct hash_map positions = {0};
    struct vote *votes = NULL;
    size_t capacity = 0;

    *count = 0;
    for (uint32_t i = 0; i < run->snapshot->block_count; i++) {
        const struct block_type *of = &run->types->blocks[i];
        uint64_t *position;
        bool is_new;

        /* That some text was of one site says nothing of the rest. */
        if (run->input->site_of_block[i] == UINT32_MAX || of->type == TYPE_NONE ||
            of->source == TYPE_SOURCE_SITE || type_claims_weight(run, of->type) <= 1)
            continue;
        position = hash_map_put(&positions, (uint64_t)run->input->site_of_block[i] << 32 | of->type,
                                &is_new);
        if (is_new) {
            *position = *count;
            votes = memory_grow(votes, &capacity, *count + 1, sizeof *votes);
            votes[(*count)++] = (struct vote){run->input->site_of_block[i], of->type,
                                              of->header_words, 0};
        }
        votes[*position].count++;
    }
    hash_map_clear(&positions);
    if (*count > 0)
        qsort(votes, *count, sizeof *votes, compare_votes);
    return votes;
}

/* By site: the type that most of its typed blocks have. */
static struct block_type *elect(struct type_claims *run)
{
    size_t site_count = run->input->profile->site_count, count;
    struct block_type *elected = memory_allocate_zeroed(site_count, sizeof *elected);
    struct vote *votes = count_votes(run, &count);

    for (size_t i = 0; i < count;) {
        uint32_t site = votes[i].site;
        uint64_t most = votes[i].count, all = 0;
        uint32_t type = votes[i].type;
        uint16_t header_words = votes[i].header_words;

        for (; i < count && votes[i].site == site; i++)
            all += votes[i].count;
        if (site < site_count && 2 * most > all)
            elected[site] = (struct block_type){
                .type = type,
                .source = TYPE_SOURCE_SITE,
                .header_words = header_words,
                .confidence = most > 1 && (double)most >= SURE_VOTE * (double)all ? TYPE_LIKELY
                                                                                  : TYPE_UNSURE};
    }
    free(votes);
    return elected;
}

static bool vote(struct type_claims *run)
{
    struct block_type *elected = elect(run);
    bool is_any = false;

    for (uint32_t i = 0; i < run->snapshot->block_count; i++) {
        uint32_t site = run->input->site_of_block[i];
        const struct block_type *of = site < run->input->profile->site_count ? &elected[site]
                                                                             : NULL;

        if (!of || of->type == TYPE_NONE || run->types->blocks[i].type != TYPE_NONE)
            continue;
        if (of->header_words > 0)
            type_claims_add_behind(run, i, of->type, TYPE_SOURCE_SITE,
                                   (enum type_confidence)of->confidence,
                                   (uint64_t)of->header_words * WORD_BYTES, true);
        else if (type_table_get(run->table, of->type)->facts.bytes > 0)
            type_claims_add(run, i, of->type, TYPE_SOURCE_SITE,
                            (enum type_confidence)of->confidence);
        else
            type_claims_set(run, i, of->type, TYPE_SOURCE_SITE,
                            (enum type_confidence)of->confidence);
        is_any = is_any || run->types->blocks[i].type != TYPE_NONE;
    }
    free(elected);
    return is_any;
}

/* ---- all ---- */

void block_types_find(const struct type_input *input, struct block_types *types)
{
    const struct snapshot *snapshot = input->snapshot;
    struct type_claims run = {
        .input = input, .snapshot = snapshot, .table = input->table, .types = types};

    *types = (struct block_types){0};
    types->blocks = memory_allocate_zeroed_large(snapshot->block_count, sizeof *types->blocks);
    types->variable_of_root = memory_allocate_large(snapshot->root_count, sizeof(uint32_t));
    run.is_queued = memory_allocate_zeroed(snapshot->block_count, 1);
    run.queue = memory_allocate_large(snapshot->block_count + 1, sizeof *run.queue);
    seed_classes(&run);
    type_variables_find(&run);
    type_variables_claim(&run);
    spread(&run);
    seed_sites(&run);
    spread(&run);
    seed_shapes(&run);
    for (int round = 0; round < VOTES && vote(&run); round++)
        spread(&run);
    free(run.is_queued);
    free(run.queue);
    free(run.parts);
    hash_map_clear(&run.first_part);
}

void block_types_clear(struct block_types *types)
{
    free(types->blocks);
    for (size_t i = 0; i < types->variable_count; i++)
        free(types->variables[i].name);
    free(types->variables);
    free(types->variable_of_root);
    *types = (struct block_types){0};
}
