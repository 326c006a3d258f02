/* Where CPython 3.8 to 3.14 keeps what is read from outside of it: byte offsets, one column a minor
 * version, for the preload (frames) and the readers of snapshots (everything else).
 *
 * The offsets come from the DWARF of builds of these versions on x86-64. They hold for release
 * builds with a GIL, which do not change their structs after the first release candidate of a minor
 * version; but 3.14 did, with 3.14.5, when its collector became that of 3.13 again. The column is
 * that of 3.14.8: of what lies elsewhere before, the process's own table (below) tells, and
 * interpreter_obmalloc is looked for. Builds with Py_DEBUG, Py_TRACE_REFS or without a GIL have
 * others and must be told apart by whoever asks.
 *
 * From 3.13 on _PyRuntime begins with a table of CPython's own, struct _Py_DebugOffsets
 * (Include/internal/pycore_debug_offsets.h): the cookie "xdebugpy", PY_VERSION_HEX, whether the
 * build is free-threaded, and then offsets, all in words of 8 bytes. It does not have all that is
 * needed, but what it has must agree with this table (cpython_offsets_check).
 *
 * To add a field: a row. To add a version: a column here and its number in the functions' source.
 */
#ifndef SEEP_WIRE_CPYTHON_OFFSETS_H
#define SEEP_WIRE_CPYTHON_OFFSETS_H

#include <stdbool.h>
#include <stdint.h>

/* This version has no such field. */
#define CPYTHON_NONE UINT32_MAX

enum {
    CPYTHON_OLDEST_MINOR = 8,
    CPYTHON_NEWEST_MINOR = 14,
    /* Words of struct _Py_DebugOffsets that the check looks at. */
    CPYTHON_DEBUG_WORDS = 83
};

/* name, offset in 3.8 ... 3.14 (~0u, CPYTHON_NONE: it has none), word of it in the _Py_DebugOffsets
 * of 3.13 and 3.14 (0: none) */
