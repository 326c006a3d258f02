/* A recording, loaded: what reports, queries and views ask. Read-only after profile_load.
 *
 * Everything is an array; ids are positions in them. Texts are borrowed from the profile. */
#ifndef SEEP_ANALYSIS_PROFILE_H
#define SEEP_ANALYSIS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "recording/recording_reader.h"
#include "recording/recording_records.h"
#include "wire/function_kinds.h"

struct arena;
struct progress;

/* Is it own code (own_code.h)? Names tell, and all tables ask again and again. */
enum profile_owner {
    PROFILE_OWNER_NOT_ASKED,
    PROFILE_OWNER_LIBRARY,
    PROFILE_OWNER_PROGRAM
};

struct profile_location {
    const char *function; /* never NULL: "module+0x1234" when not known */
    const char *file;     /* NULL = not known */
    uint32_t line;        /* 0 = not known */
    bool is_inlined;
    bool is_symbolized;
    uint8_t owner; /* enum profile_owner: who is asked knows it, own_code_is_own */
};

struct profile_frame {
    uint8_t kind; /* enum recording_frame_kind */
    bool is_exact;
    bool is_tail_call; /* gone when the allocation came: its function had ended in a jump */
    uint32_t module_plus_1;
    uint64_t offset;
    uint32_t first_location; /* in profile.locations; at least one */
    uint32_t location_count;
};

struct profile_node {
    uint32_t parent; /* node 0 = root; parent < own position */
    uint32_t frame;
};

struct profile_module {
    const char *path;
    const char *name;   /* file name of path */
    char build_id[129]; /* hex, "" = none */
    uint64_t frame_count;
    uint64_t unsymbolized_frame_count;
    unsigned has_symbols;
    bool is_system; /* libc, the loader, ... (own_code.h): never what a user looks for */
};

/* Of a site, as its record has them. */
struct profile_figures {
    uint64_t id;
    uint64_t allocations, frees;
    uint64_t allocated_bytes, freed_bytes;
    uint64_t inherited_blocks, inherited_bytes;
    uint64_t live_blocks, live_bytes;
    uint64_t peak_blocks, peak_bytes;
    uint64_t temporary_allocations;
    uint64_t first_ns, last_ns;
};

/* There may be millions: what few of them are asked for stays packed. */
struct profile_site {
    uint32_t process;    /* position in profile.processes */
    uint32_t stack_node; /* the stack as recorded; starts at the caller of the function */
    enum function_kind function;
    uint64_t fingerprint; /* fingerprint.h */
    struct profile_figures figures;
    const uint8_t *packed_lists; /* site_lists.h reads them; NULL = empty. The profile's */
    const struct recording_list *estimates;   /* NULL unless sampled. The profile's */
    uint64_t survived_blocks, survived_bytes; /* of an interval (interval.h) */
};

struct profile_process {
    struct recording_process about;
    struct recording_totals totals;
    struct recording_quality quality;
    bool has_totals, has_quality;        /* else all of it is 0 and means "not known" */
    bool has_survivors;                  /* of an interval: what its sites tell of them is known */
    uint32_t first_site, site_count;     /* in profile.sites */
    uint32_t first_thread, thread_count; /* in profile.threads */
    uint32_t first_sample, sample_count; /* in profile.samples, by time */
    uint32_t first_mapping, mapping_count;
    uint32_t first_misuse, misuse_count;
};

/* Two instants, of which a profile tells what was between them. */
struct profile_interval {
    uint64_t from_ns, to_ns;             /* where its figures stand */
    uint64_t from_asked_ns, to_asked_ns; /* when the instants were that were asked for */
    char *from, *to;                     /* the instants, as headers show them; owned */
    bool is_from_start;                  /* it is the state at one instant */
    uint64_t bucket_ns; /* the instants were moved to multiples of it; 0: they were not */
    const char *survivors_unknown; /* why, in words; NULL: of all processes they are known */
};

