#include "graph/graph_select.h"

#include <regex.h>
#include <stdlib.h>

#include "analysis/fingerprint.h"
#include "analysis/place.h"
#include "base/memory.h"

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

bool process_graph_pick(const struct process_graph *graph, const char *word, uint32_t *block,
                        struct error *error)
{
    const uint64_t *retained = graph->graph.retained_bytes;
    size_t count = graph->snapshot->block_count;
    uint8_t *is_target = memory_allocate_zeroed(count, 1);
    bool is_any, is_good = process_graph_select(graph, word, is_target, &is_any, error);

    *block = SNAPSHOT_NONE;
    for (uint32_t i = 0; is_good && i < count; i++)
        if (is_target[i] &&
            (*block == SNAPSHOT_NONE || retained[object_graph_node(&graph->graph, i)] >
                                            retained[object_graph_node(&graph->graph, *block)]))
            *block = i;
    free(is_target);
    return is_good;
}
