/* A program that has CPython in it: of the library that its first argument names, loaded late, or
 * (with LINKED) of the one that it is linked with. "thread" as its second one: in a thread that is
 * not the first. The third is what Python runs. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef LINKED
void Py_InitializeEx(int has_handlers);
int PyRun_SimpleString(const char *code);
int Py_FinalizeEx(void);
#endif

struct python {
    void (*initialize)(int);
    int (*run)(const char *);
    int (*finish)(void);
    const char *code;
};

#ifndef LINKED
static void *find(void *library, const char *name)
{
    void *found = dlsym(library, name);
    if (!found) {
        fprintf(stderr, "%s\n", dlerror());
        exit(77);
    }
    return found;
}
#endif

static void load(struct python *python, const char *path)
{
#ifdef LINKED
    (void)path;
    *python = (struct python){Py_InitializeEx, PyRun_SimpleString, Py_FinalizeEx, NULL};
#else
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        exit(77);
    }
    python->initialize = (void (*)(int))find(library, "Py_InitializeEx");
    python->run = (int (*)(const char *))find(library, "PyRun_SimpleString");
    python->finish = (int (*)(void))find(library, "Py_FinalizeEx");
#endif
}

static void *embed(void *context)
{
    struct python *python = context;
    python->initialize(0);
    if (python->run(python->code) != 0)
        exit(1);
    python->finish();
    return NULL;
}

int main(int count, char **arguments)
{
    struct python python;
    pthread_t thread;
    if (count != 4)
        return 2;
    load(&python, arguments[1]);
    python.code = arguments[3];
    if (strcmp(arguments[2], "thread") != 0) {
        embed(&python);
        return 0;
    }
    if (pthread_create(&thread, NULL, embed, &python) != 0)
        return 1;
    pthread_join(thread, NULL);
    return 0;
}
