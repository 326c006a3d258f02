#include "graph/graph_tables.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fingerprint.h"
#include "analysis/place.h"
#include "base/hash_map.h"
#include "base/memory.h"

static const double GATHERING_SHARE = 0.7;

/* ---- making ---- */

static void find_sites(struct process_graph *graph)
{
    const struct profile_process *owner = &graph->profile->processes[graph->process];
    struct hash_map positions = {0};

    for (uint32_t i = 0; i < owner->site_count; i++)
        *hash_map_put(&positions, graph->profile->sites[owner->first_site + i].figures.id,
                      NULL) = owner->first_site + i;
    graph->site_of_block = memory_allocate_zeroed(graph->snapshot->block_count,
                                                  sizeof *graph->site_of_block);
    for (size_t i = 0; i < graph->snapshot->block_count; i++) {
        const uint64_t *position = hash_map_find(&positions, graph->snapshot->blocks[i].site);

        graph->site_of_block[i] = position ? (uint32_t)*position : GRAPH_NO_SITE;
    }
    hash_map_clear(&positions);
}

/* A variable says more than a frame that happens to hold a pointer, too. */
static uint8_t *rank_roots(const struct root_names *names)
{
    static const uint8_t ranks[SNAPSHOT_ROOT_KIND_COUNT] = {
        [SNAPSHOT_ROOT_GLOBAL] = 0, [SNAPSHOT_ROOT_TLS] = 0,     [SNAPSHOT_ROOT_KEY] = 0,
        [SNAPSHOT_ROOT_REGION] = 0, [SNAPSHOT_ROOT_THREAD] = 1,  [SNAPSHOT_ROOT_MAPPING] = 2,
        [SNAPSHOT_ROOT_STACK] = 3,  [SNAPSHOT_ROOT_REGISTER] = 4};
    uint8_t *list = memory_allocate_zeroed(names->count, 1);

    for (uint32_t i = 0; i < names->count; i++)
        list[i] = names->items[i].kind < SNAPSHOT_ROOT_KIND_COUNT ? ranks[names->items[i].kind] : 3;
    return list;
}

void process_graph_build(const struct profile *profile, uint32_t process,
                         const struct snapshot *snapshot, const struct symbolizer_options *options,
                         struct process_graph *graph)
{
    *graph = (struct process_graph){.profile = profile, .process = process, .snapshot = snapshot};
    uint8_t *ranks;

    root_names_find(profile, snapshot, options, &graph->names);
    ranks = rank_roots(&graph->names);
    object_graph_build(
        snapshot,
        &(struct object_graph_roots){graph->names.root_of_slot, graph->names.count, ranks},
        &graph->graph);
    free(ranks);
    find_sites(graph);
}

void process_graph_find_types(struct process_graph *graph, const struct symbolizer_options *options)
{
    if (graph->types)
        return;
    graph->types = memory_allocate_zeroed(1, sizeof *graph->types);
    type_names_find(graph->profile, graph->snapshot, graph->site_of_block, &graph->names, options,
                    graph->types);
}

void process_graph_clear(struct process_graph *graph)
{
    if (graph->types)
        type_names_clear(graph->types);
    free(graph->types);
    free(graph->is_wanted);
    object_graph_clear(&graph->graph);
    root_names_clear(&graph->names);
    free(graph->site_of_block);
    *graph = (struct process_graph){0};
}

/* ---- roots ---- */

static const struct root_name *name_of(const struct process_graph *graph, uint32_t node)
{
    return node >= 1 && node <= graph->names.count ? &graph->names.items[node - 1] : NULL;
}

const char *process_graph_root_name(const struct process_graph *graph, uint32_t node)
{
    const struct root_name *name = name_of(graph, node);

    return name ? name->name : node == object_graph_lost(&graph->graph) ? "lost" : "several roots";
}

const char *process_graph_root_kind(const struct process_graph *graph, uint32_t node)
{
    const struct root_name *name = name_of(graph, node);

    return name ? snapshot_root_kind_name(name->kind) : "lost";
}

const char *process_graph_root_module(const struct process_graph *graph, uint32_t node)
{
    const struct root_name *name = name_of(graph, node);

    return name ? name->module : NULL;
}

uint32_t process_graph_holder(const struct process_graph *graph, uint32_t node)
{
    while (object_graph_is_block(&graph->graph, node))
        node = graph->graph.parents[node];
    return node;
}

