/* system and popen: they start a shell with the environment as the program has it, through calls
 * inside libc that nothing can replace. Where the program took our entry out of LD_PRELOAD, the
 * command becomes one that puts it back: `LD_PRELOAD=ours exec sh -c 'command'`, so that neither
 * the program's environment nor the number of processes changes; only that first shell is not seen.
 */
#include <paths.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload/exec_check.h"
#include "preload/export.h"
#include "preload/lifecycle.h"
#include "preload/raw_syscall.h"
#include "preload/real_functions.h"
#include "preload/session_link.h"

#include <sys/mman.h>

/* Between single quotes; each quote becomes four bytes. */
static char *append_quoted(char *at, const char *text)
{
    *at++ = '\'';
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            memcpy(at, "'\\''", 4);
            at += 4;
        } else {
            *at++ = *text;
        }
    }
    *at++ = '\'';
    return at;
}

static char *append_text(char *at, const char *text)
{
    size_t length = strlen(text);
    memcpy(at, text, length);
    return at + length;
}

struct shell_command {
    const char *text; /* what the shell is to run */
    char *room;       /* NULL = it is the program's own text */
    size_t room_bytes;
};

/* A command that begins with '-' would be an option of the inner shell: left as it is. */
static bool needs_entry(const char *command)
{
    return command != NULL && command[0] != '-' && lifecycle_tells() &&
           exec_check_file(_PATH_BSHELL) == WIRE_EXEC_FOLLOWED &&
           !exec_environment_has_library(environ);
}

static struct shell_command prepare(const char *command)
{
    struct shell_command prepared = {.text = command};
    lifecycle_ensure();
    if (session == NULL || !needs_entry(command))
        return prepared;
    const char *users = getenv("LD_PRELOAD");
    size_t bytes = 4 * (strlen(command) + (users != NULL ? strlen(users) : 0)) +
                   strlen(session_link_library_path()) + 128;
    char *room = raw_mmap(bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (room == NULL)
        return prepared;
    char *at = append_text(room, "LD_PRELOAD=");
    at = append_text(at, session_link_library_path());
    if (users != NULL && users[0] != '\0') {
        *at++ = ':';
        at = append_quoted(at, users);
    }
    at = append_text(at, " exec " _PATH_BSHELL " -c ");
    at = append_quoted(at, command);
    at = append_text(at, " sh"); /* what messages of the shell begin with */
    *at = '\0';
    return (struct shell_command){room, room, bytes};
}

static void finish(const struct shell_command *prepared)
{
    if (prepared->room != NULL)
        raw_munmap(prepared->room, prepared->room_bytes);
}

EXPORT int system(const char *command)
{
    struct shell_command prepared = prepare(command);
    int result = real.system(prepared.text);
    finish(&prepared);
    return result;
}

EXPORT FILE *popen(const char *command, const char *mode)
{
    struct shell_command prepared = prepare(command);
    FILE *stream = real.popen(prepared.text, mode);
    finish(&prepared);
    return stream;
}
