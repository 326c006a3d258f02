#include "config.h"

#include "symbols/debuginfod_client.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

/* As in elfutils/debuginfod.h, which need not be installed to build. */
struct debuginfod_client;
typedef struct debuginfod_client *begin_function(void);
typedef void end_function(struct debuginfod_client *client);
typedef int find_function(struct debuginfod_client *client, const unsigned char *build_id,
                          int build_id_bytes, char **path);

struct debuginfod_library {
    void *handle;
    begin_function *begin;
    end_function *end;
    find_function *find_debuginfo;
};

static bool open_library(struct debuginfod_library *library)
{
    library->handle = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library->handle == NULL)
        return false;
    library->begin = (begin_function *)dlsym(library->handle, "debuginfod_begin");
    library->end = (end_function *)dlsym(library->handle, "debuginfod_end");
    library->find_debuginfo = (find_function *)dlsym(library->handle, "debuginfod_find_debuginfo");
    return library->begin != NULL && library->end != NULL && library->find_debuginfo != NULL;
}

int debuginfod_client_fetch(const uint8_t *build_id, size_t build_id_bytes, char **path)
{
    struct debuginfod_library library = {0};
    struct debuginfod_client *client = NULL;
    int fd = -1;

    *path = NULL;
    if (build_id_bytes == 0 || build_id_bytes > INT_MAX)
        return -1;
    if (open_library(&library))
        client = library.begin();
    if (client != NULL) {
        fd = library.find_debuginfo(client, build_id, (int)build_id_bytes, path);
        library.end(client);
    }
    /* The library stays loaded: it has state of its own (libcurl) that does not like to be
     * unloaded. */
    return fd < 0 ? -1 : fd;
}
