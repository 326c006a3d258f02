/* A snapshot: one process at one instant, as what refers to what. Its live blocks, the references
 * between them, and the roots: slots outside of the heap that refer to blocks. No contents are
 * kept, unless somebody asked for them (block_contents.h).
 *
 * References stand in compressed rows: those of block b are
 * references[first_reference[b]] .. references[first_reference[b + 1] - 1], in the order of their
 * slots. A block's references to itself are left out, and of neighbouring slots that refer to the
 * same block only the first is kept.
 *
 * What says of which type a block is would be in the contents; what can be told of it without them
 * is noted while they pass by, as facts.
 *
 * 32 bytes a block, 8 more for its row, 8 a reference, 32 a root, 16 a fact. */
#ifndef SEEP_SNAPSHOT_SNAPSHOT_H
#define SEEP_SNAPSHOT_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What made somebody take it. The numbers stand in recordings. */
enum snapshot_reason {
    SNAPSHOT_AT_EXIT = 0,        /* after the last destructor */
    SNAPSHOT_AT_BEFORE_EXIT = 1, /* main returned, or exit() was entered */
    SNAPSHOT_AT_REQUEST = 2,     /* `seep snapshot`, a signal, a key */
    SNAPSHOT_AT_CALL = 3,        /* the program called seep_snapshot() */
    SNAPSHOT_AT_INTERVAL = 4,
    SNAPSHOT_AT_LEVEL = 5, /* heap or memory reached a level that was asked for */
    SNAPSHOT_AT_EXEC = 6,  /* before an exec that replaces the image */
    SNAPSHOT_AT_CRASH = 7,
    SNAPSHOT_AT_PEAK = 8 /* the heap was larger than ever */
};

/* How it went. Only with SNAPSHOT_DONE are there blocks. The numbers stand in recordings. */
enum snapshot_end {
    SNAPSHOT_DONE = 0,
    SNAPSHOT_KILLED = 1, /* the process was, before it could be held */
    SNAPSHOT_CRASHED = 2,
    SNAPSHOT_EXECED = 3, /* another image stood there when it was to be scanned */
    SNAPSHOT_OFF = 4,    /* not wanted */
    SNAPSHOT_FAILED = 5, /* see `note` */
    SNAPSHOT_BUDGET = 6  /* would have taken longer than it may */
};

/* Where a root's slot is. The numbers stand in recordings. */
enum snapshot_root_kind {
    SNAPSHOT_ROOT_GLOBAL = 0,   /* a writable segment of a module */
    SNAPSHOT_ROOT_STACK = 1,    /* of a thread, from its stack pointer on */
    SNAPSHOT_ROOT_REGISTER = 2, /* address: which register, see snapshot_register_name */
    SNAPSHOT_ROOT_TLS = 3,      /* a thread-local variable of a module */
    SNAPSHOT_ROOT_KEY = 4,      /* pthread_setspecific; number: the key */
    SNAPSHOT_ROOT_THREAD = 5,   /* a thread's argument, result, and what libc keeps of it */
    SNAPSHOT_ROOT_REGION = 6,   /* registered by the program as a root; number: which, from 0 */
    SNAPSHOT_ROOT_MAPPING = 7,  /* a writable mapping that is not heap */
    SNAPSHOT_ROOT_KIND_COUNT,
    /* A name of a Python program; number: position in label_texts. Only where the objects of an
     * interpreter were joined with a snapshot (python_graph.h), and not stored with its roots. */
    SNAPSHOT_ROOT_PYTHON = SNAPSHOT_ROOT_KIND_COUNT
};

/* How a word refers to a block. From SNAPSHOT_INTERIOR on it points behind the block's start; what
 * stands before counts like a pointer to the start, because compilers and libraries make pointers
 * of this shape to blocks that they own (memcheck's heuristics, for the same shapes). The numbers
 * stand in recordings. */
