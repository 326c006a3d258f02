/* What a target tells the recorder: records of whole 8-byte words in the ring of each thread.
 *
 * Word 0 of every record: bits 0-7 the kind, bits 8-63 the time in ticks since the session's epoch
 * (56 bits: over 300 days of a 2.5 GHz counter). Addresses have 48 bits; the function that was
 * called (enum function_kind) sits above them. A record never wraps round the end of its ring: PAD
 * fills.
 *
 * Stacks are named by a slot of the thread's stack cache: a STACK record (re)defines the slot, from
 * that record of the same ring on. So neither side keeps more stacks than the cache has slots.
 *
 * A release is stamped before the real call, a birth after it. realloc is LEAVE before the call and
 * ARRIVE (or UNDO) after; where nothing lies between them both may have the one's stamp. All of a
 * record stands in shared memory before the hook returns. */
#ifndef SEEP_WIRE_WIRE_FORMAT_H
#define SEEP_WIRE_WIRE_FORMAT_H

#include <stdint.h>

#include "wire/function_kinds.h"

enum {
    WIRE_VERSION = 1,
    WIRE_MAX_FRAMES = 1024,          /* of one STACK record */
    WIRE_MAX_STACK_BYTES = 64 << 10, /* of one STACK_BYTES record */
    WIRE_MAX_RECORD_BYTES = WIRE_MAX_STACK_BYTES + 256,
    WIRE_MAX_TEXT_BYTES = 4096,
    WIRE_STACK_SLOTS = 8192, /* of a thread's stack cache */
    WIRE_MAX_BUILD_ID_BYTES = 40,
    WIRE_MAX_PYTHON_NAME_BYTES = 512,
    WIRE_MAX_PYTHON_LINE_BYTES = 4 << 20 /* of the table of one code object, in all its records */
};

#define WIRE_ADDRESS_MASK   ((UINT64_C(1) << 48) - 1)
#define WIRE_FUNCTION_SHIFT 48
#define WIRE_TICKS_SHIFT    8
/* In a frame word of STACK: the address is the interrupted instruction itself, not a return
 * address. */
#define WIRE_FRAME_EXACT    (UINT64_C(1) << 63)
/* Or the word names a frame of Python: the number of its code (PYTHON_CODE, of any ring of the
 * session), and the unit of two bytes of that code which runs, plus 1 (0: it has not begun). */
#define WIRE_FRAME_PYTHON        (UINT64_C(1) << 62)
#define WIRE_PYTHON_NUMBER_SHIFT 28
#define WIRE_PYTHON_UNIT_MASK    ((UINT64_C(1) << WIRE_PYTHON_NUMBER_SHIFT) - 1)

/* Word 1 of STACK: which frames of Python stand for which native ones is a guess. */
#define WIRE_STACK_APPROXIMATE (UINT64_C(1) << 63)
#define WIRE_STACK_FRAMES(word_1) ((uint32_t)((word_1) >> 32) & 0xffff)