/* clang-format off */
#define CPYTHON_FIELDS(FIELD) \
    /* _PyRuntime */ \
    FIELD(runtime_interpreters_head,   32,   32,   32,   40,   40,  632,  808,   5,  5) \
    FIELD(runtime_gil_holder,        1368,  568,  568,  576, ~0u, ~0u, ~0u,   0,  0) /* thread state */ \
    FIELD(runtime_thread_key,        1392,  584,  584,  592, 1544, 2160, 2336,   0,  0) /* Py_tss_t */ \
    FIELD(runtime_gc,                 344, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u,   0,  0) \
    /* PyInterpreterState */ \
    FIELD(interpreter_next,             0,    0,    0,    0,    0, 7264, 7272,   8,  8) \
    FIELD(interpreter_id,              16,   24,   24,   48,    8, 7272, 7280,   7,  7) \
    FIELD(interpreter_threads_head,     8,    8,    8,   16,   72, 7344, 7344,   9,  9) \
    FIELD(interpreter_gc,            ~0u,  616,  616,  648,  112, 7400, 7408,  10, 11) \
    FIELD(interpreter_modules,         56,  856,  856,  888,  944, 7656, 7688,  11, 12) \
    FIELD(interpreter_sysdict,         72,  872,  872,  904,  352, 7640, 7672,  12, 13) \
    FIELD(interpreter_builtins,        80,  880,  880,  912,  360, 7648, 7680,  13, 14) \
    FIELD(interpreter_obmalloc,      ~0u, ~0u, ~0u, ~0u, 3960,10800,10904,   0,  0) /* 3.12: it stands there; later a pointer to it does */ \
    /* PyThreadState */ \
    FIELD(thread_next,                  8,    8,    8,    8,    8,    8,    8,  21, 24) \
    FIELD(thread_interpreter,          16,   16,   16,   16,   16,   16,   16,  22, 25) \
    FIELD(thread_frame,                24,   24,   24, ~0u, ~0u, ~0u, ~0u,   0,  0) /* PyFrameObject */ \
    FIELD(thread_cframe,             ~0u, ~0u, ~0u,   56,   56, ~0u, ~0u,   0,  0) \
    FIELD(thread_current_frame,      ~0u, ~0u, ~0u, ~0u, ~0u,   72,   72,  23, 26) \
    FIELD(thread_id,                  176,  176,  176,  152,  136,  152,  152,  24, 27) /* pthread_t */ \
    FIELD(thread_native_id,          ~0u, ~0u, ~0u,  160,  144,  160,  160,  25, 28) \
    FIELD(cframe_current_frame,      ~0u, ~0u, ~0u,    8,    0, ~0u, ~0u,   0,  0) \
    /* PyFrameObject up to 3.10, _PyInterpreterFrame from 3.11 on */ \
    FIELD(frame_code,                  32,   32,   32,   32,    0,    0,    0,  30, 33) /* 3.14: a reference with tags in its lowest two bits */ \
    FIELD(frame_previous,              24,   24,   24,   48,    8,    8,    8,  29, 32) \
    FIELD(frame_instruction,          104,  104,   96,   56,   56,   56,   56,  31, 34) /* int32_t f_lasti; from 3.11 on an address in the code */ \
    FIELD(frame_function,            ~0u, ~0u, ~0u,    0,   16,   16,   16,   0,  0) \
    FIELD(frame_globals,               48,   48,   48,    8,   24,   24,   24,   0,  0) \
    FIELD(frame_locals,                56,   56,   56,   24,   40,   40,   40,   0,  0) \
    FIELD(frame_object,              ~0u, ~0u, ~0u,   40,   48,   48,   48,   0,  0) \
    FIELD(frame_stack_top,           ~0u, ~0u, ~0u,   64,   64,   64, ~0u,   0,  0) /* int32_t */ \
    FIELD(frame_stack_pointer,       ~0u, ~0u, ~0u, ~0u, ~0u, ~0u,   64,   0, 37) \
    FIELD(frame_is_entry,            ~0u, ~0u, ~0u,   68, ~0u, ~0u, ~0u,   0,  0) /* 1 byte */ \
    FIELD(frame_owner,               ~0u, ~0u, ~0u,   69,   70,   70,   74,  33, 36) /* 1 byte: enum cpython_frame_owner */ \
    FIELD(frame_locals_plus,          360,  360,  352,   72,   72,   72,   80,  32, 35) \
    /* PyCodeObject */ \
    FIELD(code_filename,              104,  104,  104,  112,  112,  112,  112,  35, 40) \
    FIELD(code_name,                  112,  112,  112,  120,  120,  120,  120,  36, 41) \
    FIELD(code_qualname,             ~0u, ~0u, ~0u,  128,  128,  128,  128,  37, 42) \
    FIELD(code_first_line,             40,   40,   40,   72,   68,   68,   68,  39, 44) /* int32_t */ \
    FIELD(code_line_table,            120,  120,  120,  136,  136,  136,  136,  38, 43) /* bytes object; co_lnotab up to 3.9 */ \
    FIELD(code_bytecode,             ~0u, ~0u, ~0u,  184,  192,  200,  208,  43, 48) /* co_code_adaptive */ \
    FIELD(code_locals_plus_count,    ~0u, ~0u, ~0u,   76,   72,   72,   72,   0,  0) /* int32_t */ \
    FIELD(code_locals_plus_names,    ~0u, ~0u, ~0u,   96,   96,   96,   96,  41, 46) \
    /* The garbage collector's state */ \
    FIELD(gc_generations,              24,   24,   24,   24,   24,   24,   24,   0,  0) /* list head, int32_t threshold, int32_t count: 24 bytes each */ \
    FIELD(gc_permanent,               104,  104,  104,  104,  104,  104,   96,   0,  0) \
    FIELD(gc_stats,                   128,  128,  128,  128,  128,  128,  120,   0,  0) /* 3 of 3 words: collections, collected, uncollectable */ \
    FIELD(gc_collecting,              200,  200,  200,  200,  200,  200,  192,  72, 82) /* int32_t */ \
    /* PyODictObject: its table of nodes, and the first of them */ \
    FIELD(ordered_fast_nodes,          48,   48,   48,   48,   48,   48,   64,   0,  0) \
    FIELD(ordered_first,               80,   80,   80,   80,   80,   80,   48,   0,  0) \
    /* PyTupleObject: since 3.14 behind a hash */ \
    FIELD(tuple_items,                 24,   24,   24,   24,   24,   24,   32,  51, 57) \
    /* PyDictKeysObject */ \
    FIELD(keys_entry_count,            32,   32,   32,   24,   24,   24,   24,   0,  0) \
    FIELD(keys_indices,                40,   40,   40,   32,   32,   32,   32,   0,  0) \
    /* PyHeapTypeObject */ \
    FIELD(heap_type_keys,             872,  864,  872,  872,  880,  880,  880,   0,  0) /* that instances share */ \
    FIELD(heap_type_module,           ~0u,  872,  880,  880,  888,  888,  888,   0,  0) \
    /* PyGenObject: up to 3.10 it has a frame object, later the frame itself */ \
    FIELD(generator_frame,             16,   16,   16,   80,   72,   72,   72,   0,  0) \
    FIELD(generator_weakrefs,          40,   40,   40,   24,   16,   16,   16,   0,  0) \
    /* str: where its characters stand, by its kind */ \
    FIELD(string_ascii_data,           48,   48,   48,   48,   40,   40,   40,   0,  0) \
    FIELD(string_compact_data,         72,   72,   72,   72,   56,   56,   56,   0,  0)
