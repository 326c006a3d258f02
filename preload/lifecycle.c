#include "preload/lifecycle.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preload/allocator_family.h"
#include "preload/bootstrap_heap.h"
#include "preload/crash_hold.h"
#include "preload/event_writer.h"
#include "preload/exit_hold.h"
#include "preload/interface_lsan.h"
#include "preload/old_glibc.h"
#include "preload/own_memory.h"
#include "preload/park.h"
#include "preload/python_allocator.h"
#include "preload/python_runtime.h"
#include "preload/process_notice.h"
#include "preload/raw_syscall.h"
#include "preload/real_functions.h"
#include "preload/sampled_blocks.h"
#include "preload/self_copy.h"
#include "preload/session_link.h"
#include "preload/stack_capture.h"
#include "preload/unwind_rules.h"

/* How long a process that begins waits for the recorder to watch it. */
enum {
    WATCH_LIMIT_MS = 100
};

enum preload_mode preload_mode = PRELOAD_NOT_STARTED;

/* Not wiped by fork, on purpose: a child learns from them whose child it is. */
static bool has_image_started;
static uint32_t last_process_slot;
static uint32_t last_process_pid;

static pthread_key_t thread_end_key;
static bool has_thread_end_key;

/* Runs when a thread ends, before or after other destructors: the thread may go on freeing things,
 * so the state stays its own; whoever takes it over checks that the thread is gone. */
static void end_thread(void *state)
{
    struct thread_state *thread = state;
    if (thread != thread_current || !thread->is_claimed || !lifecycle_tells())
        return;
    bool was_busy = thread->is_busy;
    thread->is_busy = true;
    uint64_t *record = event_reserve(thread, 2);
    if (record != NULL) {
        record[1] = thread->tid;
        record[0] = event_stamp() | WIRE_THREAD_END;
        event_commit(thread, 2);
    }
    thread->last_birth = 0;
    thread->is_busy = was_busy;
    atomic_store(&thread->is_ending, 1);
}

static bool start_rules(void)
{
    struct unwind_rules *rules = own_memory_map(sizeof *rules);
    if (rules == NULL)
        return false;
    unwind_rules_init(rules, false);
    unwind_rules_refresh_modules(rules);
    struct unwind_rules_module loader;
    uint64_t base = getauxval(AT_BASE);
    if (base != 0 && unwind_rules_find_module(rules, base, &loader)) {
        stack_capture_loader_start = loader.start;
        stack_capture_loader_end = loader.end;
    }
    stack_capture_rules = rules;
    python_runtime_start();
    return true;
}

/* Before the first block of this image; not wiped by fork, whose child has the same blocks. */
static bool start_sampling(void)
{
    if (session->bytes_per_sample == 0)
        return true;
    struct sampled_blocks *blocks = own_memory_map(sizeof *blocks);
    if (blocks == NULL)
        return false;
    bootstrap_heap_start_sampling(blocks);
    return true;
}

static bool join(void)
{
    if (!session_link_join() || !thread_state_start() || !start_rules() || !start_sampling())
        return false;
    /* Without libpthread there are no other threads. */
    has_thread_end_key = pthread_key_create != NULL &&
                         pthread_key_create(&thread_end_key, end_thread) == 0;
    return true;
}

void lifecycle_begin(void)
{
    if (preload_mode != PRELOAD_NOT_STARTED || !real_functions_find())
        return;
    int saved_errno = errno;
    enum preload_mode joined = real.is_malloc_own ? PRELOAD_WATCHES : PRELOAD_RECORDS;
    bool has_joined = join();
    if (has_joined && joined == PRELOAD_RECORDS)
        allocator_family_start();
    preload_mode = has_joined ? joined : PRELOAD_PASSES;
    errno = saved_errno;
}

/* Registered before any destructor, and so run after them. (Return from main calls no exit that
 * could be replaced.) */
static void tell_exit_status(int status, void *unused)
{
    (void)unused;
    process_notice_exit(status);
    exit_hold_wait(SESSION_HOLD_EXIT);
}

__attribute__((constructor)) static void construct(void)
{
    lifecycle_begin();
    if (!lifecycle_tells())
        return;
    /* A program that never allocates is still a process of the session. */
    thread_state_get();
    on_exit(tell_exit_status, NULL);
    park_start();
    crash_hold_start();
    exit_hold_watch_main();
    python_allocator_start();
    if (preload_mode == PRELOAD_RECORDS)
        interface_lsan_start();
}

static uint32_t read_link(const char *path, char *text, uint32_t room)
{
    int64_t length = raw_syscall(SYS_readlinkat, AT_FDCWD, path, text, room, 0, 0);
    return raw_failed(length) ? 0 : (uint32_t)length;
}

