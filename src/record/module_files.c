#define _GNU_SOURCE
#include "record/module_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

enum {
    NOT_TRIED = -2,
    MAX_OPEN_FILES = 512
};

struct module_file {
    int fd;
    bool is_unwind_tried;
    struct unwind_file *unwind;
};

struct module_files {
    const struct module_table *modules;
    struct module_file *files; /* by module id */
    size_t count, capacity;
    size_t open_count;
};

struct module_files *module_files_create(const struct module_table *modules)
{
    struct module_files *files = memory_allocate_zeroed(1, sizeof *files);
    files->modules = modules;
    return files;
}

void module_files_destroy(struct module_files *files)
{
    if (files == NULL)
        return;
    for (size_t i = 0; i < files->count; i++) {
        unwind_file_close(files->files[i].unwind);
        if (files->files[i].fd >= 0)
            close(files->files[i].fd);
    }
    free(files->files);
    free(files);
}

static int open_regular(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    if (fd >= 0 && (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))) {
        close(fd);
        return -1;
    }
    return fd;
}

void module_files_open(struct module_files *files, struct module_id module, const char *path,
                       uint32_t pid)
{
    files->files = memory_grow(files->files, &files->capacity, module.index + 1,
                               sizeof *files->files);
    while (files->count <= module.index)
        files->files[files->count++] = (struct module_file){.fd = NOT_TRIED};
    struct module_file *file = &files->files[module.index];
    if (file->fd != NOT_TRIED)
        return;
    file->fd = -1;
    if (path[0] != '/' || files->open_count >= MAX_OPEN_FILES)
        return;
    char *rooted = memory_print_text("/proc/%u/root%s", pid, path);
    file->fd = open_regular(rooted);
    free(rooted);
    if (file->fd < 0)
        file->fd = open_regular(path); /* the process is gone already */
    files->open_count += file->fd >= 0;
}

int module_files_fd(const struct module_files *files, struct module_id module)
{
    if (module.index >= files->count || files->files[module.index].fd < 0)
        return -1;
    return files->files[module.index].fd;
}

struct unwind_file *module_files_unwind(struct module_files *files, struct module_id module)
{
    if (module.index >= files->count)
        return NULL;
    struct module_file *file = &files->files[module.index];
    const struct module *known = module_table_get(files->modules, module);
    if (file->is_unwind_tried || known == NULL)
        return file->unwind;
    file->is_unwind_tried = true;
    if (strcmp(known->path, "[vdso]") == 0)
        file->unwind = unwind_file_open_vdso(NULL);
    else if (file->fd >= 0)
        file->unwind = unwind_file_open(file->fd, known->path, NULL);
    return file->unwind;
}
