/* Stacks in JSON. The same frames stand on many of them: each is put into words once. */
#ifndef SEEP_REPORT_JSON_STACKS_H
#define SEEP_REPORT_JSON_STACKS_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"
#include "report/json_stream.h"

struct json_stacks {
    const struct profile *profile;
    char **texts; /* by location; NULL = not met yet */
    size_t kept_bytes;
};

/* Clear after use; the profile must outlive it. */
void json_stacks_init(struct json_stacks *stacks, const struct profile *profile);
void json_stacks_clear(struct json_stacks *stacks);

/* An array of frames, innermost first. */
void json_stacks_add(struct json_stacks *stacks, struct json_stream *stream, const char *key,
                     uint32_t node);

/* "fingerprint" and "stack" of a site, by its position in the profile; null, and an empty array,
 * where nobody recorded it. */
void json_stacks_add_site(struct json_stacks *stacks, struct json_stream *stream, uint32_t site);

#endif
