#include "graph/process_graph.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/place.h"
#include "base/hash_map.h"
#include "base/memory.h"
#include "snapshot/python_graph.h"

enum {
    PYTHON_OWN_RANK = 8
};

/* ---- reading ---- */

bool process_graph_has(const struct recording_snapshot *head)
{
    return head->end == SNAPSHOT_DONE || head->python_nodes > 0;
}

bool process_graph_read(struct recording_reader *reader, const struct recording_snapshot *head,
                        struct snapshot *snapshot, struct error *error)
{
    return snapshot_read(reader, head->id, snapshot, error) &&
           (head->python_nodes == 0 || python_graph_join(reader, head->id, snapshot, error));
}

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

/* In the order in which people look for reasons: the program's own names, modules, and what the
 * interpreter needs. */
static uint8_t rank_python_root(const char *name)
{
    static const char *const own[] = {"C code", "static objects", "sys.modules", "PyPy's stack"};

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(name, own[i]) == 0)
            return PYTHON_OWN_RANK;
    return strcmp(name, "__main__") == 0 ? 0 : strstr(name, "().") ? 1 : 2;
}

/* A variable says more than a frame that happens to hold a pointer, too; a name of a Python program
 * more than one of its interpreter's. */
static uint8_t *rank_roots(const struct root_names *names)
{
    static const uint8_t ranks[SNAPSHOT_ROOT_KIND_COUNT] = {
        [SNAPSHOT_ROOT_GLOBAL] = 3, [SNAPSHOT_ROOT_TLS] = 3,     [SNAPSHOT_ROOT_KEY] = 3,
        [SNAPSHOT_ROOT_REGION] = 3, [SNAPSHOT_ROOT_THREAD] = 4,  [SNAPSHOT_ROOT_MAPPING] = 5,
        [SNAPSHOT_ROOT_STACK] = 6,  [SNAPSHOT_ROOT_REGISTER] = 7};
    uint8_t *list = memory_allocate_zeroed(names->count, 1);

    for (uint32_t i = 0; i < names->count; i++)
        list[i] = names->items[i].kind == SNAPSHOT_ROOT_PYTHON
                      ? rank_python_root(names->items[i].name)
                      : ranks[names->items[i].kind];
    return list;
}

bool process_graph_try_build(const struct profile *profile, uint32_t process,
                             const struct snapshot *snapshot,
                             const struct symbolizer_options *options,
                             const struct progress *progress, struct process_graph *graph)
{
    *graph = (struct process_graph){.profile = profile, .process = process, .snapshot = snapshot};
    bool is_done = false;

    root_names_find(profile, snapshot, options, &graph->names);
    if (progress_reaches(progress, 0.2)) {
        uint8_t *ranks = rank_roots(&graph->names);

        is_done = object_graph_try_build(
            snapshot,
            &(struct object_graph_roots){graph->names.root_of_slot, graph->names.count, ranks},
            progress, &graph->graph);
        free(ranks);
    }
    if (is_done)
        find_sites(graph);
    else
        process_graph_clear(graph);
    return is_done;
}

void process_graph_build(const struct profile *profile, uint32_t process,
                         const struct snapshot *snapshot, const struct symbolizer_options *options,
                         struct process_graph *graph)
{
    process_graph_try_build(profile, process, snapshot, options, NULL, graph);
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

const char *process_graph_root_likeness(const struct process_graph *graph, uint32_t node)
{
    const struct root_name *name = name_of(graph, node);

    return name && name->likeness ? name->likeness : process_graph_root_name(graph, node);
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

const char *process_graph_root_place(const struct process_graph *graph, uint32_t node)
{
    static const char joint[] = " of ";
    const char *module = process_graph_root_module(graph, node);
    if (!module)
        return NULL;
    const char *place = text_file_name(module);
    const char *name = process_graph_root_name(graph, node);
    size_t told = strlen(joint) + strlen(place);
    bool is_told = strlen(name) >= told && text_ends_with(name, place) &&
                   strncmp(name + strlen(name) - told, joint, strlen(joint)) == 0;
    return is_told ? NULL : place;
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

bool process_graph_is_without_site(const struct process_graph *graph, uint32_t block)
{
    return graph->snapshot->objects && block >= graph->snapshot->objects->first_block;
}

const char *process_graph_type_name(const struct process_graph *graph, uint32_t block)
{
    uint32_t group = graph->types ? graph->types->group_of_block[block] : TYPE_NO_GROUP;

    return group != TYPE_NO_GROUP ? graph->types->groups[group].name : NULL;
}

uint32_t process_graph_module_plus_1(const struct process_graph *graph, uint32_t site)
{
    struct place place = {0};

    if (site == GRAPH_NO_SITE)
        return 0;
    place_find(graph->profile, graph->profile->sites[site].stack_node, PLACE_NAMED_CALLER, &place);
    return place.is_wrapper && place.caller_frame ? place.caller_frame->module_plus_1
           : place.frame                          ? place.frame->module_plus_1
                                                  : 0;
}

const char *process_graph_module(const struct process_graph *graph, uint32_t site)
{
    uint32_t position = process_graph_module_plus_1(graph, site);

    return position ? graph->profile->modules[position - 1].path : NULL;
}

/* ---- which snapshot ---- */

static unsigned rank(const struct recording_snapshot *head)
{
    return process_graph_has(head) ? snapshot_reason_rank((enum snapshot_reason)head->reason) : 0;
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

const struct recording_snapshot *process_graph_choose_peak(const struct snapshot_list *list,
                                                           uint64_t process_id)
{
    const struct recording_snapshot *last = NULL;

    for (size_t i = 0; i < list->count; i++)
        if (list->heads[i].process_id == process_id && list->heads[i].end == SNAPSHOT_DONE &&
            list->heads[i].reason == SNAPSHOT_AT_PEAK)
            last = &list->heads[i];
    return last;
}
