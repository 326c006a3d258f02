/* The records stand in a file without a name: kind and length, 4 bytes each, then the record as it
 * is encoded in recordings. */
#define _GNU_SOURCE
#include "record/snapshot_job.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "recording/record_codec.h"
#include "recording/varint.h"

struct snapshot_job {
    pid_t child;
    int fd;
    int pidfd; /* of what is read */
    bool is_over, is_good;
};

enum {
    BUFFER_BYTES = 1 << 20
};

/* ---- in the child ---------------------------------------------------------------------- */

struct sending {
    int fd;
    bool is_broken;
    struct text bytes;
};

static void flush(struct sending *sending)
{
    const char *at = text_get(&sending->bytes);
    for (size_t left = sending->bytes.count; left > 0 && !sending->is_broken;) {
        ssize_t done = write(sending->fd, at, left);
        if (done < 0 && errno == EINTR)
            continue;
        sending->is_broken = done <= 0;
        at += done > 0 ? done : 0;
        left -= done > 0 ? (size_t)done : 0;
    }
    sending->bytes.count = 0;
}

static void send_record(void *context, enum recording_kind kind, const void *record)
{
    struct sending *sending = context;
    uint32_t head = (uint32_t)kind;
    text_add_bytes(&sending->bytes, (const char *)&head, sizeof head);
    record_encode(record_kind_find(kind), record, &sending->bytes);
    if (sending->bytes.count >= BUFFER_BYTES)
        flush(sending);
}

static _Noreturn void be_child(int fd, snapshot_make make, void *context, struct snapshot *snapshot)
{
    struct sending sending = {.fd = fd};
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    make(context, snapshot);
    snapshot_write(snapshot, send_record, &sending);
    flush(&sending);
    _exit(sending.is_broken);
}

struct snapshot_job *snapshot_job_start(snapshot_make make, void *context,
                                        struct snapshot *snapshot, int pidfd, struct error *error)
{
    int fd = memfd_create("seep-snapshot", MFD_CLOEXEC);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot take a snapshot beside the recording");
        return NULL;
    }
    pid_t child = fork();
    if (child == 0)
        be_child(fd, make, context, snapshot);
    if (child < 0) {
        error_set_errno(error, errno, "cannot take a snapshot beside the recording");
        close(fd);
        return NULL;
    }
    struct snapshot_job *job = memory_allocate_zeroed(1, sizeof *job);
    job->child = child;
    job->fd = fd;
    job->pidfd = pidfd;
    return job;
}

/* ---- in the recorder ------------------------------------------------------------------- */

bool snapshot_job_is_over(struct snapshot_job *job, bool is_waited_for)
{
    int status;
    if (job->is_over)
        return true;
    pid_t ended;
    do
        ended = waitpid(job->child, &status, is_waited_for ? 0 : WNOHANG);
    while (ended < 0 && errno == EINTR);
    job->is_over = ended != 0;
    job->is_good = ended == job->child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return job->is_over;
}

static bool take_record(const struct record_kind *kind, const uint8_t *body, size_t bytes,
                        struct record_arena *arena, snapshot_add_record add, void *context,
                        struct recording_snapshot *head)
{
    if (kind == NULL)
        return false;
    void *record = memory_allocate(kind->struct_bytes);
    bool is_good = record_decode(kind, body, bytes, arena, record);
    if (is_good && kind->kind == RECORDING_snapshot) {
        memcpy(head, record, sizeof *head);
        head->note = memory_duplicate_text(head->note);
    }
    if (is_good)
        add(context, kind->kind, record);
    free(record);
    return is_good;
}

static bool take_all(const uint8_t *at, const uint8_t *end, snapshot_add_record add, void *context,
                     struct recording_snapshot *head)
{
    struct record_arena *arena = record_arena_create();
    bool is_good = true;
    while (is_good && at < end) {
        uint32_t kind;
        uint64_t bytes = 0;
        is_good = (size_t)(end - at) > sizeof kind;
        if (!is_good)
            break;
        memcpy(&kind, at, sizeof kind);
        at += sizeof kind;
        is_good = varint_read(&at, end, &bytes) && bytes <= (size_t)(end - at) &&
                  take_record(record_kind_find(kind), at, (size_t)bytes, arena, add, context, head);
        at += is_good ? bytes : 0;
    }
    record_arena_destroy(arena);
    return is_good && head->note != NULL;
}

bool snapshot_job_take(struct snapshot_job *job, snapshot_add_record add, void *context,
                       struct recording_snapshot *head)
{
    struct stat facts;
    *head = (struct recording_snapshot){0};
    if (!job->is_good || fstat(job->fd, &facts) != 0 || facts.st_size <= 0)
        return false;
    size_t bytes = (size_t)facts.st_size;
    uint8_t *map = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, job->fd, 0);
    if (map == MAP_FAILED)
        return false;
    bool is_good = take_all(map, map + bytes, add, context, head);
    munmap(map, bytes);
    return is_good;
}

void snapshot_job_destroy(struct snapshot_job *job)
{
    if (job == NULL)
        return;
    if (!job->is_over) {
        kill(job->child, SIGKILL);
        snapshot_job_is_over(job, true);
    }
    syscall(SYS_pidfd_send_signal, job->pidfd, SIGKILL, NULL, 0);
    close(job->pidfd);
    close(job->fd);
    free(job);
}
