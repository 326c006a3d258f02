#include "config.h"

#include "cli/installation.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

#define PRELOAD_NAME "libseep-preload.so"

enum {
    PATH_BYTES = 4096
};

/* The folder of the running program; caller frees. NULL when the kernel does not say. */
static char *program_folder(void)
{
    char program[PATH_BYTES];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash;

    if (length <= 0)
        return NULL;
    program[length] = '\0';
    slash = strrchr(program, '/');
    if (!slash)
        return NULL;
    *slash = '\0';
    return memory_duplicate_text(program);
}

/* `path` (taken) if it can be read, else NULL. */
static char *if_readable(char *path)
{
    if (access(path, R_OK) == 0)
        return path;
    free(path);
    return NULL;
}

static char *find_beside_program(const char *name)
{
    char *folder = program_folder();
    char *path = NULL;

    if (folder)
        path = if_readable(memory_print_text("%s/%s", folder, name));
    free(folder);
    return path;
}

char *installation_find_in_source(const char *name)
{
    char *in_source = memory_print_text("source-tree/%s", name);
    char *path = find_beside_program(in_source);

    free(in_source);
    return path;
}

char *installation_find_schema(const char *name)
{
    char *in_source = memory_print_text("schema/%s", name);
    char *beside = memory_print_text("../share/seep/schema/%s", name);
    char *path = installation_find_in_source(in_source);

    if (!path)
        path = find_beside_program(beside);
    if (!path)
        path = if_readable(memory_print_text("%s/%s", SEEP_SCHEMA_FOLDER, name));
    free(beside);
    free(in_source);
    return path;
}

char *installation_find_preload(struct error *error)
{
    char *path = find_beside_program(PRELOAD_NAME);

    if (!path)
        path = find_beside_program("../lib/seep/" PRELOAD_NAME);
    if (!path)
        path = if_readable(memory_print_text("%s/%s", SEEP_PRELOAD_FOLDER, PRELOAD_NAME));
    if (!path)
        error_set(error, "cannot find %s, neither beside this program nor in %s", PRELOAD_NAME,
                  SEEP_PRELOAD_FOLDER);
    return path;
}