const char *process_graph_function(const struct process_graph *graph, uint32_t site)
{
    struct place place = {0};

    if (site == GRAPH_NO_SITE)
        return NULL;
    place_find(graph->profile, graph->profile->sites[site].stack_node, PLACE_NAMED_CALLER, &place);
    const struct profile_location *location = place_named_location(&place);
    return location ? location->function : NULL;
}

#define TYPE_CLASSES UINT32_C(0x40000000) /* from here on: groups of types */

uint32_t process_graph_class(const struct process_graph *graph, uint32_t block)
{
    uint32_t group = graph->types ? graph->types->group_of_block[block] : TYPE_NO_GROUP;

    return group != TYPE_NO_GROUP && !graph->types->groups[group].is_plain
               ? TYPE_CLASSES + group
               : graph->site_of_block[block];
}

bool process_graph_class_is_type(uint32_t class_id)
{
    return class_id != GRAPH_NO_SITE && class_id >= TYPE_CLASSES;
}

const char *process_graph_class_name(const struct process_graph *graph, uint32_t class_id)
{
    return process_graph_class_is_type(class_id)
               ? graph->types->groups[class_id - TYPE_CLASSES].name
               : process_graph_function(graph, class_id);
}

const char *process_graph_type_name(const struct process_graph *graph, uint32_t block)
{
    uint32_t group = graph->types ? graph->types->group_of_block[block] : TYPE_NO_GROUP;

    return group != TYPE_NO_GROUP ? graph->types->groups[group].name : NULL;
}

struct ranked {
    uint32_t node;
    uint64_t bytes;
};

static int compare_ranked(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;

    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->node < b->node ? -1 : a->node > b->node;
}

uint32_t *process_graph_roots(const struct process_graph *graph, size_t *count)
{
    const struct object_graph *objects = &graph->graph;
    struct ranked *ranked = memory_allocate_zeroed(objects->root_count, sizeof *ranked);
    uint32_t *nodes = memory_allocate_zeroed(objects->root_count, sizeof *nodes);

    *count = 0;
    for (uint32_t node = 1; node <= objects->root_count; node++)
        if (objects->retained_blocks[node] > 0)
            ranked[(*count)++] = (struct ranked){node, objects->retained_bytes[node]};
    if (*count > 0)
        qsort(ranked, *count, sizeof *ranked, compare_ranked);
    for (size_t i = 0; i < *count; i++)
        nodes[i] = ranked[i].node;
    free(ranked);
    return nodes;
}

/* ---- sites ---- */

/* By what they hold themselves; sites stand in the profile in an order of their own. */
static int compare_own(const void *left, const void *right)
{
    const struct graph_site *a = left, *b = right;

    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->site < b->site ? -1 : a->site > b->site;
}

static int compare_retained(const void *left, const void *right)
{
    const struct graph_site *a = left, *b = right;

    if (a->retained_bytes != b->retained_bytes)
        return a->retained_bytes < b->retained_bytes ? 1 : -1;
    return compare_own(left, right);
}

static void work_out(const struct process_graph *graph, struct graph_site *site)
{
    uint8_t *is_in_set = memory_allocate_zeroed(graph->snapshot->block_count, 1);

    for (size_t i = 0; i < graph->snapshot->block_count; i++)
        is_in_set[i] = graph->site_of_block[i] == site->site &&
                       (!graph->is_wanted || graph->is_wanted[i]);
    object_graph_retained_set(&graph->graph, is_in_set, &site->retained_bytes,
                              &site->retained_blocks);
    free(is_in_set);
}

struct graph_site *process_graph_sites(const struct process_graph *graph, size_t exact,
                                       size_t *count)
{
    struct hash_map positions = {0};
    struct graph_site *sites = NULL;
    size_t capacity = 0;

    *count = 0;
    for (size_t i = 0; i < graph->snapshot->block_count; i++) {
        bool is_new;
        uint64_t *position;

        if (graph->is_wanted && !graph->is_wanted[i])
            continue;
        position = hash_map_put(&positions, graph->site_of_block[i], &is_new);
        if (is_new) {
            *position = *count;
            sites = memory_grow(sites, &capacity, *count + 1, sizeof *sites);
            sites[(*count)++] = (struct graph_site){.site = graph->site_of_block[i]};
        }
        sites[*position].blocks++;
        sites[*position].bytes += graph->snapshot->blocks[i].bytes;
    }
    hash_map_clear(&positions);
    if (*count > 0)
        qsort(sites, *count, sizeof *sites, compare_own);
    if (*count > exact)
        *count = exact;
    for (size_t i = 0; i < *count; i++)
        work_out(graph, &sites[i]);
    if (*count > 0)
        qsort(sites, *count, sizeof *sites, compare_retained);
    return sites;
}

