/* The process stands still while its memory is copied, so that all of it is of one instant, and
 * goes on while the copy is read; where there is no memory for a copy, it stands still until it was
 * read. One that was stopped in the middle of a collection of its interpreter's is looked at again,
 * a few times: objects are then where they usually are. */
#define _GNU_SOURCE
#include "record/plain_snapshot.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/units.h"
#include "config.h"
#include "record/process_facts.h"
#include "record/recording_name.h"
#include "record/stopped_threads.h"
#include "recording/recording_writer.h"
#include "runtimes/python_runtimes.h"
#include "snapshot/held_copy.h"
#include "snapshot/memory_measure.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_store.h"
#include "snapshot/stopper.h"
#include "snapshot/target_modules.h"
#include "snapshot/word_cache.h"

#define STOP_NS    UINT64_C(3000000000) /* to be stopped within, at most */
#define BETWEEN_NS 3000000              /* what it gets to end a collection */

enum {
    TRIES = 5,
    ARGUMENTS_BYTES = 1 << 17,
    ARGUMENTS_MAX = 4096
};

struct plain_taking {
    const struct plain_snapshot_request *request;
    struct snapshot snapshot;
    uint64_t wall_ns;
    char executable[PATH_MAX];
    char *argument_bytes;
    const char *arguments[ARGUMENTS_MAX];
    size_t argument_count;
};

/* ---- who it is ---- */

static void read_arguments(struct plain_taking *taking)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/cmdline", taking->request->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    taking->argument_bytes = memory_allocate_zeroed(ARGUMENTS_BYTES + 1, 1);
    size_t length = 0;
    for (ssize_t got;
         fd >= 0 && length < ARGUMENTS_BYTES &&
         (got = read(fd, taking->argument_bytes + length, ARGUMENTS_BYTES - length)) > 0;)
        length += (size_t)got;
    if (fd >= 0)
        close(fd);
    for (size_t at = 0; at < length && taking->argument_count < ARGUMENTS_MAX;
         at += strlen(taking->argument_bytes + at) + 1)
        taking->arguments[taking->argument_count++] = taking->argument_bytes + at;
}

static void read_executable(struct plain_taking *taking)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/exe", taking->request->pid);
    ssize_t length = readlink(path, taking->executable, sizeof taking->executable - 1);
    taking->executable[length > 0 ? length : 0] = '\0';
}

/* ---- reading ---- */

/* All its threads go on before this returns, whatever comes. */
static void end_hold(struct plain_taking *taking, struct stopper *stopper, uint64_t begin_ns,
                     const struct clock *clock)
{
    stopper_release(stopper);
    const struct timespec moment = {0, BETWEEN_NS};
    while (!stopper_settle(stopper))
        nanosleep(&moment, NULL);
    stopper_clear(stopper);
    taking->snapshot.stop_ns = clock->now_ns(clock->context) - begin_ns;
}

/* Before anything else is read. */
static void read_residency(struct plain_taking *taking, struct residency *residency)
{
    struct memory_use *use = taking->snapshot.memory;
    struct error error;
    memory_use_clear(use); /* of the time before, when it was let go once more */
    memory_use_init(use);
    if (!residency_read(residency, taking->request->pid, &error))
        snprintf(use->note, sizeof use->note, "%.200s", error.message);
}

static void measure_memory(struct plain_taking *taking, const struct residency *residency,
                           const struct target_memory *memory)
{
    const struct memory_measure_input input = {
        .residency = residency, .memory = memory, .python = taking->snapshot.python};
    if (residency->mappings.count > 0)
        memory_measure(&input, taking->snapshot.memory);
}

/* What roots of the snapshot are named by: the same whenever it is looked at once more. */
static void tell_places(struct plain_taking *taking, const struct python_runtimes_input *input)
{
    struct target_modules modules;
    if (taking->snapshot.module_count != 0)
        return;
    struct word_cache *words = word_cache_create(input->memory);
    target_modules_find(&modules, input->mappings, words);
    for (size_t i = 0; i < modules.count; i++)
        target_module_tell(&modules.items[i], &taking->snapshot);
    for (size_t i = 0; i < input->thread_count; i++) {
        struct snapshot_thread told = {.tid = input->threads[i].tid};
        memcpy(told.name, input->threads[i].name, sizeof told.name - 1);
        snapshot_add_thread(&taking->snapshot, &told);
    }
    target_modules_clear(&modules);
    word_cache_destroy(words);
}