/* kind, name, fixed words, has a variable part (whose length stands in the fixed words) */
/* clang-format off */
#define WIRE_KINDS(KIND) \
    KIND(1,  PAD,            1, 0) /* the rest of the ring up to its end; its bytes stand in place of the time */ \
    KIND(2,  BIRTH,          3, 0) /* address+function, stack slot | size << 32 */ \
    KIND(3,  BIRTH_LARGE,    4, 0) /* address+function, stack slot, size */ \
    KIND(4,  RELEASE,        2, 0) /* address+function */ \
    KIND(5,  RELEASE_SIZED,  3, 0) /* address+function, size claimed */ \
    KIND(6,  FREE_LAST,      1, 0) /* free() of the block of the BIRTH just before in this ring */ \
    KIND(7,  DELETE_LAST,    1, 0) /* operator delete of it */ \
    KIND(8,  LEAVE,          2, 0) /* address+function */ \
    KIND(9,  ARRIVE,         3, 0) /* as BIRTH; address 0: the block was freed */ \
    KIND(10, ARRIVE_LARGE,   4, 0) /* as BIRTH_LARGE */ \
    KIND(11, UNDO,           1, 0) \
    KIND(12, FAILED,         2, 0) /* function: the call returned no block */ \
    KIND(13, STACK,          3, 1) /* slot | frames << 32 | WIRE_STACK_APPROXIMATE, omitted | innermost kept << 32; frames */ \
    KIND(14, STACK_BYTES,    13, 1)/* struct wire_stack_bytes */ \
    KIND(15, MODULE,         6, 1) /* struct wire_module */ \
    KIND(16, MODULE_GONE,    2, 0) /* start address */ \
    KIND(17, MAP,            4, 0) /* address+function, size, stack slot | wire_map_flags << 32 */ \
    KIND(18, UNMAP,          3, 0) /* address+function, size */ \
    KIND(19, BREAK,          4, 0) /* new end+function, old end, stack slot */ \
    KIND(20, THREAD,         3, 0) /* tid, 0: the ring belongs to this thread from here on */ \
    KIND(21, THREAD_END,     2, 0) /* tid */ \
    KIND(22, PROCESS,        8, 1) /* struct wire_process */ \
    KIND(23, FORK,           2, 0) /* number; the fork follows */ \
    KIND(24, FORK_DONE,      3, 0) /* number, child's pid; 0 when it failed, UINT32_MAX: not known */ \
    KIND(25, EXEC,           4, 1) /* pid (UINT32_MAX: not known), enum wire_exec_reason, path length; path */ \
    KIND(26, EXEC_FAILED,    2, 0) /* pid */ \
    KIND(27, EXIT,           2, 0) /* status: the program asked to end with it */ \
    KIND(28, MARK,           2, 1) /* length; name */ \
    KIND(29, RELEASE_AT,     3, 0) /* address+function, stack slot | size claimed << 32 (0: none) */ \
    KIND(30, AGED,           2, 0) /* address of a sample, before its release: its thread has allocated since */ \
    KIND(31, IGNORE,         2, 0) /* address: the program says that this block is no leak */ \
    KIND(32, IGNORING,       2, 0) /* depth: what this thread allocates is no leak until it is 0 */ \
    KIND(33, REGION,         4, 0) /* address, size, 1: holds references; 0: not any more */ \
    KIND(34, POOL,           4, 0) /* address, size, 1: the program gives objects of it; 0: not any more */ \
    KIND(35, POOL_BIRTH,     5, 0) /* address of the pool, of the object, stack slot, size */ \
    KIND(36, POOL_RELEASE,   3, 0) /* address of the pool, of the object */ \
    KIND(37, SUPPRESSIONS,   2, 1) /* length; a part of the text by which the program suppresses its leaks */ \
    KIND(38, PYTHON,         2, 0) /* version (PY_VERSION_HEX) | enum wire_python_state << 32 */ \
    KIND(39, PYTHON_CODE,    4, 1) /* struct wire_python_code */ \
    KIND(40, PYTHON_LINES,   3, 1) /* number of the code | offset << 32, length; a part of its table of lines */
/* clang-format on */

enum wire_kind {
#define WIRE_KIND_ENUM(number, name, words, variable) WIRE_##name = number,
    WIRE_KINDS(WIRE_KIND_ENUM)
#undef WIRE_KIND_ENUM
    WIRE_KIND_COUNT
};

enum wire_map_flags {
    WIRE_MAP_ANONYMOUS = 1,
    WIRE_MAP_OF_ALLOCATOR = 2 /* made inside a real allocator call: its heap, not the program's */
};

/* Registers of a stack that the rules could not do (or, in the oracle's mode, of every stack), and
 * the bytes of the stack from stack_address on. */
struct wire_stack_bytes {
    uint64_t header;
    uint32_t slot;
    uint32_t is_oracle; /* the STACK record before defines the slot; this one is only compared */
    uint64_t pc, sp, bp, bx, r12, r13, r14, r15;
    uint64_t skip_until; /* leave out frames while their address lies in the preload; 0 = none */
    uint64_t stack_address;
    uint64_t byte_count; /* multiple of 8 */
    /* bytes */
};
_Static_assert(sizeof(struct wire_stack_bytes) == 13 * 8, "as in WIRE_KINDS");

