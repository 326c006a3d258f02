#include "config.h"

#include "cli/view_comparer.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"

struct view_compared {
    struct recording_argument argument; /* zeroed of what is shown at its end, or peak */
    const struct profile *profile;
    enum instant_kind instant;
    char *name; /* "old.seep@peak" */
    struct view_compared *next;
};

static struct view_compared *add_side(struct view_comparer *comparer)
{
    struct view_compared *opened = memory_allocate_zeroed(1, sizeof *opened);

    opened->next = comparer->opened;
    comparer->opened = opened;
    return opened;
}

static void name_side(struct view_compared *side, const struct recording_argument *argument)
{
    side->profile = argument->profile;
    side->instant = argument->instant;
    side->name = memory_print_text("%s@%s", text_file_name(argument->path), argument->instant_text);
}

static bool open_side(struct view_comparer *comparer, char *word, const struct progress *progress,
                      const struct view_compared **side, struct error *error)
{
    const struct option_operands operand = {.items = &word, .count = 1};
    struct view_compared *opened = add_side(comparer);

    opened->argument.takes_times = true;
    opened->argument.loading = progress;
    if (!recording_argument_load(&opened->argument, &operand, NULL, &(struct profile_options){0},
                                 error))
        return false;
    opened->argument.loading = NULL; /* it was for this time */
    name_side(opened, &opened->argument);
    *side = opened;
    return true;
}

/* The recording that is shown, at the instant at which it is compared; once more where that is
 * neither its end nor its peak, of which its whole tells. */
static bool open_other(struct view_comparer *comparer, const struct progress *progress,
                       struct error *error)
{
    const struct recording_argument *shown = comparer->shown;

    if (comparer->other)
        return true;
    if (shown->instant == INSTANT_END || shown->instant == INSTANT_PEAK) {
        struct view_compared *other = add_side(comparer);

        name_side(other, shown);
        comparer->other = other;
        return true;
    }
    char *word = memory_print_text("%s@%s", shown->path, shown->instant_text);
    bool is_good = open_side(comparer, word, progress, &comparer->other, error);
    free(word);
    return is_good;
}

bool view_comparer_compare(void *context, const char *base, const struct progress *progress,
                           struct tui_comparison *comparison, struct error *error)
{
    struct view_comparer *comparer = context;
    const struct view_compared *sides[DIFF_SIDES] = {0};
    char *word = memory_duplicate_text(base);
    bool is_good = open_side(comparer, word, progress, &sides[DIFF_BASE], error) &&
                   open_other(comparer, progress, error);

    sides[DIFF_OTHER] = comparer->other;
    for (int side = 0; is_good && side < DIFF_SIDES; side++) {
        comparison->profiles[side] = sides[side]->profile;
        comparison->names[side] = sides[side]->name;
        comparison->is_peak[side] = sides[side]->instant == INSTANT_PEAK;
    }
    free(word);
    return is_good;
}

void view_comparer_close(struct view_comparer *comparer)
{
    while (comparer->opened) {
        struct view_compared *next = comparer->opened->next;

        recording_argument_close(&comparer->opened->argument);
        free(comparer->opened->name);
        free(comparer->opened);
        comparer->opened = next;
    }
}
