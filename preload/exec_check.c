#include "preload/exec_check.h"

#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "wire/own_machine.h"
#include "preload/raw_syscall.h"
#include "preload/session_link.h"

enum {
    HEAD_BYTES = 4096,
    MAX_DYNAMIC_ENTRIES = 256,
    DYNAMIC_ENTRIES_AT_ONCE = 48
};

static const char preload_name[] = "LD_PRELOAD=";

static bool is_library_readable(void)
{
    return !raw_failed(
        raw_syscall(SYS_faccessat, AT_FDCWD, session_link_library_path(), 4 /* R_OK */, 0, 0, 0));
}

/* The loader's name: glibc's are ld-linux*.so.*, musl's ld-musl-*. */
static enum wire_exec_reason judge_interpreter(const char *name, size_t bytes)
{
    static const char glibc_loader[] = "/ld-linux";
    for (size_t i = 0; i + sizeof glibc_loader - 1 <= bytes; i++)
        if (memcmp(name + i, glibc_loader, sizeof glibc_loader - 1) == 0)
            return WIRE_EXEC_FOLLOWED;
    return WIRE_EXEC_OTHER_LIBC;
}

/* The runtime libraries of sanitizers that replace malloc: AddressSanitizer's ends a program in
 * which another library stands before it. The other list of these stands in
 * src/symbols/elf_file_sanitizer.c. */
static bool is_sanitizer(const char *name)
{
    static const char *const libraries[] = {
        "libasan.so",       "libtsan.so",       "liblsan.so",
        "libhwasan.so",     "libclang_rt.asan", "libclang_rt.tsan",
        "libclang_rt.lsan", "libclang_rt.msan", "libclang_rt.hwasan"};
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
        if (strncmp(name, libraries[i], strlen(libraries[i])) == 0)
            return true;
    return false;
}

/* Where an address of the file's own space stands in the file; 0 = nowhere. */
static uint64_t offset_of(const Elf64_Phdr *segments, unsigned count, uint64_t address)
{
    for (unsigned i = 0; i < count; i++)
        if (segments[i].p_type == PT_LOAD && address >= segments[i].p_vaddr &&
            address - segments[i].p_vaddr < segments[i].p_filesz)
            return address - segments[i].p_vaddr + segments[i].p_offset;
    return 0;
}

/* The dynamic section, of which the usual one is read at once. */
struct dynamic_section {
    int fd;
    const Elf64_Phdr *segment;
    uint64_t first, count; /* entries that are here */
    Elf64_Dyn entries[DYNAMIC_ENTRIES_AT_ONCE];
};

/* An entry; NULL at the end. */
static const Elf64_Dyn *find_entry(struct dynamic_section *section, uint64_t position)
{
    uint64_t at = position * sizeof *section->entries;
    if (at + sizeof *section->entries > section->segment->p_filesz ||
        position >= MAX_DYNAMIC_ENTRIES)
        return NULL;
    if (position - section->first >= section->count) {
        int64_t got = raw_syscall(SYS_pread64, section->fd, section->entries,
                                  sizeof section->entries, section->segment->p_offset + at, 0, 0);
        section->first = position;
        section->count = raw_failed(got) ? 0 : (uint64_t)got / sizeof *section->entries;
        if (section->count == 0)
            return NULL;
    }
    const Elf64_Dyn *entry = &section->entries[position - section->first];
    return entry->d_tag != DT_NULL ? entry : NULL;
}

/* The loader's name, which nearly always stands in the file's first page. */
static enum wire_exec_reason judge_interpreter_of(int fd, const Elf64_Phdr *segment,
                                                  const char *head, size_t head_bytes)
{
    char name[256];
    size_t bytes = segment->p_filesz < sizeof name ? segment->p_filesz : sizeof name;
    if (segment->p_offset < head_bytes && bytes <= head_bytes - segment->p_offset)
        return judge_interpreter(head + segment->p_offset, bytes);
    int64_t got = raw_syscall(SYS_pread64, fd, name, bytes, segment->p_offset, 0, 0);
    return raw_failed(got) ? WIRE_EXEC_FOLLOWED : judge_interpreter(name, (size_t)got);
}

static bool needs_sanitizer(int fd, const Elf64_Phdr *segments, unsigned count)
{
    struct dynamic_section section = {.fd = fd};
    for (unsigned i = 0; i < count; i++)
        if (segments[i].p_type == PT_DYNAMIC)
            section.segment = &segments[i];
    if (section.segment == NULL)
        return false;
    const Elf64_Dyn *entry;
    uint64_t names = 0;
    for (uint64_t i = 0; names == 0 && (entry = find_entry(&section, i)) != NULL; i++)
        if (entry->d_tag == DT_STRTAB)
            names = offset_of(segments, count, entry->d_un.d_ptr);
    for (uint64_t i = 0; names != 0 && (entry = find_entry(&section, i)) != NULL; i++) {
        char name[32] = "";
        if (entry->d_tag != DT_NEEDED)
            continue;
        raw_syscall(SYS_pread64, fd, name, sizeof name - 1, names + entry->d_un.d_val, 0, 0);
        if (is_sanitizer(name))
            return true;
    }
    return false;
}

