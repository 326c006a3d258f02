#include "config.h"

#include "cli/recording_argument.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/interval.h"
#include "analysis/late_names.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "recording/recording_format.h"
#include "snapshot/snapshot_store.h"

/* The best of the folder's files so far: the newest and, among equals, the last by name. */
struct newest {
    char *name;
    struct timespec time;
};

static bool is_recording(int folder_fd, const char *name, struct stat *about)
{
    char magic[sizeof RECORDING_MAGIC - 1];
    int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is_one = fd >= 0 && fstat(fd, about) == 0 && S_ISREG(about->st_mode) &&
                  read(fd, magic, sizeof magic) == (ssize_t)sizeof magic &&
                  memcmp(magic, RECORDING_MAGIC, sizeof magic) == 0;

    if (fd >= 0)
        close(fd);
    return is_one;
}

static void offer(struct newest *newest, const char *name, const struct timespec *time)
{
    bool is_older = time->tv_sec != newest->time.tv_sec ? time->tv_sec < newest->time.tv_sec
                                                        : time->tv_nsec < newest->time.tv_nsec;
    bool is_equal = time->tv_sec == newest->time.tv_sec && time->tv_nsec == newest->time.tv_nsec;

    if (newest->name && (is_older || (is_equal && strcmp(name, newest->name) < 0)))
        return;
    free(newest->name);
    newest->name = memory_duplicate_text(name);
    newest->time = *time;
}

/* Caller frees; NULL when there is none. */
static char *find_newest(struct error *error)
{
    struct newest newest = {0};
    DIR *folder = opendir(".");

    if (!folder) {
        error_set_errno(error, errno, "cannot look for recordings in this folder");
        return NULL;
    }
    for (const struct dirent *entry; (entry = readdir(folder));) {
        struct stat about;
        if (text_ends_with(entry->d_name, ".seep") &&
            is_recording(dirfd(folder), entry->d_name, &about))
            offer(&newest, entry->d_name, &about.st_mtim);
    }
    closedir(folder);
    if (newest.name)
        log_note("reading %s, the newest recording in this folder", newest.name);
    else
        error_set(error, "there is no recording in this folder: name a FILE");
    return newest.name;
}

static bool choose_instant(struct recording_argument *argument, const char *at, struct error *error)
{
    struct instant named = argument->at;
    struct text name = {0}, other = {0};

    if (!at)
        return true;
    if (!instant_parse(at, &argument->at, error))
        return error_prefix(error, "--at: ");
    instant_print(&named, &name);
    instant_print(&argument->at, &other);
    bool is_same = !argument->has_instant || strcmp(text_get(&name), text_get(&other)) == 0;
    if (!is_same)
        error_set(error, "FILE@%s and --at=%s contradict each other", text_get(&name), at);
    argument->has_instant = true;
    text_clear(&name);
    text_clear(&other);
    return is_same;
}

static bool is_interval(const struct recording_argument *argument)
{
    return argument->from != NULL || argument->to != NULL;
}

/* Is it cut out of the whole, rather than known by itself? */
static bool is_cut(const struct recording_argument *argument)
{
    enum instant_kind kind = argument->instant;

    return !argument->is_left_whole &&
           (is_interval(argument) || kind == INSTANT_START || kind == INSTANT_TIME ||
            (kind == INSTANT_SNAPSHOT && !argument->takes_snapshots));
}

static bool check_instant(const struct recording_argument *argument, struct error *error)
{
    if (is_interval(argument) && argument->has_instant)
        return error_set(error, "--from and --to name the instants already: not with --at or "
                                "FILE@INSTANT");
    if (argument->takes_times)
        return true;
    if (argument->instant == INSTANT_START || argument->instant == INSTANT_TIME)
        return error_set(error,
                         "%s: this is not known at times: name the end, the peak, a mark or a "
                         "snapshot",
                         argument->path);
    return argument->instant != INSTANT_SNAPSHOT || argument->takes_snapshots ||
           error_set(error,
                     "%s: this is known at the end, the peak and marks only; leaks, graph and "
                     "diff look at snapshots",
                     argument->path);
}

