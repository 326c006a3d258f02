#define _GNU_SOURCE
#include "record/target_check.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/memory.h"
#include "wire/own_machine.h"
#include "record/own_allocators.h"
#include "symbols/elf_file.h"

char *target_check_find(const char *name)
{
    if (strchr(name, '/') != NULL)
        return memory_duplicate_text(name);
    const char *folders = getenv("PATH");
    if (folders == NULL)
        folders = "/bin:/usr/bin";
    for (const char *at = folders;; at++) {
        size_t length = strcspn(at, ":");
        char *path = memory_print_text("%.*s%s%s", (int)length, at, length == 0 ? "" : "/", name);
        struct stat status;
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0)
            return path;
        free(path);
        at += length;
        if (*at == '\0')
            return NULL;
    }
}

char *target_check_interpreter(const char *path)
{
    char head[256] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, head, sizeof head - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (got < 3 || head[0] != '#' || head[1] != '!')
        return NULL;
    char *name = head + 2 + strspn(head + 2, " \t");
    name[strcspn(name, " \t\n")] = '\0';
    return memory_duplicate_text(name);
}

static bool is_privileged(const char *path)
{
    struct stat status;
    char capability[64];
    if (getxattr(path, "security.capability", capability, sizeof capability) > 0)
        return true;
    if (stat(path, &status) != 0)
        return false;
    return ((status.st_mode & S_ISUID) != 0 && status.st_uid != geteuid()) ||
           ((status.st_mode & S_ISGID) != 0 && (status.st_mode & S_IXGRP) != 0 &&
            status.st_gid != getegid());
}

/* Caller has seen that it is a program for this loader, and owns the result. */
static char *find_allocator_reason(int fd, const char **own_allocator)
{
    const char *name = elf_file_find_sanitizer(fd);
    if (name == NULL && !elf_file_has_own_allocator(fd, &name))
        return NULL;
    *own_allocator = name;
    return own_allocators_reason(name);
}

/* What the file's headers and mode say. Static text. */
static const char *find_plain_reason(const char *path)
{
    struct elf_file file;
    if (!elf_file_read_path(path, &file, NULL))
        return NULL; /* a script without #!, or unreadable: let exec say */
    if (!file.is_64_bit || file.machine != OWN_MACHINE)
        return "it is a program for another kind of processor (32-bit?)";
    if (file.is_static || !file.has_interpreter)
        return "it is statically linked, so nothing can be preloaded into it";
    if (strstr(file.interpreter, "ld-musl") != NULL)
        return "it runs on musl, and the preload is made for glibc";
    if (is_privileged(path))
        return "it is setuid, setgid or has capabilities, so the loader ignores the preload";
    return NULL;
}

char *target_check_reason(const char *path, const char **own_allocator, int *searched_fd)
{
    *own_allocator = NULL;
    *searched_fd = -1;
    const char *reason = find_plain_reason(path);
    if (reason != NULL)
        return memory_duplicate_text(reason);
    struct elf_file file;
    int fd = elf_file_read_path(path, &file, NULL) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return NULL;
    *searched_fd = fd;
    return find_allocator_reason(fd, own_allocator);
}

bool target_check(const struct record_options *options, struct target_facts *facts,
                  struct record_outcome *outcome, struct error *error)
{
    facts->reason = NULL;
    facts->own_allocator = NULL;
    facts->searched_fd = -1;
    facts->path = target_check_find(options->command[0]);
    if (facts->path == NULL) {
        facts->path = memory_duplicate_text(options->command[0]);
        return true;
    }
    char *interpreter = target_check_interpreter(facts->path);
    facts->reason = target_check_reason(interpreter != NULL ? interpreter : facts->path,
                                        &facts->own_allocator, &facts->searched_fd);
    free(interpreter);
    char *real = realpath(facts->path, NULL);
    if (real != NULL) {
        free(facts->path);
        facts->path = real;
    }
    if (facts->reason == NULL || options->is_best_effort)
        return true;
    outcome->command.kind = COMMAND_NOT_STARTED;
    error_set(error, "cannot record %s: %s (--best-effort runs it unrecorded)", options->command[0],
              facts->reason);
    target_facts_clear(facts);
    return false;
}

void target_facts_clear(struct target_facts *facts)
{
    free(facts->path);
    free(facts->reason);
    if (facts->searched_fd >= 0)
        close(facts->searched_fd);
    facts->path = facts->reason = NULL;
    facts->searched_fd = -1;
}
