/* What several exports have in common: the sites that were asked for, and their stacks as lines. */
#ifndef SEEP_REPORT_EXPORT_PARTS_H
#define SEEP_REPORT_EXPORT_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "report/export.h"

/* Positions in profile.sites, in their order there. */
struct export_sites {
    uint32_t *positions;
    size_t count;
};

/* The sites of the process(es) that pass the filter. Clear after use, also after a failure. */
bool export_sites_select(const struct profile *profile, const struct export_options *options,
                         struct export_sites *sites, struct error *error);
void export_sites_clear(struct export_sites *sites);

/* A stack, innermost line first; inlined functions are lines of their own. */
struct export_line {
    const struct profile_frame *frame;
    const struct profile_location *location;
};

struct export_stack {
    struct export_line *lines;
    size_t count;
    size_t capacity;
};

/* Reads into `stack`, whose room is used again. Zero it before the first; clear it at the end. */
void export_stack_read(struct export_stack *stack, const struct profile *profile, uint32_t node);
void export_stack_clear(struct export_stack *stack);

/* Does the process take part? */
bool export_has_process(const struct export_options *options, uint32_t process);

/* How many processes with sites take part: with several, exports keep them apart by name. */
size_t export_process_count(const struct profile *profile, const struct export_options *options);

/* For formats that hold one process: the one that was asked for, or the only one with sites. */
bool export_choose_process(const struct profile *profile, const struct export_options *options,
                           const char *format, uint32_t *process, struct error *error);

/* "python3 (pid 4711)", made harmless. */
void export_add_process_name(struct text *out, const struct profile_process *process);

/* The command line of the session, or its program alone; made harmless. */
void export_add_command(struct text *out, const struct profile *profile,
                        const struct export_options *options);

/* `name` made harmless, with each of `forbidden` replaced by `instead`. */
void export_add_name(struct text *out, const char *name, const char *forbidden, char instead);

#endif
