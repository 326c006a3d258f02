#define _GNU_SOURCE
#include "record/running_session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "wire/wire_format.h"

#define SESSION_MEMORY      "/memfd:seep-session" /* as /proc calls it */
#define STEP_NS             20000000
#define CHECKPOINT_LIMIT_NS UINT64_C(60000000000)

enum {
    ENVIRONMENT_BYTES = 1 << 20,
    MAPPED_BYTES = SESSION_PARKED_OFFSET
};

/* ---- which recorder, and its descriptor of the session's memory -------------------------- */

/* They stand in the name of the session folder, which the process was given in its environment. */
static bool find_in_environment(uint32_t pid, int *recorder, int *fd, struct error *error)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/environ", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT)
        return error_set(error, "there is no process %u", pid);
    if (file < 0)
        return error_set_errno(error, errno, "cannot look at process %u", pid);
    char *text = memory_allocate_zeroed(ENVIRONMENT_BYTES + 1, 1);
    size_t length = 0;
    for (ssize_t got; length < ENVIRONMENT_BYTES &&
                      (got = read(file, text + length, ENVIRONMENT_BYTES - length)) > 0;)
        length += (size_t)got;
    close(file);
    bool is_found = false;
    for (const char *at = text; !is_found && at < text + length; at += strlen(at) + 1) {
        const char *folder = strncmp(at, "LD_PRELOAD=", 11) == 0 ? strstr(at, "/seep-") : NULL;
        is_found = folder != NULL && sscanf(folder, "/seep-%d-%d-", recorder, fd) == 2;
    }
    free(text);
    return is_found;
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

/* The descriptor by which a process has that memory open, or (0) any session's; *inode is its. */
static bool find_descriptor(int recorder, uint64_t *inode, int *fd)
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
                   fstatat(dirfd(folder), entry->d_name, &status, 0) == 0 &&
                   (*inode == 0 || status.st_ino == *inode);
        if (is_found) {
            *fd = atoi(entry->d_name);
            *inode = status.st_ino;
        }
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

/* ---- opening --------------------------------------------------------------------------- */

static struct session_header *map_session(int recorder, int fd)
{
    char path[64], link[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", recorder, fd);
    ssize_t length = readlink(path, link, sizeof link - 1);
    link[length > 0 ? length : 0] = '\0';
    int file = text_starts_with(link, SESSION_MEMORY) ? open(path, O_RDWR | O_CLOEXEC) : -1;
    struct stat status;
    struct session_header *header = MAP_FAILED;
    if (file < 0)
        return NULL;
    if (fstat(file, &status) == 0 && status.st_size >= MAPPED_BYTES)
        header = mmap(NULL, MAPPED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (header == MAP_FAILED)
        return NULL;
    if (header->magic == SESSION_MAGIC && header->version == SESSION_VERSION)
        return header;
    munmap(header, MAPPED_BYTES);
    return NULL;
}

/* As a process sees itself: the last of its numbers, one for each namespace that it is in. */
static uint32_t own_number(int pid)
{
    char path[64], line[256];
    uint32_t number = (uint32_t)pid;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "NSpid:", 6) != 0)
            continue;
        for (const char *at = line + 6; (at = strchr(at, '\t')) != NULL; at++)
            number = (uint32_t)strtoul(at + 1, NULL, 10);
        break;
    }
    if (file != NULL)
        fclose(file);
    return number;
}

/* Others have that descriptor too, for a while: children of the recorder, the command before its
 * exec among them, and whoever looks at the session as we do. Their end is not the recorder's. So
 * it must be who the session says; and the pidfd is taken first, for a number can be given anew. */
static bool open_at(int recorder, int fd, struct running_session *session)
{
    int recorder_fd = (int)syscall(SYS_pidfd_open, recorder, 0);
    *session = (struct running_session){.recorder = recorder, .recorder_fd = recorder_fd};
    session->header = map_session(recorder, fd);
    if (session->header != NULL && session->header->recorder_pid == own_number(recorder) &&
        !running_session_has_ended(session))
        return true;
    if (session->header == NULL && recorder_fd >= 0)
        close(recorder_fd);
    running_session_close(session);
    return false;
}

bool running_session_open_recorder(int recorder, struct running_session *session)
{
    uint64_t inode = 0;
    int fd;
    return is_called_seep(recorder) && find_descriptor(recorder, &inode, &fd) &&
           open_at(recorder, fd, session);
}

