/* Options whose value is a list of words, "definite,indirect". */
#ifndef SEEP_CLI_WORD_LIST_H
#define SEEP_CLI_WORD_LIST_H

#include <stdbool.h>

#include "base/error.h"

typedef const char *(*word_at)(unsigned position); /* NULL past the end */

/* Sets 1 << position of each word; "all" is all of them. `option` is for messages. */
bool word_list_parse(const char *option, const char *list, word_at at, unsigned *bits,
                     struct error *error);

#endif
