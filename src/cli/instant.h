/* Instants of a recording, as people name them: "FILE@peak", "--at snapshot:2", "FILE@mark:ready".
 */
#ifndef SEEP_CLI_INSTANT_H
#define SEEP_CLI_INSTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum instant_kind {
    INSTANT_END,
    INSTANT_PEAK,
    INSTANT_SNAPSHOT, /* with a number */
    INSTANT_MARK      /* with the name that the program gave it */
};

/* "end", "peak", "snapshot": also what headers and JSON show. */
const char *instant_name(enum instant_kind kind);

/* "snapshot:2": the same with its number. Into `out`, and returned. */
enum {
    INSTANT_TEXT_BYTES = 40
};
const char *instant_format(enum instant_kind kind, uint64_t snapshot, char *out);

/* *snapshot is set for INSTANT_SNAPSHOT only, *mark for INSTANT_MARK: the rest of `name`. */
bool instant_parse(const char *name, enum instant_kind *kind, uint64_t *snapshot, const char **mark,
                   struct error *error);

/* Splits "FILE@INSTANT" at its last '@', or before "@mark:". A word that is the name of a file has
 * no instant, whatever its name holds; then, and without '@', *has_instant is false. Caller frees
 * *file. */
bool instant_split(const char *word, char **file, enum instant_kind *kind, uint64_t *snapshot,
                   const char **mark, bool *has_instant, struct error *error);

#endif
