/* help: the manual page on a terminal, the built-in text otherwise; and the JSON Schemas. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/installation.h"
#include "cli/terminal.h"

/* Runs `man` on the page of seep-NAME. False when there is no man, or no page. */
static bool show_manual(const char *name)
{
    char *page = memory_print_text("seep-%s", name);
    char *in_source = memory_print_text("man/%s.1", page);
    char *path = installation_find_in_source(in_source);
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(127);
        if (path)
            execlp("man", "man", "-l", path, (char *)NULL);
        else
            execlp("man", "man", "1", page, (char *)NULL);
        _exit(127);
    }
    if (pid > 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
    free(path);
    free(in_source);
    free(page);
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int print_text(struct text *text)
{
    fputs(text_get(text), stdout);
    text_clear(text);
    return 0;
}

static int help_overview(void)
{
    struct text text = {0};

    command_print_overview(&text);
    return print_text(&text);
}

static int help_command(const char *name)
{
    const struct command *command = command_find(name);
    struct text text = {0};

    if (!command) {
        log_error("there is no command \"%s\" (\"seep help\" lists them)", name);
        return EXIT_TROUBLE;
    }
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !terminal_is_ci() && show_manual(name))
        return 0;
    command_print_help(command, &text);
    return print_text(&text);
}

static int print_file(const char *path)
{
    char bytes[8192];
    size_t count;
    FILE *file = fopen(path, "re");
    bool is_good;

    if (!file) {
        log_error("cannot read %s: %s", path, strerror(errno));
        return EXIT_TROUBLE;
    }
    while ((count = fread(bytes, 1, sizeof bytes, file)) > 0)
        fwrite(bytes, 1, count, stdout);
    is_good = !ferror(file);
    fclose(file);
    return is_good ? 0 : EXIT_TROUBLE;
}

static int help_schema(const char *name)
{
    char *file;
    char *path = NULL;
    int status = EXIT_TROUBLE;

    if (strspn(name, "abcdefghijklmnopqrstuvwxyz-") != strlen(name)) {
        log_error("there is no schema \"%s\"", name);
        return EXIT_TROUBLE;
    }
    file = memory_print_text("seep-%s.json", name);
    path = installation_find_schema(file);
    if (path)
        status = print_file(path);
    else
        log_error("there is no schema \"%s\" (schemas are in %s)", name, SEEP_SCHEMA_FOLDER);
    free(path);
    free(file);
    return status;
}

static int run(const struct invocation *invocation)
{
    const struct option_operands *operands = &invocation->operands;

    if (operands->count == 0)
        return help_overview();
    if (strcmp(operands->items[0], "schema") == 0) {
        if (operands->count == 2)
            return help_schema(operands->items[1]);
        log_error("usage: seep help schema NAME");
        return EXIT_TROUBLE;
    }
    if (operands->count == 1)
        return help_command(operands->items[0]);
    log_error("usage: seep help %s", cli_command_help.synopsis);
    return EXIT_TROUBLE;
}

const struct command cli_command_help = {
    .name = "help",
    .summary = "explain a command, or print a JSON Schema",
    .synopsis = "[COMMAND | schema NAME]",
    .operands = OPERANDS_TOPIC,
    .most_operands = 2,
    .usage_status = EXIT_TROUBLE,
    .run = run,
};