/* The line that is printed begins with the file: "FILE: what and why". */
static bool name_file_first(const char *path, struct error *error)
{
    char *start = memory_print_text("cannot read %s: ", path);
    size_t length = strlen(start);

    if (text_starts_with(error->message, start))
        memmove(error->message, error->message + length, strlen(error->message + length) + 1);
    free(start);
    return error_prefix(error, "%s: ", path);
}

/* Snapshots that commands look at are told with their numbers by those. */
static char *print_instant(const struct recording_argument *argument)
{
    struct text text = {0};

    if (argument->instant == INSTANT_SNAPSHOT && argument->takes_snapshots)
        return memory_duplicate_text(instant_name(argument->instant));
    instant_print(&argument->at, &text);
    return text_take(&text);
}

bool recording_argument_open(struct recording_argument *argument,
                             const struct option_operands *operands, const char *at,
                             struct error *error)
{
    *argument = (struct recording_argument){
        .takes_snapshots = argument->takes_snapshots,
        .takes_marks_as_snapshots = argument->takes_marks_as_snapshots,
        .takes_times = argument->takes_times,
        .is_left_whole = argument->is_left_whole,
        .opening = argument->opening,
        .loading = argument->loading,
        .naming = argument->naming,
        .from = argument->from,
        .to = argument->to,
        .instant = INSTANT_END};
    if (operands->count == 0)
        argument->path = find_newest(error);
    else
        instant_split(operands->items[0], &argument->path, &argument->at, &argument->has_instant,
                      error);
    if (!argument->path || !choose_instant(argument, at, error))
        return false;
    argument->instant = argument->at.kind;
    argument->snapshot = argument->at.snapshot;
    argument->mark = argument->at.mark;
    if (!check_instant(argument, error))
        return false;
    argument->instant_text = print_instant(argument);
    argument->reader = recording_reader_open_watched(argument->path, argument->opening, error);
    return argument->reader || name_file_first(argument->path, error);
}

static bool has_unnamed_frames(const struct profile *profile)
{
    for (size_t i = 0; i < profile->module_count; i++)
        if (profile->modules[i].unsymbolized_frame_count && profile->modules[i].build_id[0])
            return true;
    return false;
}

static bool goes_on_naming(void *context, uint32_t done_frames, uint32_t frames)
{
    return progress_reaches(context, frames ? (double)done_frames / frames : 0);
}

/* The recorder may have been killed before it came to the names of the last stacks, and nobody will
 * look them up for it. What is found counts for this reader alone; without, there is still the
 * rest. */
static void name_the_rest(struct recording_argument *argument,
                          const struct profile_options *options)
{
    const struct late_names_options wanted = {.symbols = {.is_line_wanted = true},
                                              .scope = LATE_NAMES_UNNAMED,
                                              .progress = argument->naming ? goes_on_naming : NULL,
                                              .context = (void *)(uintptr_t)argument->naming};
    struct profile_options with_names = *options;
    struct late_names *names = late_names_find(argument->profile, &wanted, NULL);
    struct profile *profile = NULL;

    if (names && names->name_count) {
        with_names.names = names;
        profile = profile_load(argument->reader, &with_names, NULL);
        log_note("%s is torn: names of %zu frames were looked up now (seep symbolize keeps them)",
                 argument->path, names->name_count);
    }
    if (profile) {
        profile_destroy(argument->profile);
        argument->profile = profile;
    }
    late_names_destroy(names);
}

/* The first snapshot that was taken by that name. */
static bool find_snapshot_of_mark(struct recording_argument *argument, struct error *error)
{
    struct snapshot_list list = {0};
    bool is_found = false;
    if (!snapshot_list_read(&list, argument->reader, error))
        return false;
    for (size_t i = 0; i < list.count && !is_found; i++)
        if (strcmp(list.heads[i].mark, argument->mark) == 0) {
            is_found = true;
            argument->instant = INSTANT_SNAPSHOT;
            argument->snapshot = list.heads[i].id;
        }
    snapshot_list_clear(&list);
    return is_found || error_set(error, "%s: the program took no snapshot of that name at mark:%s",
                                 argument->path, argument->mark);
}