struct wire_module {
    uint64_t header;
    uint64_t start, end; /* where it is mapped */
    uint64_t bias;       /* address in memory - address in the file */
    uint32_t generation; /* of the loader's list when it was seen */
    uint16_t build_id_bytes;
    uint16_t path_bytes;
    uint64_t spare;
    /* build-id, path (not terminated), padded together to whole words */
};
_Static_assert(sizeof(struct wire_module) == 6 * 8, "as in WIRE_KINDS");

enum wire_process_origin {
    WIRE_PROCESS_EXEC = 1,
    WIRE_PROCESS_FORK = 2
};

enum wire_allocator {
    WIRE_ALLOCATOR_UNKNOWN = 0,
    WIRE_ALLOCATOR_GLIBC,
    WIRE_ALLOCATOR_JEMALLOC,
    WIRE_ALLOCATOR_TCMALLOC,
    WIRE_ALLOCATOR_MIMALLOC,
    WIRE_ALLOCATOR_MUSL,
    WIRE_ALLOCATOR_COUNT
};

/* The first record of a process in the ring of its first thread. */
struct wire_process {
    uint64_t header;
    uint32_t pid;
    uint32_t parent_pid; /* 0 = it cannot tell, from within a pid namespace */
    uint32_t origin;      /* enum wire_process_origin */
    uint32_t parent_slot; /* FORK: the process slot of the parent's image */
    uint64_t own_bytes;   /* seep's memory in the target so far */
    uint64_t real_malloc; /* address of the next malloc, to name the allocator */
    uint32_t executable_bytes;
    uint32_t argument_bytes;   /* arguments, each NUL-terminated; cut at WIRE_MAX_TEXT_BYTES */
    uint32_t parent_image_pid; /* FORK: pid of that image, which may be gone */
    uint32_t allocator;        /* enum wire_allocator: whose the next malloc is */
    uint32_t has_own_allocator; /* the program defines malloc itself: its blocks are not seen */
    uint32_t spare;
    /* executable, arguments, padded together to whole words */
};
_Static_assert(sizeof(struct wire_process) == 8 * 8, "as in WIRE_KINDS");

/* What was found of a CPython in the process: its stacks are told, or why not. */
enum wire_python_state {
    WIRE_PYTHON_NONE = 0,
    WIRE_PYTHON_STACKS,
    WIRE_PYTHON_UNKNOWN_VERSION,
    WIRE_PYTHON_DEBUG_BUILD,
    WIRE_PYTHON_FREE_THREADED,
    WIRE_PYTHON_UNKNOWN_LAYOUT, /* its structs are not where this version has them */
    WIRE_PYTHON_STATE_COUNT
};

/* A code object of Python: one number may be given to equal ones twice, but never to different
 * ones. Its table of lines follows in PYTHON_LINES records, parts in their order; what is missing at
 * the end is not known. */
struct wire_python_code {
    uint64_t header;
    uint32_t number;
    uint32_t first_line;
    uint32_t line_bytes; /* of the whole table */
    uint16_t version_minor; /* of CPython: the table's format */
    uint16_t spare;
    uint16_t name_bytes;
    uint16_t file_bytes;
    uint32_t spare_2;
    /* name, file name (UTF-8, not terminated), padded together to whole words */
};
_Static_assert(sizeof(struct wire_python_code) == 4 * 8, "as in WIRE_KINDS");

enum wire_exec_reason {
    WIRE_EXEC_FOLLOWED = 0,
    WIRE_EXEC_STATIC,      /* no dynamic loader, so nothing can be preloaded */
    WIRE_EXEC_OTHER_CLASS, /* 32-bit or another machine */
    WIRE_EXEC_PRIVILEGED,  /* setuid, setgid or file capabilities */
    WIRE_EXEC_OTHER_LIBC,  /* its loader is not glibc's */
    WIRE_EXEC_UNREADABLE,  /* the preload cannot be read there (chroot, another user) */
    WIRE_EXEC_NOT_WANTED,  /* --follow, --only, --skip */
    WIRE_EXEC_SANITIZER    /* AddressSanitizer and the like want to be first */
};

#endif
