/* What makes code belong to a row, and which sites a row of a grouping stands for. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/arena.h"
#include "analysis/own_code.h"
#include "analysis/place.h"
#include "analysis/query_gathering.h"
#include "analysis/site_lists.h"
#include "base/memory.h"
#include "base/text.h"

static bool texts_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool query_code_key_equals(const struct query_row *a, const struct query_row *b)
{
    return texts_equal(a->name, b->name) && texts_equal(a->file, b->file) &&
           texts_equal(a->module, b->module);
}

bool query_code_counts(enum query_grouping grouping, const struct profile_frame *frame)
{
    return frame->kind != RECORDING_FRAME_OMITTED &&
           (grouping != QUERY_BY_PYTHON_LINE || frame->kind == RECORDING_FRAME_PYTHON);
}

const char *query_name_without_code(enum query_grouping grouping)
{
    return grouping == QUERY_BY_PYTHON_LINE ? "[no Python]" : QUERY_NO_STACK;
}

struct query_row query_code_key(const struct profile *profile, enum query_grouping grouping,
                                const struct profile_frame *frame,
                                const struct profile_location *location, struct arena *arena)
{
    const struct profile_module *module = frame->module_plus_1
                                              ? &profile->modules[frame->module_plus_1 - 1]
                                              : NULL;
    struct query_row key = {.module = module ? module->path : NULL};
    const char *module_name = module                                  ? module->name
                              : frame->kind == RECORDING_FRAME_PYTHON ? "[Python]"
                              : frame->kind == RECORDING_FRAME_JIT    ? "[PyPy JIT code]"
                                                                      : "[no module]";
    switch (grouping) {
    case QUERY_BY_FUNCTION:
        key.name = location->function;
        key.file = location->file;
        key.line = location->line;
        if (!location->is_symbolized && frame->kind != RECORDING_FRAME_JIT) {
            key.name = arena_print(arena, "%s (no symbols)", module_name);
            key.file = NULL;
            key.line = 0;
        }
        break;
    case QUERY_BY_FILE:
        key.name = location->file;
        key.file = location->file;
        if (!location->file)
            key.name = arena_print(arena, "%s (no line numbers)", module_name);
        else
            key.module = NULL; /* headers are compiled into several */
        break;
    case QUERY_BY_MODULE:
        key.name = module_name;
        break;
    case QUERY_BY_PYTHON_LINE:
        key.name = arena_print(arena, "%s:%" PRIu32 " %s",
                               location->file ? text_file_name(location->file) : "?",
                               location->line, location->function);
        key.file = location->file;
        key.line = location->line;
        break;
    case QUERY_BY_SITE:
    case QUERY_BY_THREAD:
        break;
    }
    return key;
}

enum code_rank query_code_rank(const struct profile *profile, const struct profile_frame *frame,
                               const struct profile_location *location)
{
    if (!own_code_is_own(profile, frame, location))
        return CODE_ANY;
    return location->is_symbolized && place_is_wrapper(location->function) ? CODE_OWN : CODE_PLAIN;
}

/* ---- the sites of a row ---- */

enum membership {
    MEMBER_OPEN, /* nothing there decides: the caller does */
    MEMBER_NO,
    MEMBER_YES
};

struct grouping_search {
    const struct profile *profile;
    enum query_grouping grouping;
    const struct query_row *row;
    bool is_inclusive;
    bool is_no_stack;    /* the row of sites without one: which nothing decides */
    struct arena *arena; /* of names that are compared */
};

/* By its first location of that rank; or, inclusive, by any. */
static enum membership judge_frame(const struct grouping_search *search,
                                   const struct profile_frame *frame, enum code_rank least)
{
    const struct profile *profile = search->profile;
    if (!query_code_counts(search->grouping, frame))
        return MEMBER_OPEN;
    for (uint32_t i = 0; i < frame->location_count; i++) {
        const struct profile_location *location = &profile->locations[frame->first_location + i];
        if (least > CODE_ANY && query_code_rank(profile, frame, location) < least)
            continue;
        struct query_row key = query_code_key(profile, search->grouping, frame, location,
                                              search->arena);
        if (query_code_key_equals(&key, search->row))
            return MEMBER_YES;
        if (!search->is_inclusive)
            return MEMBER_NO;
    }
    return MEMBER_OPEN;
}

/* What holds for each node, from its own frame and what holds for its caller. */
static void judge_nodes(const struct grouping_search *search, enum code_rank least, uint8_t *nodes)
{
    const struct profile *profile = search->profile;
    uint8_t *frames = memory_allocate_zeroed(profile->frame_count, 1);
    for (size_t i = 0; i < profile->frame_count; i++)
        frames[i] = (uint8_t)judge_frame(search, &profile->frames[i], least);
    for (size_t i = 1; i < profile->node_count; i++) {
        uint8_t own = frames[profile->nodes[i].frame];
        nodes[i] = own != MEMBER_OPEN ? own : nodes[profile->nodes[i].parent];
    }
    free(frames);
}

/* By the innermost plain code; where there is none by the innermost own, and else by any. */
static void find_code_sites(const struct grouping_search *search, uint8_t *is_member)
{
    const struct profile *profile = search->profile;
    uint8_t *nodes[CODE_PLAIN + 1];
    for (int rank = CODE_ANY; rank <= CODE_PLAIN; rank++) {
        nodes[rank] = memory_allocate_zeroed(profile->node_count, 1);
        if (rank == CODE_ANY || !search->is_inclusive)
            judge_nodes(search, (enum code_rank)rank, nodes[rank]);
    }
    for (size_t i = 0; i < profile->site_count; i++) {
        uint32_t node = profile->sites[i].stack_node;
        int rank = CODE_PLAIN;
        while (rank > CODE_ANY && nodes[rank][node] == MEMBER_OPEN)
            rank--;
        uint8_t judged = nodes[rank][node];
        is_member[i] = judged == MEMBER_YES || (judged == MEMBER_OPEN && search->is_no_stack);
    }
    for (int rank = CODE_ANY; rank <= CODE_PLAIN; rank++)
        free(nodes[rank]);
}

static void find_thread_sites(const struct grouping_search *search, uint8_t *is_member)
{
    struct site_lists lists = {0};
    for (size_t i = 0; i < search->profile->site_count; i++) {
        const struct profile_site *site = &search->profile->sites[i];
        is_member[i] = 0;
        if (site->process != search->row->process)
            continue;
        site_lists_read(&lists, site);
        for (size_t j = 0; j < profile_site_thread_count(&lists.threads); j++)
            is_member[i] |= profile_site_thread_at(&lists.threads, j).thread ==
                            search->row->thread_id;
    }
    site_lists_clear(&lists);
}

void query_find_group(const struct profile *profile, enum query_grouping grouping,
                      const struct query_row *row, bool is_inclusive, uint8_t *is_member)
{
    bool is_no_stack = texts_equal(row->name, query_name_without_code(grouping)) && !row->module &&
                       !row->file;
    struct grouping_search search = {.profile = profile,
                                     .grouping = grouping,
                                     .row = row,
                                     .is_inclusive = is_inclusive && !is_no_stack,
                                     .is_no_stack = is_no_stack,
                                     .arena = arena_create()};
    if (grouping == QUERY_BY_THREAD)
        find_thread_sites(&search, is_member);
    else
        find_code_sites(&search, is_member);
    arena_destroy(search.arena);
}
