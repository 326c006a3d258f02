#include "config.h"

#include "symbols/source_path.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Appends one component to `clean`, whose bytes end without a slash (but for the root's). */
static void add_component(struct text *clean, const char *component, size_t count)
{
    const char *last = strrchr(text_get(clean), '/');
    const char *name = last == NULL ? text_get(clean) : last + 1;

    if (count == 0 || (count == 1 && component[0] == '.'))
        return;
    if (count == 2 && memcmp(component, "..", 2) == 0) {
        if (name[0] == '\0' && last != NULL)
            return; /* the root's parent is the root */
        if (name[0] != '\0' && strcmp(name, "..") != 0) {
            bool is_below_root = last == clean->bytes && last != NULL;

            clean->count = last == NULL ? 0 : (size_t)(last - clean->bytes) + is_below_root;
            clean->bytes[clean->count] = '\0';
            return;
        }
    }
    if (name[0] != '\0')
        text_add(clean, "/");
    text_add_bytes(clean, component, count);
}

static void add_components(struct text *clean, const char *path)
{
    while (*path != '\0') {
        size_t count = strcspn(path, "/");

        add_component(clean, path, count);
        path += count;
        path += strspn(path, "/");
    }
}

static bool is_known(const char *folder)
{
    return folder != NULL && folder[0] != '\0';
}

/* A folder that is relative itself was mapped, and what was below the build folder with it. */
static bool is_already_joined(const char *path, const char *folder)
{
    size_t count = strlen(folder);

    if (path[0] == '/' || folder[0] == '/')
        return path[0] == '/';
    return text_starts_with(path, "./") ||
           (strncmp(path, folder, count) == 0 && path[count] == '/');
}

char *source_path_clean(const char *path, const char *folder)
{
    struct text clean = {0};

    if (is_known(folder) && !is_already_joined(path, folder)) {
        text_add(&clean, folder[0] == '/' ? "/" : "");
        add_components(&clean, folder);
    } else if (path[0] == '/') {
        text_add(&clean, "/");
    }
    add_components(&clean, path);
    if (clean.count == 0) {
        text_clear(&clean);
        return memory_duplicate_text(path);
    }
    return text_take(&clean);
}
