/* doctor: a self-check of the environment, and of a program that is to be recorded. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/doctor.h"
#include "cli/installation.h"
#include "cli/terminal.h"
#include "record/target_check.h"
#include "report/json_stream.h"

struct values {
    bool is_json;
};

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "json", .kind = OPTION_FLAG, .offset = offsetof(struct values, is_json),
     .help = "print JSON"},
};

static const struct check {
    const char *name; /* in JSON; never changes */
    const char *title;
    doctor_check *run;
} system_checks[] = {
    {"kernel",            "kernel",            doctor_check_kernel},
    {"clock",             "clock",             doctor_check_clock},
    {"shared_memory",     "shared memory",     doctor_check_shared_memory},
    {"fork_wiping",       "wiping at forks",   doctor_check_fork_wiping},
    {"own_memory",        "own memory",        doctor_check_own_memory},
    {"processes",         "processes",         doctor_check_processes},
    {"seccomp",           "system calls",      doctor_check_seccomp},
    {"address_space",     "address space",     doctor_check_address_space},
    {"open_files",        "open files",        doctor_check_open_files},
    {"file_size",         "size of files",     doctor_check_file_size},
    {"locked_memory",     "locked memory",     doctor_check_locked_memory},
    {"session_folder",    "session folder",    doctor_check_session_folder},
    {"recordings_folder", "recordings",        doctor_check_recordings_folder},
    {"container",         "container",         doctor_check_container},
    {"memory_limit",      "memory limit",      doctor_check_memory_limit},
    {"libc",              "C library",         doctor_check_libc},
    {"libc_symbols",      "libc symbols",      doctor_check_libc_symbols},
    {"debuginfod",        "debuginfod",        doctor_check_debuginfod},
    {"cache",             "cache",             doctor_check_cache},
    {"terminal",          "terminal",          doctor_check_terminal},
    {"preload",           "preload library",   doctor_check_preload},
    {"loader",            "dynamic loader",    doctor_check_loader},
    {"recording",         "trial",             doctor_check_recording},
}, program_checks[] = {
    {"kind",              "kind",              doctor_check_program_kind},
    {"privileges",        "privileges",        doctor_check_program_privileges},
    {"allocator",         "allocator",         doctor_check_program_allocator},
    {"build_id",          "build-id",          doctor_check_program_build_id},
    {"symbols",           "symbols",           doctor_check_program_symbols},
    {"recordable",        "verdict",           doctor_check_program_recordable},
};
/* clang-format on */

enum {
    SYSTEM_CHECK_COUNT = sizeof system_checks / sizeof system_checks[0],
    PROGRAM_CHECK_COUNT = sizeof program_checks / sizeof program_checks[0],
    TITLE_COLUMNS = 16
};

static const char *const states[] = {
    [DOCTOR_OK] = "ok", [DOCTOR_LIMITED] = "limited", [DOCTOR_MISSING] = "missing"};

void doctor_found(struct doctor_finding *finding, const char *format, ...)
{
    char line[2048], safe[sizeof line];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    text_make_safe(line, safe, sizeof safe);
    finding->value.count = 0;
    text_add(&finding->value, safe);
}

void doctor_complain(struct doctor_finding *finding, enum doctor_state state, const char *limits,
                     const char *fix)
{
    finding->state = state;
    text_add(&finding->limits, limits);
    text_add(&finding->fix, fix);
}

static void clear_finding(struct doctor_finding *finding)
{
    text_clear(&finding->value);
    text_clear(&finding->limits);
    text_clear(&finding->fix);
}

/* --- text ---------------------------------------------------------------------------------- */

static void print_state(enum doctor_state state, bool is_colour)
{
    static const char *const colours[] = {
        [DOCTOR_OK] = "32", [DOCTOR_LIMITED] = "33", [DOCTOR_MISSING] = "31"};

    if (is_colour)
        printf("\033[%sm%-7s\033[0m", colours[state], states[state]);
    else
        printf("%-7s", states[state]);
}

static void print_finding(const struct check *check, const struct doctor_finding *finding,
                          bool is_colour)
{
    print_state(finding->state, is_colour);
    printf("  %-*s  %s\n", TITLE_COLUMNS, check->title, text_get(&finding->value));
    if (finding->limits.count)
        printf("%*s%s\n", 9 + TITLE_COLUMNS + 2, "", text_get(&finding->limits));
    if (finding->fix.count)
        printf("%*sto mend it: %s\n", 9 + TITLE_COLUMNS + 2, "", text_get(&finding->fix));
}

/* --- JSON ---------------------------------------------------------------------------------- */

static json_t *text_or_null(const struct text *text)
{
    return json_text(text->count ? text_get(text) : NULL);
}

