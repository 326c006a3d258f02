#include "analysis/gate_budgets.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/units.h"

/* clang-format off */
static const struct gate_budget_info budgets[] = {
    {GATE_PEAK, "peak", "heap and anonymous mappings at their common peak",
     true, false, true, QUERY_PEAK_BYTES, false, true},
    {GATE_HEAP, "heap", "the heap at its peak", true, false, false, QUERY_PEAK_BYTES, false, true},
    {GATE_RESIDENT, "resident", "resident memory at its peak, by the kernel",
     true, false, false, QUERY_PEAK_BYTES, false, true},
    {GATE_LIVE, "live", "what is not freed at the end", true, false, true, QUERY_LIVE_BYTES, false, false},
    {GATE_ALLOCATIONS, "allocations", "calls that return a block",
     false, false, true, QUERY_ALLOCATIONS, false, false},
    {GATE_TEMPORARY, "temporary", "blocks freed before their thread allocates again",
     false, false, true, QUERY_TEMPORARY, false, false},
    {GATE_LEAKED, "leaked", "what is leaked, of the kinds in --leak-kinds",
     true, true, true, QUERY_LIVE_BYTES, false, false},
    {GATE_LEAKED_PER_SITE, "leaked-per-site", "what one site leaks",
     true, true, true, QUERY_LIVE_BYTES, false, false},
    {GATE_GROWTH, "growth", "what grows without end, per minute",
     true, false, true, QUERY_LIVE_BYTES, true, false},
};
/* clang-format on */
_Static_assert(sizeof budgets / sizeof *budgets == GATE_BUDGET_COUNT, "a row for each budget");

const struct gate_budget_info *gate_budget_at(size_t position)
{
    return position < GATE_BUDGET_COUNT ? &budgets[position] : NULL;
}

const struct gate_budget_info *gate_budget_find(const char *name, size_t length)
{
    for (size_t i = 0; i < GATE_BUDGET_COUNT; i++)
        if (strlen(budgets[i].name) == length && strncmp(budgets[i].name, name, length) == 0)
            return &budgets[i];
    return NULL;
}

/* ---- words ---- */