enum snapshot_reference_kind {
    SNAPSHOT_START = 0,
    SNAPSHOT_STRING = 1,    /* text behind length, capacity and count (std::string before C++11) */
    SNAPSHOT_LENGTH = 2,    /* data behind their 8-byte length */
    SNAPSHOT_NEW_ARRAY = 3, /* elements behind their number, as new[] puts it */
    SNAPSHOT_INHERITANCE = 4, /* a base class within an object of several */
    SNAPSHOT_INTERIOR = 5
};

static inline bool snapshot_counts_as_start(enum snapshot_reference_kind kind)
{
    return kind < SNAPSHOT_INTERIOR;
}

enum snapshot_block_flags {
    SNAPSHOT_BLOCK_IGNORED = 1,  /* the program said that it is no leak (__lsan_ignore_object) */
    SNAPSHOT_BLOCK_TRANSIT = 2,  /* within a realloc that had not returned */
    SNAPSHOT_BLOCK_INHERITED = 4 /* older than the process: from its parent */
};

#define SNAPSHOT_NONE UINT32_MAX

/* Of one address there is one block; what identifies it in another snapshot of the same process is
 * address and birth_ns together. */
struct snapshot_block {
    uint64_t address;
    uint64_t bytes;    /* as asked for; a block of 0 bytes is pointed at like one of 1 */
    uint64_t birth_ns; /* since the session began */
    uint32_t site;     /* id in the process's site table, as in RECORDING_site */
    uint16_t thread;   /* id as in RECORDING_thread; UINT16_MAX: none of this process */
    uint16_t flags;    /* enum snapshot_block_flags */
};

struct snapshot_reference {
    uint32_t block;     /* that is referred to: its position in blocks */
    uint32_t slot : 28; /* word of the referring block, from 0; SNAPSHOT_FAR_SLOT: this or beyond */
    uint32_t kind : 4;  /* enum snapshot_reference_kind */
};
#define SNAPSHOT_FAR_SLOT ((1u << 28) - 1)

/* One slot, which refers to one block. */
struct snapshot_root {
    uint64_t address; /* of the slot; REGISTER: its number */
    uint32_t block;
    uint32_t module; /* GLOBAL, TLS: position in modules; else SNAPSHOT_NONE */
    uint32_t
        thread; /* STACK, REGISTER, TLS, KEY, THREAD: position in threads; else SNAPSHOT_NONE */
    uint32_t number;   /* see the kinds; TLS: the variable's offset in the module's TLS segment */
    uint8_t kind;      /* enum snapshot_root_kind */
    uint8_t reference; /* enum snapshot_reference_kind */
};

/* A file that was mapped as a module when the snapshot was taken, also those through which no stack
 * ever ran. address - bias is the address in the file. */
struct snapshot_module {
    char *path; /* owned */
    uint8_t build_id[40];
    uint32_t build_id_bytes; /* 0 = none */
    uint64_t start, end;
    uint64_t bias;
};

struct snapshot_frame {
    uint64_t address;  /* where the frame begins on the stack: its stack pointer */
    uint32_t frame_id; /* as in RECORDING_frame; SNAPSHOT_NONE: of seep itself */
};

struct snapshot_thread {
    uint32_t tid;
    char name[32];
    uint64_t stack_start, stack_end; /* what was scanned of its stack; 0, 0: nothing */
    uint32_t first_frame;            /* in frames, by growing address: innermost first */
    uint32_t frame_count;            /* 0 = not unwound */
};

/* A C++ class that blocks are objects of, as its table of virtual functions tells. */
struct snapshot_class {
    char *name; /* owned: of its type information, such as "N3app7SessionE"; "" = it has none */
    uint32_t module;  /* position in modules, or SNAPSHOT_NONE */
    uint64_t address; /* of the table's first function, in the file */
};

/* What is known of a word beyond what it refers to. Owners are blocks, and slots their words; or,
 * from SNAPSHOT_FACT_ROOT_OFFSET on, roots by their position, and slots 0. The numbers stand in
 * recordings. */
