#include "config.h"

#include "analysis/query.h"

#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/arena.h"
#include "analysis/own_code.h"
#include "analysis/stack_sums.h"
#include "base/hash_map.h"
#include "base/memory.h"

/* ---- the tables ---- */

static const struct query_grouping_info groupings[] = {
    {QUERY_BY_SITE, "site", "Site", "each stack that allocated", false},
    {QUERY_BY_FUNCTION, "function", "Function", "functions, alone and with what they call", true},
    {QUERY_BY_FILE, "file", "File", "source files", true},
    {QUERY_BY_MODULE, "module", "Module", "the program and its libraries", true},
    {QUERY_BY_THREAD, "thread", "Thread", "the threads that allocated", false},
};

static const struct query_metric_info metrics[] = {
    {QUERY_LIVE_BYTES, "live", "live_bytes", "Live", "bytes not freed", true, QUERY_LIVE_BYTES},
    {QUERY_PEAK_BYTES, "peak", "peak_bytes", "Peak", "bytes held when the process was at its peak",
     true, QUERY_PEAK_BYTES},
    {QUERY_ALLOCATED_BYTES, "allocated", "allocated_bytes", "Allocated", "bytes ever allocated",
     true, QUERY_ALLOCATED_BYTES},
    {QUERY_FREED_BYTES, "freed", "freed_bytes", "Freed", "bytes freed", true, QUERY_FREED_BYTES},
    {QUERY_LIVE_BLOCKS, "live-blocks", "live_blocks", "Blocks", "blocks not freed", false,
     QUERY_LIVE_BYTES},
    {QUERY_PEAK_BLOCKS, "peak-blocks", "peak_blocks", "Peak blk",
     "blocks held when the process was at its peak", false, QUERY_PEAK_BYTES},
    {QUERY_ALLOCATIONS, "allocations", "allocations", "Calls", "calls that returned a block", false,
     QUERY_ALLOCATED_BYTES},
    {QUERY_FREES, "frees", "frees", "Frees", "blocks freed", false, QUERY_FREED_BYTES},
    {QUERY_TEMPORARY, "temporary", "temporary_allocations", "Temporary",
     "blocks freed before their thread allocated again", false, QUERY_ALLOCATED_BYTES},
};

enum {
    GROUPING_COUNT = sizeof groupings / sizeof *groupings
};
_Static_assert(sizeof metrics / sizeof *metrics == QUERY_METRIC_COUNT, "a row for each metric");

const struct query_grouping_info *query_grouping_at(size_t position)
{
    return position < GROUPING_COUNT ? &groupings[position] : NULL;
}

const struct query_grouping_info *query_grouping_find(const char *name)
{
    for (size_t i = 0; i < GROUPING_COUNT; i++)
        if (strcmp(groupings[i].name, name) == 0)
            return &groupings[i];
    return NULL;
}

const struct query_metric_info *query_metric_at(size_t position)
{
    return position < QUERY_METRIC_COUNT ? &metrics[position] : NULL;
}

const struct query_metric_info *query_metric_find(const char *name)
{
    for (size_t i = 0; i < QUERY_METRIC_COUNT; i++)
        if (strcmp(metrics[i].name, name) == 0)
            return &metrics[i];
    return NULL;
}

void query_figures_add(struct query_figures *sum, const struct query_figures *added)
{
    for (int i = 0; i < QUERY_METRIC_COUNT; i++)
        sum->values[i] += added->values[i];
    sum->inherited_blocks += added->inherited_blocks;
    sum->inherited_bytes += added->inherited_bytes;
}

void query_figures_subtract(struct query_figures *sum, const struct query_figures *taken)
{
    for (int i = 0; i < QUERY_METRIC_COUNT; i++)
        sum->values[i] -= taken->values[i];
    sum->inherited_blocks -= taken->inherited_blocks;
    sum->inherited_bytes -= taken->inherited_bytes;
}

