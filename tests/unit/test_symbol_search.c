/* What is read from the modules' own tables must be what dlsym finds. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "preload/interposed_functions.h"
#include "preload/symbol_search.h"

static const char *const names[] = {
    "malloc", "free",         "calloc", "posix_memalign", "execve", "posix_spawn", "fexecve",
    "fork",   "exit",         "_exit",  "quick_exit",     "mmap",   "mremap",      "sbrk",
    "popen",  "posix_spawnp", "prctl",  "syscall",        "dlopen", "dlclose",     "reallocarray",
};

static void test_finds_what_dlsym_finds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *wanted = dlsym(RTLD_NEXT, names[i]);
        assert_non_null(wanted);
        assert_ptr_equal(
            symbol_search_in_tables(names[i], (const void *)test_finds_what_dlsym_finds), wanted);
        assert_ptr_equal(symbol_search_in_tables(names[i], NULL), dlsym(RTLD_DEFAULT, names[i]));
        assert_ptr_equal(symbol_search_next(names[i], (const void *)names), wanted);
    }
}

static void test_finds_nothing(void **state)
{
    (void)state;
    assert_null(symbol_search_in_tables("no_such_function_anywhere", NULL));
    assert_null(symbol_search_in_tables("", NULL));
    /* undefined in many modules, defined in libc: behind libc nobody has it but, perhaps, the
     * loader */
    assert_null(symbol_search_in_tables("posix_spawn", (const void *)dlsym(RTLD_NEXT, "fork")));
    assert_null(symbol_search_in_tables("environ", NULL)); /* no function */
    int nowhere;
    assert_null(symbol_search_in_tables("malloc", &nowhere)); /* no module, so nothing behind it */
}

/* All replaced functions at once, each as if it had been looked for alone. */
static void test_finds_all_at_once(void **state)
{
#define QUERY(symbol, result, parameters) {.name = #symbol},
    struct symbol_query queries[] = {HOOKS_ALL(QUERY)};
#undef QUERY
    const void *libc = (const void *)dlsym(RTLD_NEXT, "fork");
    const void *const owns[] = {names, libc};
    (void)state;
    for (size_t own = 0; own < sizeof owns / sizeof *owns; own++) {
        symbol_search_all(queries, sizeof queries / sizeof *queries, owns[own]);
        for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
            const struct symbol_query *query = &queries[i];
            void *first = symbol_search_in_tables(query->name, NULL);
            const char *module = first != NULL ? symbol_search_module(first) : NULL;
            assert_ptr_equal(query->first, first);
            assert_ptr_equal(query->next, symbol_search_in_tables(query->name, owns[own]));
            assert_int_equal(query->is_first_own,
                             module != NULL && module == symbol_search_module(owns[own]));
            if (query->next != NULL)
                assert_string_equal(query->next_module, symbol_search_module(query->next));
        }
    }
    assert_string_equal(queries[0].name, "malloc");
    symbol_search_all(queries, 1, names);
    assert_ptr_equal(queries[0].next, dlsym(RTLD_NEXT, "malloc"));
}

static void test_finds_indirect(void **state)
{
    struct symbol_query query = {.name = "memcpy"}; /* an IFUNC in glibc */
    (void)state;
    symbol_search_all(&query, 1, names);
    assert_ptr_equal(query.next, dlsym(RTLD_NEXT, "memcpy"));
    assert_ptr_equal(query.first, symbol_search_in_tables("memcpy", NULL));
}

static void test_names_modules(void **state)
{
    (void)state;
    assert_non_null(strstr(symbol_search_module((const void *)dlsym(RTLD_NEXT, "fork")), "libc"));
    int nowhere;
    assert_null(symbol_search_module(&nowhere));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_what_dlsym_finds), cmocka_unit_test(test_finds_nothing),
        cmocka_unit_test(test_finds_all_at_once),      cmocka_unit_test(test_finds_indirect),
        cmocka_unit_test(test_names_modules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