/* ---- modules ---- */

static uint32_t module_of(const struct process_graph *graph, uint32_t site)
{
    struct place place = {0};

    place_find(graph->profile, graph->profile->sites[site].stack_node, PLACE_NAMED_CALLER, &place);
    return place.is_wrapper && place.caller_frame ? place.caller_frame->module_plus_1
           : place.frame                          ? place.frame->module_plus_1
                                                  : 0;
}

const char *process_graph_module(const struct process_graph *graph, uint32_t site)
{
    uint32_t position = site == GRAPH_NO_SITE ? 0 : module_of(graph, site);

    return position ? graph->profile->modules[position - 1].path : NULL;
}

static int compare_own_modules(const void *left, const void *right)
{
    const struct graph_module *a = left, *b = right;

    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->module_plus_1 < b->module_plus_1 ? -1 : a->module_plus_1 > b->module_plus_1;
}

static int compare_modules(const void *left, const void *right)
{
    const struct graph_module *a = left, *b = right;

    if (a->retained_bytes != b->retained_bytes)
        return a->retained_bytes < b->retained_bytes ? 1 : -1;
    return compare_own_modules(left, right);
}

/* By site of the process: its module; what has no site counts as not known. */
static uint32_t *find_modules(const struct process_graph *graph)
{
    const struct profile_process *owner = &graph->profile->processes[graph->process];
    uint32_t *modules = memory_allocate_zeroed(owner->site_count, sizeof *modules);

    for (uint32_t i = 0; i < owner->site_count; i++)
        modules[i] = module_of(graph, owner->first_site + i);
    return modules;
}

static uint32_t module_at(const struct process_graph *graph, const uint32_t *modules, size_t block)
{
    uint32_t site = graph->site_of_block[block];

    return site == GRAPH_NO_SITE
               ? 0
               : modules[site - graph->profile->processes[graph->process].first_site];
}

struct graph_module *process_graph_modules(const struct process_graph *graph, size_t exact,
                                           size_t *count)
{
    size_t most = graph->profile->module_count + 1;
    struct graph_module *list = memory_allocate_zeroed(most, sizeof *list);
    uint8_t *is_in_set = memory_allocate_zeroed(graph->snapshot->block_count, 1);
    uint32_t *modules = find_modules(graph);

    for (uint32_t i = 0; i < most; i++)
        list[i].module_plus_1 = i;
    for (size_t i = 0; i < graph->snapshot->block_count; i++) {
        struct graph_module *module = &list[module_at(graph, modules, i)];

        if (graph->is_wanted && !graph->is_wanted[i])
            continue;
        module->blocks++;
        module->bytes += graph->snapshot->blocks[i].bytes;
    }
    qsort(list, most, sizeof *list, compare_own_modules);
    for (*count = 0; *count < most && *count < exact && list[*count].blocks > 0; ++*count) {
        for (size_t i = 0; i < graph->snapshot->block_count; i++)
            is_in_set[i] = module_at(graph, modules, i) == list[*count].module_plus_1 &&
                           (!graph->is_wanted || graph->is_wanted[i]);
        object_graph_retained_set(&graph->graph, is_in_set, &list[*count].retained_bytes,
                                  &list[*count].retained_blocks);
    }
    qsort(list, *count, sizeof *list, compare_modules);
    free(is_in_set);
    free(modules);
    return list;
}

/* ---- ways ---- */

/* A block's way is the same as its parent's when both are of one class, else one step longer. Ways
 * are numbered as they are met; since parents come first on a shortest way, from the root on. */
struct ways {
    const struct process_graph *graph;
    uint64_t *hashes; /* by node: of its way, 0 = not worked out yet */
    uint32_t *stack;
};