void query_figures_add_site(struct query_figures *sum, const struct profile_site *site)
{
    const struct recording_site *figures = &site->figures;
    const struct query_figures added = {
        .values = {[QUERY_LIVE_BYTES] = figures->live_bytes,
                   [QUERY_PEAK_BYTES] = figures->peak_bytes,
                   [QUERY_ALLOCATED_BYTES] = figures->allocated_bytes,
                   [QUERY_FREED_BYTES] = figures->freed_bytes,
                   [QUERY_LIVE_BLOCKS] = figures->live_blocks,
                   [QUERY_PEAK_BLOCKS] = figures->peak_blocks,
                   [QUERY_ALLOCATIONS] = figures->allocations,
                   [QUERY_FREES] = figures->frees,
                   [QUERY_TEMPORARY] = figures->temporary_allocations},
        .inherited_blocks = figures->inherited_blocks,
        .inherited_bytes = figures->inherited_bytes};
    query_figures_add(sum, &added);
}

/* ---- filters: a bit an expression; a stack has the bits of all its locations ---- */

enum filter_bits {
    INCLUDE_FUNCTION = 1,
    EXCLUDE_FUNCTION = 2,
    INCLUDE_FILE = 4,
    EXCLUDE_FILE = 8,
    INCLUDE_MODULE = 16,
    EXCLUDE_MODULE = 32,
    INCLUDE_ALL = INCLUDE_FUNCTION | INCLUDE_FILE | INCLUDE_MODULE,
    EXCLUDE_ALL = EXCLUDE_FUNCTION | EXCLUDE_FILE | EXCLUDE_MODULE,
    EXPRESSION_COUNT = 6
};

struct filter {
    regex_t expressions[EXPRESSION_COUNT]; /* by bit number */
    unsigned given;                        /* bits */
};

static bool compile_expression(struct filter *filter, unsigned number, const char *expression,
                               struct error *error)
{
    if (!expression)
        return true;
    int status = regcomp(&filter->expressions[number], expression, REG_EXTENDED | REG_NOSUB);
    if (status == 0) {
        filter->given |= 1u << number;
        return true;
    }
    char reason[256];
    regerror(status, &filter->expressions[number], reason, sizeof reason);
    return error_set(error, "the regular expression \"%s\" is malformed: %s", expression, reason);
}

static void filter_clear(struct filter *filter)
{
    for (unsigned i = 0; i < EXPRESSION_COUNT; i++)
        if (filter->given & 1u << i)
            regfree(&filter->expressions[i]);
}

static unsigned match(const struct filter *filter, unsigned bits, const char *text)
{
    unsigned matched = 0;
    if (!text)
        return 0;
    for (unsigned i = 0; i < EXPRESSION_COUNT; i++)
        if ((bits & filter->given & 1u << i) &&
            regexec(&filter->expressions[i], text, 0, NULL, 0) == 0)
            matched |= 1u << i;
    return matched;
}

static unsigned match_frame(const struct profile *profile, const struct filter *filter,
                            const struct profile_frame *frame)
{
    unsigned bits = 0;
    for (uint32_t i = 0; i < frame->location_count; i++) {
        const struct profile_location *location = &profile->locations[frame->first_location + i];
        bits |= match(filter, INCLUDE_FUNCTION | EXCLUDE_FUNCTION, location->function);
        bits |= match(filter, INCLUDE_FILE | EXCLUDE_FILE, location->file);
    }
    if (frame->module_plus_1)
        bits |= match(filter, INCLUDE_MODULE | EXCLUDE_MODULE,
                      profile->modules[frame->module_plus_1 - 1].path);
    return bits;
}

static void apply_filter(const struct profile *profile, const struct filter *filter,
                         uint8_t *is_kept)
{
    uint8_t *frame_bits = memory_allocate_zeroed(profile->frame_count, 1);
    uint8_t *node_bits = memory_allocate_zeroed(profile->node_count, 1);
    for (size_t i = 0; i < profile->frame_count; i++)
        frame_bits[i] = (uint8_t)match_frame(profile, filter, &profile->frames[i]);
    for (size_t i = 1; i < profile->node_count; i++) /* parents stand before their children */
        node_bits[i] = node_bits[profile->nodes[i].parent] | frame_bits[profile->nodes[i].frame];
    for (size_t i = 0; i < profile->site_count; i++) {
        unsigned bits = node_bits[profile->sites[i].stack_node];
        is_kept[i] = !(bits & EXCLUDE_ALL) && (bits & INCLUDE_ALL) == (filter->given & INCLUDE_ALL);
    }
    free(frame_bits);
    free(node_bits);
}

