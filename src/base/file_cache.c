#define _GNU_SOURCE
#include "base/file_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

/* Of our files: the folder that a user names may hold others. */
#define ENDING ".seep-cache"

enum {
    MAX_FILES = 1 << 16,
    PART = 4,             /* a file takes no more than this part of all */
    USED_SECONDS = 3600,  /* how exactly it is known when a file was used */
    STRAY_SECONDS = 3600, /* an unfinished file of this age has no writer */
    ROOM_PART = 4         /* of the room that was there; others store files meanwhile */
};

struct file_cache {
    int folder_fd;
    uint64_t max_bytes;
    uint64_t *room_bytes; /* what can be stored before the folder is looked through again */
};

static char *name_in_folder(const char *name)
{
    return memory_print_text("%s" ENDING, name);
}

/* ---- the folder --------------------------------------------------------------------------- */

static bool is_ours(const struct stat *status)
{
    return S_ISDIR(status->st_mode) && status->st_uid == geteuid();
}

static bool is_ours_alone(const struct stat *status)
{
    return is_ours(status) && (status->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool has_folder_of_ours(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && is_ours(&status);
}

/* In somebody else's home, as after sudo, our files would be in their way. */
char *file_cache_default_folder(void)
{
    const char *named = getenv("SEEP_CACHE");
    const char *caches = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    if (named != NULL)
        return named[0] == '/' ? memory_duplicate_text(named) : NULL;
    if (caches != NULL && caches[0] == '/')
        return has_folder_of_ours(caches) ? memory_print_text("%s/seep", caches) : NULL;
    if (home == NULL || home[0] != '/' || !has_folder_of_ours(home))
        return NULL;
    return memory_print_text("%s/.cache/seep", home);
}

/* The folder, and the one that it is in. */
static bool make_folder(const char *folder)
{
    if (mkdir(folder, 0700) == 0 || errno == EEXIST)
        return true;
    if (errno != ENOENT)
        return false;
    char *parent = memory_duplicate_text(folder);
    char *end = strrchr(parent, '/');
    bool is_made = end != NULL && end != parent;
    if (is_made) {
        *end = '\0';
        is_made = (mkdir(parent, 0700) == 0 || errno == EEXIST) &&
                  (mkdir(folder, 0700) == 0 || errno == EEXIST);
    }
    free(parent);
    return is_made;
}

struct file_cache *file_cache_open(const char *folder, uint64_t max_bytes)
{
    struct stat status;
    if (!make_folder(folder))
        return NULL;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) != 0 || !is_ours_alone(&status)) {
        close(fd);
        return NULL;
    }
    struct file_cache *cache = memory_allocate_zeroed(1, sizeof *cache);
    cache->folder_fd = fd;
    cache->max_bytes = max_bytes;
    cache->room_bytes = memory_allocate_zeroed(1, sizeof *cache->room_bytes);
    return cache;
}

void file_cache_close(struct file_cache *cache)
{
    if (cache == NULL)
        return;
    close(cache->folder_fd);
    free(cache->room_bytes);
    free(cache);
}

/* ---- reading ------------------------------------------------------------------------------- */

static void note_use(int fd, const struct stat *status)
{
    if (time(NULL) - status->st_mtime > USED_SECONDS)
        futimens(fd, NULL);
}

void *file_cache_map(const struct file_cache *cache, const char *name, size_t *bytes)
{
    struct stat status;
    void *content = MAP_FAILED;
    char *ours = name_in_folder(name);
    int fd = openat(cache->folder_fd, ours, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    free(ours);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
        status.st_size > 0 && (uint64_t)status.st_size <= cache->max_bytes) {
        *bytes = (size_t)status.st_size;
        content = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        note_use(fd, &status);
    }
    close(fd);
    return content != MAP_FAILED ? content : NULL;
}

/* ---- writing ------------------------------------------------------------------------------- */

struct kept_file {
    char name[NAME_MAX + 1];
    uint64_t bytes;
    int64_t used; /* seconds */
};

struct kept_files {
    struct kept_file *items;
    size_t count, capacity;
    uint64_t bytes;
};

static DIR *open_list(int folder_fd)
{
    int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (list == NULL && fd >= 0)
        close(fd);
    return list;
}