/* The text without spaces around it; caller frees. */
static char *copy_trimmed(const char *text, size_t length)
{
    char *copy;

    while (length > 0 && isspace((unsigned char)*text)) {
        text++;
        length--;
    }
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    copy = memory_allocate(length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

static bool parse_count(const char *text, uint64_t *count, struct error *error)
{
    char *end;

    errno = 0;
    *count = strtoull(text, &end, 10);
    return (isdigit((unsigned char)*text) && !*end && !errno) ||
           error_set(error, "\"%s\" is no number", text);
}

bool gate_budget_parse_limit(const struct gate_budget_info *budget, const char *text,
                             uint64_t *limit, struct error *error)
{
    static const struct {
        const char *unit;
        uint64_t times, parts; /* what makes a minute of it */
    } units[] = {{"min", 1, 1}, {"s", 60, 1}, {"h", 1, 60}};
    const char *slash = budget->is_rate ? strchr(text, '/') : NULL;
    char *size = copy_trimmed(text, slash ? (size_t)(slash - text) : strlen(text));
    char *unit = slash ? copy_trimmed(slash + 1, strlen(slash + 1)) : NULL;
    bool is_good = budget->is_bytes ? units_parse_size(size, limit, error)
                                    : parse_count(size, limit, error);
    size_t i = 0;

    while (is_good && unit && i < sizeof units / sizeof *units && strcmp(units[i].unit, unit) != 0)
        i++;
    if (is_good && unit && (i == sizeof units / sizeof *units || *limit > UINT64_MAX / 60))
        is_good = error_set(error, "\"%s\" is no size per min", text);
    else if (is_good && unit)
        *limit = *limit * units[i].times / units[i].parts;
    free(size);
    free(unit);
    return is_good;
}

/* "peak 8M" */
static bool parse_budget(const char *text, bool is_of_sites, struct gate_limits *limits,
                         struct error *error)
{
    size_t length = strcspn(text, " \t");
    const char *value = text + length + strspn(text + length, " \t");
    const struct gate_budget_info *budget = gate_budget_find(text, length);
    uint64_t limit;

    if (!budget)
        return error_set(error, "there is no budget \"%.*s\"", (int)length, text);
    if (is_of_sites && !budget->is_of_sites)
        return error_set(error, "parts of a program have no budget \"%s\"", budget->name);
    if (!*value)
        return error_set(error, "how much %s? say \"%s 0\"", budget->name, budget->name);
    if (!gate_budget_parse_limit(budget, value, &limit, error))
        return error_prefix(error, "%s: ", budget->name);
    limits->is_set[budget->budget] = true;
    limits->values[budget->budget] = limit;
    return true;
}

/* "peak 8M, leaked 0" */
static bool parse_list(const char *text, bool is_of_sites, struct gate_limits *limits,
                       struct error *error)
{
    bool is_good = true;

    for (const char *rest = text; is_good && rest;) {
        const char *comma = strchr(rest, ',');
        char *word = copy_trimmed(rest, comma ? (size_t)(comma - rest) : strlen(rest));

        is_good = parse_budget(word, is_of_sites, limits, error);
        free(word);
        rest = comma ? comma + 1 : NULL;
    }
    return is_good;
}

/* ---- parts of a program ---- */

static struct gate_scope *get_scope(struct gate_scopes *scopes, char *pattern)
{
    for (size_t i = 0; i < scopes->count; i++)
        if (strcmp(scopes->items[i].pattern, pattern) == 0) {
            free(pattern);
            return &scopes->items[i];
        }
    scopes->items = memory_grow(scopes->items, &scopes->capacity, scopes->count + 1,
                                sizeof *scopes->items);
    scopes->items[scopes->count] = (struct gate_scope){.pattern = pattern};
    return &scopes->items[scopes->count++];
}

/* C++ has colons in its names: the last one ends the pattern. */
bool gate_scopes_parse(struct gate_scopes *scopes, const char *text, struct error *error)
{
    const char *colon = strrchr(text, ':');
    struct gate_limits limits = {0};
    struct gate_scope *scope;
    char *pattern;

    if (!colon || !parse_list(colon + 1, true, &limits, error))
        return colon ? false : error_set(error, "\"%s\" is not GLOB: BUDGET LIMIT", text);
    pattern = copy_trimmed(text, (size_t)(colon - text));
    if (!*pattern) {
        free(pattern);
        return error_set(error, "\"%s\" has no GLOB", text);
    }
    scope = get_scope(scopes, pattern);
    for (int i = 0; i < GATE_BUDGET_COUNT; i++)
        if (limits.is_set[i]) {
            scope->limits.is_set[i] = true;
            scope->limits.values[i] = limits.values[i];
        }
    return true;
}

void gate_scopes_clear(struct gate_scopes *scopes)
{
    for (size_t i = 0; i < scopes->count; i++)
        free(scopes->items[i].pattern);
    free(scopes->items);
    *scopes = (struct gate_scopes){0};
}

bool gate_budgets_read(const char *text, const char *path, struct gate_limits *limits,
                       struct gate_scopes *scopes, struct error *error)
{
    unsigned number = 1;
    bool is_good = true;

    for (const char *at = text; is_good && *at; number++) {
        size_t length = strcspn(at, "\n");
        char *line = copy_trimmed(at, strcspn(at, "#\n"));

        if (*line)
            is_good = strchr(line, ':') ? gate_scopes_parse(scopes, line, error)
                                        : parse_list(line, false, limits, error);
        if (!is_good)
            error_prefix(error, "%s:%u: ", path, number);
        free(line);
        at += length + (at[length] != '\0');
    }
    return is_good;
}

/* ---- membership ---- */

static bool matches_file(const struct profile *profile, const char *file, const char *pattern)
{
    const char *folder = profile->session.working_folder;
    size_t length = strlen(folder);

    if (!file)
        return false;
    if (length > 1 && strncmp(file, folder, length) == 0 && file[length] == '/' &&
        text_matches_glob(file + length + 1, pattern))
        return true;
    return text_matches_glob(file, pattern) || text_matches_glob(text_file_name(file), pattern);
}

static bool matches_function(const char *function, const char *pattern)
{
    size_t length = strcspn(function, "(");
    char *name;
    bool is_match;

    if (text_matches_glob(function, pattern))
        return true;
    if (!function[length] || length == 0)
        return false;
    name = copy_trimmed(function, length);
    is_match = text_matches_glob(name, pattern);
    free(name);
    return is_match;
}

static bool matches_frame(const struct profile *profile, const struct profile_frame *frame,
                          const char *pattern)
{
    if (frame->module_plus_1) {
        const struct profile_module *module = &profile->modules[frame->module_plus_1 - 1];

        if (text_matches_glob(module->path, pattern) || text_matches_glob(module->name, pattern))
            return true;
    }
    for (uint32_t i = 0; i < frame->location_count; i++) {
        const struct profile_location *location = &profile->locations[frame->first_location + i];

        if (matches_function(location->function, pattern) ||
            matches_file(profile, location->file, pattern))
            return true;
    }
    return false;
}

size_t gate_scope_find(const struct profile *profile, const char *pattern, uint8_t *is_member)
{
    uint8_t *is_frame = memory_allocate_zeroed(profile->frame_count, 1);
    uint8_t *is_node = memory_allocate_zeroed(profile->node_count, 1);
    size_t count = 0;

    for (size_t i = 0; i < profile->frame_count; i++)
        is_frame[i] = matches_frame(profile, &profile->frames[i], pattern);
    for (size_t i = 1; i < profile->node_count; i++) /* parents stand before their children */
        is_node[i] = is_node[profile->nodes[i].parent] | is_frame[profile->nodes[i].frame];
    for (size_t i = 0; i < profile->site_count; i++) {
        is_member[i] = is_node[profile->sites[i].stack_node];
        count += is_member[i];
    }
    free(is_frame);
    free(is_node);
    return count;
}
