/* One program: can it be recorded, and what would be known of its code? */
#define _GNU_SOURCE
#include "cli/doctor.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "record/target_check.h"
#include "symbols/elf_file.h"

void doctor_check_program_kind(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    struct elf_file file;
    struct error error;

    if (!elf_file_read_path(subject->program, &file, &error)) {
        doctor_found(finding, "%s", error.message);
        doctor_complain(finding, DOCTOR_MISSING, "it is no program that could be recorded", "");
        return;
    }
    doctor_found(finding, "%d-bit, %s%s%s", file.is_64_bit ? 64 : 32,
                 file.has_interpreter ? "dynamically linked" : "statically linked",
                 file.has_interpreter ? ", loader " : "", file.interpreter);
    if (subject->script)
        text_print(&finding->value, "; it runs the script");
    if (!file.has_interpreter)
        doctor_complain(finding, DOCTOR_MISSING, "nothing can be preloaded into it",
                        "link it dynamically");
    else if (strstr(file.interpreter, "ld-musl"))
        doctor_complain(finding, DOCTOR_MISSING, "the preload is made for glibc",
                        "build it for glibc");
}

void doctor_check_program_privileges(const struct doctor_subject *subject,
                                     struct doctor_finding *finding)
{
    struct stat status;
    char capability[64];
    bool has_capabilities = getxattr(subject->program, "security.capability", capability,
                                     sizeof capability) > 0;

    if (stat(subject->program, &status) != 0)
        status.st_mode = 0;
    bool is_setuid = (status.st_mode & (S_ISUID | S_ISGID)) != 0;
    doctor_found(finding, "%s",
                 is_setuid          ? "setuid or setgid"
                 : has_capabilities ? "capabilities"
                                    : "none of its own");
    if (is_setuid || has_capabilities)
        doctor_complain(finding, DOCTOR_LIMITED,
                        "the loader ignores the preload unless it gains nothing by them",
                        "record a copy without them: cp PROGRAM .; seep run ./PROGRAM");
}

void doctor_check_program_allocator(const struct doctor_subject *subject,
                                    struct doctor_finding *finding)
{
    int fd = open(subject->program, O_RDONLY | O_CLOEXEC);
    const char *own = NULL, *sanitizer = fd >= 0 ? elf_file_find_sanitizer(fd) : NULL;

    if (sanitizer) {
        doctor_found(finding, "%s's", sanitizer);
        doctor_complain(finding, DOCTOR_MISSING, "it replaces malloc itself, and wants to be first",
                        "build it without -fsanitize");
    } else if (fd >= 0 && elf_file_has_own_allocator(fd, &own)) {
        doctor_found(finding, "its own: %s", own);
        doctor_complain(finding, DOCTOR_MISSING,
                        "its functions cannot be replaced, so nothing would be seen",
                        "link the allocator as a shared library");
    } else {
        doctor_found(finding, "a shared library's");
    }
    if (fd >= 0)
        close(fd);
}

void doctor_check_program_build_id(const struct doctor_subject *subject,
                                   struct doctor_finding *finding)
{
    struct elf_file file;

    if (elf_file_read_path(subject->program, &file, NULL) && file.build_id_bytes) {
        for (size_t i = 0; i < file.build_id_bytes; i++)
            text_print(&finding->value, "%02x", file.build_id[i]);
        return;
    }
    doctor_found(finding, "none");
    doctor_complain(finding, DOCTOR_LIMITED, "debug files cannot be matched to it later",
                    "link with -Wl,--build-id");
}

/* Adds the Debian package that a file came with; false when there is none. */
static bool find_package(const char *path, struct text *package)
{
    const char *command[] = {"/usr/bin/dpkg-query", "-S", path, NULL};
    struct text said = {0};
    bool is_found = doctor_try_program(command, (const char *const *)environ, STDOUT_FILENO,
                                       &said) == 0 &&
                    strchr(text_get(&said), ':') != NULL;

    if (is_found)
        text_add_bytes(package, text_get(&said), strcspn(text_get(&said), ":"));
    text_clear(&said);
    return is_found;
}

/* /bin is a link to /usr/bin, and packages know either name. */
static void print_debug_fix(const char *program, struct text *fix)
{
    char *path = realpath(program, NULL);
    struct text package = {0};
    bool is_packaged = path && (find_package(path, &package) || (text_starts_with(path, "/usr/") &&
                                                                 find_package(path + 4, &package)));

    if (is_packaged)
        text_print(fix, "apt install %s-dbgsym (from the debug archive), or --debuginfod",
                   text_get(&package));
    else
        text_add(fix, "compile with -g, or name its debug file: --debug-dir");
    text_clear(&package);
    free(path);
}

void doctor_check_program_symbols(const struct doctor_subject *subject,
                                  struct doctor_finding *finding)
{
    enum symbolizer_detail detail = doctor_detail_of(subject->program);
    struct text fix = {0};

    if (detail == SYMBOLIZER_LINES) {
        doctor_found(finding, "functions and lines");
        return;
    }
    print_debug_fix(subject->program, &fix);
    if (detail == SYMBOLIZER_SYMBOL_TABLE) {
        doctor_found(finding, "functions, no lines");
        doctor_complain(finding, DOCTOR_LIMITED,
                        "frames have no files, lines and inlined functions", text_get(&fix));
    } else {
        doctor_found(finding, "stripped, and no debug file was found");
        doctor_complain(finding, DOCTOR_LIMITED, "its frames are shown as addresses",
                        text_get(&fix));
    }
    text_clear(&fix);
}

void doctor_check_program_recordable(const struct doctor_subject *subject,
                                     struct doctor_finding *finding)
{
    struct elf_file file;

    if (!elf_file_read_path(subject->program, &file, NULL)) {
        doctor_found(finding, "seep run can start it only if the system can");
        return;
    }
    const char *allocator;
    int searched_fd;
    char *reason = target_check_reason(subject->program, &allocator, &searched_fd);
    if (searched_fd >= 0)
        close(searched_fd);
    if (!reason) {
        doctor_found(finding, "seep run records it");
        return;
    }
    doctor_found(finding, "seep run refuses it: %s", reason);
    doctor_complain(finding, DOCTOR_MISSING, "", "--best-effort runs it unrecorded");
    free(reason);
}
