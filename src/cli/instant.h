/* Instants of a recording, as people name them: "FILE@peak", "--at peak". */
#ifndef SEEP_CLI_INSTANT_H
#define SEEP_CLI_INSTANT_H

#include <stdbool.h>

#include "base/error.h"

enum instant_kind {
    INSTANT_END,
    INSTANT_PEAK
};

/* "end", "peak": also what headers and JSON show. */
const char *instant_name(enum instant_kind kind);

bool instant_parse(const char *name, enum instant_kind *kind, struct error *error);

/* Splits "FILE@INSTANT" at its last '@'. A word that is the name of a file has no instant, whatever
 * its name holds; then, and without '@', *has_instant is false. Caller frees *file. */
bool instant_split(const char *word, char **file, enum instant_kind *kind, bool *has_instant,
                   struct error *error);

#endif
