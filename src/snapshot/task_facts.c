#define _GNU_SOURCE
#include "snapshot/task_facts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The text of /proc/PID/task/TID/NAME, cut to fit; "" when it cannot be read. */
static size_t read_task_file(pid_t pid, pid_t tid, const char *name, char *text, size_t room)
{
    char path[96];
    text[0] = '\0';
    snprintf(path, sizeof path, "/proc/%d/task/%d/%s", (int)pid, (int)tid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t count = read(fd, text, room - 1);
    close(fd);
    size_t length = count > 0 ? (size_t)count : 0;
    text[length] = '\0';
    return length;
}

char task_facts_state(pid_t pid, pid_t tid)
{
    char text[512];
    read_task_file(pid, tid, "stat", text, sizeof text);
    const char *name_end = strrchr(text, ')'); /* the name may hold anything */
    return name_end != NULL && name_end[1] == ' ' ? name_end[2] : '\0';
}

/* ---- signals -------------------------------------------------------------------------- */

struct signal_sets {
    uint64_t pending, blocked, ignored, caught;
};

static uint64_t find_set(const char *status, const char *name)
{
    const char *line = strstr(status, name);
    return line != NULL ? strtoull(line + strlen(name), NULL, 16) : 0;
}

static void read_signal_sets(pid_t pid, pid_t tid, struct signal_sets *sets)
{
    char status[4096];
    read_task_file(pid, tid, "status", status, sizeof status);
    *sets = (struct signal_sets){
        .pending = find_set(status, "\nSigPnd:") | find_set(status, "\nShdPnd:"),
        .blocked = find_set(status, "\nSigBlk:"),
        .ignored = find_set(status, "\nSigIgn:"),
        .caught = find_set(status, "\nSigCgt:"),
    };
}

static uint64_t set_of(int number)
{
    return UINT64_C(1) << (number - 1);
}

/* Signals that do nothing where nobody catches them. */
static uint64_t dropped_signals(const struct signal_sets *sets)
{
    uint64_t harmless = set_of(SIGCHLD) | set_of(SIGCONT) | set_of(SIGURG) | set_of(SIGWINCH);
    return sets->ignored | (harmless & ~sets->caught);
}

bool task_facts_has_signal(pid_t pid, pid_t tid)
{
    struct signal_sets sets;
    read_signal_sets(pid, tid, &sets);
    return (sets.pending & ~sets.blocked & ~dropped_signals(&sets)) != 0;
}

bool task_facts_ignores_signal(pid_t pid, pid_t tid, int number)
{
    struct signal_sets sets;
    read_signal_sets(pid, tid, &sets);
    return number >= 1 && number <= 64 && (dropped_signals(&sets) & set_of(number)) != 0;
}

bool task_facts_blocks_signal(pid_t pid, pid_t tid, int number)
{
    struct signal_sets sets;
    read_signal_sets(pid, tid, &sets);
    return number >= 1 && number <= 64 && (sets.pending & sets.blocked & set_of(number)) != 0;
}

/* ---- where it is ---------------------------------------------------------------------- */

bool task_facts_sleeper(pid_t pid, pid_t tid, uint64_t *pc, uint64_t *sp)
{
    char text[512];
    read_task_file(pid, tid, "syscall", text, sizeof text);
    /* "number arguments... sp pc", "-1 sp pc", or "running". */
    char *last = strrchr(text, ' ');
    if (last == NULL)
        return false;
    *pc = strtoull(last + 1, NULL, 0);
    *last = '\0';
    char *before = strrchr(text, ' ');
    if (before == NULL)
        return false;
    *sp = strtoull(before + 1, NULL, 0);
    return *sp != 0;
}

/* ---- relations ------------------------------------------------------------------------ */

bool task_facts_visit_threads(pid_t pid, task_facts_visit visit, void *context)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return false;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid > 0 && !visit(context, tid))
            break;
    }
    closedir(folder);
    return true;
}

bool task_facts_tell_absence(pid_t pid, struct error *error)
{
    /* A process may always be asked whether it is there, unless it is another user's. */
    if (kill(pid, 0) == 0 || errno == EPERM)
        return error_set(error,
                         "/proc hides process %d (hidepid), so that its threads cannot be listed",
                         (int)pid);
    return error_set(error, "process %d has ended", (int)pid);
}

size_t task_facts_thread_count(pid_t pid)
{
    char path[64];
    struct stat folder;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    return stat(path, &folder) == 0 && folder.st_nlink > 2 ? folder.st_nlink - 2 : 0;
}

pid_t task_facts_tracer(pid_t pid)
{
    char status[4096];
    read_task_file(pid, pid, "status", status, sizeof status);
    const char *line = strstr(status, "\nTracerPid:");
    return line != NULL ? (pid_t)strtol(line + strlen("\nTracerPid:"), NULL, 10) : 0;
}

uint64_t task_facts_switches(pid_t pid, pid_t tid)
{
    static const char *const names[] = {"\nvoluntary_ctxt_switches:",
                                        "\nnonvoluntary_ctxt_switches:"};
    char status[4096];
    uint64_t switches = 0;
    read_task_file(pid, tid, "status", status, sizeof status);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *line = strstr(status, names[i]);
        switches += line != NULL ? strtoull(line + strlen(names[i]), NULL, 10) : 0;
    }
    return switches;
}

pid_t task_facts_own_tid(pid_t pid, pid_t tid)
{
    char status[4096];
    read_task_file(pid, tid, "status", status, sizeof status);
    const char *at = strstr(status, "\nNSpid:");
    pid_t own = 0;
    if (at == NULL)
        return tid; /* a kernel without pid namespaces */
    for (at += strlen("\nNSpid:"); *at == '\t' || *at == ' ';) {
        char *end;
        own = (pid_t)strtol(at, &end, 10);
        at = end;
    }
    return own;
}

size_t task_facts_vfork_children(pid_t pid, pid_t tid, pid_t *children, size_t room)
{
    char text[4096];
    size_t count = 0;
    read_task_file(pid, tid, "children", text, sizeof text);
    for (char *at = text, *end; count < room; at = end) {
        pid_t child = (pid_t)strtol(at, &end, 10);
        if (end == at)
            break;
        if (child > 0 && syscall(SYS_kcmp, pid, child, KCMP_VM, 0, 0) == 0)
            children[count++] = child;
    }
    return count;
}
