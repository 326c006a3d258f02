#include "config.h"

#include "cli/instant.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

static const char *const names[] = {
    [INSTANT_END] = "end",
    [INSTANT_PEAK] = "peak",
    [INSTANT_SNAPSHOT] = "snapshot",
    [INSTANT_MARK] = "mark",
};

static const char snapshot_start[] = "snapshot:";
static const char mark_start[] = "mark:";

const char *instant_name(enum instant_kind kind)
{
    return names[kind];
}

const char *instant_format(enum instant_kind kind, uint64_t snapshot, char *out)
{
    if (kind == INSTANT_SNAPSHOT)
        snprintf(out, INSTANT_TEXT_BYTES, "%s%" PRIu64, snapshot_start, snapshot);
    else
        snprintf(out, INSTANT_TEXT_BYTES, "%s", names[kind]);
    return out;
}

bool instant_parse(const char *name, enum instant_kind *kind, uint64_t *snapshot, const char **mark,
                   struct error *error)
{
    for (unsigned i = INSTANT_END; i <= INSTANT_PEAK; i++)
        if (strcmp(names[i], name) == 0) {
            *kind = (enum instant_kind)i;
            return true;
        }
    if (strncmp(name, snapshot_start, strlen(snapshot_start)) == 0) {
        const char *digits = name + strlen(snapshot_start);
        char *stop;

        *kind = INSTANT_SNAPSHOT;
        *snapshot = strtoull(digits, &stop, 10);
        if (*digits >= '0' && *digits <= '9' && !*stop)
            return true;
    }
    if (strncmp(name, mark_start, strlen(mark_start)) == 0 && name[strlen(mark_start)] != '\0') {
        *kind = INSTANT_MARK;
        *mark = name + strlen(mark_start);
        return true;
    }
    return error_set(error,
                     "there is no instant \"%s\": it is \"end\", \"peak\", \"snapshot:N\" or "
                     "\"mark:NAME\"",
                     name);
}

bool instant_split(const char *word, char **file, enum instant_kind *kind, uint64_t *snapshot,
                   const char **mark, bool *has_instant, struct error *error)
{
    const char *at_mark = strstr(word, "@mark:"); /* its name may hold anything */
    const char *at = at_mark ? at_mark : strrchr(word, '@');

    *has_instant = at && at != word && access(word, F_OK) != 0;
    *file = memory_duplicate_text(word);
    if (!*has_instant)
        return true;
    if (!instant_parse(at + 1, kind, snapshot, mark, error)) {
        free(*file);
        *file = NULL;
        return error_prefix(error, "%s: ", word);
    }
    (*file)[at - word] = '\0';
    return true;
}
