/* What several JSON reports have in common: the words of the contract for frames and processes. */
#ifndef SEEP_REPORT_JSON_PARTS_H
#define SEEP_REPORT_JSON_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/diff.h"
#include "analysis/profile.h"
#include "report/json_stream.h"

/* Opens the report's object: schema ("seep/report"), its version, tool, complete, instant,
 * sampling, session, quality. */
void json_begin_report(struct json_stream *stream, const struct profile *profile,
                       const char *schema, const char *schema_version, const char *instant,
                       bool are_arguments_shown);

/* The keys of a process, into an object that is open. `process` is a position. */
void json_add_process(struct json_stream *stream, const struct profile *profile, uint32_t process,
                      bool are_arguments_shown);

/* {"count": ..., "bytes": ...} and what the bytes are: a metric's key. */
void json_add_omitted(struct json_stream *stream, const char *key, uint64_t count, uint64_t bytes,
                      const char *metric);

/* The recording that another is compared with. */
void json_add_base(struct json_stream *stream, const struct profile *profile, const char *instant,
                   bool are_arguments_shown);

/* How many rows of a difference are new, grown, ..., and by how much. */
void json_add_states(struct json_stream *stream, const uint64_t counts[DIFF_STATE_COUNT],
                     const int64_t changes[DIFF_STATE_COUNT]);

#endif