static enum wire_exec_reason judge_elf(int fd, const char *head, size_t head_bytes)
{
    const Elf64_Ehdr *header = (const void *)head;
    if (head_bytes < sizeof *header || header->e_ident[EI_CLASS] != ELFCLASS64 ||
        header->e_machine != OWN_MACHINE)
        return WIRE_EXEC_OTHER_CLASS;
    uint64_t table_end = header->e_phoff + (uint64_t)header->e_phnum * sizeof(Elf64_Phdr);
    if (header->e_phoff > head_bytes || table_end > head_bytes || (header->e_phoff & 7) != 0)
        return WIRE_EXEC_FOLLOWED; /* unusual: let the loader try */
    const Elf64_Phdr *segment = (const void *)(head + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; i++) {
        if (segment[i].p_type != PT_INTERP)
            continue;
        enum wire_exec_reason reason = judge_interpreter_of(fd, &segment[i], head, head_bytes);
        return reason == WIRE_EXEC_FOLLOWED && needs_sanitizer(fd, segment, header->e_phnum)
                   ? WIRE_EXEC_SANITIZER
                   : reason;
    }
    return WIRE_EXEC_STATIC;
}

/* Other ids than ours, set by the file's mode: then the loader ignores LD_PRELOAD. */
static bool is_privileged(int fd)
{
    struct stat status;
    if (raw_syscall(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0) == 1)
        return false; /* such files give nothing then */
    if (raw_failed(raw_syscall(SYS_fstat, fd, &status, 0, 0, 0, 0)))
        return false;
    char capability[64];
    if (!raw_failed(raw_syscall(SYS_fgetxattr, fd, "security.capability", capability,
                                sizeof capability, 0, 0)))
        return true;
    bool sets_user = (status.st_mode & S_ISUID) != 0 &&
                     status.st_uid != (uid_t)raw_syscall(SYS_getuid, 0, 0, 0, 0, 0, 0);
    bool sets_group = (status.st_mode & S_ISGID) != 0 && (status.st_mode & S_IXGRP) != 0 &&
                      status.st_gid != (gid_t)raw_syscall(SYS_getgid, 0, 0, 0, 0, 0, 0);
    return sets_user || sets_group;
}

static enum wire_exec_reason judge_open(int fd, int scripts_allowed);

static enum wire_exec_reason judge(int folder, const char *path, int scripts_allowed)
{
    int64_t fd = raw_syscall(SYS_openat, folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0, 0, 0);
    if (raw_failed(fd))
        return WIRE_EXEC_FOLLOWED;
    enum wire_exec_reason reason = judge_open((int)fd, scripts_allowed);
    raw_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
    return reason;
}

static enum wire_exec_reason judge_open(int fd, int scripts_allowed)
{
    char head[HEAD_BYTES] __attribute__((aligned(8)));
    int64_t got = raw_syscall(SYS_pread64, fd, head, sizeof head - 1, 0, 0, 0);
    enum wire_exec_reason reason = WIRE_EXEC_FOLLOWED;
    char interpreter[256] = "";
    if (!raw_failed(got) && got >= 4 && memcmp(head, ELFMAG, SELFMAG) == 0) {
        reason = is_privileged(fd) ? WIRE_EXEC_PRIVILEGED : judge_elf(fd, head, (size_t)got);
    } else if (!raw_failed(got) && got > 2 && head[0] == '#' && head[1] == '!') {
        head[got] = '\0';
        const char *name = head + 2 + strspn(head + 2, " \t");
        size_t length = strcspn(name, " \t\n");
        if (length < sizeof interpreter) {
            memcpy(interpreter, name, length);
            interpreter[length] = '\0';
        }
    }
    if (interpreter[0] != '\0' && scripts_allowed > 0)
        return judge(AT_FDCWD, interpreter, scripts_allowed - 1);
    return reason;
}

/* Then the loader ignores LD_PRELOAD whatever the file. */
static bool are_ids_mixed(void)
{
    return raw_syscall(SYS_geteuid, 0, 0, 0, 0, 0, 0) !=
               raw_syscall(SYS_getuid, 0, 0, 0, 0, 0, 0) ||
           raw_syscall(SYS_getegid, 0, 0, 0, 0, 0, 0) != raw_syscall(SYS_getgid, 0, 0, 0, 0, 0, 0);
}

