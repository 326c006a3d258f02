#include "preload/real_functions.h"

#include <link.h>
#include <stdatomic.h>
#include <string.h>

struct real_functions real;
bool real_is_ready;

static bool is_in_libstdcxx(void *function)
{
    Dl_info where;
    if (function == NULL || dladdr(function, &where) == 0 || where.dli_fname == NULL)
        return false;
    const char *name = strrchr(where.dli_fname, '/');
    name = name != NULL ? name + 1 : where.dli_fname;
    return strncmp(name, "libstdc++.so", 12) == 0;
}

/* The operators may be called directly through malloc and free only if all of them are libstdc++'s:
 * a program or library may replace some. */
static bool are_operators_plain(void)
{
#define IS_PLAIN(symbol, result, parameters)                                                       \
    if (real.symbol != NULL && !is_in_libstdcxx((void *)real.symbol))                              \
        return false;
    HOOKS_CXX(IS_PLAIN)
#undef IS_PLAIN
    return true;
}

bool real_functions_find(void)
{
    static atomic_flag has_begun = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&has_begun))
        return false;
#define FIND(symbol, result, parameters) *(void **)&real.symbol = dlsym(RTLD_NEXT, #symbol);
    HOOKS_ALL(FIND)
#undef FIND
    real.is_new_plain = are_operators_plain();
    __atomic_store_n(&real_is_ready, true, __ATOMIC_RELEASE);
    return true;
}
