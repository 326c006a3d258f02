#define _GNU_SOURCE
#include "record/session_host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "wire/ring.h"
#include "wire/wire_format.h"

enum {
    YOUNG_SECONDS = 60 /* a folder of this age may not have its door yet */
};

struct session_host {
    int memory_fd;
    uint32_t ring_slots; /* of the header's, too; but that one a target may change */
    struct session_header *header;
    char folder[256];
    char library_path[512];
    int door_fd;
    int wake_fd;
    pthread_t waker;
    bool has_waker;
    _Atomic bool is_over;
    /* The kernel walks this list when the thread dies, and marks the lock in the shared memory. */
    struct robust_list_head robust;
    struct robust_list robust_entry;
    struct robust_list_head *robust_before; /* libc's; NULL = not replaced */
    size_t robust_before_bytes;
};

/* ---- the shared memory ---------------------------------------------------------------- */

/* Of the address space, as of files, there may be less than a session of full size reserves: then
 * it has fewer rings. */
static uint32_t count_ring_slots(void)
{
    static const struct {
        int kind;
        rlim_t share; /* one in so many bytes */
    } LIMITS[] = {{RLIMIT_FSIZE, 1}, {RLIMIT_AS, 4}};
    uint64_t slots = SESSION_RING_SLOTS;
    for (size_t i = 0; i < sizeof LIMITS / sizeof *LIMITS; i++) {
        struct rlimit limit;
        if (getrlimit(LIMITS[i].kind, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
            continue;
        uint64_t bytes = limit.rlim_cur / LIMITS[i].share, fixed = session_bytes(0);
        uint64_t room = bytes > fixed ? (bytes - fixed) / SESSION_RING_STRIDE : 0;
        slots = room < slots ? room : slots;
    }
    return slots != 0 ? (uint32_t)slots : 1;
}

int session_host_open_memory(uint32_t *ring_slots, struct error *error)
{
    *ring_slots = count_ring_slots();
    int fd = memfd_create("seep-session", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot make the session's memory (memfd_create)");
        return -1;
    }
    if (ftruncate(fd, (off_t)session_bytes(*ring_slots)) != 0)
        error_set_errno(error, errno, "cannot size the session's memory");
    else if (fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
        error_set_errno(error, errno, "cannot seal the session's memory");
    else
        return fd;
    close(fd);
    return -1;
}

static bool make_memory(struct session_host *host, struct error *error)
{
    host->memory_fd = session_host_open_memory(&host->ring_slots, error);
    if (host->memory_fd < 0)
        return false;
    size_t bytes = session_bytes(host->ring_slots);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                        host->memory_fd, 0);
    if (memory == MAP_FAILED)
        return error_set_errno(error, errno, "cannot map the session's memory");
    madvise(memory, bytes, MADV_DONTDUMP);
    host->header = memory;
    return true;
}

/* The lock word in the header is on this thread's robust list, held: when the thread dies, however
 * it dies, the kernel sets FUTEX_OWNER_DIED in it. Works across pid namespaces. libc's own list of
 * this thread is replaced for that time: seep uses no robust mutexes. */
static void hold_lock(struct session_host *host)
{
    _Atomic uint32_t *lock = &host->header->recorder_lock;
    atomic_store(lock, (uint32_t)syscall(SYS_gettid));
    host->robust_entry.next = &host->robust.list;
    host->robust.list.next = &host->robust_entry;
    host->robust.futex_offset = (long)((char *)lock - (char *)&host->robust_entry);
    host->robust.list_op_pending = NULL;
    syscall(SYS_get_robust_list, 0, &host->robust_before, &host->robust_before_bytes);
    syscall(SYS_set_robust_list, &host->robust, sizeof host->robust);
}

/* ---- the session folder --------------------------------------------------------------- */

/* Processes of a root session may become other users, and should be followed there. */
static bool are_users_many(void)
{
    return geteuid() == 0;
}

/* Can every user look things up in this folder by name, and in all above it? */
static bool is_open_to_all(const char *path)
{
    struct stat status;
    char part[PATH_MAX];
    for (const char *at = path; *at != '\0'; at++) {
        size_t length = (size_t)(at - path) + strcspn(at, "/") + 1;
        at += strcspn(at, "/");
        snprintf(part, sizeof part, "%.*s", (int)length, path);
        if (stat(part, &status) != 0 || (status.st_mode & S_IXOTH) == 0)
            return false;
        if (*at == '\0')
            break;
    }
    return true;
}

/* LD_PRELOAD cannot name what has spaces or colons. */
static bool is_good_base(const char *folder)
{
    return folder != NULL && folder[0] == '/' && strlen(folder) < 128 &&
           strpbrk(folder, ": ") == NULL && access(folder, W_OK | X_OK) == 0 &&
           (!are_users_many() || is_open_to_all(folder));
}

const char *session_host_base_folder(void)
{
    const char *const folders[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp", "/var/tmp",
                                   "/dev/shm"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (is_good_base(folders[i]))
            return folders[i];
    return "/tmp";
}

/* Is nobody behind the folder's door? A recorder of another pid namespace, whose number says
 * nothing here, may be; or one that has made the folder just now. */
static bool is_door_abandoned(const char *door, const struct stat *folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (snprintf(address.sun_path, sizeof address.sun_path, "%s", door) >=
        (int)sizeof address.sun_path)
        return true; /* no recorder could open it either */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    int result = connect(fd, (const struct sockaddr *)&address, sizeof address);
    int number = result == 0 ? 0 : errno;
    close(fd);
    return number == ECONNREFUSED ||
           (number == ENOENT && time(NULL) - folder->st_mtime > YOUNG_SECONDS);
}

/* Folders that killed recorders of this user left behind. */
static void remove_stale_folders(void)
{
    const char *base = session_host_base_folder();
    DIR *folder = opendir(base);
    if (folder == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        int pid, fd;
        unsigned long long nonce;
        struct stat status;
        if (sscanf(entry->d_name, "seep-%d-%d-%16llx", &pid, &fd, &nonce) != 3 || pid <= 0 ||
            (kill(pid, 0) == 0 || errno != ESRCH) ||
            fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISDIR(status.st_mode) || status.st_uid != geteuid())
            continue;
        char *library = memory_print_text("%s/%s/libseep-preload.so", base, entry->d_name);
        char *door = memory_print_text("%s/%s/" SESSION_DOOR_NAME, base, entry->d_name);
        if (is_door_abandoned(door, &status)) {
            unlink(library);
            unlink(door);
            unlinkat(dirfd(folder), entry->d_name, AT_REMOVEDIR);
        }
        free(library);
        free(door);
    }
    closedir(folder);
}

/* Its name is no secret where the folder above can be listed; what guards the memory is the door.
 */
static bool make_own_folder(const char *path)
{
    return mkdir(path, 0700) == 0 && (!are_users_many() || chmod(path, 0711) == 0);
}

static bool make_folder(struct session_host *host, const char *preload_path, struct error *error)
{
    for (int attempt = 0; attempt < 16; attempt++) {
        uint64_t nonce = 0;
        if (getrandom(&nonce, sizeof nonce, 0) != sizeof nonce)
            return error_set_errno(error, errno, "cannot get random bytes");
        snprintf(host->folder, sizeof host->folder, "%s/seep-%d-%d-%016llx",
                 session_host_base_folder(), (int)getpid(), host->memory_fd,
                 (unsigned long long)nonce);
        if (make_own_folder(host->folder)) {
            snprintf(host->library_path, sizeof host->library_path, "%s/libseep-preload.so",
                     host->folder);
            if (symlink(preload_path, host->library_path) == 0)
                return true;
            int number = errno;
            rmdir(host->folder);
            host->folder[0] = '\0';
            return error_set_errno(error, number, "cannot link %s", host->library_path);
        }
        if (errno != EEXIST)
            break;
    }
    int number = errno;
    error_set_errno(error, number, "cannot make the session folder %s", host->folder);
    host->folder[0] = '\0';
    return false;
}

/* ---- the door ------------------------------------------------------------------------- */

/* Without one, processes that cannot use /proc are not recorded: no reason not to begin. */
static void open_door(struct session_host *host)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path, sizeof address.sun_path, "%s/" SESSION_DOOR_NAME,
                          host->folder);
    if (length >= (int)sizeof address.sun_path)
        return;
    host->door_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (host->door_fd >= 0 &&
        bind(host->door_fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
        (!are_users_many() || chmod(address.sun_path, 0666) == 0) &&
        listen(host->door_fd, 128) == 0)
        return;
    if (host->door_fd >= 0)
        close(host->door_fd);
    host->door_fd = -1;
}

int session_host_door_fd(const struct session_host *host)
{
    return host->door_fd;
}

static void hand_out(const struct session_host *host, int peer, uint32_t pid)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct iovec content = {&pid, sizeof pid};
    struct msghdr message = {.msg_iov = &content,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct cmsghdr *first = CMSG_FIRSTHDR(&message);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(first), &host->memory_fd, sizeof(int));
    /* Who does not listen any more needs no answer. */
    if (sendmsg(peer, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return;
}

void session_host_answer(struct session_host *host, session_host_knows knows, void *context)
{
    for (int peer; (peer = accept4(host->door_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0; close(peer)) {
        struct ucred credentials;
        socklen_t bytes = sizeof credentials;
        /* The kernel gives the pid as our namespace counts; 0 = from a place that we cannot see. */
        if (getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) == 0 &&
            credentials.pid > 0 && knows(context, (uint32_t)credentials.pid))
            hand_out(host, peer, (uint32_t)credentials.pid);
    }
}

/* ---- waking --------------------------------------------------------------------------- */

/* A futex cannot be polled together with descriptors: this thread sleeps on it and passes it on. */
static void *pass_wakes_on(void *context)
{
    struct session_host *host = context;
    while (!atomic_load(&host->is_over)) {
        _Atomic uint32_t *word = &host->header->recorder_sleeps;
        if (atomic_load(word) == 2) { /* a producer wants the recorder: hand it over once */
            atomic_store(word, 0);
            uint64_t one = 1;
            if (write(host->wake_fd, &one, sizeof one) < 0)
                continue;
        }
        uint32_t seen = atomic_load(word);
        struct timespec limit = {1, 0}; /* a target may overwrite the word that is to end this */
        if (seen != 2)
            syscall(SYS_futex, word, FUTEX_WAIT, seen, &limit, NULL, 0);
    }
    return NULL;
}

static bool start_waker(struct session_host *host, struct error *error)
{
    host->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (host->wake_fd < 0)
        return error_set_errno(error, errno, "cannot make an event descriptor");
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&host->waker, NULL, pass_wakes_on, host);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number != 0)
        return error_set_errno(error, number, "cannot start a thread");
    host->has_waker = true;
    return true;
}

static void stop_waker(struct session_host *host)
{
    if (!host->has_waker)
        return;
    atomic_store(&host->is_over, true);
    _Atomic uint32_t *word = &host->header->recorder_sleeps;
    atomic_store(word, 3); /* not what it sleeps on */
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    pthread_join(host->waker, NULL);
}

int session_host_wake_fd(const struct session_host *host)
{
    return host->wake_fd;
}

void session_host_sleep(struct session_host *host)
{
    atomic_store(&host->header->recorder_sleeps, 1);
}

void session_host_wake(struct session_host *host)
{
    atomic_store(&host->header->recorder_sleeps, 0);
    uint64_t count;
    while (read(host->wake_fd, &count, sizeof count) > 0)
        ;
}

void session_host_nap(struct session_host *host, unsigned us)
{
    const struct timespec limit = {us / 1000000, (long)(us % 1000000) * 1000};
    _Atomic uint32_t *word = &host->header->recorder_naps;
    atomic_store(word, 1);
    syscall(SYS_futex, word, FUTEX_WAIT, 1, &limit, NULL, 0);
    atomic_store(word, 0);
}

/* ---- for those who look on -------------------------------------------------------------- */

void session_host_tell_recording(struct session_host *host, const char *path)
{
    char *whole = realpath(path, NULL);
    if (whole != NULL && strlen(whole) < sizeof host->header->recording)
        strcpy(host->header->recording, whole);
    free(whole);
}

bool session_host_asked_checkpoints(const struct session_host *host)
{
    return atomic_load(&host->header->checkpoints_asked) !=
           atomic_load(&host->header->checkpoints_made);
}

uint32_t session_host_begin_checkpoint(const struct session_host *host)
{
    return atomic_load(&host->header->checkpoints_asked);
}

void session_host_tell_checkpoint(struct session_host *host, uint32_t begun, uint64_t time_ns,
                                  bool is_written)
{
    struct session_header *header = host->header;
    atomic_store(&header->checkpoint_ns, time_ns);
    atomic_store(&header->has_checkpoint_failed, !is_written);
    if (atomic_exchange(&header->checkpoints_made, begun) != begun)
        syscall(SYS_futex, &header->checkpoints_made, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* ---- the host ------------------------------------------------------------------------- */

/* "foo_" and "foo" are the same. */
static bool add_allocators(struct session_header *header, const struct session_settings *settings,
                           struct error *error)
{
    size_t used = 0;
    if (settings->allocator_count > SESSION_ALLOCATORS)
        return error_set(error, "--allocator: there may be %d families at most",
                         SESSION_ALLOCATORS);
    for (size_t i = 0; i < settings->allocator_count; i++) {
        const char *prefix = settings->allocators[i];
        size_t length = strlen(prefix);
        length -= length > 1 && prefix[length - 1] == '_';
        if (length == 0 || used + length + 2 > sizeof header->allocators)
            return error_set(error, "--allocator: \"%s\" is no prefix of function names", prefix);
        memcpy(header->allocators + used, prefix, length);
        used += length + 1;
    }
    return true;
}

static bool add_filters(struct session_header *header, size_t *used, char sign,
                        const char *const *globs, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        size_t bytes = strlen(globs[i]) + 2;
        if (*used + bytes + 1 > sizeof header->filters)
            return error_set(error, "too many or too long patterns of --only and --skip");
        snprintf(header->filters + *used, bytes, "%c%s", sign, globs[i]);
        *used += bytes;
    }
    return true;
}

static void fill_header(struct session_host *host, const struct session_settings *settings,
                        const struct tick_clock *clock)
{
    struct session_header *header = host->header;
    header->version = SESSION_VERSION;
    header->clock = clock->is_tsc ? SESSION_CLOCK_TSC : SESSION_CLOCK_MONOTONIC;
    header->epoch_ticks = clock->epoch_ticks;
    header->ticks_per_second = clock->ticks_per_second;
    header->flags = settings->flags;
    header->hold_limit_ms = settings->hold_limit_ms;
    header->stack_depth = settings->stack_depth;
    header->bytes_per_sample = settings->bytes_per_sample;
    header->sampling_seed = settings->sampling_seed;
    header->ring_slots = host->ring_slots;
    header->recorder_pid = (uint32_t)getpid();
    snprintf(header->library_path, sizeof header->library_path, "%s", host->library_path);
    header->library_path_bytes = (uint32_t)strlen(header->library_path);
    hold_lock(host);
    atomic_store(&header->heartbeat_ticks, clock->epoch_ticks);
    atomic_store(&header->state, SESSION_RUNNING);
    header->magic = SESSION_MAGIC;
}

struct session_host *session_host_create(const struct session_settings *settings,
                                         const struct tick_clock *clock, struct error *error)
{
    struct session_host *host = memory_allocate_zeroed(1, sizeof *host);
    host->memory_fd = -1;
    host->wake_fd = -1;
    host->door_fd = -1;
    if (!make_memory(host, error) || !make_folder(host, settings->preload_path, error)) {
        session_host_destroy(host);
        return NULL;
    }
    fill_header(host, settings, clock);
    open_door(host);
    size_t used = 0;
    if (!add_filters(host->header, &used, '+', settings->only, settings->only_count, error) ||
        !add_filters(host->header, &used, '-', settings->skip, settings->skip_count, error) ||
        !add_allocators(host->header, settings, error) || !start_waker(host, error)) {
        session_host_destroy(host);
        return NULL;
    }
    return host;
}

void session_host_destroy(struct session_host *host)
{
    if (host == NULL)
        return;
    stop_waker(host);
    if (host->header != NULL) {
        atomic_store(&host->header->state, SESSION_OVER);
        /* The thread outlives this list. */
        if (host->robust_before != NULL)
            syscall(SYS_set_robust_list, host->robust_before, host->robust_before_bytes);
        munmap(host->header, session_bytes(host->ring_slots));
    }
    if (host->memory_fd >= 0)
        close(host->memory_fd);
    if (host->wake_fd >= 0)
        close(host->wake_fd);
    if (host->door_fd >= 0)
        close(host->door_fd);
    if (host->folder[0] != '\0') {
        unlink(host->library_path);
        char *door = memory_print_text("%s/" SESSION_DOOR_NAME, host->folder);
        unlink(door);
        free(door);
        rmdir(host->folder);
        remove_stale_folders();
    }
    free(host);
}

struct session_header *session_host_header(const struct session_host *host)
{
    return host->header;
}

uint32_t session_host_ring_slots(const struct session_host *host)
{
    return host->ring_slots;
}

const char *session_host_library_path(const struct session_host *host)
{
    return host->library_path;
}

void session_host_beat(struct session_host *host, const struct tick_clock *clock)
{
    atomic_store_explicit(&host->header->heartbeat_ticks,
                          clock->epoch_ticks + tick_clock_now(clock), memory_order_relaxed);
}

/* The slot may be claimed as soon as its state says so, and then it must be as if new: so the state
 * comes last. (Punching out the control page with the rest would set the state first.) */
void session_host_free_ring(struct session_host *host, uint32_t slot)
{
    off_t offset = (off_t)session_ring_offset(slot);
    struct ring_control *control = (void *)((char *)host->header + offset);
    fallocate(host->memory_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              offset + SESSION_RING_CONTROL_BYTES, SESSION_RING_MAX_BYTES);
    size_t after_state = offsetof(struct ring_control, state) + sizeof control->state;
    memset((char *)control + after_state, 0, sizeof *control - after_state);
    /* Release: pairs with the claim in preload/thread_state.c. */
    atomic_store_explicit(&control->state, SESSION_SLOT_FREE, memory_order_release);
    atomic_fetch_or(&host->header->free_rings[slot / 64], UINT64_C(1) << slot % 64);
}

void session_host_free_process(struct session_host *host, uint32_t slot)
{
    struct session_process *shared = session_process_at(host->header, slot);
    atomic_store(&shared->pid, 0);
    atomic_store(&shared->is_watched, 0);
    atomic_store(&shared->hold, SESSION_HOLD_NONE);
    atomic_store(&shared->hold_tid, 0);
    atomic_store(&shared->park, 0);
    atomic_store(&shared->park_guard, SESSION_PARK_FREE);
    atomic_store(&shared->park_state, SESSION_PARK_NOT);
    atomic_store(&shared->copy_entry, 0);
    /* Release: pairs with the claim in preload/thread_state.c. */
    atomic_store_explicit(&shared->state, SESSION_SLOT_FREE, memory_order_release);
}
