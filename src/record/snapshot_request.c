#define _GNU_SOURCE
#include "record/snapshot_request.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "wire/wire_format.h"

#define SESSION_MEMORY  "/memfd:seep-session" /* as /proc calls it */
#define ANSWER_LIMIT_NS UINT64_C(60000000000)
#define TURN_LIMIT_NS   UINT64_C(3000000000) /* somebody else who asks must be done by then */
#define STEP_NS         20000000

enum {
    ENVIRONMENT_BYTES = 1 << 20
};

/* ---- which recorder, and its descriptor of the session's memory -------------------------- */

/* They stand in the name of the session folder, which the process was given in its environment. */
static bool find_in_environment(uint32_t pid, int *recorder, int *fd, struct error *error)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/environ", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return error_set_errno(error, errno, "cannot look at process %u", pid);
    static char text[ENVIRONMENT_BYTES + 1];
    size_t length = 0;
    for (ssize_t got; length < ENVIRONMENT_BYTES &&
                      (got = read(file, text + length, ENVIRONMENT_BYTES - length)) > 0;)
        length += (size_t)got;
    close(file);
    text[length] = '\0';
    for (const char *at = text; at < text + length; at += strlen(at) + 1) {
        const char *folder = strncmp(at, "LD_PRELOAD=", 11) == 0 ? strstr(at, "/seep-") : NULL;
        if (folder != NULL && sscanf(folder, "/seep-%d-%d-", recorder, fd) == 2)
            return true;
    }
    return false;
}

/* The inode of the session's memory, as the process has it mapped. */
static bool find_memory(uint32_t pid, uint64_t *inode)
{
    char path[64], line[PATH_MAX + 128];
    bool is_found = false;
    snprintf(path, sizeof path, "/proc/%u/maps", pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && !is_found && fgets(line, sizeof line, file) != NULL)
        is_found = strstr(line, SESSION_MEMORY) != NULL &&
                   sscanf(line, "%*s %*s %*s %*s %" SCNu64, inode) == 1;
    if (file != NULL)
        fclose(file);
    return is_found;
}

/* The descriptor by which a process has it open. */
static bool find_descriptor(int recorder, uint64_t inode, int *fd)
{
    char path[64], link[64];
    bool is_found = false;
    snprintf(path, sizeof path, "/proc/%d/fd", recorder);
    DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder != NULL && !is_found && (entry = readdir(folder)) != NULL) {
        struct stat status;
        ssize_t length = readlinkat(dirfd(folder), entry->d_name, link, sizeof link - 1);
        link[length > 0 ? length : 0] = '\0';
        is_found = text_starts_with(link, SESSION_MEMORY) &&
                   fstatat(dirfd(folder), entry->d_name, &status, 0) == 0 && status.st_ino == inode;
        if (is_found)
            *fd = atoi(entry->d_name);
    }
    if (folder != NULL)
        closedir(folder);
    return is_found;
}

static bool is_called_seep(int pid)
{
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    FILE *file = fopen(path, "re");
    bool is_read = file != NULL && fgets(name, sizeof name, file) != NULL;
    if (file != NULL)
        fclose(file);
    return is_read && text_starts_with(name, "seep");
}

/* Servers write their titles where their environment stood: then all recorders that run are asked
 * whether it is their memory that the process has. */
static bool find_among_recorders(uint32_t pid, int *recorder, int *fd)
{
    uint64_t inode;
    bool is_found = false;
    DIR *folder = find_memory(pid, &inode) ? opendir("/proc") : NULL;
    const struct dirent *entry;
    while (folder != NULL && !is_found && (entry = readdir(folder)) != NULL) {
        *recorder = atoi(entry->d_name);
        is_found = *recorder > 0 && is_called_seep(*recorder) &&
                   find_descriptor(*recorder, inode, fd);
    }
    if (folder != NULL)
        closedir(folder);
    return is_found;
}

