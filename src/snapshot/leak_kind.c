#include "snapshot/leak_kind.h"

#include <stddef.h>

const char *leak_kind_name(unsigned kind)
{
    static const char *const names[LEAK_KIND_COUNT] = {"definite", "indirect", "possible",
                                                       "reachable", "suppressed"};
    return kind < LEAK_KIND_COUNT ? names[kind] : NULL;
}
