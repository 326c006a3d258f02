/* A C program that loads plugins: plugins CASE. It links neither with them nor with libstdc++.
 *
 * Known answers
 *   run one
 *     site plugin_a_allocate<plugin_a_work<case_one<main allocations=1 live_bytes=40
 *     site plugin_a_constructor allocations=1 frees=1 allocated_bytes=100
 *   run relative
 *     site plugin_a_allocate<plugin_a_work<case_relative<main allocations=1 live_bytes=44
 *     site plugin_b_allocate<plugin_b_work<case_relative<main allocations=1 live_bytes=55
 *   run reused
 *     site plugin_a_allocate<plugin_a_work<use<case_reused allocations=10 frees=0 live_bytes=10*11
 *     site plugin_b_allocate<plugin_b_work<use<case_reused allocations=10 frees=0 live_bytes=10*22
 *     site plugin_a_constructor allocations=10 frees=10
 *     site plugin_b_constructor allocations=10 frees=10
 *     output reused 19
 *   run both
 *     site plugin_a_allocate allocations=1 live_bytes=11
 *     site plugin_b_allocate allocations=1 live_bytes=22
 *   run deep_bound
 *     quality unknown_frees=3
 *     site plugin_a_allocate allocations=0
 *   run cxx
 *     site allocate_plain/operator-new allocations=2 frees=1 allocated_bytes=4+24 live_bytes=24
 *     site allocate_plain/operator-new[] allocations=1 frees=1 allocated_bytes=100
 *     site allocate_aligned/operator-new(align_val_t) allocations=1 frees=1 allocated_bytes=128
 *     site allocate_aligned/operator-new[](align_val_t) allocations=1 frees=1 allocated_bytes=256
 *     site allocate_nothing/operator-new allocations=2 frees=2 allocated_bytes=0
 *     site ..throw_and_catch live_blocks=0 frees=>=2
 *     site fail_by_handler/malloc allocations=1 frees=1
 *     site ..fail_by_handler/operator-new allocations=0
 *     site ..use_containers/operator-new allocations=2 frees=2 allocated_bytes=4000+101
 *     totals failed_allocations=3
 *   run cxx_static
 *     site ..allocate_plain allocations=3 frees=2 allocated_bytes=4+24+100 live_bytes=24
 *     site ..allocate_aligned allocations=2 frees=2
 *     site ..allocate_nothing allocations=2 frees=2
 *     site ..throw_and_catch live_blocks=0 frees=>=2
 *     site fail_by_handler/malloc allocations=1 frees=1
 *     site ..use_containers allocations=2 frees=2 allocated_bytes=4000+101
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tell.h"

typedef void *(*plugin_work)(size_t);
typedef int (*plugin_run)(void);

static char folder[4096];
static void *volatile kept;

static void require(int holds)
{
    if (!holds)
        abort();
}

static void *load(const char *name, int flags)
{
    char path[5000];
    strcpy(path, folder);
    strcat(path, name);
    void *plugin = dlopen(path, flags);
    require(plugin != NULL);
    return plugin;
}

static void *find(void *plugin, const char *name)
{
    void *found = dlsym(plugin, name);
    require(found != NULL);
    return found;
}

static void case_one(void)
{
    plugin_work work = (plugin_work)find(load("plugin_a.so", RTLD_NOW), "plugin_a_work");
    kept = work(40);
}

/* By names that mean something else elsewhere. */
static void case_relative(void)
{
    require(chdir(folder) == 0);
    void *first = dlopen("./plugin_a.so", RTLD_NOW), *second = dlopen("././plugin_b.so", RTLD_NOW);
    require(first != NULL && second != NULL && chdir("/") == 0);
    kept = ((plugin_work)find(first, "plugin_a_work"))(44);
    kept = ((plugin_work)find(second, "plugin_b_work"))(55);
}

/* Loads a plugin, uses it, and lets it go. Returns where it was. */
static uintptr_t use(const char *name, const char *function, size_t size)
{
    void *plugin = load(name, RTLD_NOW);
    plugin_work work = (plugin_work)find(plugin, function);
    kept = work(size);
    require(dlclose(plugin) == 0);
    return (uintptr_t)work;
}

static void case_reused(void)
{
    uintptr_t last = 0;
    long reused = 0;
    for (int i = 0; i < 20; i++) {
        uintptr_t here = i % 2 == 0 ? use("plugin_a.so", "plugin_a_work", 11)
                                    : use("plugin_b.so", "plugin_b_work", 22);
        reused += here == last;
        last = here;
    }
    tell("reused", reused);
}

static void case_both(void)
{
    kept = ((plugin_work)find(load("plugin_a.so", RTLD_NOW), "plugin_a_work"))(11);
    kept = ((plugin_work)find(load("plugin_b.so", RTLD_NOW), "plugin_b_work"))(22);
}

/* The plugin's malloc is libc's own, past everybody else's; its blocks are freed by us. */
static void case_deep_bound(void)
{
    void *plugin = load("plugin_a.so", RTLD_NOW | RTLD_DEEPBIND);
    plugin_work work = (plugin_work)find(plugin, "plugin_a_work");
    for (int i = 0; i < 3; i++)
        free(work(50));
}

static void run_cxx(const char *name)
{
    plugin_run run = (plugin_run)find(load(name, RTLD_NOW | RTLD_LOCAL), "cxx_plugin_run");
    require(run() == 0);
}

static void case_cxx(void)
{
    run_cxx("cxx_plugin.so");
}

static void case_cxx_static(void)
{
    run_cxx("cxx_plugin_static.so");
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"one", case_one},
    {"relative", case_relative},
    {"reused", case_reused},
    {"both", case_both},
    {"deep_bound", case_deep_bound},
    {"cxx", case_cxx},
    {"cxx_static", case_cxx_static},
};

int main(int count, char **arguments)
{
    strcpy(folder, arguments[0]);
    strrchr(folder, '/')[1] = '\0';
    for (size_t i = 0; count > 1 && i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].name, arguments[1]) == 0) {
            cases[i].run();
            return 0;
        }
    return 2;
}
