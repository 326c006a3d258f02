/* Suppressions written to files: what stands there afterwards, that it silences what it was written
 * for and nothing else, and which files are left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "analysis/suppression_entry.h"
#include "analysis/suppressions.h"
#include "profile_builder.h"

enum {
    PARSE,
    CACHE,
    NAMELESS /* by their sizes, the largest first */
};

static struct profile *profile;
static char folder[] = "/tmp/seep-entry-XXXXXX";
static char path[sizeof folder + 16];

static int build(void **state)
{
    (void)state;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@m.c:1;parse@p.c:2;token@p.c:3", 1,
                             300, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_NEW, "main@m.c:1;cache_add@c.c:7;strdup!libc", 1,
                             200, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "!/opt/plugins/libplugin.so", 1, 100, 0,
                             0);
    profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/known.supp", folder);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    profile_destroy(profile);
    unlink(path);
    return rmdir(folder);
}

static void put_file(const char *content)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static void expect_file(const char *expected)
{
    char content[4096];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    content[fread(content, 1, sizeof content - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(content, expected);
}

static enum suppression_outcome add(uint32_t site, enum suppression_grammar grammar,
                                    const char *comment, struct error *error)
{
    return suppression_entry_append(profile, site, grammar, comment, path, error);
}

static void adds_entries(void **state)
{
    struct error error = {""};
    (void)state;
    unlink(path);
    assert_int_equal(add(PARSE, SUPPRESSION_LSAN, "definite: 3 B", &error), SUPPRESSION_ADDED);
    expect_file("# definite: 3 B\nleak:^token$\n");
    assert_int_equal(add(PARSE, SUPPRESSION_LSAN, "now: 4 B", &error), SUPPRESSION_WAS_THERE);
    expect_file("# definite: 3 B\nleak:^token$\n");
    put_file("leak:other"); /* without a line end */
    assert_int_equal(add(CACHE, SUPPRESSION_LSAN, NULL, &error), SUPPRESSION_ADDED);
    expect_file("leak:other\nleak:^cache_add$\n");
    put_file("# nothing yet\n");
    assert_int_equal(add(CACHE, SUPPRESSION_VALGRIND, NULL, &error), SUPPRESSION_ADDED);
    assert_int_equal(add(CACHE, SUPPRESSION_VALGRIND, NULL, &error), SUPPRESSION_WAS_THERE);
    expect_file("# nothing yet\n"
                "{\n   cache_add\n   Memcheck:Leak\n   fun:_Znwm\n   fun:strdup\n   fun:cache_add\n"
                "   fun:main\n}\n");
}

static void silence_what_they_are_for(void **state)
{
    (void)state;
    for (unsigned grammar = 0; suppression_grammar_name_at(grammar); grammar++) {
        struct error error = {""};
        struct suppressions list;
        struct suppression_stack stack = {0};
        unlink(path);
        assert_int_equal(add(PARSE, (enum suppression_grammar)grammar, NULL, &error),
                         SUPPRESSION_ADDED);
        suppressions_init(&list);
        assert_true(suppressions_read_file(&list, path, &error));
        assert_int_equal(list.count, 1);
        for (uint32_t site = PARSE; site <= CACHE; site++) {
            suppression_stack_fill(&stack, profile, profile->sites[site].function,
                                   profile->sites[site].stack_node);
            assert_int_equal(suppression_matches(&list.items[0], &stack, LEAK_DEFINITE),
                             site == PARSE);
        }
        suppression_stack_clear(&stack);
        suppressions_clear(&list);
    }
}

static void expect_refusal(const char *content, enum suppression_grammar grammar, const char *why)
{
    struct error error = {""};
    put_file(content);
    assert_int_equal(add(PARSE, grammar, NULL, &error), SUPPRESSION_FAILED);
    if (!strstr(error.message, why))
        fail_msg("\"%s\" does not say \"%s\"", error.message, why);
    expect_file(content);
}

static void leaves_other_files_alone(void **state)
{
    struct error error = {""};
    (void)state;
    expect_refusal("int main(void)\n", SUPPRESSION_LSAN, "left alone");
    expect_refusal("int main(void)\n", SUPPRESSION_VALGRIND, "left alone");
    expect_refusal("leak:other\n", SUPPRESSION_VALGRIND, "its grammar is lsan");
    expect_refusal("{\n   x\n   Memcheck:Leak\n   fun:malloc\n}\n", SUPPRESSION_LSAN,
                   "its grammar is valgrind");
    assert_int_equal(
        suppression_entry_append(profile, PARSE, SUPPRESSION_LSAN, NULL, folder, &error),
        SUPPRESSION_FAILED);
    assert_int_equal(
        suppression_entry_append(profile, PARSE, SUPPRESSION_LSAN, NULL, "/dev/null", &error),
        SUPPRESSION_FAILED);
    assert_non_null(strstr(error.message, "no file"));
}

/* A module's name stands for what has none. */
static void names_modules(void **state)
{
    struct error error = {""};
    (void)state;
    unlink(path);
    assert_int_equal(add(NAMELESS, SUPPRESSION_LSAN, NULL, &error), SUPPRESSION_ADDED);
    expect_file("leak:libplugin.so\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_entries),
        cmocka_unit_test(silence_what_they_are_for),
        cmocka_unit_test(leaves_other_files_alone),
        cmocka_unit_test(names_modules),
    };
    return cmocka_run_group_tests(tests, build, forget);
}
