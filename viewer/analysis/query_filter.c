/* Filters: a bit an expression; a stack has the bits of all its locations. */
#include "config.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/interval.h"
#include "analysis/query.h"
#include "base/memory.h"

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
    for (size_t i = 0; i < profile->node_count; i++)
        is_kept[i] = !(node_bits[i] & EXCLUDE_ALL) &&
                     (node_bits[i] & INCLUDE_ALL) == (filter->given & INCLUDE_ALL);
    free(frame_bits);
    free(node_bits);
}

static bool compile(struct filter *compiled, const struct query_filter *filter, struct error *error)
{
    const char *const expressions[EXPRESSION_COUNT] = {
        filter->include_function, filter->exclude_function, filter->include_file,
        filter->exclude_file,     filter->include_module,   filter->exclude_module};
    *compiled = (struct filter){.given = 0};
    for (unsigned i = 0; i < EXPRESSION_COUNT; i++)
        if (!compile_expression(compiled, i, expressions[i], error)) {
            filter_clear(compiled);
            return false;
        }
    return true;
}

bool query_filter_is_given(const struct query_filter *filter)
{
    return filter->include_function || filter->exclude_function || filter->include_file ||
           filter->exclude_file || filter->include_module || filter->exclude_module;
}

bool query_filter_check(const struct query_filter *filter, struct error *error)
{
    struct filter compiled;
    if (!compile(&compiled, filter, error))
        return false;
    filter_clear(&compiled);
    return true;
}

bool query_filter_stacks(const struct profile *profile, const struct query_filter *filter,
                         uint8_t *is_kept, struct error *error)
{
    struct filter compiled;
    if (!compile(&compiled, filter, error))
        return false;
    if (compiled.given)
        apply_filter(profile, &compiled, is_kept);
    else
        memset(is_kept, 1, profile->node_count);
    filter_clear(&compiled);
    return true;
}

static void leave_void_out(const struct profile *profile, uint8_t *is_kept)
{
    for (size_t i = 0; profile->whole && i < profile->site_count; i++)
        is_kept[i] = is_kept[i] && !interval_is_void(&profile->sites[i]);
}

bool query_filter_sites(const struct profile *profile, const struct query_filter *filter,
                        uint8_t *is_kept, struct error *error)
{
    if (!query_filter_is_given(filter)) {
        if (profile->site_count)
            memset(is_kept, 1, profile->site_count);
        leave_void_out(profile, is_kept);
        return true;
    }
    uint8_t *is_stack_kept = memory_allocate_zeroed(profile->node_count, 1);
    bool is_good = query_filter_stacks(profile, filter, is_stack_kept, error);
    for (size_t i = 0; is_good && i < profile->site_count; i++)
        is_kept[i] = is_stack_kept[profile->sites[i].stack_node];
    free(is_stack_kept);
    leave_void_out(profile, is_kept);
    return is_good;
}
