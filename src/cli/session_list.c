#include "config.h"

#include "cli/session_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "report/json_stream.h"
#include "report/page.h"

enum {
    COMMAND_BYTES = 4096,
    TITLE_ROWS = 6 /* processes whose numbers are told */
};

void session_list_find(struct session_list *list)
{
    list->sessions = running_session_list(&list->count);
}

void session_list_clear(struct session_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        running_session_close(&list->sessions[i]);
    free(list->sessions);
    *list = (struct session_list){0};
}

/* A process's command line as the kernel has it, its words one after the other, each ended by NUL;
 * its length. */
static size_t read_command(uint32_t pid, char text[COMMAND_BYTES + 1])
{
    char path[64];
    size_t length;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%u/cmdline", pid);
    file = fopen(path, "re");
    length = file ? fread(text, 1, COMMAND_BYTES, file) : 0;
    if (file)
        fclose(file);
    text[length] = '\0';
    return length;
}

static void print_command(uint32_t pid, bool are_arguments_shown, struct text *out)
{
    char text[COMMAND_BYTES + 1];
    size_t length = read_command(pid, text);

    if (length == 0)
        text_add(out, "(ended)");
    for (const char *word = text; word < text + length; word += strlen(word) + 1) {
        text_print(out, word == text ? "%s" : " %s", word);
        if (!are_arguments_shown)
            break;
    }
}

void session_list_describe(const struct running_session *session, bool are_arguments_shown,
                           struct text *out)
{
    uint32_t command = session->header->command_pid;
    char *path = running_session_path(session);
    size_t count;
    uint32_t *pids = running_session_processes(session, &count);

    print_command(command, are_arguments_shown, out);
    text_print(out, "  (pid %u", command);
    for (size_t i = 0, told = 0; i < count; i++)
        if (pids[i] != command && ++told <= TITLE_ROWS)
            text_print(out, told == TITLE_ROWS ? ", ..." : ", %u", pids[i]);
    text_print(out, ")  %s", path ? path : "not written yet");
    free(pids);
    free(path);
}

void session_list_write_text(const struct session_list *list, bool are_arguments_shown, FILE *out)
{
    struct text line = {0}, safe = {0};

    for (size_t i = 0; i < list->count; i++) {
        session_list_describe(&list->sessions[i], are_arguments_shown, &line);
        page_make_safe(&safe, text_get(&line));
        fprintf(out, "%s\n", text_get(&safe));
        text_clear(&line);
        text_clear(&safe);
    }
}

static void add_command(struct json_stream *stream, uint32_t pid, bool are_arguments_shown)
{
    char text[COMMAND_BYTES + 1];
    size_t length = read_command(pid, text);
    json_t *words = length ? json_array() : NULL;

    for (const char *word = text; word < text + length; word += strlen(word) + 1)
        if (word == text || are_arguments_shown)
            json_array_append_new(words, json_text(word));
    json_stream_add(stream, "command", words);
}

static void add_session(struct json_stream *stream, const struct running_session *session,
                        bool are_arguments_shown)
{
    size_t count;
    uint32_t *pids = running_session_processes(session, &count);
    char *path = running_session_path(session);
    json_t *numbers = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(numbers, json_number(pids[i]));
    json_stream_begin_object(stream, NULL);
    json_stream_add_number(stream, "recorder_pid", (uint64_t)session->recorder);
    json_stream_add_number(stream, "pid", session->header->command_pid);
    add_command(stream, session->header->command_pid, are_arguments_shown);
    json_stream_add(stream, "recording", json_text(path));
    json_stream_add(stream, "pids", numbers);
    json_stream_end(stream);
    free(path);
    free(pids);
}

void session_list_write_json(const struct session_list *list, bool are_arguments_shown, FILE *out)
{
    json_t *tool = json_object();
    struct json_stream stream;

    json_stream_init(&stream, out);
    json_stream_begin_object(&stream, NULL);
    json_stream_add(&stream, "schema", json_string("seep/sessions"));
    json_stream_add(&stream, "schema_version", json_string("1.0"));
    json_object_set_new(tool, "name", json_string(PACKAGE_NAME));
    json_object_set_new(tool, "version", json_string(PACKAGE_VERSION));
    json_stream_add(&stream, "tool", tool);
    json_stream_begin_array(&stream, "sessions");
    for (size_t i = 0; i < list->count; i++)
        add_session(&stream, &list->sessions[i], are_arguments_shown);
    json_stream_end(&stream);
    json_stream_end(&stream);
}
