#include "config.h"

#include "cli/check_subjects.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/gate_baseline_text.h"
#include "analysis/gate_scans.h"
#include "base/file_cache.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/installation.h"
#include "record/recorder.h"
#include "recording/recording_format.h"

enum {
    MOST_TEXT_BYTES = 1 << 28
};

/* ---- recordings ---- */

static void find_scans(struct check_subject *subject, const struct suppressions *suppressions)
{
    const struct leak_report_options options = {.suppressions = suppressions,
                                                .process = QUERY_ALL_PROCESSES,
                                                .snapshot = LEAK_REPORT_DEFAULT,
                                                .since = LEAK_REPORT_NONE};
    const struct profile *profile = subject->argument.profile;
    struct error error;

    subject->has_leaks = leak_report_build(profile, subject->argument.reader, &options,
                                           &subject->leaks, &error);
    /* Nothing is known of leaks then, which is inconclusive; why is known. */
    if (!subject->has_leaks && !profile_is_sampled(profile))
        log_error("%s: %s", subject->argument.path, error.message);
    subject->scans = gate_scans_make(profile, subject->has_leaks ? &subject->leaks : NULL);
}

static void close_subject(struct check_subject *subject)
{
    if (subject->has_leaks)
        leak_report_clear(&subject->leaks);
    for (size_t i = 0; subject->growths && i < subject->argument.profile->process_count; i++)
        growth_clear(&subject->growths[i]);
    free(subject->growths);
    free(subject->scans);
    recording_argument_close(&subject->argument);
    if (subject->temporary)
        unlink(subject->temporary);
    free(subject->temporary);
}

void check_subjects_clear(struct check_subjects *subjects)
{
    for (size_t i = 0; i < subjects->count; i++)
        close_subject(&subjects->items[i]);
    free(subjects->items);
    *subjects = (struct check_subjects){0};
}

void check_subjects_find_growth(struct check_subjects *subjects)
{
    for (size_t i = 0; i < subjects->count; i++) {
        struct check_subject *subject = &subjects->items[i];
        const struct profile *profile = subject->argument.profile;
        struct snapshot_list snapshots = {0};

        snapshot_list_read(&snapshots, subject->argument.reader, NULL);
        subject->growths = memory_allocate_zeroed(profile->process_count, sizeof *subject->growths);
        for (uint32_t j = 0; j < profile->process_count; j++) {
            growth_find(profile, subject->argument.reader, &snapshots, j, &subject->growths[j]);
            subject->scans[j].growth = &subject->growths[j];
        }
        snapshot_list_clear(&snapshots);
    }
}

static bool add_recording(struct check_subjects *subjects, char *path,
                          const struct suppressions *suppressions, struct error *error)
{
    const struct option_operands operand = {.items = &path, .count = 1};
    struct check_subject subject = {0};

    if (!recording_argument_load(&subject.argument, &operand, NULL, &(struct profile_options){0},
                                 error)) {
        recording_argument_close(&subject.argument);
        return false;
    }
    subjects->items = memory_grow(subjects->items, &subjects->capacity, subjects->count + 1,
                                  sizeof *subjects->items);
    subjects->items[subjects->count++] = subject;
    find_scans(&subjects->items[subjects->count - 1], suppressions);
    return true;
}

static int is_recording_name(const struct dirent *entry)
{
    return text_ends_with(entry->d_name, ".seep");
}