/* Servers write their titles where their environment stood, and before its exec the command has
 * that of its recorder: then all recorders that run are asked whether it is their memory that the
 * process has. */
static bool open_among_recorders(uint32_t pid, struct running_session *session)
{
    uint64_t inode;
    bool is_open = false;
    DIR *folder = find_memory(pid, &inode) ? opendir("/proc") : NULL;
    const struct dirent *entry;
    while (folder != NULL && !is_open && (entry = readdir(folder)) != NULL) {
        int recorder = atoi(entry->d_name), fd;
        is_open = recorder > 0 && is_called_seep(recorder) &&
                  find_descriptor(recorder, &inode, &fd) && open_at(recorder, fd, session);
    }
    if (folder != NULL)
        closedir(folder);
    return is_open;
}

/* One that nobody may look at, but its recorder: then that knows of it. */
static bool open_by_its_slot(uint32_t pid, struct running_session *session)
{
    size_t count, process_count, found = SIZE_MAX;
    struct running_session *list = running_session_list(&count);
    for (size_t i = 0; i < count; i++) {
        uint32_t *pids = running_session_processes(&list[i], &process_count);
        for (size_t at = 0; at < process_count && found == SIZE_MAX; at++)
            if (pids[at] == pid)
                found = i;
        free(pids);
        if (found == i)
            *session = list[i];
        else
            running_session_close(&list[i]);
    }
    free(list);
    return found != SIZE_MAX;
}

bool running_session_open(uint32_t pid, struct running_session *session, struct error *error)
{
    struct error why = {""};
    int recorder, fd;
    if (running_session_open_recorder((int)pid, session))
        return true;
    if (!find_in_environment(pid, &recorder, &fd, &why)) {
        if (open_among_recorders(pid, session))
            return true;
        if (why.message[0] != '\0' && kill((pid_t)pid, 0) == 0 && open_by_its_slot(pid, session))
            return true;
        if (why.message[0] != '\0')
            return error_set(error, "%s", why.message);
        return error_set(error,
                         "process %u is not recorded: start it with seep run, or look at it as it "
                         "is with seep snapshot -o FILE %u",
                         pid, pid);
    }
    return open_at(recorder, fd, session) ||
           error_set(error,
                     "cannot reach the recorder of process %u (process %d): it has ended, or is"
                     " another user's or another version",
                     pid, recorder);
}

void running_session_close(struct running_session *session)
{
    if (session->header != NULL)
        munmap(session->header, MAPPED_BYTES);
    if (session->header != NULL && session->recorder_fd >= 0)
        close(session->recorder_fd);
    *session = (struct running_session){.recorder_fd = -1};
}

/* ---- all of them ------------------------------------------------------------------------- */

static int compare_recorders(const void *left, const void *right)
{
    const struct running_session *a = left, *b = right;
    return a->recorder < b->recorder ? -1 : a->recorder > b->recorder;
}

/* A recorder may have its memory open twice. */
static bool is_known(const uint64_t *inodes, size_t count, uint64_t inode)
{
    for (size_t i = 0; i < count; i++)
        if (inodes[i] == inode)
            return true;
    return false;
}

static int compare_numbers(const void *left, const void *right)
{
    const int *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

/* Of all processes that are called seep. Caller frees. */
static int *find_recorders(size_t *count)
{
    size_t capacity = 0;
    int *pids = NULL;
    DIR *folder = opendir("/proc");
    const struct dirent *entry;
    *count = 0;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        int pid = atoi(entry->d_name);
        if (pid <= 0 || !is_called_seep(pid))
            continue;
        pids = memory_grow(pids, &capacity, *count + 1, sizeof *pids);
        pids[(*count)++] = pid;
    }
    if (folder != NULL)
        closedir(folder);
    if (*count > 0)
        qsort(pids, *count, sizeof *pids, compare_numbers);
    return pids;
}

struct running_session *running_session_list(size_t *count)
{
    size_t pid_count;
    int *pids = find_recorders(&pid_count);
    struct running_session *list = memory_allocate_zeroed(pid_count + 1, sizeof *list);
    uint64_t *inodes = memory_allocate_zeroed(pid_count + 1, sizeof *inodes);
    *count = 0;
    for (size_t i = 0; i < pid_count; i++) {
        struct running_session session;
        uint64_t inode = 0;
        int fd;
        if (!find_descriptor(pids[i], &inode, &fd) || is_known(inodes, *count, inode) ||
            !open_at(pids[i], fd, &session))
            continue;
        inodes[*count] = inode;
        list[(*count)++] = session;
    }
    qsort(list, *count, sizeof *list, compare_recorders);
    free(inodes);
    free(pids);
    return list;
}