/* clang-format on */

/* In all versions. */
enum cpython_constants {
    CPYTHON_OBJECT_TYPE = 8,
    CPYTHON_OBJECT_SIZE = 16, /* of objects with a size: int64_t */
    CPYTHON_TYPE_NAME = 24,   /* const char * */
    CPYTHON_TYPE_FLAGS = 168,
    CPYTHON_STRING_LENGTH = 16,
    CPYTHON_STRING_STATE = 32, /* uint32_t */
    CPYTHON_BYTES_DATA = 32
};

/* Of a str object's state, above that of being interned, in its version's minor number. That takes
 * two bits; 16 in early builds of 3.14, which then leave those at 0 where others keep the bytes of a
 * character. */
static inline uint32_t cpython_string_bits(uint32_t state, uint32_t minor)
{
    bool is_wide = minor >= 14 && (state & 0xfffc) == 0;
    return state >> (is_wide ? 16 : 2);
}

/* Bytes of a character: 1, 2 or 4. */
static inline uint32_t cpython_string_kind(uint32_t state, uint32_t minor)
{
    return cpython_string_bits(state, minor) & 7;
}

/* Its characters stand behind the object. */
static inline bool cpython_string_is_compact(uint32_t state, uint32_t minor)
{
    return (cpython_string_bits(state, minor) & 8) != 0;
}

static inline bool cpython_string_is_ascii(uint32_t state, uint32_t minor)
{
    return (cpython_string_bits(state, minor) & 16) != 0;
}

/* frame_owner: who keeps the frame. From 3.12 on an entry frame of C marks where the interpreter
 * was entered; it runs no code of the program. */
enum cpython_frame_owner {
    CPYTHON_FRAME_OF_THREAD = 0,
    CPYTHON_FRAME_OF_GENERATOR = 1,
    CPYTHON_FRAME_OF_OBJECT = 2,
    CPYTHON_FRAME_OF_C = 3
};

struct cpython_offsets {
    uint32_t minor; /* of the version: 8 for 3.8 */
#define CPYTHON_MEMBER(name, ...) uint32_t name;
    CPYTHON_FIELDS(CPYTHON_MEMBER)
#undef CPYTHON_MEMBER
};

/* The column of a version, by PY_VERSION_HEX. False, and nothing is known, for other versions and
 * for alpha and beta releases. */
bool cpython_offsets_find(uint32_t version_hex, struct cpython_offsets *offsets);

/* Compares with the process's own table, the first CPYTHON_DEBUG_WORDS words of its _PyRuntime, and
 * takes its values where they differ: what they name is right then, but what the table lacks may
 * have moved as well. *differing (may be NULL) is the name of the first such field, NULL when all
 * agree. False when the words are not such a table of that version, the build is free-threaded, or
 * a value cannot be an offset; `offsets` is then as it was. Versions before 3.13 have no table:
 * true. */
bool cpython_offsets_check(struct cpython_offsets *offsets,
                           const uint64_t words[CPYTHON_DEBUG_WORDS], const char **differing);

#endif