bool query_filter_sites(const struct profile *profile, const struct query_filter *filter,
                        uint8_t *is_kept, struct error *error)
{
    const char *const expressions[EXPRESSION_COUNT] = {
        filter->include_function, filter->exclude_function, filter->include_file,
        filter->exclude_file,     filter->include_module,   filter->exclude_module};
    struct filter compiled = {.given = 0};
    bool is_compiled = true;
    for (unsigned i = 0; is_compiled && i < EXPRESSION_COUNT; i++)
        is_compiled = compile_expression(&compiled, i, expressions[i], error);
    if (is_compiled && compiled.given)
        apply_filter(profile, &compiled, is_kept);
    else if (is_compiled && profile->site_count)
        memset(is_kept, 1, profile->site_count);
    filter_clear(&compiled);
    return is_compiled;
}

/* ---- gathering ---- */

struct gathering {
    const struct profile *profile;
    const struct query *query;
    struct query_result *result;
    struct arena *arena;
    const uint8_t *is_kept; /* by site */
    size_t row_capacity;
    uint64_t *largest; /* by row: the sort key of its row.site */
    size_t largest_capacity;
    bool is_filtered;
};

static struct query_row *add_row(struct gathering *gathering, const char *name)
{
    struct query_result *result = gathering->result;
    result->rows = memory_grow(result->rows, &gathering->row_capacity, result->row_count + 1,
                               sizeof *result->rows);
    gathering->largest = memory_grow(gathering->largest, &gathering->largest_capacity,
                                     result->row_count + 1, sizeof *gathering->largest);
    gathering->largest[result->row_count] = 0;
    struct query_row *row = &result->rows[result->row_count++];
    *row = (struct query_row){.name = name, .site = QUERY_NO_SITE, .thread_id = UINT64_MAX};
    return row;
}

static bool is_asked_for(const struct gathering *gathering, size_t site)
{
    uint32_t process = gathering->query->process;
    return gathering->is_kept[site] &&
           (process == QUERY_ALL_PROCESSES || gathering->profile->sites[site].process == process);
}

/* Notes that the site is part of the row: for counts, the process, and the row's foremost site. */
static void join(struct gathering *gathering, size_t position, uint32_t site)
{
    struct query_row *row = &gathering->result->rows[position];
    const struct profile_site *joined = &gathering->profile->sites[site];
    struct query_figures figures = {0};
    query_figures_add_site(&figures, joined);
    uint64_t value = figures.values[gathering->query->sort];
    if (row->site == QUERY_NO_SITE || value > gathering->largest[position]) {
        row->site = site;
        gathering->largest[position] = value;
    }
    if (row->site_count++ == 0)
        row->process = joined->process;
    else if (row->process != joined->process)
        row->process = QUERY_ALL_PROCESSES;
}

/* One row a stack and function: only several processes can have sites in common. */
static void gather_sites(struct gathering *gathering)
{
    const struct profile *profile = gathering->profile;
    bool is_merging = gathering->query->process == QUERY_ALL_PROCESSES &&
                      profile->process_count > 1;
    struct hash_map rows;
    hash_map_init(&rows);
    for (size_t i = 0; i < profile->site_count; i++) {
        if (!is_asked_for(gathering, i))
            continue;
        const struct profile_site *site = &profile->sites[i];
        size_t position = gathering->result->row_count;
        bool is_new = true;
        if (is_merging) {
            uint64_t key = (uint64_t)site->stack_node << 8 | (uint64_t)site->function;
            uint64_t *place = hash_map_put(&rows, key, &is_new);
            if (is_new)
                *place = position;
            position = (size_t)*place;
        }
        if (is_new)
            add_row(gathering, NULL)->fingerprint = site->fingerprint;
        join(gathering, position, (uint32_t)i);
        query_figures_add_site(&gathering->result->rows[position].self, site);
    }
    hash_map_clear(&rows);
    for (size_t i = 0; i < gathering->result->row_count; i++)
        gathering->result->rows[i].inclusive = gathering->result->rows[i].self;
}

/* ---- by function, file, module: every location belongs to one row ----
 *
 * A row's inclusive figures are the sums below those nodes of the stack tree that belong to it and
 * have no node above them that does too: so recursion counts once. One walk over the tree finds
 * them. */

