/* The sessions that run on this machine, and that whoever asks may look at. */
#ifndef SEEP_CLI_SESSION_LIST_H
#define SEEP_CLI_SESSION_LIST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/text.h"
#include "record/running_session.h"

struct session_list {
    struct running_session *sessions; /* by the recorder's number */
    size_t count;
};

/* Clear after use. */
void session_list_find(struct session_list *list);
void session_list_clear(struct session_list *list);

/* A line about one: what was started, its processes, where the recording is. Foreign. */
void session_list_describe(const struct running_session *session, bool are_arguments_shown,
                           struct text *out);

void session_list_write_text(const struct session_list *list, bool are_arguments_shown, FILE *out);
void session_list_write_json(const struct session_list *list, bool are_arguments_shown, FILE *out);

#endif
