#include "config.h"

#include "cli/instant.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

const char *instant_format(enum instant_kind kind, uint64_t snapshot, char *out)
{
    if (kind == INSTANT_SNAPSHOT)
        snprintf(out, INSTANT_TEXT_BYTES, "%s:%" PRIu64, instant_name(kind), snapshot);
    else
        snprintf(out, INSTANT_TEXT_BYTES, "%s", instant_name(kind));
    return out;
}

bool instant_split(const char *word, char **file, struct instant *instant, bool *has_instant,
                   struct error *error)
{
    const char *at_mark = strstr(word, "@mark:"); /* its name may hold anything */
    const char *at = at_mark ? at_mark : strrchr(word, '@');

    *has_instant = at && at != word && access(word, F_OK) != 0;
    *file = memory_duplicate_text(word);
    if (!*has_instant)
        return true;
    if (!instant_parse(at + 1, instant, error)) {
        free(*file);
        *file = NULL;
        return error_prefix(error, "%s: ", word);
    }
    (*file)[at - word] = '\0';
    return true;
}
