#include "config.h"

#include "workshop.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void workshop_open(struct workshop *workshop)
{
    const char *parent = getenv("TMPDIR");
    int count = snprintf(workshop->folder, sizeof workshop->folder, "%s/seep-test-XXXXXX",
                         parent != NULL && parent[0] == '/' ? parent : "/tmp");

    assert_true(count > 0 && (size_t)count < sizeof workshop->folder);
    assert_non_null(mkdtemp(workshop->folder));
    unsetenv("DEBUGINFOD_URLS");
    setenv("CC", "cc", 0);
    setenv("CXX", "c++", 0);
}

void workshop_close(struct workshop *workshop)
{
    assert_true(workshop_run(workshop, "cd / && rm -rf '%s'", workshop->folder));
}

const char *workshop_path(const struct workshop *workshop, const char *name)
{
    static char paths[8][1024];
    static unsigned next;
    char *path = paths[next++ % 8];

    assert_true(snprintf(path, sizeof paths[0], "%s/%s", workshop->folder, name) <
                (int)sizeof paths[0]);
    return path;
}

void workshop_write(const struct workshop *workshop, const char *name, const void *bytes,
                    size_t count)
{
    FILE *file = fopen(workshop_path(workshop, name), "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

void workshop_write_text(const struct workshop *workshop, const char *name, const char *text)
{
    FILE *file = fopen(workshop_path(workshop, name), "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

bool workshop_run(const struct workshop *workshop, const char *format, ...)
{
    char command[4096];
    char line[8192];
    va_list arguments;

    va_start(arguments, format);
    assert_true(vsnprintf(command, sizeof command, format, arguments) < (int)sizeof command);
    va_end(arguments);
    assert_true(snprintf(line, sizeof line, "cd '%s' && { %s\n} >command.log 2>&1",
                         workshop->folder, command) < (int)sizeof line);
    return system(line) == 0;
}

int workshop_run_group(const char *name, const struct CMUnitTest *tests, size_t count,
                       struct workshop *workshop, void (*fill)(void))
{
    workshop_open(workshop);
    if (fill)
        fill();
    int failures = _cmocka_run_group_tests(name, tests, count, NULL, NULL);
    workshop_close(workshop);
    return failures;
}
