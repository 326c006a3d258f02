/* Limits, places, containers and the terminal. */
#define _GNU_SOURCE
#include "cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <curses.h>
#include <term.h>

#include "base/memory.h"
#include "base/units.h"
#include "record/raised_limits.h"
#include "record/session_host.h"

/* --- limits -------------------------------------------------------------------------------- */

static rlim_t limit_of(__rlimit_resource_t resource)
{
    struct rlimit limit;

    return getrlimit(resource, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

static void found_bytes(struct doctor_finding *finding, rlim_t bytes)
{
    char size[UNITS_TEXT_BYTES];

    if (bytes == RLIM_INFINITY)
        doctor_found(finding, "unlimited");
    else
        doctor_found(finding, "%s", units_format_size(bytes, size));
}

/* What recording takes in the program is a part of its address space: preload/own_memory.h. */
void doctor_check_address_space(const struct doctor_subject *subject,
                                struct doctor_finding *finding)
{
    enum {
        ENOUGH_BYTES = 1 << 30
    };
    rlim_t bytes = limit_of(RLIMIT_AS);

    (void)subject;
    found_bytes(finding, bytes);
    if (bytes < ENOUGH_BYTES)
        doctor_complain(finding, DOCTOR_LIMITED,
                        "recording takes an eighth of it: of many threads, some find no room there,"
                        " and what they do is counted as lost",
                        "ulimit -v unlimited");
}

void doctor_check_open_files(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    enum {
        ENOUGH_FILES = 1024
    };
    rlim_t count = limit_of(RLIMIT_NOFILE);

    (void)subject;
    if (count == RLIM_INFINITY)
        doctor_found(finding, "unlimited");
    else
        doctor_found(finding, "%" PRIu64, (uint64_t)count);
    if (count != RLIM_INFINITY && count < ENOUGH_FILES)
        doctor_complain(finding, DOCTOR_LIMITED,
                        "with many libraries or processes, names and exit statuses may be missing",
                        "ulimit -n 1024");
}

void doctor_check_file_size(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    struct raised_limits limits;

    (void)subject;
    raised_limits_raise(&limits); /* as the recorder does */
    rlim_t bytes = limit_of(RLIMIT_FSIZE);
    raised_limits_restore(&limits);
    found_bytes(finding, bytes);
    if (bytes != RLIM_INFINITY)
        doctor_complain(finding, DOCTOR_LIMITED,
                        "a recording that grows beyond it stays incomplete", "ulimit -f unlimited");
}

/* A program that calls mlockall locks the rings too. */
void doctor_check_locked_memory(const struct doctor_subject *subject,
                                struct doctor_finding *finding)
{
    (void)subject;
    found_bytes(finding, limit_of(RLIMIT_MEMLOCK));
}

/* --- places -------------------------------------------------------------------------------- */

void doctor_check_session_folder(const struct doctor_subject *subject,
                                 struct doctor_finding *finding)
{
    const char *base = session_host_base_folder();
    char *folder = memory_print_text("%s/seep-doctor-XXXXXX", base);

    (void)subject;
    if (mkdtemp(folder)) {
        doctor_found(finding, "%s", base);
        rmdir(folder);
    } else {
        doctor_found(finding, "%s: %s", base, strerror(errno));
        doctor_complain(finding, DOCTOR_MISSING, "programs cannot find the recorder",
                        "set TMPDIR to a folder that you can write");
    }
    free(folder);
}

void doctor_check_recordings_folder(const struct doctor_subject *subject,
                                    struct doctor_finding *finding)
{
    enum {
        ENOUGH_BYTES = 64 << 20
    };
    struct statvfs space;
    char size[UNITS_TEXT_BYTES];

    (void)subject;
    if (access(".", W_OK | X_OK) != 0 || statvfs(".", &space) != 0) {
        doctor_found(finding, "the current folder: %s", strerror(errno));
        doctor_complain(finding, DOCTOR_LIMITED, "recordings cannot be made here",
                        "another folder, or seep run -o");
        return;
    }
    uint64_t free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
    doctor_found(finding, "the current folder, %s free", units_format_size(free_bytes, size));
    if (free_bytes < ENOUGH_BYTES)
        doctor_complain(finding, DOCTOR_LIMITED, "long recordings may not fit",
                        "make room, or seep run -o elsewhere");
}

/* --- containers ---------------------------------------------------------------------------- */

static bool reads_as(const char *path, const char *part)
{
    char content[4096] = "";
    FILE *file = fopen(path, "re");

    if (!file)
        return false;
    content[fread(content, 1, sizeof content - 1, file)] = '\0';
    fclose(file);
    return strstr(content, part) != NULL;
}

void doctor_check_container(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    const char *name = getenv("container"); /* systemd's convention */

    (void)subject;
    if (access("/.dockerenv", F_OK) == 0)
        name = "docker";
    else if (access("/run/.containerenv", F_OK) == 0)
        name = "podman";
    else if (getenv("KUBERNETES_SERVICE_HOST"))
        name = "kubernetes";
    else if (!name && reads_as("/proc/1/cgroup", "/lxc"))
        name = "lxc";
    doctor_found(finding, "%s", name && *name ? name : "none");
}

/* The figure in a file of one line; UINT64_MAX for "max" and for what cannot be read. */
static uint64_t read_number(const char *folder, const char *name)
{
    char *path = memory_print_text("%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    uint64_t number = UINT64_MAX;

    if (file && fscanf(file, "%" SCNu64, &number) != 1)
        number = UINT64_MAX;
    if (file)
        fclose(file);
    free(path);
    return number;
}

/* Version 2 has one tree, version 1 one for memory; from inside a container the own group is often
 * the root of what is seen. */
static uint64_t group_limit(const char *group, bool is_unified)
{
    static const char *const roots[][2] = {{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
                                           {"/sys/fs/cgroup", "memory.max"}};
    const char *root = roots[is_unified][0], *name = roots[is_unified][1];
    char *own = memory_print_text("%s%s", root, group);
    uint64_t limit = read_number(own, name), outer = read_number(root, name);

    free(own);
    return limit < outer ? limit : outer;
}

static uint64_t memory_limit(void)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    char line[4096];
    uint64_t least = UINT64_MAX;

    while (file && fgets(line, sizeof line, file)) {
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        group[strcspn(group, "\n")] = '\0';
        bool is_unified = controllers + 1 == group;
        *group++ = '\0';
        if (!is_unified && !strstr(controllers, "memory"))
            continue;
        uint64_t limit = group_limit(group, is_unified);
        least = limit < least ? limit : least;
    }
    if (file)
        fclose(file);
    return least;
}

void doctor_check_memory_limit(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    const uint64_t enough = UINT64_C(256) << 20, unlimited = UINT64_C(1) << 60;
    uint64_t limit = memory_limit();
    char size[UNITS_TEXT_BYTES];

    (void)subject;
    if (limit >= unlimited) {
        doctor_found(finding, "none");
        return;
    }
    doctor_found(finding, "%s for this group of processes", units_format_size(limit, size));
    if (limit < enough)
        doctor_complain(finding, DOCTOR_LIMITED,
                        "the recorder's memory counts too; near the limit the kernel ends both",
                        "raise the limit by what the recorder needs");
}

/* --- the terminal -------------------------------------------------------------------------- */

void doctor_check_terminal(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    const char *kind = getenv("TERM");
    bool is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    int trouble = 0;

    (void)subject;
    if (!kind || !*kind || setupterm(kind, STDOUT_FILENO, &trouble) != OK) {
        doctor_found(finding, "TERM=%s is not known", kind ? kind : "");
        doctor_complain(finding, DOCTOR_LIMITED, "seep view does not start",
                        "set TERM to the kind of terminal (a package ncurses-term has more)");
        return;
    }
    doctor_found(finding, "%s, %s colours, %s", kind, tigetnum("colors") > 1 ? "with" : "without",
                 is_utf8 ? "UTF-8" : "not UTF-8");
    if (!tigetstr("cup"))
        doctor_complain(finding, DOCTOR_LIMITED, "seep view does not start",
                        "another terminal, or set TERM");
    else if (!is_utf8)
        doctor_complain(finding, DOCTOR_LIMITED, "seep view draws with ASCII characters",
                        "a UTF-8 locale: LC_CTYPE=C.UTF-8");
}