static bool is_unfinished(const char *name)
{
    return text_starts_with(name, ".new-");
}

/* Those of writers that are at it are among them. */
static void list_files(int folder_fd, struct kept_files *files)
{
    DIR *list = open_list(folder_fd);
    const struct dirent *entry;
    struct stat status;
    if (list == NULL)
        return;
    while (files->count < MAX_FILES && (entry = readdir(list)) != NULL) {
        if (!text_ends_with(entry->d_name, ENDING) ||
            fstatat(folder_fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(status.st_mode))
            continue;
        files->items = memory_grow(files->items, &files->capacity, files->count + 1,
                                   sizeof *files->items);
        struct kept_file *file = &files->items[files->count++];
        snprintf(file->name, sizeof file->name, "%s", entry->d_name);
        file->bytes = (uint64_t)status.st_size;
        file->used = status.st_mtime;
        files->bytes += file->bytes;
    }
    closedir(list);
}

static int longest_unused_first(const void *a, const void *b)
{
    const struct kept_file *one = a, *other = b;
    if (one->used != other->used)
        return one->used < other->used ? -1 : 1;
    return strcmp(one->name, other->name);
}

static bool is_to_go(const struct kept_file *file, bool is_room_needed)
{
    return is_unfinished(file->name) ? time(NULL) - file->used > STRAY_SECONDS : is_room_needed;
}

/* Looking through thousands of files takes longer than all else that a small session does with
 * them. */
static void make_room(const struct file_cache *cache, uint64_t wanted)
{
    if (wanted <= *cache->room_bytes) {
        *cache->room_bytes -= wanted;
        return;
    }
    struct kept_files files = {0};
    list_files(cache->folder_fd, &files);
    if (files.count != 0 && files.bytes + wanted > cache->max_bytes)
        qsort(files.items, files.count, sizeof *files.items, longest_unused_first);
    for (size_t i = 0; i < files.count; i++) {
        if (!is_to_go(&files.items[i], files.bytes + wanted > cache->max_bytes))
            continue;
        unlinkat(cache->folder_fd, files.items[i].name, 0);
        files.bytes -= files.items[i].bytes;
    }
    uint64_t taken = files.bytes + wanted;
    *cache->room_bytes = taken < cache->max_bytes ? (cache->max_bytes - taken) / ROOM_PART : 0;
    free(files.items);
}

static bool write_pieces(int fd, const struct iovec *pieces, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *at = pieces[i].iov_base;
        for (size_t left = pieces[i].iov_len; left != 0;) {
            ssize_t written = write(fd, at, left);
            if (written < 0 && errno == EINTR)
                continue;
            if (written <= 0)
                return false;
            at += written;
            left -= (size_t)written;
        }
    }
    return true;
}

void file_cache_store(const struct file_cache *cache, const char *name, const struct iovec *pieces,
                      size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += pieces[i].iov_len;
    if (bytes > cache->max_bytes / PART)
        return;
    make_room(cache, bytes);
    char *ours = name_in_folder(name);
    char *unfinished = memory_print_text(".new-%d-%s", (int)getpid(), ours);
    int fd = openat(cache->folder_fd, unfinished,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) {
        bool is_whole = write_pieces(fd, pieces, count);
        is_whole &= close(fd) == 0;
        if (!is_whole || renameat(cache->folder_fd, unfinished, cache->folder_fd, ours) != 0)
            unlinkat(cache->folder_fd, unfinished, 0);
    }
    free(unfinished);
    free(ours);
}

char *file_cache_identity(int fd)
{
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0)
        return NULL;
    return memory_print_text(
        "%llx-%llx-%llx-%llx.%llx-%llx.%llx", (unsigned long long)status.st_dev,
        (unsigned long long)status.st_ino, (unsigned long long)status.st_size,
        (unsigned long long)status.st_mtim.tv_sec, (unsigned long long)status.st_mtim.tv_nsec,
        (unsigned long long)status.st_ctim.tv_sec, (unsigned long long)status.st_ctim.tv_nsec);
}

void file_cache_measure(const struct file_cache *cache, uint64_t *files, uint64_t *bytes)
{
    struct kept_files list = {0};
    list_files(cache->folder_fd, &list);
    *files = list.count;
    *bytes = list.bytes;
    free(list.items);
}
