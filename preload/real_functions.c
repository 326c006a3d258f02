#include "preload/real_functions.h"

#include <stdatomic.h>
#include <string.h>

#include "preload/symbol_search.h"
#include "wire/wire_format.h"

struct real_functions real;
bool real_is_ready;

/* One query for each function, in the order of HOOKS_ALL. */
enum query_index {
#define INDEX(symbol, result, parameters) QUERY_##symbol,
    HOOKS_ALL(INDEX)
#undef INDEX
    QUERY_COUNT
};

static bool is_in_libstdcxx(const char *path)
{
    const char *name = strrchr(path, '/');
    name = name != NULL ? name + 1 : path;
    return strncmp(name, "libstdc++.so", 12) == 0;
}

/* Told by the file that has the real malloc. */
static uint32_t find_allocator(void)
{
    static const struct {
        const char *part;
        enum wire_allocator allocator;
    } known[] = {
        {"jemalloc", WIRE_ALLOCATOR_JEMALLOC}, {"tcmalloc", WIRE_ALLOCATOR_TCMALLOC},
        {"mimalloc", WIRE_ALLOCATOR_MIMALLOC}, {"libc.so", WIRE_ALLOCATOR_GLIBC},
        {"libc-2", WIRE_ALLOCATOR_GLIBC},      {"ld-musl", WIRE_ALLOCATOR_MUSL},
    };
    const char *path = symbol_search_module((void *)real.malloc);
    for (size_t i = 0; path != NULL && i < sizeof known / sizeof *known; i++)
        if (strstr(path, known[i].part) != NULL)
            return known[i].allocator;
    return WIRE_ALLOCATOR_UNKNOWN;
}

/* The operators may be called directly through malloc and free only if all of them are libstdc++'s:
 * a program or library may replace some. */
static bool are_operators_plain(const struct symbol_query *queries)
{
#define IS_PLAIN(symbol, result, parameters)                                                       \
    if (real.symbol != NULL && !is_in_libstdcxx(queries[QUERY_##symbol].next_module))              \
        return false;
    HOOKS_CXX(IS_PLAIN)
#undef IS_PLAIN
    return true;
}

/* The operators of the allocator itself do not call malloc by its name. */
static bool may_calls_nest(void)
{
    if (real.allocator == WIRE_ALLOCATOR_UNKNOWN)
        return true;
    if (real.is_new_plain || real._Znwm == NULL)
        return !real.is_new_plain;
    const char *owner = symbol_search_module((void *)real._Znwm);
    const char *allocator = symbol_search_module((void *)real.malloc);
    return owner == NULL || allocator == NULL || strcmp(owner, allocator) != 0;
}

static void *find_next(const char *name)
{
    return symbol_search_next(name, &real);
}

/* The definition that the program calls, where that is not ours; else the next one. (For dlsym the
 * address of a function that a program takes would be a definition, too.) */
static void *choose_called(const struct symbol_query *query)
{
    return query->first == NULL || query->is_first_own ? query->next : query->first;
}

void real_functions_find_late(void)
{
#define FIND(symbol, result, parameters)                                                           \
    if (real.symbol == NULL)                                                                       \
        *(void **)&real.symbol = find_next(#symbol);
    HOOKS_LOADER(FIND)
    HOOKS_SEMAPHORE(FIND)
#undef FIND
}

bool real_functions_find(void)
{
    static atomic_flag has_begun = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&has_begun))
        return false;
    struct symbol_query queries[QUERY_COUNT];
#define ASK(symbol, result, parameters) queries[QUERY_##symbol].name = #symbol;
    HOOKS_ALL(ASK)
#undef ASK
    symbol_search_all(queries, QUERY_COUNT, &real);
#define TAKE(symbol, result, parameters) *(void **)&real.symbol = queries[QUERY_##symbol].next;
    HOOKS_MAPPING(TAKE)
    HOOKS_PROCESS(TAKE)
    HOOKS_LOADER(TAKE)
    HOOKS_SIGNAL(TAKE)
    HOOKS_SEMAPHORE(TAKE)
    HOOKS_CXX(TAKE)
#undef TAKE
#define TAKE(symbol, result, parameters)                                                           \
    *(void **)&real.symbol = choose_called(&queries[QUERY_##symbol]);
    HOOKS_MALLOC(TAKE)
#undef TAKE
    /* Whose the first malloc is. */
    real.is_malloc_own = (void *)real.malloc != queries[QUERY_malloc].next;
    real.is_new_plain = !real.is_malloc_own && are_operators_plain(queries);
    real.allocator = find_allocator();
    real.may_nest = may_calls_nest();
    __atomic_store_n(&real_is_ready, true, __ATOMIC_RELEASE);
    return true;
}