/* ---- what it tells ----------------------------------------------------------------------- */

bool running_session_is_over(const struct running_session *session)
{
    return atomic_load(&session->header->state) == SESSION_OVER;
}

bool running_session_has_ended(const struct running_session *session)
{
    struct pollfd poll_fd = {.fd = session->recorder_fd, .events = POLLIN};
    if (session->recorder_fd >= 0 && poll(&poll_fd, 1, 0) >= 0 && (poll_fd.revents & POLLNVAL) == 0)
        return (poll_fd.revents & POLLIN) != 0;
    return kill(session->recorder, 0) != 0 && errno == ESRCH;
}

char *running_session_path(const struct running_session *session)
{
    char path[SESSION_PATH_BYTES];
    memcpy(path, session->header->recording, sizeof path);
    path[sizeof path - 1] = '\0';
    return path[0] == '/' ? memory_duplicate_text(path) : NULL;
}

uint32_t *running_session_processes(const struct running_session *session, size_t *count)
{
    uint32_t slots = atomic_load(&session->header->process_high);
    if (slots > SESSION_PROCESS_SLOTS)
        slots = SESSION_PROCESS_SLOTS;
    uint32_t *pids = memory_allocate_zeroed((size_t)slots + 1, sizeof *pids);
    *count = 0;
    for (uint32_t i = 0; i < slots; i++) {
        const struct session_process *slot = session_process_at(session->header, i);
        uint32_t pid = atomic_load(&slot->pid);
        if (atomic_load(&slot->state) == SESSION_SLOT_CLAIMED && pid != 0 && pid <= INT32_MAX &&
            kill((pid_t)pid, 0) == 0)
            pids[(*count)++] = pid;
    }
    return pids;
}

/* ---- asking ------------------------------------------------------------------------------ */

bool running_session_await(const struct running_session *session, _Atomic uint32_t *word,
                           uint32_t seen, uint64_t limit_ns)
{
    struct clock clock = clock_monotonic();
    uint64_t end_ns = clock.now_ns(clock.context) + limit_ns;
    while (atomic_load(word) == seen) {
        struct timespec step = {0, STEP_NS};
        if (clock.now_ns(clock.context) >= end_ns || running_session_has_ended(session) ||
            atomic_load(&session->is_cancelled))
            return false;
        syscall(SYS_futex, word, FUTEX_WAIT, seen, &step, NULL, 0);
    }
    return true;
}

void running_session_wake_recorder(const struct running_session *session)
{
    _Atomic uint32_t *word = &session->header->recorder_sleeps;
    uint32_t asleep = 1;
    if (atomic_compare_exchange_strong(word, &asleep, 2))
        syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Numbers go round: `made` is not before `wanted`. */
static bool is_made(uint32_t made, uint32_t wanted)
{
    return (int32_t)(made - wanted) >= 0;
}

bool running_session_checkpoint(const struct running_session *session, uint64_t *time_ns,
                                struct error *error)
{
    struct session_header *header = session->header;
    struct clock clock = clock_monotonic();
    uint64_t end_ns = clock.now_ns(clock.context) + CHECKPOINT_LIMIT_NS;
    uint32_t wanted = atomic_fetch_add(&header->checkpoints_asked, 1) + 1, made;
    running_session_wake_recorder(session);
    while (!is_made(made = atomic_load(&header->checkpoints_made), wanted)) {
        uint64_t now_ns = clock.now_ns(clock.context);
        if (running_session_is_over(session))
            return error_set(error, "the recording has come to its end");
        if (now_ns >= end_ns || atomic_load(&session->is_cancelled))
            return error_set(error, "the recorder (process %d) does not answer", session->recorder);
        if (!running_session_await(session, &header->checkpoints_made, made, STEP_NS) &&
            running_session_has_ended(session))
            return error_set(error, "the recorder (process %d) has ended", session->recorder);
    }
    *time_ns = atomic_load(&header->checkpoint_ns);
    return atomic_load(&header->has_checkpoint_failed) == 0 ||
           error_set(error, "the recorder cannot write the recording (is the disk full?)");
}
