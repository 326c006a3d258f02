/* Known answers of both tools: LSan's templates as sanitizer_common has them, Valgrind's entries as
 * its manual describes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "analysis/suppression_pattern.h"
#include "analysis/suppressions.h"
#include "profile_builder.h"

/* ---- patterns ---- */

static void templates_match_parts(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool is_match;
    } cases[] = {
        {"foo", "foo", true},
        {"foo", "xfoox", true},
        {"foo", "fo", false},
        {"foo", "", false},
        {"^foo", "foox", true},
        {"^foo", "xfoo", false},
        {"foo$", "xfoo", true},
        {"foo$", "foox", false},
        {"^foo$", "foo", true},
        {"^foo$", "foofoo", false},
        {"foo$", "foofoo", true},
        {"f*o", "fxxo", true},
        {"^f*o$", "fxxo", true},
        {"^f*o$", "fxxoy", false},
        {"^*o$", "xo", true},
        {"a*b*c", "xaxbxcx", true},
        {"a*b*c", "acb", false},
        {"*", "x", true},
        {"*", "", false},
        {"^", "x", true},
        {"$", "x", true},
        {"a*$", "xay", true},
        {"^a**b", "axxb", true},
        {"lib*.so", "/usr/libx.so.6", true},
        {"operator new(", "operator new(unsigned long)", true},
        {"x?z", "xyz", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (suppression_template_matches(cases[i].pattern, cases[i].text) != cases[i].is_match)
            fail_msg("\"%s\" against \"%s\"", cases[i].pattern, cases[i].text);
}

static void functions_match_in_either_spelling(void **state)
{
    static const struct {
        const char *glob, *function;
        bool is_match;
    } cases[] = {
        {"main", "main", true},
        {"main", "mainly", false},
        {"ma?n*", "mainly", true},
        {"_ZN5Cache4growEm", "Cache::grow(unsigned long)", true},
        {"_ZN5Cache4growEm", "Cache::grow(int)", false},
        {"_ZN5Cache*", "Cache::grow(unsigned long)", true},
        {"_ZN5Cache4grow*", "Cache::grow(unsigned long)", true},
        {"_ZN5Cache4grow*", "Cache::shrink(unsigned long)", false},
        {"_ZN5Cache*4grow*", "Cache<int>::grow(unsigned long)", true},
        {"_ZNK5Cache4grow*", "Cache::grow(unsigned long) const", true},
        {"_ZNK5Cache4grow*", "Cache::grow(unsigned long)", false},
        {"_ZNSt6vector*", "std::vector<int, std::allocator<int> >::push_back(int&&)", true},
        {"_Z4load*", "load(char const*)", true},
        {"_Z4load*", "load", false},
        {"_Z*", "main", false},
        {"_ZN*4swap*", "void ns::swap<int>(int&, int&)", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (suppression_function_matches(cases[i].glob, cases[i].function) != cases[i].is_match)
            fail_msg("\"%s\" against \"%s\"", cases[i].glob, cases[i].function);
}

/* ---- entries against a stack ---- */

#define STACK_TEXT                                                                                 \
    "main@src/main.c:9;load(char const*)@src/load.cpp:20!/opt/app/libload.so.2;"                   \
    "~inner@src/inner.h:3;strdup!libc"

struct fixture {
    struct profile *profile;
    struct suppression_stack stack;
    struct suppressions list;
};

static void set_up(struct fixture *fixture, enum function_kind function)
{
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_site(builder, 0, function, STACK_TEXT, 1, 8, 0, 0);
    *fixture = (struct fixture){.profile = profile_builder_load(builder)};
    profile_builder_destroy(builder);
    suppression_stack_fill(&fixture->stack, fixture->profile, function,
                           fixture->profile->sites[0].stack_node);
    suppressions_init(&fixture->list);
}

static void tear_down(struct fixture *fixture)
{
    suppressions_clear(&fixture->list);
    suppression_stack_clear(&fixture->stack);
    profile_destroy(fixture->profile);
}

static const struct suppression *read_one(struct fixture *fixture, const char *text)
{
    struct error error;
    fixture->list.count = 0;
    if (!suppressions_read(&fixture->list, "x.supp", text, strlen(text), &error))
        fail_msg("%s", error.message);
    assert_int_equal(fixture->list.count, 1);
    return &fixture->list.items[0];
}

static void lsan_looks_at_every_frame(void **state)
{
    static const struct {
        const char *text;
        bool is_match;
    } cases[] = {
        {"leak:^main$", true},
        {"leak:load.cpp", true},
        {"leak:libload.so", true},
        {"leak:^load(", true},
        {"leak:inner.h", true},
        {"leak:^strdup$", true},
        {"leak:malloc", true},
        {"leak:libc.so", true},
        {"leak:calloc", false},
        {"leak:loader", false},
        {"\n # x\n  leak:main  \r\n", true},
    };
    struct fixture fixture;
    (void)state;
    set_up(&fixture, FUNCTION_MALLOC);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct suppression *entry = read_one(&fixture, cases[i].text);
        if (suppression_matches(entry, &fixture.stack, LEAK_DEFINITE) != cases[i].is_match)
            fail_msg("%s", cases[i].text);
        assert_false(suppression_matches(entry, &fixture.stack, LEAK_REACHABLE));
    }
    tear_down(&fixture);
}

static void valgrind_looks_from_the_allocation_on(void **state)
{
    static const struct {
        const char *frames;
        bool is_match;
    } cases[] = {
        {"fun:malloc", true},
        {"fun:calloc", false},
        {"fun:strdup", false},
        {"fun:malloc\nfun:strdup", true},
        {"fun:*alloc\nfun:str*\nfun:inner\nfun:_Z4loadPKc\nfun:main", true},
        {"fun:malloc\nfun:strdup\nfun:inner\nfun:_Z4loadPKc\nfun:main\nfun:*", false},
        {"fun:malloc\nobj:*/libc.so*\nfun:inner\nobj:/opt/app/libload.so.2", true},
        {"fun:malloc\nobj:libc.so*", false},
        {"...\nfun:main", true},
        {"...\nfun:strdup\n...\nfun:main\n...", true},
        {"...\nfun:inner\nfun:main", false},
        {"fun:malloc\n...\nsrc:load.cpp:20", true},
        {"fun:malloc\n...\nsrc:load.cpp:21", false},
        {"fun:malloc\n...\nsrc:src/load.cpp", true},
        {"...\nfun:nosuch", false},
        {"...\nfun:*\n...\nfun:*\n...\nfun:*\n...\nfun:*\n...\nfun:main", true},
    };
    struct fixture fixture;
    (void)state;
    set_up(&fixture, FUNCTION_MALLOC);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        snprintf(text, sizeof text, "{\nname\nMemcheck:Leak\n%s\n}\n", cases[i].frames);
        const struct suppression *entry = read_one(&fixture, text);
        if (suppression_matches(entry, &fixture.stack, LEAK_INDIRECT) != cases[i].is_match)
            fail_msg("%s", cases[i].frames);
    }
    tear_down(&fixture);
}

static void operators_have_the_linkers_names(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture, FUNCTION_NEW_ARRAY);
    static const char *const frames[] = {"_Znam", "_Zna*", "operator new[]"};
    for (size_t i = 0; i < 3; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\nname\nMemcheck:Leak\nfun:%s\n}\n", frames[i]);
        assert_true(suppression_matches(read_one(&fixture, text), &fixture.stack, LEAK_DEFINITE));
    }
    tear_down(&fixture);
}

