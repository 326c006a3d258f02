#define _GNU_SOURCE
#include "record/own_allocators.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "symbols/elf_file.h"

enum {
    MAX_WAITING_FILES = 64 /* descriptors that are held at a time */
};

struct file_key {
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec changed;
};

struct known_file {
    struct file_key key;
    const char *allocator; /* static text; NULL = none */
};

struct waiting_process {
    struct recorded_process *process;
    struct file_key key;
    int fd;
};

struct own_allocators {
    struct known_file *files;
    size_t file_count, file_capacity;
    struct waiting_process *waiting;
    size_t waiting_count, waiting_capacity;
};

struct own_allocators *own_allocators_create(void)
{
    return memory_allocate_zeroed(1, sizeof(struct own_allocators));
}

void own_allocators_destroy(struct own_allocators *allocators)
{
    if (allocators == NULL)
        return;
    for (size_t i = 0; i < allocators->waiting_count; i++)
        close(allocators->waiting[i].fd);
    free(allocators->waiting);
    free(allocators->files);
    free(allocators);
}

char *own_allocators_reason(const char *allocator)
{
    if (strstr(allocator, "anitizer") != NULL)
        return memory_print_text("it is built with %s, which replaces malloc itself", allocator);
    bool is_named = strcmp(allocator, "unknown") != 0;
    return memory_print_text(
        "it contains its own allocator%s%s%s, whose functions a preload cannot replace",
        is_named ? " (" : "", is_named ? allocator : "", is_named ? ")" : "");
}

static void tell(struct recorded_process *process, const char *allocator)
{
    process->own_allocator = allocator;
    free(process->reason);
    process->reason = own_allocators_reason(allocator);
}

static bool is_same_file(const struct file_key *a, const struct file_key *b)
{
    return a->inode == b->inode && a->device == b->device && a->bytes == b->bytes &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static const struct known_file *find_file(const struct own_allocators *allocators,
                                          const struct file_key *key)
{
    for (size_t i = allocators->file_count; i-- > 0;)
        if (is_same_file(&allocators->files[i].key, key))
            return &allocators->files[i];
    return NULL;
}

static bool take_key(int fd, struct file_key *key)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    *key = (struct file_key){status.st_dev, status.st_ino, status.st_size, status.st_mtim};
    return true;
}

/* As the process sees it: it may live under another root, and be gone already. */
static int open_program(const struct recorded_process *process, struct file_key *key)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/exe", process->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && process->executable[0] == '/')
        fd = open(process->executable, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && !take_key(fd, key)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void add_file(struct own_allocators *allocators, const struct known_file *file)
{
    allocators->files = memory_grow(allocators->files, &allocators->file_capacity,
                                    allocators->file_count + 1, sizeof *allocators->files);
    allocators->files[allocators->file_count++] = *file;
}

void own_allocators_know(struct own_allocators *allocators, int fd, const char *allocator)
{
    struct known_file file = {.allocator = allocator};
    if (take_key(fd, &file.key))
        add_file(allocators, &file);
}

static void let_wait(struct own_allocators *allocators, struct recorded_process *process,
                     const struct file_key *key, int fd)
{
    while (allocators->waiting_count >= MAX_WAITING_FILES)
        own_allocators_look(allocators);
    allocators->waiting = memory_grow(allocators->waiting, &allocators->waiting_capacity,
                                      allocators->waiting_count + 1, sizeof *allocators->waiting);
    allocators->waiting[allocators->waiting_count++] = (struct waiting_process){process, *key, fd};
}

void own_allocators_add(struct own_allocators *allocators, struct recorded_process *process,
                        bool is_told)
{
    struct file_key key;
    process->own_allocator = NULL;
    if (is_told)
        tell(process, "unknown");
    int fd = open_program(process, &key);
    if (fd < 0)
        return;
    const struct known_file *known = find_file(allocators, &key);
    if (known == NULL) {
        let_wait(allocators, process, &key, fd);
        return;
    }
    if (known->allocator != NULL)
        tell(process, known->allocator);
    close(fd);
}

static const char *look_into(int fd)
{
    const char *allocator = NULL;
    elf_file_has_own_allocator(fd, &allocator);
    return allocator;
}

bool own_allocators_look(struct own_allocators *allocators)
{
    if (allocators->waiting_count == 0)
        return false;
    struct known_file file = {.key = allocators->waiting[0].key};
    file.allocator = look_into(allocators->waiting[0].fd);
    add_file(allocators, &file);
    size_t kept = 0;
    for (size_t i = 0; i < allocators->waiting_count; i++) {
        struct waiting_process *waiting = &allocators->waiting[i];
        if (!is_same_file(&waiting->key, &file.key)) {
            allocators->waiting[kept++] = *waiting;
            continue;
        }
        if (file.allocator != NULL)
            tell(waiting->process, file.allocator);
        close(waiting->fd);
    }
    allocators->waiting_count = kept;
    return true;
}
