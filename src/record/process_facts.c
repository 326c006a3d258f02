#define _GNU_SOURCE
#include "record/process_facts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

/* Reads a small /proc file into `text`; false when it cannot be read. */
static bool read_small(const char *path, char *text, size_t bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, text, bytes - 1);
    close(fd);
    if (got < 0)
        return false;
    text[got] = '\0';
    return true;
}

uint64_t process_facts_resident(uint32_t pid, int *statm_fd)
{
    if (*statm_fd < 0) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%u/statm", pid);
        *statm_fd = open(path, O_RDONLY | O_CLOEXEC);
        if (*statm_fd < 0)
            return 0;
    }
    char text[128];
    ssize_t got = pread(*statm_fd, text, sizeof text - 1, 0);
    if (got <= 0)
        return 0;
    text[got] = '\0';
    char *second = strchr(text, ' ');
    return second == NULL ? 0 : strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t process_facts_peak_resident(uint32_t pid)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%u/status", pid);
    if (!read_small(path, text, sizeof text))
        return 0;
    const char *line = strstr(text, "\nVmHWM:");
    return line == NULL ? 0 : strtoull(line + strlen("\nVmHWM:"), NULL, 10) * 1024;
}

bool process_facts_variable(uint32_t pid, const char *name, char *value, size_t value_bytes)
{
    char path[64], *variable = NULL;
    size_t capacity = 0, length = strlen(name);
    ssize_t got;
    snprintf(path, sizeof path, "/proc/%u/environ", pid);
    FILE *file = fopen(path, "re");
    value[0] = '\0';
    if (file == NULL)
        return false;
    while ((got = getdelim(&variable, &capacity, '\0', file)) > 0)
        if ((size_t)got > length && memcmp(variable, name, length) == 0 && variable[length] == '=')
            text_make_safe(variable + length + 1, value, value_bytes);
    free(variable);
    fclose(file);
    return true;
}

uint64_t process_facts_processor_cache(void)
{
    char line[256];
    uint64_t bytes = 0;
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file != NULL && bytes == 0 && fgets(line, sizeof line, file) != NULL)
        if (text_starts_with(line, "cache size") && strchr(line, ':') != NULL)
            bytes = strtoull(strchr(line, ':') + 1, NULL, 10) * 1024;
    if (file != NULL)
        fclose(file);
    return bytes;
}

/* struct pidfd_info and its ioctl, Linux 6.13 (uapi/linux/pidfd.h); exit_code since 6.15. */
struct pidfd_exit_info {
    uint64_t mask;
    uint64_t cgroup_id;
    uint32_t ids[11];
    int32_t exit_code;
};
#define PIDFD_EXIT_INFO_BIT UINT64_C(8)
#define PIDFD_GET_EXIT_INFO _IOWR(0xff, 11, struct pidfd_exit_info)

static bool exit_of_reaped(int pidfd, int *wait_status)
{
    struct pidfd_exit_info info = {.mask = PIDFD_EXIT_INFO_BIT};
    if (pidfd < 0 || ioctl(pidfd, PIDFD_GET_EXIT_INFO, &info) != 0 ||
        (info.mask & PIDFD_EXIT_INFO_BIT) == 0)
        return false;
    *wait_status = info.exit_code;
    return true;
}

/* /proc/PID/stat: the state is the first field behind the name, the wait status the last one
 * (proc(5)). */
static bool exit_of_zombie(uint32_t pid, int *wait_status)
{
    char path[64], text[4096];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    /* Of other users' processes the kernel shows a 0 in place of the status. */
    if (stat(path, &status) != 0 || (geteuid() != 0 && status.st_uid != geteuid()))
        return false;
    if (!read_small(path, text, sizeof text))
        return false;
    const char *behind_name = strrchr(text, ')');
    const char *last = strrchr(text, ' ');
    if (behind_name == NULL || last == NULL || strncmp(behind_name, ") Z", 3) != 0)
        return false;
    *wait_status = atoi(last + 1);
    return true;
}

bool process_facts_exit(uint32_t pid, int pidfd, int *wait_status)
{
    /* It may be reaped between the first two looks. */
    return exit_of_reaped(pidfd, wait_status) || exit_of_zombie(pid, wait_status) ||
           exit_of_reaped(pidfd, wait_status);
}

uint32_t process_facts_parent(uint32_t pid)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    if (!read_small(path, text, sizeof text))
        return 0;
    const char *behind_name = strrchr(text, ')'); /* ") S PARENT ..." */
    return behind_name == NULL || strlen(behind_name) < 5
               ? 0
               : (uint32_t)strtoul(behind_name + 4, NULL, 10);
}

void process_facts_thread_name(uint32_t pid, uint32_t tid, char *name, size_t name_bytes)
{
    char path[64], text[64];
    name[0] = '\0';
    snprintf(path, sizeof path, "/proc/%u/task/%u/comm", pid, tid);
    if (!read_small(path, text, sizeof text))
        return;
    text[strcspn(text, "\n")] = '\0';
    text_make_safe(text, name, name_bytes);
}
