#include "config.h"

#include "symbols/debug_files.h"

#include "base/memory.h"
#include "base/text.h"
#include "symbols/elf_file.h"
#include "symbols/elf_layout.h"
#include "symbols/elf_sections.h"

#include <dirent.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char SYSTEM_FOLDER[] = "/usr/lib/debug";

/* How a candidate proves that it belongs to the module. */
struct proof {
    const uint8_t *build_id;
    size_t build_id_bytes;
    bool has_crc; /* counts only where a build-id is missing on either side */
    uint32_t crc;
};

struct search {
    const struct debug_folders *folders;
    const struct debug_wanted *wanted; /* NULL for an alternate file */
    struct proof proof;
    int fd;
    char *path; /* of what was found */
};

enum {
    BYTE_VALUES = 256,
    MAX_FOLDER_FILES = 4096
};

static void fill_crc_table(uint32_t table[BYTE_VALUES])
{
    for (uint32_t value = 0; value < BYTE_VALUES; value++) {
        uint32_t crc = value;

        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320u & -(crc & 1));
        table[value] = crc;
    }
}

uint32_t debug_files_crc(uint32_t crc, const uint8_t *bytes, size_t count)
{
    uint32_t table[BYTE_VALUES];

    fill_crc_table(table);
    crc = ~crc;
    for (size_t i = 0; i < count; i++)
        crc = (crc >> 8) ^ table[(crc ^ bytes[i]) & 0xff];
    return ~crc;
}

static bool has_crc(int fd, uint32_t expected)
{
    enum {
        CHUNK_BYTES = 1024 * 1024
    };
    uint8_t *chunk = memory_allocate(CHUNK_BYTES);
    uint32_t crc = 0;
    off_t at = 0;
    ssize_t count;

    while ((count = pread(fd, chunk, CHUNK_BYTES, at)) > 0) {
        crc = debug_files_crc(crc, chunk, (size_t)count);
        at += count;
    }
    free(chunk);
    return count == 0 && crc == expected;
}

static bool is_proven(const struct proof *proof, int fd, const char *path)
{
    struct elf_file file;

    if (!elf_file_read(fd, path, &file, NULL))
        return false;
    if (proof->build_id_bytes > 0 && file.build_id_bytes > 0)
        return proof->build_id_bytes == file.build_id_bytes &&
               memcmp(proof->build_id, file.build_id, file.build_id_bytes) == 0;
    return proof->has_crc && has_crc(fd, proof->crc);
}

static bool is_module_itself(const struct search *search, int fd)
{
    struct stat status;

    return search->wanted != NULL && search->wanted->file != NULL && fstat(fd, &status) == 0 &&
           status.st_dev == search->wanted->device && status.st_ino == search->wanted->inode;
}

/* A stripped copy of the module would pass every other test. */
static bool has_debug_information(int fd)
{
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    bool is_useful = elf != NULL &&
                     (elf_sections_have_symbols(elf) || elf_sections_have_dwarf(elf));

    elf_end(elf);
    return is_useful;
}

/* Takes ownership of `path`. */
static bool try_path(struct search *search, char *path)
{
    int fd = elf_layout_open(path);

    if (fd >= 0 && !is_module_itself(search, fd) && is_proven(&search->proof, fd, path) &&
        has_debug_information(fd)) {
        search->fd = fd;
        search->path = path;
        return true;
    }
    if (fd >= 0)
        close(fd);
    free(path);
    return false;
}

static const char *folder_at(const struct debug_folders *folders, size_t i)
{
    return i < folders->count ? folders->paths[i] : SYSTEM_FOLDER;
}

/* FOLDER/.build-id/01/23456789.debug */
static char *build_id_path(const char *folder, const struct proof *proof)
{
    struct text path = {0};

    text_print(&path, "%s/.build-id/%02x/", folder, proof->build_id[0]);
    for (size_t i = 1; i < proof->build_id_bytes; i++)
        text_print(&path, "%02x", proof->build_id[i]);
    text_add(&path, ".debug");
    return text_take(&path);
}

static bool search_by_build_id(struct search *search)
{
    if (search->proof.build_id_bytes < 2)
        return false;
    for (size_t i = 0; i <= search->folders->count; i++) {
        if (try_path(search, build_id_path(folder_at(search->folders, i), &search->proof)))
            return true;
    }
    return false;
}

/* The user's folders may be copies of build folders, or of whole systems. */
static bool search_by_name(struct search *search)
{
    const char *path = search->wanted->path;
    const char *name = text_file_name(path);

    if (name[0] == '\0')
        return false;
    for (size_t i = 0; i < search->folders->count; i++) {
        const char *folder = search->folders->paths[i];

        if (try_path(search, memory_print_text("%s/%s", folder, name)) ||
            try_path(search, memory_print_text("%s/%s.debug", folder, name)))
            return true;
        if (path[0] == '/' && (try_path(search, memory_print_text("%s%s", folder, path)) ||
                               try_path(search, memory_print_text("%s%s.debug", folder, path))))
            return true;
    }
    return false;
}

