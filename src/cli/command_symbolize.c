/* symbolize: adds names to a recording afterwards, in place of itself or into another file. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "analysis/late_names.h"
#include "base/file_cache.h"
#include "base/log.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/common_rows.h"
#include "cli/recording_argument.h"
#include "cli/terminal.h"
#include "recording/recording_copy.h"

struct values {
    bool is_everything;
    bool is_debuginfod_allowed;
    bool is_force;
    const char *output;
    struct option_texts debug_folders;
};

#define PLACE(field) .offset = offsetof(struct values, field)

/* clang-format off */
static const struct option_row rows[] = {
    ROW_DEBUG_FOLDERS("look for debug information here first (may be repeated)"),
    ROW_DEBUGINFOD,
    {.name = "all",
     .kind = OPTION_FLAG,
     PLACE(is_everything),
     .help = "look up all frames anew, also those that have a name and a line"},
    OPTION_OUTPUT(offsetof(struct values, output), OPTION_TYPED_ONLY,
                  "write the recording with names to FILE"
                  " (default: in place of the one that was read)"),
    OPTION_FORCE(offsetof(struct values, is_force), OPTION_TYPED_ONLY),
};
/* clang-format on */

static bool show_progress(void *context, uint32_t done, uint32_t wanted)
{
    bool *is_shown = context;

    fprintf(stderr, "\rseep: looking up names: %u of %u frames", done, wanted);
    fflush(stderr);
    *is_shown = true;
    return true;
}

static struct late_names *find_names(const struct invocation *invocation,
                                     const struct profile *profile, struct error *error)
{
    const struct values *values = invocation->values;
    bool is_progress_wanted = isatty(STDERR_FILENO) && !terminal_is_ci() &&
                              !invocation->common->is_quiet;
    bool is_shown = false;
    char *cache = file_cache_default_folder();
    const struct late_names_options options = {
        .symbols = {.debug_folders = values->debug_folders.items,
                    .debug_folder_count = values->debug_folders.count,
                    .is_debuginfod_allowed = values->is_debuginfod_allowed,
                    .is_line_wanted = true,
                    .cache_folder = cache},
        .scope = values->is_everything ? LATE_NAMES_ALL : LATE_NAMES_INCOMPLETE,
        .progress = is_progress_wanted ? show_progress : NULL,
        .context = &is_shown};
    struct late_names *names = late_names_find(profile, &options, error);

    free(cache);
    if (is_shown)
        fputs("\r\033[K", stderr);
    return names;
}

static bool write_copy(const struct values *values, const struct recording_argument *argument,
                       const struct late_names *names, struct error *error)
{
    const struct recording_copy_options options = {.path = values->output ? values->output
                                                                          : argument->path,
                                                   .is_force = values->is_force,
                                                   .keeps_mode = !values->output};
    struct recording_copy *copy = recording_copy_open(argument->reader, &options, error);
    bool is_written = copy && late_names_add(names, argument->reader, copy, error) &&
                      recording_copy_finish(copy, error);

    recording_copy_close(copy);
    return is_written;
}

static void print_module(const struct late_module *module)
{
    char number[UNITS_TEXT_BYTES], reason[sizeof((struct error *)NULL)->message];
    uint64_t rest = module->wanted_frames - module->improved_frames;

    if (!module->reason || (module->wanted_frames && !rest))
        return;
    text_make_safe(module->reason, reason, sizeof reason);
    if (module->wanted_frames)
        printf("  %s %s: %s\n", units_format_count(rest, number), rest == 1 ? "frame" : "frames",
               reason);
    else
        printf("  %s\n", reason);
}

/* What is better known now, and for each module that has no more, why. */
static void print_result(const char *path, const struct late_names *names, bool is_written)
{
    char improved[UNITS_TEXT_BYTES], wanted[UNITS_TEXT_BYTES], safe_path[4096];
    uint64_t wanted_count = 0, improved_count = 0;

    for (size_t i = 0; i < names->module_count; i++) {
        wanted_count += names->modules[i].wanted_frames;
        improved_count += names->modules[i].improved_frames;
    }
    text_make_safe(path, safe_path, sizeof safe_path);
    printf("%s: names for %s of the %s frames that were looked up%s\n", safe_path,
           units_format_count(improved_count, improved), units_format_count(wanted_count, wanted),
           is_written ? "" : "; left as it is");
    for (size_t i = 0; i < names->module_count; i++)
        print_module(&names->modules[i]);
}

static bool symbolize(const struct invocation *invocation, struct recording_argument *argument,
                      struct error *error)
{
    const struct values *values = invocation->values;
    struct late_names *names = find_names(invocation, argument->profile, error);
    bool is_written = names && (names->name_count || values->output);
    bool is_good = names && (!is_written || write_copy(values, argument, names, error));

    if (is_good && !invocation->common->is_quiet)
        print_result(values->output ? values->output : argument->path, names, is_written);
    late_names_destroy(names);
    return is_good;
}

static bool check(const struct invocation *invocation, const struct recording_argument *argument,
                  struct error *error)
{
    const struct values *values = invocation->values;

    if (argument->has_instant)
        return error_set(error, "symbolize: a recording gets names as a whole, not at an instant");
    if (!values->output && recording_reader_is_written(argument->reader))
        return error_set(error, "%s: it is still being recorded", argument->path);
    return true;
}

/* As it was recorded, without what other commands look up in torn recordings. */
static bool load(struct recording_argument *argument, const struct invocation *invocation,
                 struct error *error)
{
    if (!recording_argument_open(argument, &invocation->operands, NULL, error) ||
        !check(invocation, argument, error))
        return false;
    argument->profile = profile_load(argument->reader, &(struct profile_options){0}, error);
    return argument->profile != NULL;
}

static int run(const struct invocation *invocation)
{
    struct recording_argument argument = {0};
    struct error error;
    bool is_good;

    if (invocation->operands.count == 0) {
        log_error("symbolize: name the recording: seep symbolize FILE");
        return EXIT_TROUBLE;
    }
    is_good = load(&argument, invocation, &error) && symbolize(invocation, &argument, &error);
    if (!is_good)
        log_error("%s", error.message);
    recording_argument_close(&argument);
    return is_good ? 0 : EXIT_TROUBLE;
}

const struct command cli_command_symbolize = {
    .name = "symbolize",
    .summary = "add function names and lines to a recording afterwards",
    .synopsis = "[options] FILE",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .values_bytes = sizeof(struct values),
    .operands = OPERANDS_RECORDING,
    .most_operands = 1,
    .usage_status = EXIT_TROUBLE,
    .run = run,
};