#define NO_ROW UINT32_MAX

struct code_rows {
    struct hash_index index;
    uint32_t *row_of_location; /* NO_ROW: stands for no code */
    uint32_t *own_row;         /* by frame: of its first own location, NO_ROW = none */
    uint32_t *self_row;        /* by node: which row has the sites there by itself */
    uint32_t *open;            /* by row: how many of its locations lie on the way to here */
    uint8_t *is_touched;       /* by row: some site has it on its stack */
    uint32_t no_stack;         /* the row of sites without a stack */
};

static bool texts_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool row_equals(const void *context, uint32_t position, const void *key)
{
    const struct query_row *a = &((const struct query_result *)context)->rows[position];
    const struct query_row *b = key;
    return texts_equal(a->name, b->name) && texts_equal(a->file, b->file) &&
           texts_equal(a->module, b->module);
}

static uint64_t hash_text(const char *text, uint64_t seed)
{
    return text ? hash_bytes(text, strlen(text), seed) : seed + 1;
}

static uint32_t find_code_row(struct gathering *gathering, struct code_rows *code,
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
    struct query_row *row = add_row(gathering, key->name);
    row->file = key->file;
    row->line = key->line;
    row->module = key->module;
    hash_index_add(&code->index, hash, (uint32_t)(result->row_count - 1));
    return (uint32_t)(result->row_count - 1);
}

/* Code without symbols is one row a module. */
static struct query_row key_of_location(const struct gathering *gathering,
                                        const struct profile_module *module,
                                        const struct profile_location *location)
{
    struct query_row key = {.module = module ? module->path : NULL};
    const char *module_name = module ? module->name : "[no module]";
    switch (gathering->query->grouping) {
    case QUERY_BY_FUNCTION:
        key.name = location->function;
        key.file = location->file;
        key.line = location->line;
        if (!location->is_symbolized) {
            key.name = arena_print(gathering->arena, "%s (no symbols)", module_name);
            key.file = NULL;
            key.line = 0;
        }
        break;
    case QUERY_BY_FILE:
        key.name = location->file;
        key.file = location->file;
        if (!location->file)
            key.name = arena_print(gathering->arena, "%s (no line numbers)", module_name);
        else
            key.module = NULL; /* headers are compiled into several */
        break;
    case QUERY_BY_MODULE:
        key.name = module_name;
        break;
    case QUERY_BY_SITE:
    case QUERY_BY_THREAD:
        break;
    }
    return key;
}

static void assign_frame(struct gathering *gathering, struct code_rows *code, size_t position)
{
    const struct profile *profile = gathering->profile;
    const struct profile_frame *frame = &profile->frames[position];
    const struct profile_module *module = frame->module_plus_1
                                              ? &profile->modules[frame->module_plus_1 - 1]
                                              : NULL;
    for (uint32_t i = 0; i < frame->location_count; i++) {
        const struct profile_location *location = &profile->locations[frame->first_location + i];
        struct query_row key = key_of_location(gathering, module, location);
        uint32_t row = find_code_row(gathering, code, &key);
        code->row_of_location[frame->first_location + i] = row;
        if (code->own_row[position] == NO_ROW && own_code_is_own(profile, frame, location))
            code->own_row[position] = row;
    }
}