enum snapshot_fact_kind {
    SNAPSHOT_FACT_CLASS = 0,  /* a table of virtual functions: position in classes */
    SNAPSHOT_FACT_OFFSET = 1, /* a pointer into a block: how far behind its start */
    /* A pointer to a block's start, with one into it and one to its end behind, as vectors have:
     * how many bytes lie before the second. */
    SNAPSHOT_FACT_FILLED = 2,
    /* A pointer to a block's start, with a number behind it, and then the block's size less 1, as
     * strings have: the number. */
    SNAPSHOT_FACT_LENGTH = 3,
    SNAPSHOT_FACT_ROOT_OFFSET = 4,
    SNAPSHOT_FACT_ROOT_FILLED = 5,
    SNAPSHOT_FACT_ROOT_LENGTH = 6,
    SNAPSHOT_FACT_KIND_COUNT
};

struct snapshot_fact {
    uint32_t owner;
    uint32_t slot;
    uint64_t value;
};

/* Of one kind, by growing owner and slot. */
struct snapshot_facts {
    struct snapshot_fact *items;
    size_t count, capacity;
};

struct python_heap;
struct memory_use;

/* What is known of a Python interpreter's objects that were joined with a snapshot
 * (python_graph.h). Blocks from first_block on are its own, in memory that is not malloc's. */
struct snapshot_objects {
    uint32_t first_block;
    uint32_t *types; /* by block: position in type_names, or SNAPSHOT_NONE: it is no object */
    char **type_names;
    size_t type_count;
    uint32_t *labels; /* by reference, as in python_graph.h */
    char **label_texts;
    size_t label_count;
};

/* A zeroed struct is an empty snapshot. */
struct snapshot {
    uint32_t number;     /* counts the snapshots of a recording; the writer gives it */
    uint32_t process_id; /* as in RECORDING_process */
    uint64_t time_ns;    /* since the session began */
    enum snapshot_reason reason;
    enum snapshot_end end;
    uint64_t stop_ns;        /* how long the process was held */
    uint64_t scan_ns;        /* how long the scan took */
    bool is_copied;          /* the process went on while a copy of it was read */
    bool is_self_read;       /* nobody else may read it: it handed over what is in its memory */
    uint64_t resident_bytes; /* that it had in memory; 0 = not known */

    /* What is missing. The result is complete when all of these are 0 and `note` is empty. */
    uint64_t unreadable_bytes; /* of blocks and roots */
    uint64_t missing_threads;  /* threads without registers or stack */
    uint64_t unsure_blocks;    /* in transit, or that the model had to guess */
    uint64_t roots_off;        /* set of 1 << enum snapshot_root_kind: switched off */
    char note[256];            /* "" or what went wrong or is missing, in words */
    char mark[256];            /* "" or the name that the program gave to this instant */

    /* What the scan looked at. */
    uint64_t scanned_bytes;
    uint64_t skipped_bytes; /* in pages that nobody ever touched */

    struct snapshot_block *blocks; /* sorted by address; then those of `objects`, as it may be */
    size_t block_count, block_capacity;
    uint64_t *first_reference; /* block_count + 1 entries; NULL without blocks */
    size_t row_capacity;
    struct snapshot_reference *references;
    size_t reference_count, reference_capacity;
    struct snapshot_root *roots;
    size_t root_count, root_capacity;
    struct snapshot_module *modules;
    size_t module_count, module_capacity;
    struct snapshot_thread *threads;
    size_t thread_count, thread_capacity;
    struct snapshot_frame *frames;
    size_t frame_count, frame_capacity;
    struct snapshot_class *classes;
    size_t class_count, class_capacity;
    struct snapshot_facts facts[SNAPSHOT_FACT_KIND_COUNT];

    /* What a Python interpreter keeps in the process (python_heap.h); owned; NULL = nobody looked.
     * Of a snapshot that was read from a recording it is NULL: python_heap_read reads it. */
    struct python_heap *python;
    /* What all of its memory is used for (memory_use.h); the same holds of it. */
    struct memory_use *memory;
    struct snapshot_objects *objects; /* owned; NULL = none were joined */

    /* What blocks begin with. Of block b that is contents[first_content[b]] and what follows, up to
     * where the next one's begins; one that is read from a recording has none (block_contents_find). */
    uint64_t content_limit;  /* so many bytes of each; 0 = none are kept */
    uint64_t *first_content; /* block_count + 1 entries; NULL = none */
    uint8_t *contents;
};

