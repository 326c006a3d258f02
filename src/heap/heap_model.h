/* One process image's heap, fed by its events in order of time: live blocks, sites, the state at
 * the global peak, timeline, histograms, threads, mappings.
 *
 * Promises, checked by tests: in blocks and in bytes, inherited + allocated = live + freed, always;
 * the sum of the sites equals the totals; the same events give the same state. Events cannot fail:
 * what makes no sense is counted (quality) and repaired where that is provably right. */
#ifndef SEEP_HEAP_HEAP_MODEL_H
#define SEEP_HEAP_HEAP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/interval_map.h"
#include "recording/recording_records.h"
#include "wire/function_kinds.h"

/* A node of the session's stack tree (stack_table.h); the innermost frame's. 0 = no stack known. */
struct stack_id {
    uint32_t index;
};

enum heap_event_kind {
    HEAP_EVENT_BIRTH,   /* a call returned a block: address, size, function, stack */
    HEAP_EVENT_RELEASE, /* a block is about to be freed: address, function */
    /* realloc of an existing block, three steps: LEAVE before the real call; then either ARRIVE
     * (new address and size; counts as one free of the old size and one allocation of the new) or
     * UNDO (it failed: the block is what it was). Between them the block has left its address,
     * which another thread may get meanwhile, but its bytes still count as live. Paired by thread;
     * nested (a signal handler's realloc inside a realloc) pairs are last-in first-out. ARRIVE with
     * address 0: realloc(p, 0) freed the block. */
    HEAP_EVENT_LEAVE,
    HEAP_EVENT_ARRIVE,
    HEAP_EVENT_UNDO,
    HEAP_EVENT_FAILED, /* a call returned no block: counted only */
    HEAP_EVENT_MAP,    /* address, size, function, stack; replaces what was mapped there */
    HEAP_EVENT_UNMAP,  /* address, size; may cut mappings at either end or in the middle */
    HEAP_EVENT_BREAK,  /* the program moved its own break: address = new end, size = old end */
    HEAP_EVENT_AGED    /* sampled: the thread that allocated this block has allocated since */
};

enum heap_event_flags {
    HEAP_EVENT_ANONYMOUS = 1,    /* MAP: not of a file */
    HEAP_EVENT_OF_ALLOCATOR = 4, /* MAP: for blocks, by an allocator */
    HEAP_EVENT_LATE = 2          /* stamped earlier than events applied before it (HC: repaired) */
};

struct heap_event {
    uint64_t time_ns; /* since the session began */
    uint64_t address;
    uint64_t size; /* RELEASE: the size that a sized delete claimed, 0 = none */
    struct stack_id stack;
    uint32_t thread; /* from heap_model_add_thread */
    uint8_t kind;
    uint8_t function; /* enum function_kind */
    uint8_t flags;
};

struct heap_model;

struct heap_model_options {
    uint64_t start_ns;            /* when the process began, since the session began */
    uint64_t bucket_ns;           /* first width of timeline buckets; 0 = 10 ms */
    uint64_t max_timeline_deltas; /* doubling threshold; 0 = 4 million */
    uint64_t max_timeline_bytes;  /* the same in encoded bytes; 0 = 8 MiB */
    uint64_t bytes_per_sample;    /* only samples come, one in so many bytes; 0 = everything */
    bool is_thorough;             /* tests: no event takes a short way */
    uint32_t max_samples;         /* points of the curves before their interval doubles; 0 = 2048 */
};

/* Caller owns the model. */
struct heap_model *heap_model_create(const struct heap_model_options *options);

/* The heap of a child born by fork() of `parent` as it is now: its live blocks are inherited, all
 * else begins at 0. Costs O(sites with live blocks); blocks are shared with the parent until one of
 * them changes much (the parent keeps pre-images while unmaterialised children exist). The parent
 * may be changed and even destroyed afterwards. Caller owns the child. */
struct heap_model *heap_model_fork(struct heap_model *parent, uint64_t time_ns);

/* From now on events of the parent may still be in what the child inherited, because the fork
 * itself is yet to come (fork_window.h); until the fork is known to be over. */
void heap_model_expect_fork(struct heap_model *child);
void heap_model_end_fork(struct heap_model *child);

void heap_model_destroy(struct heap_model *model);

/* Before a model is destroyed together with all that it was forked from or that were forked from
 * it: what they share need not be divided. Must be called of all of them before the first goes. */
void heap_model_discard(struct heap_model *model);

/* A thread of the process; ids are dense from 0. `name` may be "" or NULL. */
uint32_t heap_model_add_thread(struct heap_model *model, uint64_t tid, const char *name,
                               uint64_t time_ns);
void heap_model_name_thread(struct heap_model *model, uint32_t thread, const char *name);
void heap_model_end_thread(struct heap_model *model, uint32_t thread, uint64_t time_ns);