/* The last one that was taken because the heap was larger than ever; of several processes', that of
 * the most blocks. */
static bool find_snapshot_of_peak(struct recording_argument *argument, struct error *error)
{
    struct snapshot_list list = {0};
    const struct recording_snapshot *found = NULL;
    if (!snapshot_list_read(&list, argument->reader, error))
        return false;
    for (size_t i = 0; i < list.count; i++)
        if (list.heads[i].reason == SNAPSHOT_AT_PEAK && list.heads[i].end == SNAPSHOT_DONE &&
            (!found || list.heads[i].block_count >= found->block_count))
            found = &list.heads[i];
    if (found) {
        argument->instant = INSTANT_SNAPSHOT;
        argument->snapshot = found->id;
    } else {
        error_set(error,
                  "%s: what refers to what is known at snapshots only, and none was taken at the "
                  "peak (\"seep run --snapshot-at=peak\" takes one): name snapshot:N",
                  argument->path);
    }
    snapshot_list_clear(&list);
    return found != NULL;
}

static bool parse_end(const char *name, const char *option, enum instant_kind otherwise,
                      struct instant *instant, struct error *error)
{
    *instant = (struct instant){.kind = otherwise};
    return !name || instant_parse(name, instant, error) || error_prefix(error, "%s: ", option);
}

/* Headers show where it begins and ends themselves; "instant" is where it ends. */
static bool cut_interval(struct recording_argument *argument, struct error *error)
{
    struct instant from = {.kind = INSTANT_START}, to = argument->at;
    struct text text = {0};

    if (is_interval(argument) &&
        (!parse_end(argument->from, "--from", INSTANT_START, &from, error) ||
         !parse_end(argument->to, "--to", INSTANT_END, &to, error)))
        return false;
    argument->whole = argument->profile;
    argument->profile = interval_create(argument->whole, argument->reader, &from, &to, error);
    instant_print(&to, &text);
    free(argument->instant_text);
    argument->instant_text = text_take(&text);
    return argument->profile != NULL;
}

bool recording_argument_load(struct recording_argument *argument,
                             const struct option_operands *operands, const char *at,
                             const struct profile_options *options, struct error *error)
{
    struct profile_options watched = *options;

    watched.progress = argument->loading;
    if (!recording_argument_open(argument, operands, at, error))
        return false;
    bool is_mark = argument->instant == INSTANT_MARK;
    if (argument->instant == INSTANT_MARK && argument->takes_marks_as_snapshots) {
        if (!find_snapshot_of_mark(argument, error))
            return false;
    } else if (argument->instant == INSTANT_PEAK && argument->takes_marks_as_snapshots) {
        if (!find_snapshot_of_peak(argument, error))
            return false;
    } else if (is_mark && !argument->is_left_whole) {
        watched.mark = argument->mark;
    }
    argument->profile = profile_load(argument->reader, &watched, error);
    if (!argument->profile)
        return name_file_first(argument->path, error);
    if (argument->profile->info.is_torn && has_unnamed_frames(argument->profile))
        name_the_rest(argument, &watched);
    return !is_cut(argument) || cut_interval(argument, error) ||
           error_prefix(error, "%s: ", argument->path);
}

bool recording_argument_find_process(const struct recording_argument *argument, uint64_t id,
                                     uint32_t *position, struct error *error)
{
    *position = profile_find_process(argument->profile, id);
    return *position < argument->profile->process_count ||
           error_set(error, "--process: the recording has no process %llu", (unsigned long long)id);
}

void recording_argument_close(struct recording_argument *argument)
{
    profile_destroy(argument->profile);
    profile_destroy(argument->whole);
    recording_reader_close(argument->reader);
    free(argument->path);
    free(argument->instant_text);
    *argument = (struct recording_argument){0};
}
