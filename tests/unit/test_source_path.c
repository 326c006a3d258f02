#include "config.h"

#include "symbols/source_path.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

static void assert_clean(const char *path, const char *folder, const char *expected)
{
    char *clean = source_path_clean(path, folder);

    assert_string_equal(clean, expected);
    free(clean);
}

static void test_paths_are_joined(void **state)
{
    (void)state;
    assert_clean("a.c", "/src", "/src/a.c");
    assert_clean("./a.c", "/src/", "/src/a.c");
    assert_clean("/usr/include/a.h", "/src", "/usr/include/a.h");
    assert_clean("a.c", NULL, "a.c");
    assert_clean("lib/a.c", "", "lib/a.c");
    assert_clean("../lib/a.c", "/src/build", "/src/lib/a.c");
}

static void test_paths_are_normalised(void **state)
{
    (void)state;
    assert_clean("/a/./b//c/../d.c", NULL, "/a/b/d.c");
    assert_clean("/a/../../b.c", NULL, "/b.c");
    assert_clean("../../a.c", NULL, "../../a.c");
    assert_clean("x/../../a.c", NULL, "../a.c");
    assert_clean("..a/...b/c.c", NULL, "..a/...b/c.c");
    assert_clean("./", NULL, "./");
    assert_clean("", NULL, "");
    assert_clean("/", NULL, "/");
    assert_clean("<artificial>", "/src", "/src/<artificial>");
}

/* Debian's libc: both the folder and what lies below it are mapped to ".". */
static void test_mapped_folders_are_not_doubled(void **state)
{
    (void)state;
    assert_clean("./malloc/malloc.c", "./malloc", "malloc/malloc.c");
    assert_clean("../include/a.h", "./malloc", "include/a.h");
    assert_clean("a.c", "./malloc", "malloc/a.c");
    assert_clean("malloc/a.c", "malloc", "malloc/a.c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_are_joined),
        cmocka_unit_test(test_paths_are_normalised),
        cmocka_unit_test(test_mapped_folders_are_not_doubled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