/* Applies events in their order. Prefetches ahead, so batches of some hundreds are best. */
void heap_model_apply(struct heap_model *model, const struct heap_event *events, size_t count);

/* A point of the curves, taken by the recorder every now and then. resident_bytes 0 = not known. */
void heap_model_sample(struct heap_model *model, uint64_t time_ns, uint64_t resident_bytes);
void heap_model_set_peak_resident(struct heap_model *model, uint64_t bytes);

/* The program is gone or stands still: undoes what left without arriving, resolves what waited for
 * repair. Call before the last write. May be followed by more events (a stop that ends). */
void heap_model_settle(struct heap_model *model);

/* The process is gone, settled, and nobody will ask for its blocks: gives up their table, which for
 * a child may hold up its parent (pre-images, a copy), and keeps all figures for the last write. No
 * event may follow; a fork of a retired model inherits nothing. */
void heap_model_retire(struct heap_model *model);

/* Figures as the recording has them (process_id is left 0 for the caller to fill).
 * totals: everything but what the model cannot know. quality: events, unknown and missed frees,
 * repairs, and in bad_records the events that make no sense; the rest 0. */
void heap_model_totals(const struct heap_model *model, struct recording_totals *totals);
void heap_model_quality(const struct heap_model *model, struct recording_quality *quality);

/* Calls `write` with every record that changed since the last call (or all, with is_everything: for
 * the compacted file): RECORDING_totals, _site, _thread, _timeline, _sample, _mapping_site; all
 * with `process_id`. Records are borrowed until write returns. Timeline: sealed blocks only are
 * written once each; with is_everything all are, the open one too. Returns false when blocks
 * written before have become invalid, because buckets doubled: then the caller must compact the
 * journal (write everything again into a fresh file). */
typedef void (*heap_model_write)(void *context, enum recording_kind kind, const void *record);
bool heap_model_write_records(struct heap_model *model, uint64_t process_id, bool is_everything,
                              heap_model_write write, void *context);

/* The figures of a site as they are now; all of them. */
struct heap_site_sums {
    uint32_t id; /* as in RECORDING_site */
    uint64_t allocations, allocated_bytes, frees, freed_bytes;
    uint64_t temporary_allocations;
    uint64_t peak_blocks, peak_bytes;
};
typedef void (*heap_model_visit_site)(void *context, const struct heap_site_sums *sums);
void heap_model_visit_sites(const struct heap_model *model, heap_model_visit_site visit,
                            void *context);

/* The stacks and functions of sites and mapping sites that are new since the last call. */
typedef void (*heap_model_visit_birth)(void *context, struct stack_id stack,
                                       enum function_kind function);
void heap_model_visit_new_births(struct heap_model *model, heap_model_visit_birth visit,
                                 void *context);

/* Has the timeline's bucket width doubled since the last write of everything? */
bool heap_model_wants_compaction(const struct heap_model *model);

/* Misuse: double and foreign frees, mismatched pairs, wrong sizes (also in write_records as
 * RECORDING_misuse). Counted by kind and stacks; the first 1000 distinct ones are kept. */
uint64_t heap_model_misuse_count(const struct heap_model *model);

/* Events of this process were lost: from now on nothing counts as misuse, since what is missing may
 * be the birth or the release that would explain it. Frees that nothing explains are unknown. */
void heap_model_note_losses(struct heap_model *model);

/* A live block, for tests and snapshots. False when nothing lives at exactly this address. */
struct heap_block {
    uint64_t address;
    uint64_t size;
    uint64_t birth_ns;
    struct stack_id stack;
    uint32_t site; /* as in RECORDING_site */
    uint8_t function;
    uint32_t thread; /* or HEAP_THREAD_INHERITED; from 65534 on threads share that index */
};
#define HEAP_THREAD_INHERITED                                                                      \
    UINT32_MAX /* the block is older than the process: from its parent                             \
                */
bool heap_model_find_block(const struct heap_model *model, uint64_t address,
                           struct heap_block *block);

/* All live blocks in unspecified order. */
typedef void (*heap_model_visit_block)(void *context, const struct heap_block *block);
void heap_model_visit_blocks(const struct heap_model *model, heap_model_visit_block visit,
                             void *context);

/* Calls `visit` for each piece of a mapping that the program made itself and still has, by address;
 * those that are heap are not among them. */
void heap_model_visit_mappings(const struct heap_model *model, interval_visit visit, void *context);
/* The same of those that are heap: an allocator made them within its functions, or they have held a
 * block of an allocator of the program's own. */
void heap_model_visit_heaps(const struct heap_model *model, interval_visit visit, void *context);

/* Bytes that the model itself takes (tables only), for the memory promise. */
uint64_t heap_model_own_bytes(const struct heap_model *model);

#endif