static uint64_t hash_of(struct ways *ways, uint32_t node)
{
    const struct process_graph *graph = ways->graph;
    size_t count = 0;

    while (object_graph_is_block(&graph->graph, node) && ways->hashes[node] == 0) {
        ways->stack[count++] = node;
        node = graph->graph.parents[node];
    }
    if (ways->hashes[node] == 0)
        ways->hashes[node] = hash_mix(node + 1) | 1;
    while (count > 0) {
        uint32_t next = ways->stack[--count];
        uint32_t class_id = process_graph_class(graph, object_graph_block(&graph->graph, next));
        bool is_same = object_graph_is_block(&graph->graph, node) &&
                       process_graph_class(graph, object_graph_block(&graph->graph, node)) ==
                           class_id;

        ways->hashes[next] = is_same ? ways->hashes[node]
                                     : hash_mix(ways->hashes[node] ^ (class_id + 1)) | 1;
        node = next;
    }
    return ways->hashes[node];
}

static void add_step(struct graph_way *way, uint32_t class_id, uint32_t block)
{
    struct graph_way_step *last = way->step_count ? &way->steps[way->step_count - 1] : NULL;

    if (last && last->class_id == class_id) {
        last->blocks++;
        last->block = block;
    } else if (way->step_count < GRAPH_WAY_STEPS) {
        way->steps[way->step_count++] = (struct graph_way_step){class_id, block, 1};
    } else {
        *last = (struct graph_way_step){class_id, block, 1};
        way->omitted_steps++;
    }
}

/* The steps of one block's way, from its root. */
static void describe_way(struct ways *ways, struct graph_way *way)
{
    const struct object_graph *objects = &ways->graph->graph;
    uint32_t node = object_graph_node(objects, way->block);
    size_t count = 0;

    while (object_graph_is_block(objects, node)) {
        ways->stack[count++] = node;
        node = objects->parents[node];
    }
    way->root = node;
    while (count > 0) {
        uint32_t block = object_graph_block(objects, ways->stack[--count]);

        add_step(way, process_graph_class(ways->graph, block), block);
    }
}

static int compare_ways(const void *left, const void *right)
{
    const struct graph_way *a = left, *b = right;

    if (a->blocks != b->blocks)
        return a->blocks < b->blocks ? 1 : -1;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->block < b->block ? -1 : a->block > b->block;
}

struct graph_way *process_graph_ways(const struct process_graph *graph, const uint8_t *is_target,
                                     size_t *count)
{
    const struct object_graph *objects = &graph->graph;
    struct ways ways = {.graph = graph};
    struct hash_map positions = {0};
    struct graph_way *list = NULL;
    size_t capacity = 0;

    ways.hashes = memory_allocate_zeroed(objects->node_count, sizeof *ways.hashes);
    ways.stack = memory_allocate_zeroed(objects->node_count, sizeof *ways.stack);
    *count = 0;
    for (uint32_t i = 0; i < graph->snapshot->block_count; i++) {
        bool is_new;
        uint64_t *position;

        if (!is_target[i] || objects->parents[object_graph_node(objects, i)] == OBJECT_GRAPH_NONE)
            continue;
        position = hash_map_put(&positions, hash_of(&ways, object_graph_node(objects, i)), &is_new);
        if (is_new) {
            *position = *count;
            list = memory_grow(list, &capacity, *count + 1, sizeof *list);
            list[(*count)++] = (struct graph_way){.block = i};
        }
        list[*position].blocks++;
        list[*position].bytes += graph->snapshot->blocks[i].bytes;
    }
    for (size_t i = 0; i < *count; i++)
        describe_way(&ways, &list[i]);
    if (*count > 0)
        qsort(list, *count, sizeof *list, compare_ways);
    hash_map_clear(&positions);
    free(ways.hashes);
    free(ways.stack);
    return list;
}

/* ---- suspects ---- */

/* By node, the largest child in the tree of dominators; OBJECT_GRAPH_NONE = none. */
static uint32_t *find_largest_children(const struct object_graph *objects)
{
    uint32_t *largest = memory_allocate_zeroed(objects->node_count, sizeof *largest);

    for (uint32_t i = 0; i < objects->node_count; i++)
        largest[i] = OBJECT_GRAPH_NONE;
    for (uint32_t i = 1; i < objects->node_count; i++) {
        uint32_t parent = objects->dominators[i];

        if (parent != OBJECT_GRAPH_NONE &&
            (largest[parent] == OBJECT_GRAPH_NONE ||
             objects->retained_bytes[i] > objects->retained_bytes[largest[parent]]))
            largest[parent] = i;
    }
    return largest;
}

