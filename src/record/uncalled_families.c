#include "record/uncalled_families.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"

static void add(char **list, const char *prefix)
{
    bool is_first = *list == NULL;
    char *longer = memory_print_text("%s%s%s", is_first ? "" : *list,
                                     is_first ? "--allocator=" : ", --allocator=", prefix);
    free(*list);
    *list = longer;
}

char *uncalled_families_remark(const char *const *prefixes, size_t count, uint32_t called)
{
    char *list = NULL, *remark;
    for (size_t i = 0; i < count; i++)
        if ((called >> i & 1) == 0)
            add(&list, prefixes[i]);
    if (list == NULL)
        return NULL;
    remark = memory_print_text("%s recorded nothing: no program or library here calls such a"
                               " function of another one",
                               list);
    free(list);
    return remark;
}
