#include "config.h"

#include "cli/instant.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

static const char *const names[] = {
    [INSTANT_END] = "end",
    [INSTANT_PEAK] = "peak",
};

enum {
    NAME_COUNT = sizeof names / sizeof names[0]
};

const char *instant_name(enum instant_kind kind)
{
    return names[kind];
}

bool instant_parse(const char *name, enum instant_kind *kind, struct error *error)
{
    for (unsigned i = 0; i < NAME_COUNT; i++)
        if (strcmp(names[i], name) == 0) {
            *kind = (enum instant_kind)i;
            return true;
        }
    return error_set(error, "there is no instant \"%s\": it is \"end\" or \"peak\"", name);
}

bool instant_split(const char *word, char **file, enum instant_kind *kind, bool *has_instant,
                   struct error *error)
{
    const char *at = strrchr(word, '@');

    *has_instant = at && at != word && access(word, F_OK) != 0;
    *file = memory_duplicate_text(word);
    if (!*has_instant)
        return true;
    if (!instant_parse(at + 1, kind, error)) {
        free(*file);
        *file = NULL;
        return error_prefix(error, "%s: ", word);
    }
    (*file)[at - word] = '\0';
    return true;
}
