/* By function, file, module and line of Python: every location of a stack belongs to one row.
 *
 * What a site has by itself goes to the innermost own location that does not merely pass on
 * requests for memory (place.h): else xmalloc would have all of a program's memory, and nobody else
 * any.
 *
 * A row's inclusive figures are the sums below those nodes of the stack tree that belong to it and
 * have no node above them that does too: so recursion counts once. One walk over the tree finds
 * them. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/arena.h"
#include "analysis/query_gathering.h"
#include "analysis/stack_sums.h"
#include "base/hash_map.h"
#include "base/memory.h"

#define NO_ROW UINT32_MAX

struct code_rows {
    struct hash_index index;
    uint32_t *row_of_location; /* NO_ROW: stands for no code */
    uint32_t *own_row;         /* by frame: of its first own location, NO_ROW = none */
    uint32_t *plain_row;       /* by frame: of its first own one that is no wrapper */
    uint32_t *self_row;        /* by node: which row has the sites there by itself */
    uint32_t *open;            /* by row: how many of its locations lie on the way to here */
    uint8_t *is_touched;       /* by row: some site has it on its stack */
    uint32_t no_stack;         /* the row of sites without a stack */
};

static bool row_equals(const void *context, uint32_t position, const void *key)
{
    const struct query_row *a = &((const struct query_result *)context)->rows[position];
    const struct query_row *b = key;
    return query_code_key_equals(a, b);
}

static uint64_t hash_text(const char *text, uint64_t seed)
{
    return text ? hash_bytes(text, strlen(text), seed) : seed + 1;
}

static uint32_t find_code_row(struct query_gathering *gathering, struct code_rows *code,
                              const struct query_row *key)
{
    struct query_result *result = gathering->result;
    uint64_t hash = hash_text(key->module, hash_text(key->file, hash_text(key->name, 0)));
    uint32_t position = hash_index_find(&code->index, hash, key, row_equals, result);
    if (position != HASH_INDEX_NONE) {
        if (result->rows[position].line != key->line)
            result->rows[position].line = 0;
        return position;
    }
    struct query_row *row = query_gathering_add_row(gathering, key->name);
    row->file = key->file;
    row->line = key->line;
    row->module = key->module;
    hash_index_add(&code->index, hash, (uint32_t)(result->row_count - 1));
    return (uint32_t)(result->row_count - 1);
}

static void assign_frame(struct query_gathering *gathering, struct code_rows *code, size_t position)
{
    const struct profile *profile = gathering->profile;
    const struct profile_frame *frame = &profile->frames[position];
    for (uint32_t i = 0; i < frame->location_count; i++) {
        const struct profile_location *location = &profile->locations[frame->first_location + i];
        struct query_row key = query_code_key(profile, gathering->query->grouping, frame, location,
                                              gathering->arena);
        uint32_t row = find_code_row(gathering, code, &key);
        code->row_of_location[frame->first_location + i] = row;
        enum code_rank rank = query_code_rank(profile, frame, location);
        if (code->own_row[position] == NO_ROW && rank >= CODE_OWN)
            code->own_row[position] = row;
        if (code->plain_row[position] == NO_ROW && rank == CODE_PLAIN)
            code->plain_row[position] = row;
    }
}

static void assign_frames(struct query_gathering *gathering, struct code_rows *code)
{
    const struct profile *profile = gathering->profile;
    for (size_t i = 0; i < profile->location_count; i++)
        code->row_of_location[i] = NO_ROW;
    for (size_t i = 0; i < profile->frame_count; i++) {
        code->own_row[i] = code->plain_row[i] = NO_ROW;
        if (query_code_counts(gathering->query->grouping, &profile->frames[i]))
            assign_frame(gathering, code, i);
    }
    struct query_row key = {.name = query_name_without_code(gathering->query->grouping)};
    code->no_stack = find_code_row(gathering, code, &key);
}

static uint32_t innermost_row(const struct profile *profile, const struct code_rows *code,
                              uint32_t node)
{
    for (; node; node = profile->nodes[node].parent) {
        const struct profile_frame *frame = &profile->frames[profile->nodes[node].frame];
        if (code->row_of_location[frame->first_location] != NO_ROW)
            return code->row_of_location[frame->first_location];
    }
    return code->no_stack;
}

/* By node, the row of the innermost frame that has one, else NO_ROW: what a node has not, its
 * caller may have. */
static void find_innermost(const struct profile *profile, const uint32_t *row_of_frame,
                           uint32_t *row_of_node)
{
    row_of_node[0] = NO_ROW;
    for (size_t i = 1; i < profile->node_count; i++) {
        uint32_t row = row_of_frame[profile->nodes[i].frame];
        row_of_node[i] = row != NO_ROW ? row : row_of_node[profile->nodes[i].parent];
    }
}