static bool find_session(uint32_t pid, int *recorder, int *fd, struct error *error)
{
    struct error why = {""};
    if (find_in_environment(pid, recorder, fd, &why) || find_among_recorders(pid, recorder, fd))
        return true;
    if (why.message[0] != '\0')
        return error_set(error, "%s", why.message);
    return error_set(error,
                     "process %u is not recorded: it was not started by seep run (with "
                     "-o FILE it is looked at as it is)",
                     pid);
}

static struct session_header *map_session(uint32_t pid, int recorder, int fd, struct error *error)
{
    char path[64], link[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", recorder, fd);
    ssize_t length = readlink(path, link, sizeof link - 1);
    link[length > 0 ? length : 0] = '\0';
    int file = text_starts_with(link, SESSION_MEMORY) ? open(path, O_RDWR | O_CLOEXEC) : -1;
    struct session_header *header = MAP_FAILED;
    if (file >= 0) {
        header = mmap(NULL, SESSION_PROCESSES_OFFSET, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        close(file);
    }
    if (header != MAP_FAILED && header->magic == SESSION_MAGIC && header->version == WIRE_VERSION)
        return header;
    if (header != MAP_FAILED)
        munmap(header, SESSION_PROCESSES_OFFSET);
    error_set(error,
              "cannot reach the recorder of process %u (process %d): it has ended, or is"
              " another user's or another version",
              pid, recorder);
    return NULL;
}

/* Waits until the word is not `seen` any more. */
static bool await(_Atomic uint32_t *word, uint32_t seen, int recorder, uint64_t limit_ns)
{
    struct clock clock = clock_monotonic();
    uint64_t end_ns = clock.now_ns(clock.context) + limit_ns;
    while (atomic_load(word) == seen) {
        struct timespec step = {0, STEP_NS};
        if (clock.now_ns(clock.context) >= end_ns || (kill(recorder, 0) != 0 && errno == ESRCH))
            return false;
        syscall(SYS_futex, word, FUTEX_WAIT, seen, &step, NULL, 0);
    }
    return true;
}

static void take_turn(struct session_request *request, int recorder)
{
    uint32_t seen = SESSION_REQUEST_NONE;
    while (!atomic_compare_exchange_strong(&request->state, &seen, SESSION_REQUEST_MADE)) {
        /* Who does not go on after that has died. */
        if (!await(&request->state, seen, recorder, TURN_LIMIT_NS) &&
            atomic_compare_exchange_strong(&request->state, &seen, SESSION_REQUEST_MADE))
            return;
        seen = SESSION_REQUEST_NONE;
    }
}

static void wake_recorder(struct session_header *header)
{
    uint32_t asleep = 1;
    if (atomic_compare_exchange_strong(&header->recorder_sleeps, &asleep, 2))
        syscall(SYS_futex, &header->recorder_sleeps, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static bool ask(struct session_header *header, uint32_t pid, int recorder,
                struct snapshot_answer *answer, struct error *error)
{
    struct session_request *request = &header->request;
    take_turn(request, recorder);
    request->pid = pid;
    atomic_store(&request->state, SESSION_REQUEST_ASKED);
    wake_recorder(header);
    if (!await(&request->state, SESSION_REQUEST_ASKED, recorder, ANSWER_LIMIT_NS)) {
        atomic_store(&request->state, SESSION_REQUEST_NONE);
        return error_set(error, "the recorder of process %u (process %d) does not answer", pid,
                         recorder);
    }
    memcpy(answer->text, request->answer, sizeof answer->text);
    answer->text[sizeof answer->text - 1] = '\0';
    bool is_taken = atomic_load(&request->state) == SESSION_REQUEST_DONE;
    atomic_store(&request->state, SESSION_REQUEST_NONE);
    syscall(SYS_futex, &request->state, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    return is_taken || error_set(error, "%s", answer->text);
}

bool snapshot_request(uint32_t pid, struct snapshot_answer *answer, struct error *error)
{
    int recorder, fd;
    if (!find_session(pid, &recorder, &fd, error))
        return false;
    struct session_header *header = map_session(pid, recorder, fd, error);
    if (header == NULL)
        return false;
    bool is_taken = ask(header, pid, recorder, answer, error);
    munmap(header, SESSION_PROCESSES_OFFSET);
    return is_taken;
}
