/* What the kernel offers and allows. Each is tried, not concluded from a version: containers and
 * filters take things away. */
#define _GNU_SOURCE
#include "cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/process_facts.h"
#include "record/raised_limits.h"
#include "record/session_host.h"
#include "record/tick_clock.h"
#include "wire/session.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

void doctor_check_kernel(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    struct utsname system;
    int major = 0, minor = 0;

    (void)subject;
    if (uname(&system) != 0 || sscanf(system.release, "%d.%d", &major, &minor) != 2) {
        doctor_found(finding, "not known");
        return;
    }
    doctor_found(finding, "%s %s on %s", system.sysname, system.release, system.machine);
    if (major < 4 || (major == 4 && minor < 14))
        doctor_complain(finding, DOCTOR_MISSING, "memory cannot be wiped at a fork",
                        "a kernel of 4.14 or newer");
    else if (major < 5 || (major == 5 && minor < 3))
        doctor_complain(finding, DOCTOR_LIMITED,
                        "how child processes end may not be known (no pidfd_open)",
                        "a kernel of 5.3 or newer");
}

void doctor_check_clock(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    struct tick_clock clock;

    (void)subject;
    tick_clock_start(&clock);
    if (clock.is_tsc) {
        doctor_found(finding, "the processor's counter, %.0f MHz",
                     (double)clock.ticks_per_second / 1e6);
        return;
    }
    doctor_found(finding, "clock_gettime");
#if defined(__x86_64__)
    doctor_complain(finding, DOCTOR_LIMITED,
                    "recording is slower: the kernel does not trust the processor's counter (see"
                    " /sys/devices/system/clocksource/clocksource0)",
                    "in a virtual machine, pass an invariant TSC to the guest");
#endif
}

void doctor_check_shared_memory(const struct doctor_subject *subject,
                                struct doctor_finding *finding)
{
    struct error error;
    struct raised_limits limits;
    uint32_t slots;
    void *memory = MAP_FAILED;

    (void)subject;
    raised_limits_raise(&limits); /* as the recorder does */
    int fd = session_host_open_memory(&slots, &error);
    if (fd >= 0)
        memory = mmap(NULL, session_bytes(slots), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (fd >= 0 && memory == MAP_FAILED)
        error_set_errno(&error, errno, "cannot map the session's memory");
    if (memory == MAP_FAILED) {
        doctor_found(finding, "%s", error.message);
        doctor_complain(finding, DOCTOR_MISSING, "there is no way from the program to the recorder",
                        "allow memfd_create and large files and mappings in memory: ulimit -f"
                        " unlimited -v unlimited");
    } else {
        doctor_found(finding, "memfd with seals, for %" PRIu32 " threads at once", slots);
        munmap(memory, session_bytes(slots));
        if (slots < SESSION_RING_SLOTS)
            doctor_complain(finding, DOCTOR_LIMITED,
                            "what more threads do at once is counted as lost",
                            "ulimit -H -f unlimited -v unlimited");
    }
    if (fd >= 0)
        close(fd);
    raised_limits_restore(&limits);
}

void doctor_check_fork_wiping(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool is_there = page != MAP_FAILED && madvise(page, bytes, MADV_WIPEONFORK) == 0;

    (void)subject;
    if (is_there) {
        doctor_found(finding, "MADV_WIPEONFORK");
    } else {
        doctor_found(finding, "refused: %s", strerror(errno));
        doctor_complain(finding, DOCTOR_MISSING, "the preload steps aside: nothing is recorded",
                        "a kernel of 4.14 or newer");
    }
    if (page != MAP_FAILED)
        munmap(page, bytes);
}

/* The preload copies stacks by it, as a page that went away must not be a crash. */
void doctor_check_own_memory(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    int from = 7, to = 0;
    struct iovec local = {&to, sizeof to}, remote = {&from, sizeof from};

    (void)subject;
    if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)sizeof to && to == 7) {
        doctor_found(finding, "process_vm_readv");
        return;
    }
    doctor_found(finding, "refused: %s", strerror(errno));
    doctor_complain(finding, DOCTOR_LIMITED,
                    "stacks through code without unwind tables may end early",
                    "allow process_vm_readv (Docker: --cap-add=SYS_PTRACE or another seccomp"
                    " profile)");
}

/* Is the exit status of a process known after its own parent took it? */
static bool has_exit_info(pid_t pid, int pidfd)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    status = 0;
    return process_facts_exit((uint32_t)pid, pidfd, &status) && WIFEXITED(status) &&
           WEXITSTATUS(status) == 7;
}

void doctor_check_processes(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    pid_t pid = fork();
    int pidfd;

    (void)subject;
    if (pid == 0)
        _exit(7);
    pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (pid > 0 && has_exit_info(pid, pidfd)) {
        doctor_found(finding, "pidfd_open with exit status");
    } else {
        doctor_found(finding, "%s",
                     pidfd >= 0 ? "pidfd_open, without exit status" : "by pid alone");
        doctor_complain(finding, DOCTOR_LIMITED,
                        "how children of the recorded command end is not always known",
                        "a kernel of 6.15 or newer");
    }
    if (pidfd >= 0)
        close(pidfd);
}

void doctor_check_seccomp(const struct doctor_subject *subject, struct doctor_finding *finding)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    int mode = -1;

    (void)subject;
    while (file && mode < 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "Seccomp: %d", &mode) != 1)
            mode = -1;
    if (file)
        fclose(file);
    if (mode == 2)
        doctor_found(finding, "a filter is at work; what it refuses is refused above");
    else
        doctor_found(finding, "%s", mode == 0 ? "no filter" : "not known");
}