static void find_self_rows(const struct profile *profile, struct code_rows *code)
{
    uint32_t *own = memory_allocate_zeroed(profile->node_count, sizeof *own);
    find_innermost(profile, code->plain_row, code->self_row);
    find_innermost(profile, code->own_row, own);
    for (size_t i = 0; i < profile->node_count; i++)
        if (code->self_row[i] == NO_ROW)
            code->self_row[i] = own[i];
    free(own);
}

static void add_self(struct query_gathering *gathering, struct code_rows *code)
{
    const struct profile *profile = gathering->profile;
    size_t count = profile->site_count;
    for (size_t i = 0; i < count && query_gathering_goes_on(gathering, i, count); i++) {
        if (!query_gathering_wants(gathering, i))
            continue;
        uint32_t node = profile->sites[i].stack_node;
        uint32_t row = code->self_row[node];
        if (row == NO_ROW)
            row = innermost_row(profile, code, node);
        query_figures_add_site(&gathering->result->rows[row].self, &profile->sites[i]);
        if (row == code->no_stack)
            query_figures_add_site(&gathering->result->rows[row].inclusive, &profile->sites[i]);
        query_gathering_join(gathering, row, (uint32_t)i);
    }
}

static void enter_node(struct query_gathering *gathering, struct code_rows *code,
                       const struct stack_sums *sums, uint32_t node)
{
    const struct profile *profile = gathering->profile;
    const struct profile_frame *frame = &profile->frames[profile->nodes[node].frame];
    for (uint32_t i = 0; i < frame->location_count; i++) {
        uint32_t row = code->row_of_location[frame->first_location + i];
        if (row == NO_ROW || code->open[row]++)
            continue;
        query_figures_add(&gathering->result->rows[row].inclusive, &sums->figures[node]);
        code->is_touched[row] = 1;
    }
}

static void leave_node(const struct profile *profile, struct code_rows *code, uint32_t node)
{
    const struct profile_frame *frame = &profile->frames[profile->nodes[node].frame];
    for (uint32_t i = 0; i < frame->location_count; i++) {
        uint32_t row = code->row_of_location[frame->first_location + i];
        if (row != NO_ROW)
            code->open[row]--;
    }
}

static void add_inclusive(struct query_gathering *gathering, struct code_rows *code)
{
    const struct profile *profile = gathering->profile;
    struct stack_sums sums;
    stack_sums_init(&sums, profile, gathering->query->process, gathering->is_kept);
    uint32_t node = sums.first_child[0];
    for (size_t done = 0; node && query_gathering_goes_on(gathering, done, profile->node_count);
         done++) {
        enter_node(gathering, code, &sums, node);
        if (sums.first_child[node]) {
            node = sums.first_child[node];
            continue;
        }
        leave_node(profile, code, node);
        while (node && !sums.next_sibling[node]) {
            node = profile->nodes[node].parent;
            if (node)
                leave_node(profile, code, node);
        }
        node = node ? sums.next_sibling[node] : 0;
    }
    stack_sums_clear(&sums);
}

/* Rows that no site reaches (code of other processes, of mappings) go. */
static void remove_untouched(struct query_gathering *gathering, const struct code_rows *code)
{
    struct query_result *result = gathering->result;
    size_t kept = 0;
    for (size_t i = 0; i < result->row_count; i++)
        if (code->is_touched[i] || result->rows[i].site_count)
            result->rows[kept++] = result->rows[i];
    result->row_count = kept;
}

void query_gather_code(struct query_gathering *gathering)
{
    const struct profile *profile = gathering->profile;
    struct code_rows code = {.no_stack = NO_ROW};
    hash_index_init(&code.index);
    code.row_of_location = memory_allocate_zeroed(profile->location_count,
                                                  sizeof *code.row_of_location);
    code.own_row = memory_allocate_zeroed(profile->frame_count, sizeof *code.own_row);
    code.plain_row = memory_allocate_zeroed(profile->frame_count, sizeof *code.plain_row);
    code.self_row = memory_allocate_zeroed(profile->node_count, sizeof *code.self_row);
    assign_frames(gathering, &code);
    code.open = memory_allocate_zeroed(gathering->result->row_count, sizeof *code.open);
    code.is_touched = memory_allocate_zeroed(gathering->result->row_count, 1);
    find_self_rows(profile, &code);
    add_self(gathering, &code);
    if (!gathering->is_stopped)
        add_inclusive(gathering, &code);
    remove_untouched(gathering, &code);
    hash_index_clear(&code.index);
    free(code.row_of_location);
    free(code.own_row);
    free(code.plain_row);
    free(code.self_row);
    free(code.open);
    free(code.is_touched);
}