/* '*' is any run, also over '/'; '?' is one character. */
static bool matches_glob(const char *text, const char *glob)
{
    const char *star = NULL, *resume = NULL;
    while (*text != '\0') {
        if (*glob == '*') {
            star = glob++;
            resume = text;
        } else if (*glob == '?' || *glob == *text) {
            glob++;
            text++;
        } else if (star != NULL) {
            glob = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*glob == '*')
        glob++;
    return *glob == '\0';
}

/* A glob without '/' is for the file name, one with it for the whole path. */
static bool is_filter_for(const char *path, const char *glob)
{
    const char *name = strrchr(path, '/');
    return matches_glob(strchr(glob, '/') == NULL && name != NULL ? name + 1 : path, glob);
}

static bool do_filters_want(const char *path)
{
    bool has_only = false, is_only = false;
    const char *end = session->filters + sizeof session->filters;
    for (const char *at = session->filters; at < end && *at != '\0'; at += strlen(at) + 1) {
        bool is_match = is_filter_for(path, at + 1);
        if (*at == '-' && is_match)
            return false;
        has_only |= *at == '+';
        is_only |= *at == '+' && is_match;
    }
    return is_only || !has_only;
}

/* A forked child is what its parent is; a new image is looked at. */
static bool is_process_wanted(void)
{
    if (has_image_started)
        return (session->flags & SESSION_FOLLOW_FORK) != 0;
    if (session_link_pid() == session->command_pid)
        return true;
    if ((session->flags & SESSION_FOLLOW_EXEC) == 0)
        return false;
    if (session->filters[0] == '\0')
        return true;
    char path[WIRE_MAX_TEXT_BYTES + 1];
    path[read_link("/proc/self/exe", path, WIRE_MAX_TEXT_BYTES)] = '\0';
    return do_filters_want(path);
}

bool lifecycle_may_record_process(void)
{
    if (is_process_wanted())
        return true;
    preload_mode = PRELOAD_PASSES;
    return false;
}

static uint32_t read_file(const char *path, char *text, uint32_t room)
{
    int64_t fd = raw_syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
    if (raw_failed(fd))
        return 0;
    int64_t length = raw_syscall(SYS_read, fd, text, room, 0, 0, 0);
    raw_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
    return raw_failed(length) ? 0 : (uint32_t)length;
}

/* The executable by the name that it was started by, if that is a whole path to the same file: a
 * program of several names (redis-server is a link to redis-check-rdb) is known by the one that was
 * used. Else by the file's own. */
static uint32_t name_executable(char *text, uint32_t room)
{
    const char *name = (const char *)getauxval(AT_EXECFN);
    struct stat named, own;
    size_t length = name != NULL && name[0] == '/' ? strlen(name) : 0;
    if (length != 0 && length <= room &&
        !raw_failed(raw_syscall(SYS_newfstatat, AT_FDCWD, name, &named, 0, 0, 0)) &&
        !raw_failed(raw_syscall(SYS_newfstatat, AT_FDCWD, "/proc/self/exe", &own, 0, 0, 0)) &&
        named.st_ino == own.st_ino && named.st_dev == own.st_dev) {
        memcpy(text, name, length);
        return (uint32_t)length;
    }
    uint32_t own_length = read_link("/proc/self/exe", text, room);
    if (own_length != 0 || name == NULL)
        return own_length;
    length = strnlen(name, room); /* no /proc here: as exec was told */
    memcpy(text, name, length);
    return (uint32_t)length;
}

static void tell_process(struct thread_state *thread)
{
    enum {
        ROOM = sizeof(struct wire_process) + 2 * WIRE_MAX_TEXT_BYTES
    };
    struct wire_process *record = (void *)event_reserve(thread, ROOM / 8);
    if (record == NULL)
        return;
    memset(record, 0, sizeof *record);
    record->pid = atomic_load(&process_current->shared->pid);
    if (!session_link_has_own_numbers())
        record->parent_pid = (uint32_t)raw_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0);
    record->origin = has_image_started ? WIRE_PROCESS_FORK : WIRE_PROCESS_EXEC;
    record->parent_slot = last_process_slot;
    record->parent_image_pid = last_process_pid;
    record->own_bytes = sizeof *thread;
    record->real_malloc = (uint64_t)(uintptr_t)real.malloc;
    record->allocator = real.allocator;
    record->has_own_allocator = real.is_malloc_own;
    char *texts = (char *)(record + 1);
    if (!has_image_started) {
        record->executable_bytes = name_executable(texts, WIRE_MAX_TEXT_BYTES);
        record->argument_bytes = read_file("/proc/self/cmdline", texts + record->executable_bytes,
                                           WIRE_MAX_TEXT_BYTES);
    }
    uint32_t bytes = sizeof *record + record->executable_bytes + record->argument_bytes;
    record->header = event_stamp() | WIRE_PROCESS;
    event_commit(thread, (bytes + 7) / 8);
    process_current->is_own_image = !has_image_started;
    has_image_started = true;
    last_process_slot = process_current->slot;
    last_process_pid = process_current->shared->pid;
}

void lifecycle_thread_started(struct thread_state *thread, bool is_first_of_process)
{
    thread->is_busy = true;
    if (is_first_of_process && has_image_started)
        unwind_rules_after_fork(stack_capture_rules);
    if (is_first_of_process) {
        park_tell_child();
        self_copy_offer();
        tell_process(thread);
        event_writer_await(&process_current->shared->is_watched, 0, WATCH_LIMIT_MS);
    }
    uint64_t *record = event_reserve(thread, 3);
    if (record != NULL) {
        record[1] = thread->tid;
        record[2] = 0;
        record[0] = event_stamp() | WIRE_THREAD;
        event_commit(thread, 3);
    }
    thread->last_birth = 0;
    thread->is_busy = false;
    if (has_thread_end_key)
        pthread_setspecific(thread_end_key, thread);
}