/* While `stopper` holds it, and then without: all its threads go on in any case. */
static bool read_held(struct plain_taking *taking, struct stopper *stopper, uint64_t begin_ns,
                      const struct clock *clock, struct error *error)
{
    struct target_mappings mappings = {0};
    struct held_copy *copy = NULL;
    uint32_t pid = taking->request->pid;
    struct target_process *process = target_process_open(pid, error);
    if (process == NULL || !target_mappings_read(&mappings, pid, error)) {
        target_process_close(process);
        end_hold(taking, stopper, begin_ns, clock);
        return false;
    }
    struct target_memory memory = target_process_memory(process), copied = memory;
    uint64_t peak_bytes = process_facts_peak_resident(pid);
    char nursery[64];
    struct residency residency;
    read_residency(taking, &residency);
    bool is_known = process_facts_variable(pid, "PYPY_GC_NURSERY", nursery, sizeof nursery);
    struct stopped_thread *threads = stopped_threads_copy(stopper);
    size_t thread_count = stopper->count;
    for (size_t i = 0; i < thread_count; i++)
        process_facts_thread_name(pid, threads[i].tid, threads[i].name, sizeof threads[i].name);
    copy = held_copy_make(&memory, &mappings, NULL);
    taking->snapshot.is_copied = copy != NULL;
    if (copy != NULL) {
        copied = held_copy_memory(copy);
        end_hold(taking, stopper, begin_ns, clock);
    }
    const struct python_runtimes_input input = {
        .memory = &copied,
        .mappings = &mappings,
        .clock = *clock,
        .resident_bytes = taking->snapshot.resident_bytes,
        .peak_resident_bytes = peak_bytes,
        .nursery_setting = is_known ? nursery : NULL,
        .processor_cache_bytes = process_facts_processor_cache(),
        .threads = threads,
        .thread_count = thread_count,
    };
    python_runtimes_read(&input, taking->snapshot.python);
    tell_places(taking, &input);
    measure_memory(taking, &residency, &copied);
    if (copy == NULL)
        end_hold(taking, stopper, begin_ns, clock);
    stopped_threads_free(threads, thread_count);
    residency_clear(&residency);
    held_copy_destroy(copy);
    target_mappings_clear(&mappings);
    target_process_close(process);
    return true;
}

static bool hold_and_read(struct plain_taking *taking, struct error *error)
{
    struct clock clock = clock_monotonic();
    int statm_fd = -1;
    for (int tries = 1;; tries++) {
        struct stopper stopper = {0};
        uint64_t begin_ns = clock.now_ns(clock.context);
        if (!stopper_stop(&stopper, (pid_t)taking->request->pid, false, &clock, begin_ns + STOP_NS,
                          error)) {
            stopper_clear(&stopper);
            return false;
        }
        taking->snapshot.resident_bytes = process_facts_resident(taking->request->pid, &statm_fd);
        bool is_read = read_held(taking, &stopper, begin_ns, &clock, error);
        bool is_collecting = is_read && taking->snapshot.python->figures.is_collecting == 1;
        if (!is_collecting || tries == TRIES) {
            if (statm_fd >= 0)
                close(statm_fd);
            return is_read;
        }
        python_heap_clear(taking->snapshot.python);
        const struct timespec moment = {0, BETWEEN_NS};
        nanosleep(&moment, NULL);
    }
}

/* ---- writing ---- */

static void add_record(void *context, enum recording_kind kind, const void *record)
{
    recording_writer_add(context, kind, record);
}

