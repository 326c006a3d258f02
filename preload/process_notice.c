#include "preload/process_notice.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "preload/event_writer.h"
#include "preload/lifecycle.h"
#include "preload/session_link.h"

/* How long an exec that cannot be followed waits for the recorder to take note of it. */
enum {
    EXEC_LIMIT_MS = 50
};

struct thread_state *process_notice_begin(void)
{
    lifecycle_ensure();
    if (!lifecycle_tells())
        return NULL;
    struct thread_state *thread = thread_state_get();
    if (thread == NULL || thread->is_busy)
        return NULL;
    thread->is_busy = true;
    return thread;
}

void process_notice_end(struct thread_state *thread)
{
    thread->last_birth = 0;
    thread->is_busy = false;
}

static void tell_words(uint64_t kind, uint64_t first, uint64_t second, uint32_t word_count)
{
    int saved_errno = errno;
    struct thread_state *thread = process_notice_begin();
    if (thread == NULL)
        return;
    uint64_t *record = event_reserve(thread, word_count);
    if (record != NULL) {
        record[1] = first;
        if (word_count > 2)
            record[2] = second;
        record[0] = event_stamp() | kind;
        event_commit(thread, word_count);
    }
    process_notice_end(thread);
    errno = saved_errno;
}

uint64_t process_notice_fork(void)
{
    lifecycle_ensure();
    if (!lifecycle_tells() || thread_state_get() == NULL)
        return 0;
    uint64_t number = atomic_fetch_add(&process_current->fork_number, 1) + 1;
    tell_words(WIRE_FORK, number, 0, 2);
    return number;
}

void process_notice_fork_done(uint64_t number, int64_t pid)
{
    tell_words(WIRE_FORK_DONE, number, pid > 0 ? session_link_child_pid((uint32_t)pid) : 0, 3);
}

void process_notice_exec(uint64_t pid, enum wire_exec_reason reason, const char *path)
{
    struct thread_state *thread = process_notice_begin();
    if (thread == NULL)
        return;
    size_t length = path != NULL ? strlen(path) : 0;
    if (length > WIRE_MAX_TEXT_BYTES)
        length = WIRE_MAX_TEXT_BYTES;
    uint32_t words = 4 + (uint32_t)(length + 7) / 8;
    _Atomic uint32_t *noted = &process_current->shared->noted_execs;
    uint32_t noted_before = atomic_load(noted);
    uint64_t *record = event_reserve(thread, words);
    if (record != NULL) {
        record[1] = pid;
        record[2] = reason;
        record[3] = length;
        memcpy(record + 4, path, length);
        record[0] = event_stamp() | WIRE_EXEC;
        event_commit(thread, words);
        /* What does not speak for itself must be watched before it can end. */
        if (reason != WIRE_EXEC_FOLLOWED)
            event_writer_await(noted, noted_before, EXEC_LIMIT_MS);
    }
    process_notice_end(thread);
}

void process_notice_exec_failed(void)
{
    tell_words(WIRE_EXEC_FAILED, session_link_pid(), 0, 2);
}

void process_notice_exit(int status)
{
    tell_words(WIRE_EXIT, (uint64_t)(uint32_t)status | (uint64_t)session_link_pid() << 32, 0, 2);
}