struct profile {
    /* Of an interval (interval.h) the profile that it was made from, which owns all but sites and
     * processes; NULL: it is of a whole recording. */
    const struct profile *whole;
    struct profile_interval interval;
    bool is_at_mark; /* figures of threads, sizes, lifetimes and mappings are not known, nor growth
                      */
    struct recording_info info; /* path, torn or not, ... */
    struct recording_session session;
    struct recording_recorder recorder;
    bool is_finished; /* an `end` record stands in it */
    bool is_live;     /* it is being written: as profile_options says */
    bool is_complete; /* finished, nothing lost, nothing torn: what JSON calls "complete" */
    uint64_t duration_ns;
    uint64_t dropped_records; /* named what does not exist: left out, or read without that */

    struct profile_process *processes; /* by id */
    size_t process_count;
    struct profile_site *sites; /* by process, then by live bytes descending, then fingerprint */
    size_t site_count;
    struct recording_thread *threads; /* by process, then id */
    size_t thread_count;
    struct recording_sample *samples;
    size_t sample_count;
    struct recording_mapping_site *mappings;
    size_t mapping_count;
    struct recording_misuse *misuses;
    size_t misuse_count;
    struct recording_mark *marks;
    size_t mark_count;

    struct profile_frame *frames;
    size_t frame_count;
    struct profile_location *locations;
    size_t location_count;
    struct profile_node *nodes;
    size_t node_count;
    struct profile_module *modules;
    size_t module_count;

    struct arena *arena; /* owns all texts and lists */
};

struct late_names;

struct profile_options {
    bool with_timeline;             /* also decode timeline deltas (timeline.h) */
    bool is_brief;                  /* sites without their lists of sizes, lifetimes and threads */
    const struct late_names *names; /* found since (late_names.h); NULL = none. Borrowed */
    /* The process that set this mark as it was then, and nothing of others (profile_at_mark.c);
     * NULL = all, at the end. */
    const char *mark;
    /* The recorder is at it and has told all until then: that the recording has no end is no
     * damage, and processes that run have run until then. 0 = nobody writes it. */
    uint64_t live_until_ns;
    /* Asked for how much of it is loaded; when it wants no more, profile_load fails. NULL: nobody
     * asks. Borrowed. */
    const struct progress *progress;
};

/* Loads everything; a torn recording loads as far as it is whole. Untrusted: ids out of range are
 * dropped and counted, never followed. Caller owns the profile. */
struct profile *profile_load(struct recording_reader *reader, const struct profile_options *options,
                             struct error *error);
void profile_destroy(struct profile *profile);

/* The profile itself, or that which it is an interval of. */
static inline const struct profile *profile_whole(const struct profile *profile)
{
    return profile->whole ? profile->whole : profile;
}

/* Are its figures estimates (estimate.h)? */
static inline bool profile_is_sampled(const struct profile *profile)
{
    return profile->session.sample_bytes != 0;
}

/* The stack of a node, innermost first: calls `visit` for each location of each frame (inlined ones
 * first). False from visit stops. */
typedef bool (*profile_visit_location)(void *context, const struct profile_frame *frame,
                                       const struct profile_location *location);
void profile_visit_stack(const struct profile *profile, uint32_t node, profile_visit_location visit,
                         void *context);

/* "malloc", "operator new[]", ...; "unknown" for a number that is none. */
const char *profile_function_name(enum function_kind function);

/* The thread of a process (position in profile.processes) by its id; NULL when it has no record. */
const struct recording_thread *profile_find_thread(const struct profile *profile, uint32_t process,
                                                   uint64_t thread_id);

/* What people call a process: the file name that it was started by ("sh", where the executable is
 * /usr/bin/dash), else its executable's. Foreign. */
const char *profile_process_name(const struct profile_process *process);

/* The last sample of a process (position) up to an instant; NULL: there is none. */
const struct recording_sample *profile_find_sample(const struct profile *profile, uint32_t process,
                                                   uint64_t time_ns);

/* Position in profile.processes of a process id, or profile.process_count. */
uint32_t profile_find_process(const struct profile *profile, uint64_t process_id);

/* Those of a record. */
void profile_take_figures(struct profile_figures *figures, const struct recording_site *from);

/* One more site in its process's totals, but for the peak, which is no sum. */
void profile_add_to_totals(struct recording_totals *totals, const struct profile_figures *site);

#endif
