/* What the parts of profile_load share: the profile under construction and how much of each array
 * is in use.
 *
 * Loading is a handful of passes, one a kind of record, in the order in which they refer to each
 * other, so that every reference can be checked when it is read. Nothing is allocated per record:
 * arrays double, texts and lists go into the arena.
 *
 * Ids are dense where the writer is ours, so tables are arrays indexed by id. A forged id may not
 * make such an array larger than the file warrants: an id must be below a small multiple of the
 * records seen so far. */
#ifndef SEEP_ANALYSIS_PROFILE_LOADER_H
#define SEEP_ANALYSIS_PROFILE_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/key_table.h"
#include "analysis/profile.h"
#include "base/error.h"
#include "recording/recording_reader.h"
#include "recording/recording_records.h"

struct arena;
struct progress;

struct profile_loader {
    struct profile *profile;
    struct arena *arena; /* the profile's */
    struct recording_reader *reader;
    const struct late_names *names; /* NULL = none */
    const char *mark;               /* NULL = the end */
    bool is_brief;

    const struct progress *progress; /* NULL = nobody asks */
    uint64_t bytes;                  /* of the records that are read */
    double share_done, share_now;    /* of all: before this visit, and what it takes */
    bool is_stopped;

    const char **strings; /* by id; NULL = no such record */
    size_t string_count, string_capacity, string_records;

    size_t module_capacity, module_records;
    size_t frame_capacity, frame_records;
    size_t location_capacity;
    size_t node_capacity, node_records;
    size_t process_capacity, site_capacity, thread_capacity;
    size_t sample_capacity, mapping_capacity, misuse_capacity, mark_capacity;

    struct profile_tail_calls *tail_calls; /* profile_tail_calls.c */

    struct key_table keys;           /* of the table that is being filled */
    struct key_table inherited_keys; /* of sites that are not among them */
    bool has_end;
    struct recording_end end;
};

/* The parts, in their order. Only running out of numbers for locations fails. */
void profile_load_session(struct profile_loader *loader);
bool profile_load_code(struct profile_loader *loader, struct error *error);
void profile_load_processes(struct profile_loader *loader);
void profile_load_order(struct profile_loader *loader); /* sorts, and links processes to parts */

/* Behind nodes and frames: what their functions' jumps left out is put back. */
void profile_load_tail_calls(struct profile_loader *loader);
void profile_loader_forget_tail_calls(struct profile_loader *loader);

/* How many nodes the recording has; and where one of them is now, for a stack on which `function`
 * was called (FUNCTION_NONE = not known). */
size_t profile_loader_node_count(const struct profile_loader *loader);
uint32_t profile_loader_find_node(struct profile_loader *loader, uint32_t node,
                                  enum function_kind function);

/* Visits the records of a kind with the loader as context. A chunk with malformed content is damage
 * like any other: what was read before it stands. */
void profile_loader_visit(struct profile_loader *loader, enum recording_kind kind,
                          recording_visit visit);
/* The same, for records that belong to the table of the visit before. */
void profile_loader_visit_more(struct profile_loader *loader, enum recording_kind kind,
                               recording_visit visit);

/* The same by recording_reader_visit_numbers. */
void profile_loader_visit_numbers(struct profile_loader *loader, enum recording_kind kind,
                                  recording_visit_numbers visit);

/* The array is full, or not there yet: room for as many more as this visit's records will probably
 * need, so that it is not copied again and again. At least one; at most some times as many as there
 * are. */
void *profile_loader_make_room(struct profile_loader *loader, void *items, size_t *capacity,
                               size_t item_bytes);

/* Is the profile still wanted? Asks where `share` of what this part takes is done. */
bool profile_loader_reaches(struct profile_loader *loader, double share);

/* Counts a reference that leads nowhere. True: go on. */
bool profile_loader_drop(struct profile_loader *loader);

/* May a table have this id after so many records? */
bool profile_loader_is_plausible(uint64_t id, size_t records);

/* Grows an array so that position `id` exists; what is new is zero. */
void *profile_loader_grow(void *items, size_t *count, size_t *capacity, uint64_t id,
                          size_t item_bytes);

/* Makes `record` (a copy of the struct that a visit got, or zeroes) independent of the reader: what
 * it points to moves into the arena. */
void profile_loader_own(struct profile_loader *loader, enum recording_kind kind, void *record);

/* Everything is loaded, and not yet in order: what is not of the mark that was asked for goes. */
bool profile_load_mark(struct profile_loader *loader, struct error *error);

/* The same for one list. One whose length is not a multiple of its group loses the rest. */
void profile_loader_own_list(struct profile_loader *loader, struct recording_list *list,
                             size_t group);

#endif