static bool is_dominated_by(const struct object_graph *objects, uint32_t node, uint32_t dominator,
                            uint8_t *known)
{
    enum {
        UNKNOWN,
        YES,
        NO
    };
    uint32_t at = node;

    while (at != OBJECT_GRAPH_NONE && at != dominator && known[at] == UNKNOWN)
        at = objects->dominators[at];
    uint8_t answer = at == OBJECT_GRAPH_NONE ? NO : at == dominator ? YES : known[at];
    for (at = node; at != OBJECT_GRAPH_NONE && at != dominator && known[at] == UNKNOWN;
         at = objects->dominators[at])
        known[at] = answer;
    return answer == YES;
}

/* Which site has most of what hangs there. */
static void find_site(const struct process_graph *graph, struct graph_suspect *suspect)
{
    const struct object_graph *objects = &graph->graph;
    uint8_t *known = memory_allocate_zeroed(objects->node_count, 1);
    struct hash_map positions = {0};
    struct graph_site *sites = NULL;
    size_t count = 0, capacity = 0;

    for (uint32_t i = 0; i < graph->snapshot->block_count; i++) {
        bool is_new;
        uint64_t *position;

        if (!is_dominated_by(objects, object_graph_node(objects, i), suspect->node, known))
            continue;
        position = hash_map_put(&positions, graph->site_of_block[i], &is_new);
        if (is_new) {
            *position = count;
            sites = memory_grow(sites, &capacity, count + 1, sizeof *sites);
            sites[count++] = (struct graph_site){.site = graph->site_of_block[i]};
        }
        sites[*position].blocks++;
        sites[*position].bytes += graph->snapshot->blocks[i].bytes;
    }
    suspect->site = GRAPH_NO_SITE;
    for (size_t i = 0; i < count; i++)
        if (sites[i].bytes > suspect->site_bytes) {
            suspect->site = sites[i].site;
            suspect->site_bytes = sites[i].bytes;
            suspect->site_blocks = sites[i].blocks;
        }
    hash_map_clear(&positions);
    free(known);
    free(sites);
}

static int compare_suspects(const void *left, const void *right)
{
    const struct graph_suspect *a = left, *b = right;

    if (a->retained_bytes != b->retained_bytes)
        return a->retained_bytes < b->retained_bytes ? 1 : -1;
    return a->node < b->node ? -1 : a->node > b->node;
}

struct graph_suspect *process_graph_suspects(const struct process_graph *graph, double share,
                                             size_t *count)
{
    const struct object_graph *objects = &graph->graph;
    uint32_t *largest = find_largest_children(objects);
    double total = (double)objects->retained_bytes[OBJECT_GRAPH_WHOLE];
    struct graph_suspect *suspects = NULL;
    size_t capacity = 0;

    *count = 0;
    for (uint32_t node = 1; node < objects->node_count; node++) {
        uint64_t retained = objects->retained_bytes[node];
        uint32_t gathering = node;

        if (objects->dominators[node] != OBJECT_GRAPH_WHOLE || total <= 0 ||
            (double)retained <= share * total)
            continue;
        while (largest[gathering] != OBJECT_GRAPH_NONE &&
               (double)objects->retained_bytes[largest[gathering]] >=
                   GATHERING_SHARE * (double)objects->retained_bytes[gathering])
            gathering = largest[gathering];
        suspects = memory_grow(suspects, &capacity, *count + 1, sizeof *suspects);
        suspects[*count] = (struct graph_suspect){.node = node,
                                                  .gathering = gathering,
                                                  .retained_bytes = retained,
                                                  .share = (double)retained / total};
        find_site(graph, &suspects[(*count)++]);
    }
    if (*count > 0)
        qsort(suspects, *count, sizeof *suspects, compare_suspects);
    free(largest);
    return suspects;
}

/* ---- what people name ---- */

static bool select_address(const struct process_graph *graph, const char *word, uint8_t *is_target)
{
    char *end;
    uint64_t address = strtoull(word, &end, 16);
    uint32_t block = *end ? SNAPSHOT_NONE : snapshot_find_block(graph->snapshot, address);

    if (block != SNAPSHOT_NONE)
        is_target[block] = 1;
    return block != SNAPSHOT_NONE;
}