/* What holds for any file. */
static enum wire_exec_reason judge_process(void)
{
    if ((session->flags & SESSION_FOLLOW_EXEC) == 0)
        return WIRE_EXEC_NOT_WANTED;
    if (sandbox_is_closed)
        return WIRE_EXEC_FOLLOWED; /* nothing may be asked */
    if (!is_library_readable())
        return WIRE_EXEC_UNREADABLE;
    return are_ids_mixed() ? WIRE_EXEC_PRIVILEGED : WIRE_EXEC_FOLLOWED;
}

enum wire_exec_reason exec_check_file(const char *path)
{
    return exec_check_at(AT_FDCWD, path, 0);
}

enum wire_exec_reason exec_check_at(int folder, const char *path, int flags)
{
    enum wire_exec_reason reason = judge_process();
    if (reason != WIRE_EXEC_FOLLOWED || sandbox_is_closed || path == NULL)
        return reason;
    if (path[0] == '\0' && (flags & AT_EMPTY_PATH) != 0)
        return judge_open(folder, 4);
    return judge(folder, path, 4);
}

static bool is_executable(const char *path)
{
    return !raw_failed(raw_syscall(SYS_faccessat, AT_FDCWD, path, 1 /* X_OK */, 0, 0, 0));
}

enum wire_exec_reason exec_check_name(const char *name, char *path, size_t path_bytes)
{
    size_t name_length = name != NULL ? strlen(name) : 0;
    if (name_length == 0 || strchr(name, '/') != NULL)
        return exec_check_file(name);
    const char *folders = getenv("PATH");
    if (folders == NULL)
        folders = "/bin:/usr/bin";
    for (const char *at = folders;; at++) {
        size_t length = strcspn(at, ":");
        if (length + 1 + name_length < path_bytes) {
            memcpy(path, at, length);
            path[length] = '/';
            /* an empty entry means the current folder */
            memcpy(path + (length == 0 ? 0 : length + 1), name, name_length + 1);
            if (is_executable(path))
                return exec_check_file(path);
        }
        at += length;
        if (*at == '\0')
            return exec_check_file(NULL);
    }
}

bool exec_environment_has_library(char *const *environment)
{
    const char *own = session_link_library_path();
    for (; environment != NULL && *environment != NULL; environment++)
        if (strncmp(*environment, preload_name, sizeof preload_name - 1) == 0)
            return strstr(*environment, own) != NULL; /* the loader reads the first one */
    return false;
}

struct exec_environment_size exec_environment_size(char *const *environment)
{
    struct exec_environment_size size = {2, sizeof preload_name};
    size.entry_bytes += strlen(session_link_library_path()) + 2;
    for (; environment != NULL && *environment != NULL; environment++) {
        size.pointers++;
        if (strncmp(*environment, preload_name, sizeof preload_name - 1) == 0)
            size.entry_bytes += strlen(*environment);
    }
    return size;
}

/* Appends the user's libraries of one LD_PRELOAD value, leaving ours out. */
static char *append_others(char *at, const char *value, bool *is_empty)
{
    const char *own = session_link_library_path();
    size_t own_length = strlen(own);
    while (*value != '\0') {
        size_t length = strcspn(value, ": ");
        if (length != 0 && (length != own_length || memcmp(value, own, length) != 0)) {
            if (!*is_empty)
                *at++ = ':';
            memcpy(at, value, length);
            at += length;
            *is_empty = false;
        }
        value += length;
        value += *value != '\0';
    }
    return at;
}

void exec_environment_build(char *const *environment, bool is_followed, char **built, char *entry)
{
    size_t name_length = sizeof preload_name - 1;
    memcpy(entry, preload_name, name_length);
    char *at = entry + name_length;
    bool is_empty = true, is_placed = false;
    if (is_followed) {
        size_t length = strlen(session_link_library_path());
        memcpy(at, session_link_library_path(), length);
        at += length;
        is_empty = false;
    }
    char **out = built;
    for (; environment != NULL && *environment != NULL; environment++) {
        if (strncmp(*environment, preload_name, name_length) != 0) {
            *out++ = *environment;
            continue;
        }
        at = append_others(at, *environment + name_length, &is_empty);
        if (!is_placed)
            *out++ = entry; /* where the user's stood */
        is_placed = true;
    }
    *at = '\0';
    if (!is_placed && !is_empty)
        *out++ = entry;
    *out = NULL;
    if (is_placed && is_empty) { /* only ours was in it: take the variable out */
        for (out = built; *out != entry; out++)
            ;
        for (; *out != NULL; out++)
            out[0] = out[1];
    }
}
