/* From a stopped process to a snapshot: finds the roots, reads the heap, and follows every word.
 *
 * Works on whatever it is given: an answer, or one that says what is missing; walks in foreign
 * memory are all bounded. */
#ifndef SEEP_SNAPSHOT_SNAPSHOT_SCAN_H
#define SEEP_SNAPSHOT_SNAPSHOT_SCAN_H

#include "base/clock.h"
#include "base/error.h"
#include "snapshot/snapshot.h"
#include "snapshot/target_memory.h"

enum {
    STOPPED_REGISTERS_MAX = 40
};

/* A thread of the stopped process. */
struct stopped_thread {
    uint32_t tid;
    char name[32];
    bool has_registers; /* false: it could not be stopped or asked; counted as missing */
    uint64_t pc;
    /* Its stack is scanned from here on. x86-64: of a thread that was interrupted outside of a
     * system call, 128 bytes below its sp belong to it still (the red zone): the caller subtracts
     * them. For the thread that exits: where the stack pointer was when exit began. */
    uint64_t sp;
    uint64_t thread_pointer; /* fs_base, tpidr_el0; 0 = not known */
    /* General registers in the order of struct user_regs_struct (of PTRACE_GETREGS); a thread whose
     * registers are seep's own (held in an exit hook) has none. */
    uint64_t registers[STOPPED_REGISTERS_MAX];
    uint32_t register_count;
    const uint8_t *vector_registers; /* NT_X86_XSTATE or NT_PRFPREG; borrowed; NULL = none */
    size_t vector_register_bytes;
    bool is_seep_code; /* its registers and stack below sp are of a hook of ours */
};

enum target_mapping_flags {
    TARGET_MAPPING_READ = 1,
    TARGET_MAPPING_WRITE = 2,
    TARGET_MAPPING_EXECUTE = 4,
    TARGET_MAPPING_SHARED = 8
};

/* A line of /proc/PID/maps. */
struct target_mapping {
    uint64_t start, end;
    uint64_t offset; /* in the file */
    uint64_t inode;  /* 0 = no file */
    uint32_t flags;  /* enum target_mapping_flags */
    char *path;      /* owned by the list; "" for anonymous ones */
};

struct target_mappings {
    struct target_mapping *items; /* sorted, disjoint */
    size_t count, capacity;
};

/* Parses the text of /proc/PID/maps; lines that make no sense are skipped. */
void target_mappings_parse(struct target_mappings *mappings, const char *text);
/* Reads and parses it. */
bool target_mappings_read(struct target_mappings *mappings, uint32_t pid, struct error *error);
/* The same of one that reads itself. */
struct target_server;
bool target_mappings_ask(struct target_mappings *mappings, struct target_server *server,
                         struct error *error);
void target_mappings_clear(struct target_mappings *mappings);

struct address_range {
    uint64_t start, end;
};

/* Ranges in any order; they may overlap. */
struct address_ranges {
    const struct address_range *items;
    size_t count;
};

struct libc_facts;

/* Everything is borrowed during the call. */
struct snapshot_scan_input {
    const struct target_memory *memory;
    const struct target_mappings *mappings;
    const struct snapshot_block *blocks; /* sorted by address; copied, unless the next is set */
    size_t block_count;
    struct snapshot_block **given_blocks; /* the same, on the heap: the snapshot takes them over,
                                             and here they become NULL. NULL = they are copied */
    const struct stopped_thread *threads;
    size_t thread_count;

    /* seep's own memory in the target beyond the session's memfd and the preload's module, which
     * the scan finds by their names: thread states, caches. Never roots. */
    struct address_ranges own;
    /* Mappings that an allocator made (a WIRE_MAP_OF_ALLOCATOR) and still has: heap, and never
     * roots. What glibc maps for its own heaps needs no mention: the scan recognises it. */
    struct address_ranges heap;
    /* Mappings that the program made itself (a MAP event that was not of the allocator) and still
     * has: roots, also where the kernel merged them with heap into one line of maps. */
    struct address_ranges program;
    /* The allocator is not glibc's: what it mapped is known by nothing, so that every anonymous
     * mapping that the program did not make itself counts as its heap, whether it holds a block now
     * or held one before. */
    bool has_foreign_allocator;
    struct address_ranges regions; /* registered by the program as roots */

    struct libc_facts *libc; /* what was found out before, and is to be kept; NULL = nothing */
    uint64_t roots_off;      /* set of 1 << enum snapshot_root_kind */
    bool has_no_heuristics;  /* pointers into blocks count as interior, whatever they look like */
    uint64_t content_limit;  /* so many of each block's first bytes are kept (block_contents.h) */
    struct clock clock;      /* now_ns NULL: no deadline */
    uint64_t deadline_ns;    /* by that clock; 0 = none */
    size_t scan_threads;     /* 0 = as many as are worth it. The answer is always the same */
};

/* Fills `result` (initialised, empty) but for number, process_id, time_ns, reason, stop_ns and the
 * threads' frames. False, with *error and `result` empty but for end = SNAPSHOT_BUDGET or
 * SNAPSHOT_FAILED and its note: the deadline passed, or there is nothing to read. */
bool snapshot_scan(const struct snapshot_scan_input *input, struct snapshot *result,
                   struct error *error);

#endif