/* The code that a site is named after: its first own function, of wrappers also the caller. */
static bool is_named(const struct profile *profile, uint32_t site, const regex_t *expression)
{
    struct place place = {0};

    place_find(profile, profile->sites[site].stack_node, PLACE_NAMED_CALLER, &place);
    return (place.location && regexec(expression, place.location->function, 0, NULL, 0) == 0) ||
           (place.is_wrapper && place.caller &&
            regexec(expression, place.caller->function, 0, NULL, 0) == 0);
}

/* Types that match as a whole: "client" is not "client[]". */
static bool select_types(const struct process_graph *graph, const regex_t *expression,
                         uint8_t *is_target)
{
    bool is_any = false;

    for (uint32_t i = 0; graph->types && i < graph->types->group_count; i++) {
        const char *name = graph->types->groups[i].name;
        regmatch_t match;

        if (regexec(expression, name, 1, &match, 0) != 0 || match.rm_so != 0 || name[match.rm_eo])
            continue;
        for (uint32_t j = 0; j < graph->snapshot->block_count; j++)
            if (graph->types->group_of_block[j] == i)
                is_target[j] = is_any = true;
    }
    return is_any;
}

static bool select_sites(const struct process_graph *graph, const uint8_t *is_wanted,
                         uint8_t *is_target)
{
    bool is_any = false;

    for (size_t i = 0; i < graph->snapshot->block_count; i++)
        if (graph->site_of_block[i] != GRAPH_NO_SITE && is_wanted[graph->site_of_block[i]])
            is_target[i] = is_any = true;
    return is_any;
}

bool process_graph_select(const struct process_graph *graph, const char *word, uint8_t *is_target,
                          bool *is_any, struct error *error)
{
    const struct profile *profile = graph->profile;
    uint8_t *is_wanted;
    uint64_t fingerprint;
    regex_t expression;
    bool is_fingerprint = fingerprint_parse(word, &fingerprint);

    if (word[0] == '0' && (word[1] == 'x' || word[1] == 'X')) {
        *is_any = select_address(graph, word, is_target);
        return true;
    }
    if (!is_fingerprint && regcomp(&expression, word, REG_EXTENDED) != 0)
        return error_set(error, "\"%s\" is no regular expression", word);
    is_wanted = memory_allocate_zeroed(profile->site_count, 1);
    for (uint32_t i = 0; i < profile->site_count; i++)
        is_wanted[i] = is_fingerprint ? profile->sites[i].fingerprint == fingerprint
                                      : is_named(profile, i, &expression);
    *is_any = select_sites(graph, is_wanted, is_target);
    if (!is_fingerprint) {
        *is_any = select_types(graph, &expression, is_target) || *is_any;
        regfree(&expression);
    }
    free(is_wanted);
    return true;
}

/* ---- which snapshot ---- */

/* What was asked for, else the one before the destructors, which has more to show. */
static unsigned rank(const struct recording_snapshot *head)
{
    switch (head->end == SNAPSHOT_DONE ? (int)head->reason : -1) {
    case -1:
        return 0;
    case SNAPSHOT_AT_REQUEST:
    case SNAPSHOT_AT_CALL:
        return 5;
    case SNAPSHOT_AT_BEFORE_EXIT:
        return 4;
    case SNAPSHOT_AT_EXIT:
        return 2;
    default:
        return 3;
    }
}

const struct recording_snapshot *process_graph_choose_end(const struct snapshot_list *list,
                                                          uint64_t process_id)
{
    const struct recording_snapshot *best = NULL;

    for (size_t i = 0; i < list->count; i++)
        if (list->heads[i].process_id == process_id && list->heads[i].end == SNAPSHOT_DONE &&
            (list->heads[i].reason == SNAPSHOT_AT_BEFORE_EXIT ||
             (list->heads[i].reason == SNAPSHOT_AT_EXIT && !best)))
            best = &list->heads[i];
    return best;
}

const struct recording_snapshot *process_graph_choose(const struct snapshot_list *list,
                                                      uint64_t process_id)
{
    const struct recording_snapshot *best = NULL;

    for (size_t i = 0; i < list->count; i++)
        if (list->heads[i].process_id == process_id && rank(&list->heads[i]) > 0 &&
            (!best || rank(&list->heads[i]) >= rank(best)))
            best = &list->heads[i];
    return best;
}
