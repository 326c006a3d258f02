/* Loads each library that it is given, calls its plugin_a_work, and keeps what it allocates: host
 * FILE... Prints how many it loaded. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef void *(*plugin_work)(size_t);

static void *volatile kept;

static int use(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    plugin_work work = library != NULL ? (plugin_work)dlsym(library, "plugin_a_work") : NULL;
    if (work == NULL)
        return 0;
    kept = work(40);
    return 1;
}

int main(int count, char **arguments)
{
    int loaded = 0;
    for (int i = 1; i < count; i++)
        loaded += use(arguments[i]);
    printf("%d\n", loaded);
    return loaded == count - 1 ? 0 : 1;
}