static void kinds_limit_entries(void **state)
{
    struct fixture fixture;
    (void)state;
    set_up(&fixture, FUNCTION_MALLOC);
    const struct suppression *entry = read_one(
        &fixture, "{\nn\nMemcheck:Leak\nmatch-leak-kinds: possible, reachable\nfun:*\n}");
    assert_false(suppression_matches(entry, &fixture.stack, LEAK_DEFINITE));
    assert_true(suppression_matches(entry, &fixture.stack, LEAK_POSSIBLE));
    assert_true(suppression_matches(entry, &fixture.stack, LEAK_REACHABLE));
    entry = read_one(&fixture, "{\nn\nMemcheck:Leak\nmatch-leak-kinds:all\nfun:*\n}");
    assert_true(suppression_matches(entry, &fixture.stack, LEAK_REACHABLE));
    entry = read_one(&fixture, "{\nn\nMemcheck:Leak\nmatch-leak-kinds: none\nfun:*\n}");
    assert_int_equal(entry->kinds, 0);
    entry = read_one(&fixture, "{\nn\nMemcheck:Leak\nfun:*\n}");
    assert_int_equal(entry->kinds, LEAK_KINDS_LOST | 1u << LEAK_REACHABLE);
    tear_down(&fixture);
}

/* ---- files ---- */

static void entries_keep_what_is_said_of_them(void **state)
{
    static const char text[] = "# seep: reason=\"a pool, by design\" expires=2027-03-01\n"
                               "# a comment\n"
                               "leak:pool\n"
                               "leak:other\n"
                               "# seep: max-bytes=4k\n"
                               "leak:third\n";
    struct suppressions list;
    (void)state;
    suppressions_init(&list);
    assert_true(suppressions_read(&list, "a.supp", text, sizeof text - 1, NULL));
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[0].name, "pool");
    assert_string_equal(list.items[0].origin, "a.supp");
    assert_int_equal(list.items[0].line, 3);
    assert_string_equal(list.items[0].reason, "a pool, by design");
    assert_string_equal(list.items[0].expires, "2027-03-01");
    assert_int_equal(list.items[0].expires_unix_s, 1803859200); /* date -ud 2027-03-01 +%s */
    assert_false(list.items[0].has_max_bytes);
    assert_null(list.items[1].expires);
    assert_true(list.items[2].has_max_bytes);
    assert_int_equal(list.items[2].max_bytes, 4096);
    suppressions_clear(&list);
}