/* Where a file called `link` is looked for on behalf of a module in `module_folder`. */
static bool search_link_beside(struct search *search, const char *module_folder, const char *link)
{
    if (try_path(search, memory_print_text("%s/%s", module_folder, link)) ||
        try_path(search, memory_print_text("%s/.debug/%s", module_folder, link)))
        return true;
    for (size_t i = 0; i <= search->folders->count; i++) {
        if (try_path(search, memory_print_text("%s%s/%s", folder_at(search->folders, i),
                                               module_folder, link)))
            return true;
    }
    return false;
}

static char *folder_of(const char *path)
{
    const char *name = text_file_name(path);
    char *folder;

    if (name == path)
        return memory_duplicate_text(".");
    folder = memory_duplicate_text(path);
    folder[name - path - 1] = '\0';
    return folder;
}

static bool search_link_of_path(struct search *search, const char *path, const char *link)
{
    char *folder = folder_of(path);
    bool is_found = search_link_beside(search, folder, link);

    free(folder);
    return is_found;
}

static bool search_link_in_folders(struct search *search, const char *link)
{
    for (size_t i = 0; i < search->folders->count; i++) {
        if (try_path(search, memory_print_text("%s/%s", search->folders->paths[i], link)))
            return true;
    }
    return false;
}

static bool search_by_link(struct search *search)
{
    GElf_Word crc;
    const char *link = search->wanted->file != NULL
                           ? dwelf_elf_gnu_debuglink(search->wanted->file, &crc)
                           : NULL;
    char *real_path;
    bool is_found;

    /* A name, not a path: it must not lead elsewhere. */
    if (link == NULL || link[0] == '\0' || strchr(link, '/') != NULL)
        return false;
    search->proof.has_crc = true;
    search->proof.crc = crc;
    if (search_link_of_path(search, search->wanted->path, link) ||
        search_link_in_folders(search, link))
        return true;
    /* /lib is a link to /usr/lib, and debug packages know only one of the two. */
    real_path = realpath(search->wanted->path, NULL);
    is_found = real_path != NULL && strcmp(real_path, search->wanted->path) != 0 &&
               search_link_of_path(search, real_path, link);
    free(real_path);
    return is_found;
}

/* Whatever it is called: the build-id tells. */
static bool search_in_folder(struct search *search, const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    bool is_found = false;

    for (int i = 0; folder != NULL && !is_found && i < MAX_FOLDER_FILES; i++) {
        entry = readdir(folder);
        if (entry == NULL)
            break;
        if (entry->d_type != DT_DIR)
            is_found = try_path(search, memory_print_text("%s/%s", path, entry->d_name));
    }
    if (folder != NULL)
        closedir(folder);
    return is_found;
}

/* Where people put debug files by hand; one may also be named itself. */
static bool search_all_files(struct search *search)
{
    if (search->proof.build_id_bytes == 0)
        return false;
    for (size_t i = 0; i < search->folders->count; i++) {
        const char *path = search->folders->paths[i];

        if (try_path(search, memory_duplicate_text(path)) || search_in_folder(search, path))
            return true;
    }
    return false;
}

int debug_files_open(const struct debug_folders *folders, const struct debug_wanted *wanted,
                     char **path)
{
    struct search search = {
        .folders = folders,
        .wanted = wanted,
        .proof = {.build_id = wanted->build_id, .build_id_bytes = wanted->build_id_bytes},
        .fd = -1,
    };

    if (!search_by_build_id(&search) && !search_by_name(&search) && !search_by_link(&search))
        search_all_files(&search);
    *path = search.path;
    return search.fd;
}

static bool search_alternate_by_name(struct search *search, const char *debug_path,
                                     const char *name)
{
    char *folder;
    bool is_found;

    if (name[0] == '/')
        return try_path(search, memory_duplicate_text(name));
    folder = folder_of(debug_path);
    is_found = try_path(search, memory_print_text("%s/%s", folder, name));
    free(folder);
    for (size_t i = 0; !is_found && i < search->folders->count; i++)
        is_found = try_path(search, memory_print_text("%s/.dwz/%s", search->folders->paths[i],
                                                      text_file_name(name)));
    return is_found;
}

int debug_files_open_alternate(const struct debug_folders *folders, const char *debug_path,
                               const char *name, const uint8_t *build_id, size_t build_id_bytes)
{
    struct search search = {
        .folders = folders,
        .proof = {.build_id = build_id, .build_id_bytes = build_id_bytes},
        .fd = -1,
    };

    if (!search_alternate_by_name(&search, debug_path, name))
        search_by_build_id(&search);
    free(search.path);
    return search.fd;
}
