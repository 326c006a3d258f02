#include "preload/session_link.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "preload/own_memory.h"
#include "preload/raw_syscall.h"
#include "preload/symbol_search.h"
#include "preload/thread_state.h"
#include "wire/wire_format.h"

struct session_header *session;

/* Where a mapping cannot be had without a descriptor (some emulators of Linux): all of the memory,
 * mapped at the start. NULL = not needed. */
static char *whole_memory;

/* Of the recorder: its pid as it sees itself, and the session's memory there. */
static uint32_t recorder_pid, recorder_fd;

static bool has_own_numbers; /* the two may differ: a pid namespace of our own */

static char library_path[sizeof((struct session_header *)0)->library_path];

const char *session_link_library_path(void)
{
    return library_path;
}

static bool parse_number(const char **text, uint32_t *number)
{
    uint64_t value = 0;
    const char *digit = *text;
    for (; *digit >= '0' && *digit <= '9' && value < UINT32_MAX; digit++)
        value = value * 10 + (uint64_t)(*digit - '0');
    bool is_number = digit != *text && value < UINT32_MAX;
    *text = digit;
    *number = (uint32_t)value;
    return is_number;
}

/* From ".../seep-PID-FD-NONCE/libseep-preload.so". */
static bool parse_session_folder(void)
{
    const char *folder = NULL;
    for (const char *at = library_path; (at = strstr(at, "/seep-")) != NULL; at++)
        folder = at;
    if (folder == NULL)
        return false;
    const char *at = folder + strlen("/seep-");
    return parse_number(&at, &recorder_pid) && *at++ == '-' && parse_number(&at, &recorder_fd) &&
           *at == '-';
}

static char *append_number(char *at, uint32_t number)
{
    char digits[12];
    int count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

/* ---- through /proc -------------------------------------------------------------------- */

/* /proc/PID/fd/FD of the recorder, if it is the session's memory there: the number may be another
 * process's in this pid namespace, and opening what is not ours might do anything. */
static bool find_in_proc(char path[64])
{
    static const char wanted[] = "/memfd:seep-session";
    char link[sizeof wanted - 1];
    memcpy(path, "/proc/", 6);
    char *at = append_number(path + 6, recorder_pid);
    memcpy(at, "/fd/", 4);
    at = append_number(at + 4, recorder_fd);
    *at = '\0';
    int64_t length = raw_syscall(SYS_readlinkat, AT_FDCWD, path, link, sizeof link, 0, 0);
    return length == (int64_t)sizeof link && memcmp(link, wanted, sizeof link) == 0;
}

/* What a /proc that shows the recorder calls this process. */
static uint32_t pid_in_proc(void)
{
    char link[16];
    int64_t length = raw_syscall(SYS_readlinkat, AT_FDCWD, "/proc/self", link, sizeof link - 1, 0,
                                 0);
    if (raw_failed(length))
        return 0;
    link[length] = '\0';
    const char *at = link;
    uint32_t pid;
    return parse_number(&at, &pid) ? pid : 0;
}

/* ---- through the door ----------------------------------------------------------------- */

static bool door_address(struct sockaddr_un *address)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    const char *name = strrchr(library_path, '/');
    size_t length = (size_t)(name - library_path) + 1;
    if (length + sizeof SESSION_DOOR_NAME > sizeof address->sun_path)
        return false;
    memcpy(address->sun_path, library_path, length);
    memcpy(address->sun_path + length, SESSION_DOOR_NAME, sizeof SESSION_DOOR_NAME);
    return true;
}

/* The recorder answers at once or is not there; a stopped one delays the start by this much. */
static int64_t knock(void)
{
    struct sockaddr_un address;
    struct timeval patience = {1, 500000};
    if (!door_address(&address))
        return -1;
    int64_t door = raw_syscall(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    if (raw_failed(door))
        return -1;
    raw_syscall(SYS_setsockopt, door, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience, 0);
    raw_syscall(SYS_setsockopt, door, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience, 0);
    if (!raw_failed(raw_syscall(SYS_connect, door, &address, sizeof address, 0, 0, 0)))
        return door;
    raw_syscall(SYS_close, door, 0, 0, 0, 0, 0);
    return -1;
}

/* The session's memory as a descriptor, and what the recorder calls this process. -1 = no answer.
 */
static int ask_at_door(uint32_t *pid)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec content = {pid, sizeof *pid};
    struct msghdr message = {.msg_iov = &content,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    int64_t door = knock();
    if (door < 0)
        return -1;
    int64_t got = raw_syscall(SYS_recvmsg, door, &message, MSG_CMSG_CLOEXEC, 0, 0, 0);
    raw_syscall(SYS_close, door, 0, 0, 0, 0, 0);
    struct cmsghdr *first = CMSG_FIRSTHDR(&message);
    if (got != (int64_t)sizeof *pid || first == NULL || first->cmsg_type != SCM_RIGHTS)
        return -1;
    int fd;
    memcpy(&fd, CMSG_DATA(first), sizeof fd);
    return fd;
}

static uint32_t pid_from_door(void)
{
    uint32_t pid;
    int fd = ask_at_door(&pid);
    if (fd < 0)
        return 0;
    raw_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
    return pid;
}

/* ---- numbers of processes ------------------------------------------------------------- */

static uint32_t ask_pid(void)
{
    char path[64];
    uint32_t pid = find_in_proc(path) ? pid_in_proc() : 0;
    return pid != 0 ? pid : pid_from_door();
}

/* A process whose parent is outside of its pid namespace sees 0 as its parent's number. */
uint32_t session_link_pid(void)
{
    /* Known since this process began to record; a forked child finds nothing here. */
    const struct process_state *process = process_current;
    if (process != NULL && process->session_pid != 0 &&
        (sandbox_is_closed || raw_getpid() == process->own_pid))
        return process->session_pid;
    uint32_t pid = raw_getpid();
    if (!has_own_numbers && raw_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0) != 0)
        return pid;
    uint32_t asked = ask_pid();
    has_own_numbers |= asked != pid;
    return asked;
}