void snapshot_init(struct snapshot *snapshot);
void snapshot_clear(struct snapshot *snapshot);

bool snapshot_is_complete(const struct snapshot *snapshot);

/* Adding: first all blocks by growing address, then references by growing `from` and slot, then
 * snapshot_end_references once (also if there are none). Everything else in any order. */
void snapshot_add_block(struct snapshot *snapshot, const struct snapshot_block *block);
void snapshot_add_reference(struct snapshot *snapshot, uint32_t from, uint32_t to, uint64_t slot,
                            enum snapshot_reference_kind kind);

/* What that is made of: does one add nothing to the last one of its block, and one more. */
bool snapshot_is_repetition(const struct snapshot_reference *last, uint32_t to,
                            enum snapshot_reference_kind kind);
void snapshot_append_reference(struct snapshot *snapshot, uint32_t to, uint64_t slot,
                               enum snapshot_reference_kind kind);

/* All references of blocks from `first` on at once; `starts`: of each block, its first one. */
void snapshot_add_rows(struct snapshot *snapshot, uint32_t first, uint32_t row_count,
                       const uint64_t *starts, const struct snapshot_reference *references,
                       size_t count);

void snapshot_end_references(struct snapshot *snapshot);
void snapshot_add_root(struct snapshot *snapshot, const struct snapshot_root *root);
/* Copies the path. Returns its position. */
uint32_t snapshot_add_module(struct snapshot *snapshot, const struct snapshot_module *module);
uint32_t snapshot_add_thread(struct snapshot *snapshot, const struct snapshot_thread *thread);
/* Of the thread that was added last. */
void snapshot_add_frame(struct snapshot *snapshot, uint64_t address, uint32_t frame_id);
/* Of any thread that has none yet. */
void snapshot_add_frames(struct snapshot *snapshot, uint32_t thread,
                         const struct snapshot_frame *frames, uint32_t count);

/* Copies the name. Returns its position. */
uint32_t snapshot_add_class(struct snapshot *snapshot, const struct snapshot_class *class);
/* Of each kind by growing owner and slot. */
void snapshot_add_fact(struct snapshot *snapshot, enum snapshot_fact_kind kind, uint32_t owner,
                       uint64_t slot, uint64_t value);
/* What was noted; false: nothing. By binary search. */
bool snapshot_find_fact(const struct snapshot *snapshot, enum snapshot_fact_kind kind,
                        uint32_t owner, uint32_t slot, uint64_t *value);

/* The position of a block's first reference from this word on; by binary search. */
uint64_t snapshot_first_reference_from(const struct snapshot *snapshot, uint32_t block,
                                       uint64_t slot);
/* The block that a word of a block refers to, or SNAPSHOT_NONE. By binary search. */
uint32_t snapshot_find_reference(const struct snapshot *snapshot, uint32_t block, uint64_t slot);

/* The block that holds the address, or SNAPSHOT_NONE. By binary search. */
uint32_t snapshot_find_block(const struct snapshot *snapshot, uint64_t address);

/* As memcheck calls the shape that makes an interior pointer count; NULL for other kinds. */
const char *snapshot_shape_name(enum snapshot_reference_kind kind);
/* "global", "stack", ...: fixed words. */
const char *snapshot_root_kind_name(enum snapshot_root_kind kind);
const char *snapshot_reason_name(enum snapshot_reason reason);
/* How much one that was taken for this reason has to show, where a process has several: what was
 * asked for, else the one before the destructors; at least 2, at the very end. */
unsigned snapshot_reason_rank(enum snapshot_reason reason);
const char *snapshot_end_name(enum snapshot_end end);
/* Registers are numbered as in struct user_regs_struct, words of the area in which the processor
 * saves vector registers from this number on. */
#define SNAPSHOT_VECTOR_REGISTERS 0x1000u
/* "rax", "xmm3", ...: of a root of kind REGISTER. Into `name`. */
void snapshot_register_name(uint64_t number, char *name, size_t name_bytes);

#endif
