#include "config.h"

#include "recording/output_place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "recording/recording_format.h"

enum {
    MAX_LINKS = 40,
    MAX_TEMPORARY_TRIES = 100
};

/* Readable if possible: a folder that may only be searched cannot be synced, but can be used. */
static int open_folder(const char *path)
{
    const char *name = text_file_name(path);
    char *folder = name == path ? memory_duplicate_text(".")
                                : memory_print_text("%.*s", (int)(name - path), path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES)
        fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    return fd;
}

static bool open_place(struct output_place *place, struct error *error)
{
    place->name = memory_duplicate_text(text_file_name(place->path));
    if (!*place->name || strcmp(place->name, ".") == 0 || strcmp(place->name, "..") == 0)
        return error_set(error, "cannot write \"%s\": it names no file", place->path);
    place->folder_fd = open_folder(place->path);
    if (place->folder_fd < 0)
        return error_set_errno(error, errno, "cannot write %s: its folder", place->path);
    return true;
}

/* Can only we and the administrator put names into the folder? */
static bool is_private_folder(int folder_fd)
{
    struct stat status;
    return fstat(folder_fd, &status) == 0 && !(status.st_mode & (S_IWGRP | S_IWOTH)) &&
           (status.st_uid == geteuid() || status.st_uid == 0);
}

/* Goes on to where the symbolic link at the place points. */
static bool follow_link(struct output_place *place, struct error *error)
{
    if (!is_private_folder(place->folder_fd))
        return error_set(error,
                         "cannot write %s: it is a symbolic link in a folder that others can write",
                         place->path);
    char target[PATH_MAX];
    ssize_t length = readlinkat(place->folder_fd, place->name, target, sizeof target);
    if (length < 0)
        return error_set_errno(error, errno, "cannot follow %s", place->path);
    if ((size_t)length == sizeof target)
        return error_set(error, "cannot follow %s: its target is too long", place->path);
    int folder_length = (int)(text_file_name(place->path) - place->path);
    char *path = target[0] == '/' ? memory_print_text("%.*s", (int)length, target)
                                  : memory_print_text("%.*s%.*s", folder_length, place->path,
                                                      (int)length, target);
    free(place->path);
    free(place->name);
    close(place->folder_fd);
    *place = (struct output_place){.folder_fd = -1,
                                   .path = path,
                                   .is_force = place->is_force,
                                   .may_replace = place->may_replace};
    return open_place(place, error);
}

static bool has_recording_magic(int folder_fd, const char *name)
{
    char magic[sizeof RECORDING_MAGIC - 1];
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool has_magic = pread(fd, magic, sizeof magic, 0) == (ssize_t)sizeof magic &&
                     memcmp(magic, RECORDING_MAGIC, sizeof magic) == 0;
    close(fd);
    return has_magic;
}

/* May what stands there (not a link) be replaced? */
static bool check_replaceable(const struct output_place *place, const struct stat *status,
                              struct error *error)
{
    if (!S_ISREG(status->st_mode))
        return error_set(error, "cannot write %s: it is not a regular file", place->path);
    if (place->is_force)
        return true;
    if (!place->may_replace)
        return error_set(error, "cannot write %s: it exists already", place->path);
    if (status->st_uid != geteuid())
        return error_set(error,
                         "cannot write %s: it belongs to somebody else (--force replaces it)",
                         place->path);
    if (!has_recording_magic(place->folder_fd, place->name))
        return error_set(error, "cannot write %s: it is not a seep recording (--force replaces it)",
                         place->path);
    return true;
}

/* `has_link`: a symbolic link stands there. `is_taken`: something that may be replaced does. */
static bool check_place(const struct output_place *place, bool *has_link, bool *is_taken,
                        struct error *error)
{
    struct stat status;
    *has_link = *is_taken = false;
    if (fstatat(place->folder_fd, place->name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT)
            return true;
        return error_set_errno(error, errno, "cannot write %s", place->path);
    }
    *has_link = S_ISLNK(status.st_mode);
    *is_taken = true;
    return *has_link || check_replaceable(place, &status, error);
}

