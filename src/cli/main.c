/* seep: where a program's memory goes, and why it stays.
 *
 * Finds the command, gathers its options, runs it, and sees that what it printed has arrived. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/config_file.h"
#include "cli/nearest_name.h"

/* Descriptors 0 to 2 that were closed must not become files of ours. What stands in refuses reading
 * or writing as a closed one would, and a started program finds them closed, as we did. */
static void keep_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            open("/dev/null", (fd == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
}

/* A full disk must not pass for success. */
static int finish_output(int status)
{
    bool is_written = !ferror(stdout);

    errno = 0;
    if (fflush(stdout) == 0 && is_written)
        return status;
    if (!is_written && status == EXIT_TROUBLE)
        return status; /* who wrote has told */
    log_error("cannot write to standard output: %s", errno ? strerror(errno) : "a write failed");
    return EXIT_TROUBLE;
}

static bool is_program(const char *word)
{
    const char *folders = getenv("PATH");
    bool is_found = false;

    if (strchr(word, '/'))
        return access(word, X_OK) == 0;
    char *copy = memory_duplicate_text(folders ? folders : "");
    char *rest = copy;
    for (char *folder; !is_found && (folder = strsep(&rest, ":"));) {
        char *path = memory_print_text("%s/%s", *folder ? folder : ".", word);
        struct stat about;
        is_found = stat(path, &about) == 0 && S_ISREG(about.st_mode) && access(path, X_OK) == 0;
        free(path);
    }
    free(copy);
    return is_found;
}

static int fail_unknown_command(const char *word)
{
    struct nearest_name nearest;

    nearest_name_init(&nearest, word);
    for (size_t i = 0; command_at(i); i++)
        nearest_name_offer(&nearest, command_at(i)->name);
    if (word[0] == '-')
        log_error("the command comes before its options (\"seep help\" lists commands)");
    else if (nearest.best)
        log_error("there is no command \"%s\"; did you mean \"%s\"?", word, nearest.best);
    else if (command_is_known("run") && is_program(word))
        log_error("there is no command \"%s\"; to record the program: seep run -- %s", word, word);
    else
        log_error("there is no command \"%s\" (\"seep help\" lists them)", word);
    return EXIT_TROUBLE;
}

static int fail_usage(const struct command *command, const struct error *error)
{
    log_error("%s: %s (\"seep help %s\" lists the options)", command->name, error->message,
              command->name);
    if (command->last_line)
        fprintf(stderr, "%s\n", command->last_line);
    return command->usage_status;
}

static int print_help(const struct command *command)
{
    struct text text = {0};

    command_print_help(command, &text);
    fputs(text_get(&text), stdout);
    text_clear(&text);
    return 0;
}

/* Typed options are scanned first, as they say which files to read, and applied last. */
static bool read_options(struct option_binding bindings[2], struct invocation *invocation,
                         struct common_values *common, int word_count, char **words,
                         struct config *config, struct error *error)
{
    const struct command *command = invocation->command;
    struct option_assignments list = {0};
    struct config_request request = {.command = command->name,
                                     .bindings = bindings,
                                     .binding_count = 2,
                                     .is_command = command_is_known,
                                     .is_option_of_any = command_is_option_of_any};
    bool is_good;

    is_good = options_scan(bindings, 2, command->operands == OPERANDS_PROGRAM, word_count, words,
                           &list, &invocation->operands, error) &&
              options_apply(&list, error);
    request.file = common->config;
    request.is_without_files = common->is_without_config;
    if (is_good && !common->is_help)
        is_good = config_read(config, &request, &list, error) && options_apply(&list, error);
    free(list.items);
    return is_good;
}

static int run_command(const struct command *command, int word_count, char **words)
{
    struct common_values common = {0};
    void *values = memory_allocate_zeroed(1, command->values_bytes);
    struct option_binding bindings[] = {{command->options, values},
                                        {command_common_options, &common}};
    struct invocation invocation = {.command = command, .values = values, .common = &common};
    struct config config = {0};
    struct error error;
    int status;

    if (!read_options(bindings, &invocation, &common, word_count, words, &config, &error)) {
        status = fail_usage(command, &error);
    } else if (common.is_help) {
        status = print_help(command);
    } else if (command->operands != OPERANDS_PROGRAM &&
               invocation.operands.count > command->most_operands) {
        error_set(&error, "\"%s\" is one word too many",
                  invocation.operands.items[command->most_operands]);
        status = fail_usage(command, &error);
    } else {
        log_set_quiet(common.is_quiet);
        log_set_verbose(common.is_verbose);
        status = command->run(&invocation);
    }
    options_clear_values(command->options, values);
    config_clear(&config);
    free(values);
    return status;
}

int main(int word_count, char **words)
{
    static char help_word[] = "help";
    const struct command *command;
    struct text overview = {0};

    keep_standard_descriptors();
    setlocale(LC_CTYPE, "");
    if (word_count < 2) {
        command_print_overview(&overview);
        fputs(text_get(&overview), stderr);
        text_clear(&overview);
        return EXIT_TROUBLE;
    }
    if (strcmp(words[1], "--version") == 0 || strcmp(words[1], "-V") == 0) {
        puts("seep " PACKAGE_VERSION);
        return finish_output(0);
    }
    if (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0)
        words[1] = help_word;
    command = command_find(words[1]);
    if (!command)
        return fail_unknown_command(words[1]);
    /* A reader that has seen enough ends us quietly, also where SIGPIPE came ignored; a recorded
     * program, though, starts with the signals that we were given. */
    if (!command->is_launching)
        signal(SIGPIPE, SIG_DFL);
    return finish_output(run_command(command, word_count - 1, words + 1));
}
