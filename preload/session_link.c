#include "preload/session_link.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "preload/raw_syscall.h"
#include "wire/wire_format.h"

struct session_header *session;

/* Where a mapping cannot be had without a descriptor (some emulators of Linux): all of the memory, mapped
 * at the start. NULL = not needed. */
static char *whole_memory;

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
static bool parse_session_folder(uint32_t *pid, uint32_t *fd)
{
    const char *folder = NULL;
    for (const char *at = library_path; (at = strstr(at, "/seep-")) != NULL; at++)
        folder = at;
    if (folder == NULL)
        return false;
    const char *at = folder + strlen("/seep-");
    return parse_number(&at, pid) && *at++ == '-' && parse_number(&at, fd) && *at == '-';
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

/* /proc/PID/fd/FD of the recorder. */
static int open_memory(uint32_t pid, uint32_t fd)
{
    char path[64] = "/proc/";
    char *at = append_number(path + strlen(path), pid);
    memcpy(at, "/fd/", 4);
    at = append_number(at + 4, fd);
    *at = '\0';
    return (int)raw_syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0, 0, 0);
}

static bool find_library_path(void)
{
    Dl_info own;
    if (dladdr((void *)session_link_join, &own) == 0 || own.dli_fname == NULL)
        return false;
    size_t length = strlen(own.dli_fname);
    if (length >= sizeof library_path)
        return false;
    memcpy(library_path, own.dli_fname, length + 1);
    return true;
}

/* A second mapping of the header's memory, from its first byte; NULL where that is not possible. */
static char *map_more(struct session_header *header, uint64_t bytes)
{
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
    uint32_t pid, memory_fd;
    if (!find_library_path() || !parse_session_folder(&pid, &memory_fd))
        return false;
    int fd = open_memory(pid, memory_fd);
    if (fd < 0)
        return false;
    struct session_header *header = raw_mmap(SESSION_RINGS_OFFSET, PROT_READ | PROT_WRITE,
                                             MAP_SHARED, fd);
    if (header != NULL && !can_map_more(header))
        whole_memory = raw_mmap(SESSION_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd);
    raw_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
    if (header == NULL)
        return false;
    if (header->magic != SESSION_MAGIC || header->version != WIRE_VERSION ||
        strcmp(header->library_path, library_path) != 0 ||
        atomic_load_explicit(&header->state, memory_order_acquire) == SESSION_OVER) {
        raw_munmap(header, SESSION_RINGS_OFFSET);
        return false;
    }
    raw_syscall(SYS_madvise, header, SESSION_RINGS_OFFSET, MADV_DONTDUMP, 0, 0, 0);
    session = header;
    return true;
}

void *session_link_map(uint64_t offset, size_t bytes)
{
    if (whole_memory != NULL)
        return whole_memory + offset;
    char *whole = map_more(session, offset + bytes);
    if (whole == NULL)
        return NULL;
    raw_munmap(whole, offset);
    void *window = whole + offset;
    raw_syscall(SYS_madvise, window, bytes, MADV_DONTDUMP, 0, 0, 0);
    return window;
}

void session_link_unmap(void *window, size_t bytes)
{
    if (whole_memory == NULL)
        raw_munmap(window, bytes);
}
