#include "cli/word_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

bool word_list_parse(const char *option, const char *list, word_at at, unsigned *bits,
                     struct error *error)
{
    char *copy = memory_duplicate_text(list), *rest = copy;
    bool is_good = true;

    *bits = 0;
    for (char *word; is_good && (word = strsep(&rest, ",")) != NULL;) {
        unsigned position = 0, all = 0;

        while (at(position) && strcmp(at(position), word) != 0)
            all |= 1u << position++;
        if (at(position))
            *bits |= 1u << position;
        else if (strcmp(word, "all") == 0)
            *bits |= all;
        else
            is_good = error_set(error, "--%s: \"%s\" is none of its words", option, word);
    }
    free(copy);
    return is_good;
}
