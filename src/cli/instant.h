/* Instants on the command line: "FILE@peak", "--at snapshot:2", "FILE@mark:ready". */
#ifndef SEEP_CLI_INSTANT_H
#define SEEP_CLI_INSTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/instant.h"
#include "base/error.h"

/* "end", "snapshot:2": a kind with its number. Into `out`, and returned. */
enum {
    INSTANT_TEXT_BYTES = 40
};
const char *instant_format(enum instant_kind kind, uint64_t snapshot, char *out);

/* Splits "FILE@INSTANT" at its last '@', or before "@mark:". A word that is the name of a file has
 * no instant, whatever its name holds; then, and without '@', *has_instant is false. Caller frees
 * *file; the instant's name is borrowed from the word. */
bool instant_split(const char *word, char **file, struct instant *instant, bool *has_instant,
                   struct error *error);

#endif