static void valgrind_entries_for_others_are_passed_over(void **state)
{
    static const char text[] =
        "# x\n{\n one\n Memcheck:Cond\n fun:a\n}\n"
        "{\n two\n Helgrind:Race\n obj:*\n nonsense\n}\n"
        "{\n three\n Memcheck:Param\n write(buf)\n fun:a\n}\n"
        "{\n  four five\n  drd,Memcheck:Leak\n  # seep: reason=inside\n  fun:a\n}\n";
    struct suppressions list;
    (void)state;
    suppressions_init(&list);
    assert_true(suppressions_read(&list, "a.supp", text, sizeof text - 1, NULL));
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].name, "four five");
    assert_int_equal(list.items[0].line, 19);
    assert_string_equal(list.items[0].reason, "inside");
    suppressions_clear(&list);
}

static void mistakes_name_file_and_line(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"leak:a\nrace:b\n", "a.supp:2: neither \"leak:PATTERN\" nor a comment"},
        {"leak:\n", "a.supp:1: an empty pattern would suppress everything"},
        {"{\nn\nMemcheck:Leak\n...\n}\n", "a.supp:1: the entry has no frame that is not \"...\""},
        {"{\nn\nMemcheck:Leak\nfun:a\n", "a.supp:1: the entry has no end: \"}\" is missing"},
        {"{\nn\nMemcheck:Leak\nfoo:a\n}\n",
         "a.supp:4: a frame begins with fun:, obj: or src:, or is \"...\""},
        {"{\nn\nMemcheck:leak\nfun:a\n}\n", "a.supp:3: Memcheck has no such kind"},
        {"{\nn\nLeak\nfun:a\n}\n", "a.supp:3: no \"TOOL:KIND\" behind the name"},
        {"{\n}\n", "a.supp:1: the entry has no name"},
        {"{\nn\n}\n", "a.supp:1: the entry has no \"TOOL:KIND\""},
        {"{\nn\nMemcheck:Leak\nmatch-leak-kinds: lost\nfun:a\n}\n",
         "a.supp:4: leak kinds are all, none, definite, indirect, possible, reachable"},
        {"{\nn\nMemcheck:Leak\nfun:a\n}\nleak:b\n",
         "a.supp:6: an entry begins with \"{\" on a line of its own"},
        {"# seep: expires=2027-02-30\nleak:a\n", "a.supp:1: expires is no date like 2027-01-31"},
        {"# seep: until=x\nleak:a\n",
         "a.supp:1: after \"# seep:\" come reason=, expires= and max-bytes="},
        {"# seep: max-bytes=many\nleak:a\n", "a.supp:1: max-bytes is no size like 4096 or 64k"},
        {"leak:a\n# seep: reason=x\n", "a.supp:2: no entry stands behind this"},
    };
    struct suppressions list;
    struct error error;
    (void)state;
    suppressions_init(&list);
    assert_true(suppressions_read(&list, "good", "leak:good\n", 10, NULL));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_false(
            suppressions_read(&list, "a.supp", cases[i].text, strlen(cases[i].text), &error));
        assert_string_equal(error.message, cases[i].message);
        assert_int_equal(list.count, 1);
    }
    assert_false(suppressions_read(&list, "a.supp", "leak:a\0", 7, &error));
    assert_false(suppressions_read_file(&list, "/nonexistent/x.supp", &error));
    assert_string_equal(error.message,
                        "/nonexistent/x.supp: cannot open: No such file or directory");
    suppressions_clear(&list);
}

static void the_built_in_list_is_well_formed(void **state)
{
    struct suppressions list;
    (void)state;
    suppressions_init(&list);
    suppressions_add_built_in(&list);
    assert_true(list.count > 0);
    assert_null(list.items[0].origin);
    suppressions_clear(&list);
}

/* What Valgrind ships is read as it is. */
static void installed_files_are_read(void **state)
{
    static const char *const paths[] = {
        "/usr/libexec/valgrind/default.supp", "/usr/lib/valgrind/debian.supp",
        "/usr/lib/valgrind/ncurses.supp", "/usr/lib/valgrind/python3.supp"};
    struct suppressions list;
    struct error error;
    (void)state;
    suppressions_init(&list);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (access(paths[i], R_OK) == 0 && !suppressions_read_file(&list, paths[i], &error))
            fail_msg("%s", error.message);
    suppressions_clear(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_match_parts),
        cmocka_unit_test(functions_match_in_either_spelling),
        cmocka_unit_test(lsan_looks_at_every_frame),
        cmocka_unit_test(valgrind_looks_from_the_allocation_on),
        cmocka_unit_test(operators_have_the_linkers_names),
        cmocka_unit_test(kinds_limit_entries),
        cmocka_unit_test(entries_keep_what_is_said_of_them),
        cmocka_unit_test(valgrind_entries_for_others_are_passed_over),
        cmocka_unit_test(mistakes_name_file_and_line),
        cmocka_unit_test(the_built_in_list_is_well_formed),
        cmocka_unit_test(installed_files_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
