#define _GNU_SOURCE
#include "snapshot/memory_limits.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct use {
    uint64_t used, most;
    uint64_t droppable; /* of what is used: pages of files that nobody has touched for a while */
};

typedef void visit_group(void *context, const struct use *use);

static uint64_t read_number(const char *folder, const char *name)
{
    char path[PATH_MAX + 64], text[64] = "";
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    uint64_t number = UINT64_MAX; /* "max", or not there */
    if (file == NULL)
        return number;
    if (fgets(text, sizeof text, file) != NULL && text[0] >= '0' && text[0] <= '9')
        number = strtoull(text, NULL, 10);
    fclose(file);
    return number;
}

/* Of a file with lines that begin with a name; 0: there is none. */
static uint64_t read_line(const char *path, const char *name)
{
    FILE *file = fopen(path, "re");
    char line[256];
    uint64_t number = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            number = strtoull(line + strlen(name), NULL, 10);
    if (file != NULL)
        fclose(file);
    return number;
}

static void look_at_group(const char *folder, bool is_unified, visit_group *visit, void *context)
{
    char path[PATH_MAX + 64];
    struct use use = {
        .most = read_number(folder, is_unified ? "memory.max" : "memory.limit_in_bytes")};
    if (use.most == UINT64_MAX)
        return;
    use.used = read_number(folder, is_unified ? "memory.current" : "memory.usage_in_bytes");
    if (use.used == UINT64_MAX)
        return;
    snprintf(path, sizeof path, "%s/memory.stat", folder);
    use.droppable = read_line(path, is_unified ? "inactive_file " : "total_inactive_file ");
    visit(context, &use);
}

/* All groups above the process that are limited. */
static void walk_groups(pid_t pid, visit_group *visit, void *context)
{
    char path[64], line[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        bool is_unified = strncmp(line, "0::", 3) == 0;
        char *group = strchr(line, ':');
        group = group != NULL ? strchr(group + 1, ':') : NULL;
        if (group == NULL || (!is_unified && strstr(line, ":memory:") == NULL))
            continue;
        char folder[PATH_MAX + 32];
        group++;
        for (char *end = group + strlen(group);; *end = '\0') {
            snprintf(folder, sizeof folder, "/sys/fs/cgroup%s%s", is_unified ? "" : "/memory",
                     group);
            look_at_group(folder, is_unified, visit, context);
            end = strrchr(group, '/');
            if (end == NULL || group[0] == '\0')
                break;
        }
    }
    if (file != NULL)
        fclose(file);
}

static void keep_least_room(void *context, const struct use *use)
{
    uint64_t *least = context;
    uint64_t room = use->most > use->used ? use->most - use->used : 0;
    *least = room < *least ? room : *least;
}

uint64_t memory_limits_group_room(pid_t pid)
{
    uint64_t least = UINT64_MAX;
    walk_groups(pid, keep_least_room, &least);
    return least;
}

static void keep_largest_share(void *context, const struct use *use)
{
    unsigned *largest = context;
    uint64_t needed = use->used > use->droppable ? use->used - use->droppable : 0;
    if (use->most == 0)
        return;
    double share = (double)needed * 100 / (double)use->most;
    unsigned percent = share > 100 ? 100 : (unsigned)share;
    *largest = percent > *largest ? percent : *largest;
}

unsigned memory_limits_used_percent(pid_t pid)
{
    static const struct {
        __rlimit_resource_t kind;
        const char *name; /* in /proc/PID/status: what the kernel compares with the limit */
    } own[] = {{RLIMIT_AS, "VmSize:"}, {RLIMIT_DATA, "VmData:"}};
    unsigned largest = 0;
    char path[64];
    walk_groups(pid, keep_largest_share, &largest);
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        struct rlimit limit;
        if (prlimit(pid, own[i].kind, NULL, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
            continue;
        struct use use = {.most = limit.rlim_cur, .used = read_line(path, own[i].name) * 1024};
        keep_largest_share(&largest, &use);
    }
    return largest;
}