bool output_place_open(struct output_place *place, const char *path, bool is_force,
                       bool may_replace, struct error *error)
{
    *place = (struct output_place){.folder_fd = -1,
                                   .path = memory_duplicate_text(path),
                                   .is_force = is_force,
                                   .may_replace = may_replace};
    bool has_link, is_taken;
    bool is_open = open_place(place, error);
    for (int links = 0; is_open; links++) {
        is_open = check_place(place, &has_link, &is_taken, error);
        if (!is_open || !has_link)
            break;
        if (!is_force && !may_replace)
            is_open = error_set(error, "cannot write %s: it exists already", place->path);
        else if (links == MAX_LINKS)
            is_open = error_set(error, "cannot write %s: too many symbolic links", path);
        else
            is_open = follow_link(place, error);
    }
    if (!is_open)
        output_place_clear(place);
    return is_open;
}

void output_place_clear(struct output_place *place)
{
    if (place->folder_fd >= 0)
        close(place->folder_fd);
    free(place->path);
    free(place->name);
    *place = (struct output_place){.folder_fd = -1};
}

static bool is_same_file(int folder_fd, const char *name, int fd)
{
    struct stat named, opened;
    return fstatat(folder_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &opened) == 0 &&
           named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

/* Removes a temporary file whose writer was killed: ours, with a recording in it or nothing yet,
 * and not locked by a living writer. */
static void remove_leftover(int folder_fd, const char *name)
{
    struct stat status;
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
        (status.st_size == 0 || has_recording_magic(folder_fd, name)) &&
        flock(fd, LOCK_EX | LOCK_NB) == 0 && is_same_file(folder_fd, name, fd))
        unlinkat(folder_fd, name, 0);
    close(fd);
}

static int create_exclusively(int folder_fd, const char *name)
{
    int fd = openat(folder_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    fchmod(fd, 0600); /* whatever the umask is */
    flock(fd, LOCK_EX | LOCK_NB);
    return fd;
}

bool output_place_create(struct output_place *place, struct output_file *file, struct error *error)
{
    char *name = memory_print_text("%s.tmp", place->name);
    remove_leftover(place->folder_fd, name);
    int fd = create_exclusively(place->folder_fd, name);
    for (int i = 0; fd < 0 && errno == EEXIST && i < MAX_TEMPORARY_TRIES; i++) {
        unsigned random = 0;
        if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0)
            random = (unsigned)getpid() + (unsigned)i;
        free(name);
        name = memory_print_text("%s.%08x.tmp", place->name, random);
        fd = create_exclusively(place->folder_fd, name);
    }
    if (fd < 0) {
        int number = errno;
        free(name);
        return error_set_errno(error, number, "cannot create a file beside %s", place->path);
    }
    *file = (struct output_file){.fd = fd, .name = name};
    return true;
}

/* Takes the name only if nobody has it. File systems without such a rename have link(), or neither
 * (then a look and a rename, with a moment between them). */
static bool rename_if_free(int folder_fd, const char *from, const char *to)
{
    if (renameat2(folder_fd, from, folder_fd, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    if (linkat(folder_fd, from, folder_fd, to, 0) == 0)
        return unlinkat(folder_fd, from, 0) == 0;
    if (errno == EEXIST)
        return false;
    if (faccessat(folder_fd, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return false;
    }
    return renameat(folder_fd, from, folder_fd, to) == 0;
}

bool output_place_install(struct output_place *place, struct output_file *file,
                          const struct output_file *previous, struct error *error)
{
    bool has_link, is_taken;
    if (!is_same_file(place->folder_fd, file->name, file->fd))
        return error_set(error, "cannot write %s: its temporary file %s was replaced", place->path,
                         file->name);
    bool is_ours = previous && is_same_file(place->folder_fd, place->name, previous->fd);
    if (is_ours)
        is_taken = true;
    else if (!check_place(place, &has_link, &is_taken, error))
        return false;
    else if (has_link)
        return error_set(error, "cannot write %s: a symbolic link took its place", place->path);

    bool is_renamed = is_taken ? renameat(place->folder_fd, file->name, place->folder_fd,
                                          place->name) == 0
                               : rename_if_free(place->folder_fd, file->name, place->name);
    if (!is_renamed)
        return error_set_errno(error, errno, "cannot rename %s to %s", file->name, place->path);
    free(file->name);
    file->name = memory_duplicate_text(place->name);
    return true;
}

void output_place_sync(const struct output_place *place)
{
    fsync(place->folder_fd);
}

void output_place_remove(struct output_place *place, struct output_file *file)
{
    if (file->fd >= 0 && is_same_file(place->folder_fd, file->name, file->fd))
        unlinkat(place->folder_fd, file->name, 0);
    output_file_clear(file);
}

void output_file_clear(struct output_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    free(file->name);
    *file = (struct output_file){.fd = -1};
}
