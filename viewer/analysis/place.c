#include "config.h"

#include "analysis/place.h"

#include <string.h>

#include "analysis/fingerprint.h"
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

enum location_class {
    CLASS_KNOWN = 1,
    CLASS_OWN = 2,
    CLASS_WRAPPER = 4
};

struct place_search {
    const struct profile *profile;
    enum place_callers callers;
    uint8_t *classes; /* by location, 0 = not looked at yet; or NULL */
    struct place *place;
    unsigned depth; /* of the location that is looked at */
    /* Own or not, for a stack without own code: the first location, and, where that is a wrapper,
     * the first that is none. */
    struct place any;
};

static unsigned classify(const struct profile *profile, const struct profile_frame *frame,
                         const struct profile_location *location)
{
    unsigned class = CLASS_KNOWN;
    if (own_code_is_own(profile, frame, location))
        class |= CLASS_OWN;
    if (location->is_symbolized && place_is_wrapper(location->function))
        class |= CLASS_WRAPPER;
    return class;
}

static unsigned class_of(const struct place_search *search, const struct profile_frame *frame,
                         const struct profile_location *location)
{
    if (!search->classes)
        return classify(search->profile, frame, location);
    uint8_t *class = &search->classes[location - search->profile->locations];
    if (!*class)
        *class = (uint8_t)classify(search->profile, frame, location);
    return *class;
}

/* Returns whether it is the caller for good. */
static bool take_caller(struct place_search *search, const struct profile_frame *frame,
                        const struct profile_location *location, unsigned depth)
{
    struct place *place = search->place;
    bool is_wanted = search->callers == PLACE_ANY_CALLER || location->is_symbolized;
    if (!place->caller || is_wanted) {
        place->caller = location;
        place->caller_frame = frame;
        place->caller_depth = depth;
    }
    return is_wanted;
}

static void look_at_any(struct place *any, unsigned class, const struct profile_frame *frame,
                        const struct profile_location *location, unsigned depth)
{
    if (depth == 0) {
        any->location = location;
        any->frame = frame;
        any->is_wrapper = class & CLASS_WRAPPER;
    } else if (any->is_wrapper && !any->caller && !(class & CLASS_WRAPPER) &&
               location->is_symbolized) {
        any->caller = location;
        any->caller_frame = frame;
        any->caller_depth = depth;
    }
}

static bool look_at_location(void *context, const struct profile_frame *frame,
                             const struct profile_location *location)
{
    struct place_search *search = context;
    struct place *place = search->place;
    unsigned class = class_of(search, frame, location), depth = search->depth++;
    look_at_any(&search->any, class, frame, location, depth);
    if (!(class & CLASS_OWN)) {
        if (!place->location)
            place->called = location;
        return true;
    }
    if (!place->location) {
        place->location = location;
        place->frame = frame;
        place->is_wrapper = class & CLASS_WRAPPER;
        return true;
    }
    /* A nameless function that a wrapper calls is one itself: part of a stripped allocator. */
    if (!place->location->is_symbolized && !place->caller && (class & CLASS_WRAPPER))
        place->is_wrapper = true;
    if (place->is_wrapper && (class & CLASS_WRAPPER))
        return true;
    return !take_caller(search, frame, location, depth);
}

static void search_stack(struct place_search *search, uint32_t node)
{
    struct place *place = search->place;
    *place = (struct place){0};
    profile_visit_stack(search->profile, node, look_at_location, search);
    if (!place->location)
        *place = search->any;
    if (place->called && !place->called->is_symbolized)
        place->called = NULL;
    place->is_wrapper = place->is_wrapper && place->caller;
}

void place_find(const struct profile *profile, uint32_t node, enum place_callers callers,
                struct place *place)
{
    struct place_search search = {.profile = profile, .callers = callers, .place = place};
    search_stack(&search, node);
}

void place_find_many(const struct profile *profile, uint8_t *classes, uint32_t node,
                     enum place_callers callers, struct place *place)
{
    struct place_search search = {
        .profile = profile, .callers = callers, .classes = classes, .place = place};
    search_stack(&search, node);
}

const struct profile_location *place_named_location(const struct place *place)
{
    return place->is_wrapper && place->caller ? place->caller : place->location;
}

void place_shorten_name(const char *function, struct text *out)
{
    struct text simple = {0};
    fingerprint_simplify_name(own_code_qualified_name(function), &simple);
    const char *name = text_get(&simple);
    const char *end = name;
    do { /* the parentheses of operator() and of "(anonymous namespace)" are part of a name */
        end += strcspn(end, "(");
        if (end >= name + 8 && text_starts_with(end - 8, "operator()"))
            end += 2;
        else if (text_starts_with(end, "(anonymous"))
            end++;
        else
            break;
    } while (*end);
    text_add_bytes(out, name, (size_t)(end - name));
    text_clear(&simple);
}

void place_add_called(const struct place *place, int columns, struct text *out)
{
    struct text name = {0};
    if (!place->called)
        return;
    place_shorten_name(place->called->function, &name);
    const char *told = text_get(&name);
    if (text_columns(told) + (int)strlen("via ") > columns)
        for (const char *at = told; (at = strstr(at, "::")) != NULL;)
            told = at += 2;
    text_print(out, "via %s", told);
    text_clear(&name);
}