bool session_link_has_own_numbers(void)
{
    return has_own_numbers;
}

uint32_t session_link_child_pid(uint32_t pid)
{
    return has_own_numbers ? UINT32_MAX : pid;
}

/* Opens the session's memory, and learns what the recorder calls this process. */
static int open_memory(void)
{
    char path[64];
    uint32_t pid = 0;
    int fd = -1;
    if (find_in_proc(path) && (pid = pid_in_proc()) != 0)
        fd = (int)raw_syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0, 0, 0);
    if (fd < 0)
        fd = ask_at_door(&pid);
    if (fd >= 0) {
        has_own_numbers = pid != raw_getpid();
    }
    return fd;
}

static bool find_library_path(void)
{
    const char *path = symbol_search_module((void *)session_link_join);
    size_t length = path != NULL ? strlen(path) : 0;
    if (length == 0 || length >= sizeof library_path)
        return false;
    memcpy(library_path, path, length + 1);
    return true;
}

/* A second mapping of the header's memory, from its first byte; NULL where that is not possible.
 * After mlockall the header is locked, and so would be the copy: gigabytes of rings that nobody
 * touched. */
static char *map_more(struct session_header *header, uint64_t bytes)
{
    raw_syscall(SYS_munlock, header, SESSION_RINGS_OFFSET, 0, 0, 0, 0);
    int64_t whole = raw_syscall(SYS_mremap, header, 0, bytes, MREMAP_MAYMOVE, 0, 0);
    return raw_failed(whole) ? NULL : (char *)whole;
}

static bool can_map_more(struct session_header *header)
{
    char *probe = map_more(header, 4096);
    if (probe != NULL)
        raw_munmap(probe, 4096);
    return probe != NULL;
}

bool session_link_join(void)
{
    if (!find_library_path() || !parse_session_folder())
        return false;
    int fd = open_memory();
    if (fd < 0)
        return false;
    struct session_header *header = raw_mmap(SESSION_RINGS_OFFSET, PROT_READ | PROT_WRITE,
                                             MAP_SHARED, fd);
    if (header != NULL && !can_map_more(header))
        whole_memory = raw_mmap(session_bytes(header->ring_slots), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_NORESERVE, fd);
    raw_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
    if (header == NULL)
        return false;
    if (header->magic != SESSION_MAGIC || header->version != SESSION_VERSION ||
        strcmp(header->library_path, library_path) != 0 ||
        atomic_load_explicit(&header->state, memory_order_acquire) == SESSION_OVER) {
        raw_munmap(header, SESSION_RINGS_OFFSET);
        return false;
    }
    raw_syscall(SYS_madvise, header, SESSION_RINGS_OFFSET, MADV_DONTDUMP, 0, 0, 0);
    session = header;
    return true;
}

static char *map_from_begin(uint64_t offset, size_t bytes)
{
    char *whole = map_more(session, offset + bytes);
    if (whole == NULL)
        return NULL;
    raw_munmap(whole, offset);
    return whole + offset;
}

/* Where the address space has no room for a mapping that reaches that far (RLIMIT_AS): one of the
 * right size is told to show another part of the file. */
static char *map_elsewhere(uint64_t offset, size_t bytes)
{
    char *window = map_more(session, bytes);
    if (window == NULL)
        return NULL;
    if (!raw_failed(raw_syscall(SYS_remap_file_pages, window, bytes, 0, offset / 4096, 0, 0)))
        return window;
    raw_munmap(window, bytes);
    return NULL;
}

void *session_link_map(uint64_t offset, size_t bytes)
{
    if (whole_memory != NULL)
        return whole_memory + offset;
    char *window = own_memory_is_short_of_addresses() ? map_elsewhere(offset, bytes) : NULL;
    if (window == NULL && (window = map_from_begin(offset, bytes)) == NULL)
        return NULL;
    raw_syscall(SYS_madvise, window, bytes, MADV_DONTDUMP, 0, 0, 0);
    return window;
}

void session_link_unmap(void *window, size_t bytes)
{
    if (whole_memory == NULL)
        raw_munmap(window, bytes);
}