static bool add_folder(struct check_subjects *subjects, const char *folder,
                       const struct suppressions *suppressions, struct error *error)
{
    struct dirent **names;
    int count = scandir(folder, &names, is_recording_name, alphasort);
    bool is_good = count > 0 || (count == 0 ? error_set(error, "%s: no recordings in it", folder)
                                            : error_set_errno(error, errno, "%s", folder));

    for (int i = 0; i < count; i++) {
        char *path = memory_print_text("%s/%s", folder, names[i]->d_name);

        is_good = is_good && add_recording(subjects, path, suppressions, error);
        free(path);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return is_good;
}

bool check_subjects_add(struct check_subjects *subjects, char *path,
                        const struct suppressions *suppressions, struct error *error)
{
    struct stat about;

    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
        return add_folder(subjects, path, suppressions, error);
    return add_recording(subjects, path, suppressions, error);
}

/* ---- baselines ---- */

char *check_subjects_read_file(const char *path, struct error *error)
{
    FILE *in = fopen(path, "re");
    struct text text = {0};
    char bytes[1 << 14];
    size_t count;
    bool is_good;

    if (!in) {
        error_set_errno(error, errno, "cannot read %s", path);
        return NULL;
    }
    while ((count = fread(bytes, 1, sizeof bytes, in)) > 0 && text.count <= MOST_TEXT_BYTES)
        text_add_bytes(&text, bytes, count);
    is_good = !ferror(in) || error_set_errno(error, errno, "cannot read %s", path);
    if (is_good && (text.count > MOST_TEXT_BYTES || strlen(text_get(&text)) != text.count))
        is_good = error_set(error, "cannot read %s: it is no text", path);
    fclose(in);
    if (is_good)
        return text_take(&text);
    text_clear(&text);
    return NULL;
}

/* '{' of JSON, '#' of a baseline's first line; recordings begin otherwise. */
static int first_byte(const char *path)
{
    FILE *in = fopen(path, "re");
    int byte = in ? fgetc(in) : EOF;

    while (byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r')
        byte = fgetc(in);
    if (in)
        fclose(in);
    return byte;
}

static bool read_text(const char *path, struct gate_baseline *baseline, struct error *error)
{
    char *text = check_subjects_read_file(path, error);
    bool is_good = text != NULL;

    if (is_good && gate_baseline_is_text(text))
        is_good = gate_baseline_read_text(baseline, text, path, error);
    else if (is_good && first_byte(path) == '{')
        is_good = gate_baseline_read_json(baseline, text, path, error);
    else if (is_good)
        is_good = error_set(error, "%s: it is no baseline", path);
    free(text);
    return is_good;
}

bool check_subjects_read_baseline(struct check_subjects *subjects, char *path,
                                  const struct suppressions *suppressions,
                                  struct gate_baseline *baseline, struct error *error)
{
    size_t first = subjects->count;
    int byte = first_byte(path);

    if (byte == '{' || byte == '#')
        return read_text(path, baseline, error);
    if (!check_subjects_add(subjects, path, suppressions, error))
        return false;
    for (size_t i = first; i < subjects->count; i++)
        gate_baseline_add_profile(baseline, subjects->items[i].argument.profile,
                                  subjects->items[i].scans);
    return true;
}

bool check_subjects_read_old_baseline(const char *path, struct gate_baseline *baseline,
                                      struct error *error)
{
    struct stat about;

    if (stat(path, &about) != 0 && errno == ENOENT)
        return true;
    if (stat(path, &about) == 0 && S_ISREG(about.st_mode) && about.st_size == 0)
        return true;
    if (first_byte(path) != '#')
        return error_set(error, "%s: --update-baseline replaces what it wrote, nothing else", path);
    return read_text(path, baseline, error);
}

/* ---- a command ---- */

/* Where no output is wanted: a name of our own that is free. Caller frees. */
static char *choose_temporary(struct error *error)
{
    const char *folder = getenv("TMPDIR");
    char *path = memory_print_text("%s/seep-check.XXXXXX.seep",
                                   folder && *folder ? folder : "/tmp");
    int fd = mkostemps(path, strlen(".seep"), O_CLOEXEC);

    if (fd < 0) {
        error_set_errno(error, errno, "cannot create %s", path);
        free(path);
        return NULL;
    }
    close(fd);
    unlink(path); /* the recorder makes it anew, never over a file */
    return path;
}

/* "kept.seep", "kept.2.seep". Caller frees. */
static char *number_output(const char *output, unsigned number, unsigned count)
{
    size_t length = strlen(output);
    size_t end = text_ends_with(output, ".seep") ? length - strlen(".seep") : length;

    if (count == 1)
        return memory_duplicate_text(output);
    return memory_print_text("%.*s.%u%s", (int)end, output, number, output + end);
}

bool check_subjects_run(struct check_subjects *subjects, char *const *command, const char *output,
                        unsigned number, unsigned count, const struct suppressions *suppressions,
                        struct command_outcome *outcome, bool *is_recorded, struct error *error)
{
    struct record_outcome recorded = {0};
    char *preload = installation_find_preload(error);
    char *path = !preload ? NULL
                 : output ? number_output(output, number, count)
                          : choose_temporary(error);
    char *cache = file_cache_default_folder();
    struct record_options options = {.command = command,
                                     .output = path,
                                     .follow = RECORD_FOLLOW_ALL,
                                     .is_best_effort = true, /* not observed is a verdict, too */
                                     .preload_path = preload,
                                     .cache_folder = cache};
    bool is_good = path && recorder_run(&options, &recorded, error);

    if (is_good) {
        *outcome = recorded.command;
        *is_recorded = recorded.path != NULL;
        if (recorded.late_error.message[0])
            log_error("%s", recorded.late_error.message);
        is_good = !recorded.path || add_recording(subjects, recorded.path, suppressions, error);
    }
    if (is_good && recorded.path && !output)
        subjects->items[subjects->count - 1].temporary = memory_duplicate_text(recorded.path);
    else if (recorded.path && !output)
        unlink(recorded.path);
    free(recorded.path);
    free(path);
    free(cache);
    free(preload);
    return is_good;
}
