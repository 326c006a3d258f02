#include "config.h"

#include "analysis/place.h"

#include <string.h>

#include "analysis/own_code.h"
#include "base/text.h"

/* ---- wrappers ---- */

/* The part of a demangled name after the last "::", without template arguments and parameters. */
static const char *last_part(const char *function, size_t *length)
{
    const char *part = own_code_qualified_name(function), *end = NULL, *at = part;
    int depth = 0;
    for (; *at && !(*at == '(' && depth == 0); at++) {
        if (*at == '<' && depth++ == 0)
            end = at;
        else if (*at == '>')
            depth -= depth > 0;
        else if (*at == ':' && depth == 0)
            part = at + 1, end = NULL;
    }
    *length = (size_t)((end ? end : at) - part);
    return part;
}

bool place_is_wrapper(const char *function)
{
    enum {
        MOST_BYTES = 64
    };
    static const char *const inside[] = {"malloc", "calloc", "realloc", "zalloc",
                                         "palloc", "strdup", "strndup", "memdup"};
    static const char *const at_end[] = {"alloc", "allocate"};
    char lower[MOST_BYTES];
    size_t length;
    const char *part = last_part(function, &length);
    if (length >= sizeof lower)
        return false;
    for (size_t i = 0; i < length; i++)
        lower[i] = part[i] >= 'A' && part[i] <= 'Z' ? (char)(part[i] - 'A' + 'a') : part[i];
    lower[length] = 0;
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        if (strstr(lower, inside[i]))
            return true;
    for (size_t i = 0; i < sizeof at_end / sizeof *at_end; i++)
        if (text_ends_with(lower, at_end[i]))
            return true;
    return false;
}

/* ---- of one stack ---- */

struct place_search {
    const struct profile *profile;
    enum place_callers callers;
    struct place *place;
    unsigned own_depth; /* of place.location */
    unsigned depth;     /* of the location that is looked at */
};

static bool is_caller(const struct place_search *search, const struct profile_frame *frame,
                      const struct profile_location *location)
{
    return own_code_is_own(search->profile, frame, location) &&
           !(search->place->is_wrapper && location->is_symbolized &&
             place_is_wrapper(location->function));
}

static bool look_at_location(void *context, const struct profile_frame *frame,
                             const struct profile_location *location)
{
    struct place_search *search = context;
    struct place *place = search->place;
    unsigned depth = search->depth++;
    if (depth < search->own_depth)
        place->called = location;
    if (depth <= search->own_depth || !is_caller(search, frame, location))
        return true;
    bool is_wanted = search->callers == PLACE_ANY_CALLER || location->is_symbolized;
    if (!place->caller || is_wanted) {
        place->caller = location;
        place->caller_frame = frame;
        place->caller_depth = depth;
    }
    return !is_wanted;
}

void place_find(const struct profile *profile, uint32_t node, enum place_callers callers,
                struct place *place)
{
    *place = (struct place){0};
    struct place_search search = {.profile = profile, .callers = callers, .place = place};
    place->location = own_code_find(profile, node, &place->frame, &search.own_depth);
    if (!place->location)
        return;
    place->is_wrapper = place->location->is_symbolized &&
                        place_is_wrapper(place->location->function);
    profile_visit_stack(profile, node, look_at_location, &search);
    if (place->called && !place->called->is_symbolized)
        place->called = NULL;
    place->is_wrapper = place->is_wrapper && place->caller;
}