static void add_finding(struct json_stream *stream, const struct check *check,
                        const struct doctor_finding *finding)
{
    json_stream_begin_object(stream, NULL);
    json_stream_add(stream, "name", json_text(check->name));
    json_stream_add(stream, "state", json_text(states[finding->state]));
    json_stream_add(stream, "value", text_or_null(&finding->value));
    json_stream_add(stream, "limits", text_or_null(&finding->limits));
    json_stream_add(stream, "fix", text_or_null(&finding->fix));
    json_stream_end(stream);
}

static void begin_json(struct json_stream *stream)
{
    json_t *tool = json_object();

    json_object_set_new(tool, "name", json_string(PACKAGE_NAME));
    json_object_set_new(tool, "version", json_string(PACKAGE_VERSION));
    json_stream_init(stream, stdout);
    json_stream_begin_object(stream, NULL);
    json_stream_add(stream, "schema", json_string("seep/doctor"));
    json_stream_add(stream, "schema_version", json_string("1.0"));
    json_stream_add(stream, "tool", tool);
}

/* --- both ---------------------------------------------------------------------------------- */

struct visit {
    const struct doctor_subject *subject;
    struct json_stream *stream; /* NULL = text */
    bool is_colour;
    enum doctor_state worst;
};

static void run_checks(struct visit *visit, const struct check *checks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct doctor_finding finding = {0};

        checks[i].run(visit->subject, &finding);
        if (visit->stream)
            add_finding(visit->stream, &checks[i], &finding);
        else
            print_finding(&checks[i], &finding, visit->is_colour);
        if (finding.state > visit->worst)
            visit->worst = finding.state;
        clear_finding(&finding);
        fflush(stdout);
    }
}

static void print_program(const struct doctor_subject *subject)
{
    char safe[4096];

    text_make_safe(subject->script ? subject->script : subject->program, safe, sizeof safe);
    printf("\n%s", safe);
    text_make_safe(subject->program, safe, sizeof safe);
    printf(subject->script ? ", run by %s\n" : "\n", safe);
}

static void run_text(struct visit *visit)
{
    run_checks(visit, system_checks, SYSTEM_CHECK_COUNT);
    if (!visit->subject->program)
        return;
    print_program(visit->subject);
    run_checks(visit, program_checks, PROGRAM_CHECK_COUNT);
}

static void run_json(struct visit *visit)
{
    struct json_stream stream;

    visit->stream = &stream;
    begin_json(&stream);
    json_stream_begin_array(&stream, "checks");
    run_checks(visit, system_checks, SYSTEM_CHECK_COUNT);
    json_stream_end(&stream);
    if (visit->subject->program) {
        json_stream_begin_object(&stream, "program");
        json_stream_add(&stream, "path", json_text(visit->subject->program));
        json_stream_add(&stream, "script", json_text(visit->subject->script));
        json_stream_begin_array(&stream, "checks");
        run_checks(visit, program_checks, PROGRAM_CHECK_COUNT);
        json_stream_end(&stream);
        json_stream_end(&stream);
    } else {
        json_stream_add(&stream, "program", json_null());
    }
    json_stream_add(&stream, "state", json_text(states[visit->worst]));
    json_stream_end(&stream);
}

static int run_for(const struct invocation *invocation, const struct doctor_subject *subject)
{
    const struct values *values = invocation->values;
    struct visit visit = {.subject = subject,
                          .is_colour = terminal_has_colour(stdout, invocation->common)};

    if (values->is_json)
        run_json(&visit);
    else
        run_text(&visit);
    return visit.worst == DOCTOR_MISSING ? EXIT_MISSING : 0;
}

static int run(const struct invocation *invocation)
{
    const struct option_operands *operands = &invocation->operands;
    char *preload = installation_find_preload(&(struct error){0});
    char *program = operands->count ? target_check_find(operands->items[0]) : NULL;
    char *interpreter = program ? target_check_interpreter(program) : NULL;
    struct doctor_subject subject = {.preload = preload,
                                     .program = interpreter ? interpreter : program,
                                     .script = interpreter ? program : NULL};
    int status = EXIT_TROUBLE;

    if (operands->count && (!program || access(program, R_OK) != 0))
        log_error("%s: there is no such program, or it cannot be read", operands->items[0]);
    else
        status = run_for(invocation, &subject);
    free(preload);
    free(program);
    free(interpreter);
    return status;
}

const struct command cli_command_doctor = {
    .name = "doctor",
    .summary = "check whether this system, and a program, can be recorded",
    .synopsis = "[options] [PROGRAM]",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .values_bytes = sizeof(struct values),
    .operands = OPERANDS_EXECUTABLE,
    .most_operands = 1,
    .usage_status = EXIT_TROUBLE,
    .run = run,
};
