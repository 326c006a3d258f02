/* The functions that bear and release blocks and mappings, as numbers: the same on the wire and in
 * recordings, so numbers are never reused. `name` is what reports show. Releases carry them too, so
 * that a pair that does not match (new[] and free) can be seen. */
#ifndef SEEP_WIRE_FUNCTION_KINDS_H
#define SEEP_WIRE_FUNCTION_KINDS_H

/* clang-format off */
#define FUNCTION_KINDS(KIND) \
    KIND(0,  NONE,                 "unknown") \
    KIND(1,  MALLOC,               "malloc") \
    KIND(2,  CALLOC,               "calloc") \
    KIND(3,  REALLOC,              "realloc") \
    KIND(4,  REALLOCARRAY,         "reallocarray") \
    KIND(5,  POSIX_MEMALIGN,       "posix_memalign") \
    KIND(6,  ALIGNED_ALLOC,        "aligned_alloc") \
    KIND(7,  MEMALIGN,             "memalign") \
    KIND(8,  VALLOC,               "valloc") \
    KIND(9,  PVALLOC,              "pvalloc") \
    KIND(10, NEW,                  "operator new") \
    KIND(11, NEW_ARRAY,            "operator new[]") \
    KIND(12, NEW_ALIGNED,          "operator new(align_val_t)") \
    KIND(13, NEW_ARRAY_ALIGNED,    "operator new[](align_val_t)") \
    KIND(14, FREE,                 "free") \
    KIND(15, CFREE,                "cfree") \
    KIND(16, FREE_SIZED,           "free_sized") \
    KIND(17, FREE_ALIGNED_SIZED,   "free_aligned_sized") \
    KIND(18, DELETE,               "operator delete") \
    KIND(19, DELETE_ARRAY,         "operator delete[]") \
    KIND(20, DELETE_ALIGNED,       "operator delete(align_val_t)") \
    KIND(21, DELETE_ARRAY_ALIGNED, "operator delete[](align_val_t)") \
    KIND(22, MMAP,                 "mmap") \
    KIND(23, MUNMAP,               "munmap") \
    KIND(24, MREMAP,               "mremap") \
    KIND(25, BRK,                  "brk") \
    KIND(26, SBRK,                 "sbrk") \
    KIND(27, CUSTOM,               "custom allocator") \
    KIND(28, PYTHON_ARENA,         "Python arena") \
    KIND(29, PYTHON_MEMORY,        "PyMem_Malloc") \
    KIND(30, PYTHON_OBJECT,        "PyObject_Malloc")
/* clang-format on */

enum function_kind {
#define FUNCTION_KIND_ENUM(number, name, text) FUNCTION_##name = number,
    FUNCTION_KINDS(FUNCTION_KIND_ENUM)
#undef FUNCTION_KIND_ENUM
        FUNCTION_KIND_COUNT
};

#endif
