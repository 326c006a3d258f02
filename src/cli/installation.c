#include "config.h"

#include "cli/installation.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum {
    PATH_BYTES = 4096
};

char *installation_find_in_source(const char *name)
{
    char program[PATH_BYTES];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash;
    char *path;

    if (length <= 0)
        return NULL;
    program[length] = '\0';
    slash = strrchr(program, '/');
    if (!slash)
        return NULL;
    *slash = '\0';
    path = memory_print_text("%s/source-tree/%s", program, name);
    if (access(path, R_OK) == 0)
        return path;
    free(path);
    return NULL;
}

char *installation_find_schema(const char *name)
{
    char *in_source = memory_print_text("schema/%s", name);
    char *path = installation_find_in_source(in_source);

    free(in_source);
    if (path)
        return path;
    path = memory_print_text("%s/%s", SEEP_SCHEMA_FOLDER, name);
    if (access(path, R_OK) == 0)
        return path;
    free(path);
    return NULL;
}
