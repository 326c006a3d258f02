#include "config.h"

#include "cli/source_root.h"

#include <stdlib.h>

#include "base/memory.h"
#include "cli/config_file.h"

char *source_root_find(const char *given)
{
    static const char *const names[] = {"GITHUB_WORKSPACE", "CI_PROJECT_DIR"};
    const char *root = given;
    char *found;

    for (size_t i = 0; !root && i < sizeof names / sizeof *names; i++)
        root = getenv(names[i]) && *getenv(names[i]) ? getenv(names[i]) : NULL;
    found = root ? realpath(root, NULL) : config_find_tree_root();
    return found || !root ? found : memory_duplicate_text(root);
}