static void assign_frames(struct gathering *gathering, struct code_rows *code)
{
    const struct profile *profile = gathering->profile;
    for (size_t i = 0; i < profile->location_count; i++)
        code->row_of_location[i] = NO_ROW;
    for (size_t i = 0; i < profile->frame_count; i++) {
        code->own_row[i] = NO_ROW;
        if (profile->frames[i].kind != RECORDING_FRAME_OMITTED)
            assign_frame(gathering, code, i);
    }
    struct query_row key = {.name = "[no stack]"};
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

/* The row of the innermost own frame, else NO_ROW: what a node has not, its caller may have. */
static void find_self_rows(const struct profile *profile, struct code_rows *code)
{
    code->self_row[0] = NO_ROW;
    for (size_t i = 1; i < profile->node_count; i++) {
        uint32_t own = code->own_row[profile->nodes[i].frame];
        code->self_row[i] = own != NO_ROW ? own : code->self_row[profile->nodes[i].parent];
    }
}

static void add_self(struct gathering *gathering, struct code_rows *code)
{
    const struct profile *profile = gathering->profile;
    for (size_t i = 0; i < profile->site_count; i++) {
        if (!is_asked_for(gathering, i))
            continue;
        uint32_t node = profile->sites[i].stack_node;
        uint32_t row = code->self_row[node];
        if (row == NO_ROW)
            row = innermost_row(profile, code, node);
        query_figures_add_site(&gathering->result->rows[row].self, &profile->sites[i]);
        if (row == code->no_stack)
            query_figures_add_site(&gathering->result->rows[row].inclusive, &profile->sites[i]);
        join(gathering, row, (uint32_t)i);
    }
}

static void enter_node(struct gathering *gathering, struct code_rows *code,
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

static void add_inclusive(struct gathering *gathering, struct code_rows *code)
{
    const struct profile *profile = gathering->profile;
    struct stack_sums sums;
    stack_sums_init(&sums, profile, gathering->query->process, gathering->is_kept);
    uint32_t node = sums.first_child[0];
    while (node) {
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
static void remove_untouched(struct gathering *gathering, const struct code_rows *code)
{
    struct query_result *result = gathering->result;
    size_t kept = 0;
    for (size_t i = 0; i < result->row_count; i++)
        if (code->is_touched[i] || result->rows[i].site_count)
            result->rows[kept++] = result->rows[i];
    result->row_count = kept;
}

static void gather_code(struct gathering *gathering)
{
    const struct profile *profile = gathering->profile;
    struct code_rows code = {.no_stack = NO_ROW};
    hash_index_init(&code.index);
    code.row_of_location = memory_allocate_zeroed(profile->location_count,
                                                  sizeof *code.row_of_location);
    code.own_row = memory_allocate_zeroed(profile->frame_count, sizeof *code.own_row);
    code.self_row = memory_allocate_zeroed(profile->node_count, sizeof *code.self_row);
    assign_frames(gathering, &code);
    code.open = memory_allocate_zeroed(gathering->result->row_count, sizeof *code.open);
    code.is_touched = memory_allocate_zeroed(gathering->result->row_count, 1);
    find_self_rows(profile, &code);
    add_self(gathering, &code);
    add_inclusive(gathering, &code);
    remove_untouched(gathering, &code);
    hash_index_clear(&code.index);
    free(code.row_of_location);
    free(code.own_row);
    free(code.self_row);
    free(code.open);
    free(code.is_touched);
}

/* ---- by thread ---- */

enum {
    THREAD_NUMBERS = 7
}; /* of a site's split, see RECORDING_FIELDS_site */

static struct query_row *find_thread_row(struct gathering *gathering, struct hash_map *rows,
                                         uint32_t process, uint64_t thread_id)
{
    /* Thread ids are dense; a forged one shares a row with another, and is never followed. */
    uint64_t key = (uint64_t)process << 40 | ((thread_id + 1) & ((UINT64_C(1) << 40) - 1));
    bool is_new;
    uint64_t *place = hash_map_put(rows, key, &is_new);
    if (!is_new)
        return &gathering->result->rows[*place];
    *place = gathering->result->row_count;
    struct query_row *row = add_row(gathering, "[no thread known]");
    row->process = process;
    row->thread_id = thread_id;
    if (thread_id == UINT64_MAX)
        return row;
    const struct recording_thread *thread = profile_find_thread(gathering->profile, process,
                                                                thread_id);
    row->tid = thread ? thread->tid : 0;
    row->name = thread && thread->name[0]
                    ? thread->name
                    : arena_print(gathering->arena, "thread %" PRIu64, thread_id);
    return row;
}

static void add_split(struct query_figures *sum, const uint64_t *numbers)
{
    sum->values[QUERY_ALLOCATIONS] += numbers[1];
    sum->values[QUERY_ALLOCATED_BYTES] += numbers[2];
    sum->values[QUERY_FREES] += numbers[3];
    sum->values[QUERY_FREED_BYTES] += numbers[4];
    sum->values[QUERY_LIVE_BLOCKS] += numbers[5];
    sum->values[QUERY_LIVE_BYTES] += numbers[6];
}

static const uint32_t thread_metrics = 1u << QUERY_ALLOCATIONS | 1u << QUERY_ALLOCATED_BYTES |
                                       1u << QUERY_FREES | 1u << QUERY_FREED_BYTES |
                                       1u << QUERY_LIVE_BLOCKS | 1u << QUERY_LIVE_BYTES;

/* What a site has beyond its threads' parts: blocks inherited from a parent, above all. */
static void add_rest(struct gathering *gathering, struct hash_map *rows, uint32_t site,
                     const struct query_figures *splits)
{
    const struct profile_site *from = &gathering->profile->sites[site];
    struct query_figures rest = {0};
    query_figures_add_site(&rest, from);
    bool has_rest = false;
    for (int i = 0; i < QUERY_METRIC_COUNT; i++) {
        bool is_known = thread_metrics >> i & 1;
        rest.values[i] = is_known && rest.values[i] > splits->values[i]
                             ? rest.values[i] - splits->values[i]
                             : 0;
        has_rest |= rest.values[i] != 0;
    }
    if (!has_rest)
        return;
    struct query_row *row = find_thread_row(gathering, rows, from->process, UINT64_MAX);
    query_figures_add(&row->self, &rest);
    join(gathering, (size_t)(row - gathering->result->rows), site);
    row->process = from->process;
}

/* Threads that only freed have no part in a site, and are shown all the same. */
static void add_thread_records(struct gathering *gathering, struct hash_map *rows)
{
    const struct profile *profile = gathering->profile;
    for (uint32_t i = 0; i < profile->process_count; i++) {
        const struct profile_process *process = &profile->processes[i];
        uint32_t asked = gathering->query->process;
        if (asked != QUERY_ALL_PROCESSES && asked != i)
            continue;
        for (uint32_t j = 0; j < process->thread_count; j++)
            find_thread_row(gathering, rows, i, profile->threads[process->first_thread + j].id);
    }
}

static void gather_threads(struct gathering *gathering)
{
    const struct profile *profile = gathering->profile;
    struct hash_map rows;
    hash_map_init(&rows);
    for (size_t i = 0; i < profile->site_count; i++) {
        if (!is_asked_for(gathering, i))
            continue;
        const struct profile_site *site = &profile->sites[i];
        const struct recording_list *threads = &site->figures.threads;
        struct query_figures splits = {0};
        for (size_t j = 0; j + THREAD_NUMBERS <= threads->count; j += THREAD_NUMBERS) {
            const uint64_t *numbers = &threads->items[j];
            struct query_row *row = find_thread_row(gathering, &rows, site->process, numbers[0]);
            add_split(&row->self, numbers);
            add_split(&splits, numbers);
            join(gathering, (size_t)(row - gathering->result->rows), (uint32_t)i);
        }
        add_rest(gathering, &rows, (uint32_t)i, &splits);
    }
    if (!gathering->is_filtered)
        add_thread_records(gathering, &rows);
    hash_map_clear(&rows);
    for (size_t i = 0; i < gathering->result->row_count; i++)
        gathering->result->rows[i].inclusive = gathering->result->rows[i].self;
}

/* ---- order and limits ---- */

static int compare_texts(const char *a, const char *b)
{
    if (!a || !b)
        return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

static int compare_rows(const void *left, const void *right, void *context)
{
    const struct query_row *a = left, *b = right;
    const struct query *query = context;
    const struct query_figures *a_figures = query->is_sorted_inclusive ? &a->inclusive : &a->self;
    const struct query_figures *b_figures = query->is_sorted_inclusive ? &b->inclusive : &b->self;
    uint64_t a_value = a_figures->values[query->sort], b_value = b_figures->values[query->sort];
    if (a_value != b_value)
        return a_value > b_value ? -1 : 1;
    int order = compare_texts(a->name, b->name);
    if (!order && a->fingerprint != b->fingerprint)
        order = a->fingerprint < b->fingerprint ? -1 : 1;
    if (!order)
        order = compare_texts(a->file, b->file);
    if (!order)
        order = compare_texts(a->module, b->module);
    if (!order && a->process != b->process)
        order = a->process < b->process ? -1 : 1;
    if (!order && a->thread_id != b->thread_id)
        order = a->thread_id < b->thread_id ? -1 : 1;
    return order ? order : (a->site > b->site) - (a->site < b->site);
}

static void sort_and_cut(const struct query *query, struct query_result *result)
{
    if (result->row_count)
        qsort_r(result->rows, result->row_count, sizeof *result->rows, compare_rows, (void *)query);
    enum query_metric bytes = metrics[query->sort].bytes_metric;
    size_t kept = 0;
    for (size_t i = 0; i < result->row_count; i++) {
        const struct query_row *row = &result->rows[i];
        const struct query_figures *judged = query->is_sorted_inclusive ? &row->inclusive
                                                                        : &row->self;
        if (judged->values[bytes] >= query->min_bytes && (!query->limit || kept < query->limit)) {
            result->rows[kept++] = *row;
        } else {
            result->omitted_count++;
            result->omitted_bytes += row->self.values[bytes];
        }
    }
    result->row_count = kept;
}

/* Only the rows that are left: names take a walk up each stack. */
static void name_site_rows(const struct profile *profile, struct query_result *result)
{
    for (size_t i = 0; i < result->row_count; i++) {
        struct query_row *row = &result->rows[i];
        const struct profile_frame *frame;
        const struct profile_location *location = own_code_find(
            profile, profile->sites[row->site].stack_node, &frame, NULL);
        row->name = location ? location->function : "[no stack]";
        row->file = location ? location->file : NULL;
        row->line = location ? location->line : 0;
        if (location && frame->module_plus_1)
            row->module = profile->modules[frame->module_plus_1 - 1].path;
    }
}

static void sum_up(struct gathering *gathering)
{
    const struct profile *profile = gathering->profile;
    uint32_t process = gathering->query->process;
    for (size_t i = 0; i < profile->site_count; i++) {
        if (process != QUERY_ALL_PROCESSES && profile->sites[i].process != process)
            continue;
        query_figures_add_site(&gathering->result->total, &profile->sites[i]);
        if (gathering->is_kept[i])
            query_figures_add_site(&gathering->result->matched, &profile->sites[i]);
    }
}

static bool has_filter(const struct query_filter *filter)
{
    return filter->include_function || filter->exclude_function || filter->include_file ||
           filter->exclude_file || filter->include_module || filter->exclude_module;
}

static bool check_query(const struct profile *profile, const struct query *query,
                        struct error *error)
{
    if (query->process != QUERY_ALL_PROCESSES && query->process >= profile->process_count)
        return error_set(error, "there is no process %" PRIu32 " in %s", query->process,
                         profile->info.path);
    if (query->grouping == QUERY_BY_THREAD && !(thread_metrics >> query->sort & 1))
        return error_set(error, "threads cannot be sorted by \"%s\": it is not known for a thread",
                         metrics[query->sort].name);
    return true;
}

static void gather(struct gathering *gathering)
{
    switch (gathering->query->grouping) {
    case QUERY_BY_SITE:
        gather_sites(gathering);
        break;
    case QUERY_BY_FUNCTION:
    case QUERY_BY_FILE:
    case QUERY_BY_MODULE:
        gather_code(gathering);
        break;
    case QUERY_BY_THREAD:
        gather_threads(gathering);
        break;
    }
}

bool query_run(const struct profile *profile, const struct query *query,
               struct query_result *result, struct error *error)
{
    *result = (struct query_result){0};
    if (!check_query(profile, query, error))
        return false;
    uint8_t *is_kept = memory_allocate(profile->site_count);
    if (!query_filter_sites(profile, &query->filter, is_kept, error)) {
        free(is_kept);
        return false;
    }
    struct gathering gathering = {.profile = profile,
                                  .query = query,
                                  .result = result,
                                  .arena = arena_create(),
                                  .is_kept = is_kept,
                                  .is_filtered = has_filter(&query->filter)};
    result->memory = gathering.arena;
    result->known_metrics = query->grouping == QUERY_BY_THREAD ? thread_metrics
                                                               : (1u << QUERY_METRIC_COUNT) - 1;
    sum_up(&gathering);
    gather(&gathering);
    sort_and_cut(query, result);
    if (query->grouping == QUERY_BY_SITE)
        name_site_rows(profile, result);
    free(gathering.largest);
    free(is_kept);
    return true;
}

void query_result_clear(struct query_result *result)
{
    free(result->rows);
    arena_destroy(result->memory);
    *result = (struct query_result){0};
}