static void add_session(const struct plain_taking *taking, struct recording_writer *writer)
{
    struct utsname system;
    char folder[PATH_MAX] = "";
    if (uname(&system) != 0)
        memset(&system, 0, sizeof system);
    if (getcwd(folder, sizeof folder) == NULL)
        folder[0] = '\0';
    const struct recording_session session = {
        .tool_version = PACKAGE_VERSION,
        .start_time_unix_ns = taking->wall_ns,
        .host = system.nodename,
        .kernel = system.release,
        .working_folder = folder,
        .command = {taking->arguments, taking->argument_count},
        .page_bytes = (uint64_t)sysconf(_SC_PAGESIZE),
    };
    recording_writer_add(writer, RECORDING_session, &session);
}

static void add_process(const struct plain_taking *taking, struct recording_writer *writer)
{
    const struct recording_process process = {
        .pid = taking->request->pid,
        .executable = taking->executable,
        .arguments = {taking->arguments, taking->argument_count},
        .start_time_unix_ns = taking->wall_ns,
        .exit_kind = RECORDING_EXIT_RUNNING,
        .reason = "it was looked at while it ran, and not recorded: who allocated what is not "
                  "known",
        .allocator_name = "unknown",
        .allocator_linkage = "",
        .is_own_image = 1,
        .suppressions = "",
    };
    const struct recording_end end = {.is_complete = 1};
    recording_writer_add(writer, RECORDING_process, &process);
    snapshot_write(&taking->snapshot, add_record, writer);
    recording_writer_add(writer, RECORDING_end, &end);
}

static bool write_recording(const struct plain_taking *taking, const char *path,
                            struct error *error)
{
    const struct recording_writer_options options = {
        .path = path,
        .is_force = taking->request->is_force,
        .may_replace = true,
        .session_id = taking->wall_ns,
    };
    struct recording_writer *writer = recording_writer_open(&options, error);
    if (writer == NULL)
        return false;
    bool is_good = recording_writer_publish(writer, error) &&
                   recording_writer_begin_compacted(writer, error);
    if (is_good) {
        add_session(taking, writer);
        add_process(taking, writer);
        is_good = recording_writer_finish_compacted(writer, error);
    }
    recording_writer_close(writer);
    return is_good;
}

static void describe(const struct plain_taking *taking, const char *path,
                     struct plain_snapshot_answer *answer)
{
    const struct python_heap *python = taking->snapshot.python;
    char held[UNITS_TEXT_BYTES], what[384] = "no Python in it";
    if (python->is_read)
        snprintf(what, sizeof what, "%s %s", python->implementation, python->version);
    else if (python->is_present)
        snprintf(what, sizeof what, "%s %s was not read: %s", python->implementation,
                 python->version, python->refusal);
    snprintf(answer->text, sizeof answer->text,
             "process %u: %s, held for %s; in %s (no allocation stacks: it was not recorded)",
             taking->request->pid, what, units_format_duration(taking->snapshot.stop_ns, held),
             path);
}

bool plain_snapshot_take(const struct plain_snapshot_request *request,
                         struct plain_snapshot_answer *answer, struct error *error)
{
    struct plain_taking *taking = memory_allocate_zeroed(1, sizeof *taking);
    taking->request = request;
    taking->wall_ns = clock_wall_ns();
    snapshot_init(&taking->snapshot);
    taking->snapshot.reason = SNAPSHOT_AT_REQUEST;
    taking->snapshot.end = SNAPSHOT_OFF;
    snprintf(taking->snapshot.note, sizeof taking->snapshot.note,
             "the process was not recorded: its blocks are not known");
    taking->snapshot.python = memory_allocate(sizeof *taking->snapshot.python);
    python_heap_init(taking->snapshot.python);
    taking->snapshot.memory = memory_allocate(sizeof *taking->snapshot.memory);
    memory_use_init(taking->snapshot.memory);
    read_executable(taking);
    read_arguments(taking);
    char *path = recording_name_expand(
        request->output, &(struct recording_name_facts){.executable = taking->executable,
                                                        .pid = request->pid,
                                                        .wall_ns = taking->wall_ns});
    bool is_good = hold_and_read(taking, error) && write_recording(taking, path, error);
    if (is_good)
        describe(taking, path, answer);
    free(path);
    snapshot_clear(&taking->snapshot);
    free(taking->argument_bytes);
    free(taking);
    return is_good;
}
