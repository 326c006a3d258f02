/* Builds recordings for tests, without a target: processes, sites with stacks written as text, and
 * whatever else is wanted. Everything that a function returns may be changed until the recording is
 * written, and belongs to the builder.
 *
 * A stack is frames separated by ';', outermost first, each
 *     function@file:line!module
 * where "@file:line" and "!module" may be missing (no source known; the program itself), and the
 * function may be empty (no symbol). A '~' in front: inlined into the frame before it. Modules are
 * paths; "libc", "libstdc++" and "ld.so" stand for the usual ones. */
#ifndef SEEP_TESTS_PROFILE_BUILDER_H
#define SEEP_TESTS_PROFILE_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/profile.h"
#include "recording/recording_records.h"
#include "snapshot/snapshot.h"
#include "wire/function_kinds.h"

#define PROFILE_BUILDER_PROGRAM "/home/dev/demo/demo"

struct profile_builder;

struct profile_builder *profile_builder_create(void);
void profile_builder_destroy(struct profile_builder *builder);

/* Filled with: command "./demo --verbose", 2 s, complete. */
struct recording_session *profile_builder_session(struct profile_builder *builder);
struct recording_end *profile_builder_end(struct profile_builder *builder);
void profile_builder_set_unfinished(struct profile_builder *builder); /* no `end` record */

/* Ids count from 0. Filled with: pid 4000 + id, exit status 0, observed, glibc. */
struct recording_process *profile_builder_add_process(struct profile_builder *builder,
                                                      const char *executable);

/* Unless asked for, totals are the sums of the sites when the recording is written; these are the
 * sums now, and stay as the test leaves them. */
struct recording_totals *profile_builder_totals(struct profile_builder *builder, uint64_t process);

/* Filled with: as many events as the sites have calls. */
struct recording_quality *profile_builder_quality(struct profile_builder *builder,
                                                  uint64_t process);

/* Live is allocated - freed, and so is the peak until changed. */
struct recording_site *profile_builder_add_site(struct profile_builder *builder, uint64_t process,
                                                enum function_kind function, const char *stack,
                                                uint64_t allocations, uint64_t allocated_bytes,
                                                uint64_t frees, uint64_t freed_bytes);

struct recording_thread *profile_builder_add_thread(struct profile_builder *builder,
                                                    uint64_t process, const char *name);
struct recording_mapping_site *profile_builder_add_mapping(struct profile_builder *builder,
                                                           uint64_t process,
                                                           enum function_kind function,
                                                           const char *stack, uint64_t live_count,
                                                           uint64_t live_bytes);

/* The stack's node id, for records that are made by hand. */
uint64_t profile_builder_stack(struct profile_builder *builder, const char *stack);

/* Written as it is, after everything else. Texts and lists are borrowed until then. */
void profile_builder_add_record(struct profile_builder *builder, enum recording_kind kind,
                                const void *record);

/* Borrowed until the recording is written. */
void profile_builder_add_snapshot(struct profile_builder *builder, const struct snapshot *snapshot);

/* Writes and ends the program on failure. */
void profile_builder_write(struct profile_builder *builder, const char *path);

/* Writes into a temporary file and loads that; the path in the profile is "demo.seep". Caller owns
 * the profile. */
struct profile *profile_builder_load(struct profile_builder *builder);
struct profile *profile_builder_load_with(struct profile_builder *builder,
                                          const struct profile_options *options);

#endif
