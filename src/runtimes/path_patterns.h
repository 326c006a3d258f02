/* Alike ways to objects are counted together: a way is a pattern, the pattern of the object before
 * it and one label more, in which keys and indices are left open: "__main__.cache[k][i]". Patterns
 * are few, however many objects there are; one way of each is written out as an example. */
#ifndef SEEP_RUNTIMES_PATH_PATTERNS_H
#define SEEP_RUNTIMES_PATH_PATTERNS_H

#include "base/hash_map.h"
#include "base/string_pool.h"
#include "base/text.h"
#include "snapshot/python_heap.h"

/* Of roots the pattern before; of objects that were not reached. */
#define PATH_NO_PATTERN UINT32_MAX

struct path_pattern {
    uint32_t parent; /* PATH_NO_PATTERN: a root */
    uint32_t depth;
    struct string_id label;
};

enum {
    PATH_PLACES_KEPT = 64 /* a power of two */
};

/* Alike objects come one behind the other: what was just looked up, by a part of its key. Zeroed
 * it holds nothing: keys are kept + 1. */
struct path_place {
    uint64_t key, place;
};

struct path_patterns {
    struct path_place kept[PATH_PLACES_KEPT];
    struct path_pattern *items;
    size_t count, capacity;
    struct hash_map index; /* parent and label to position */
    struct string_pool *texts;
};

void path_patterns_init(struct path_patterns *patterns);
void path_patterns_clear(struct path_patterns *patterns);

/* The pattern that a label makes of another. An empty label adds nothing, nor does any to what is
 * as deep as patterns are told. */
uint32_t path_patterns_make(struct path_patterns *patterns, uint32_t parent,
                            struct string_id label);
uint32_t path_patterns_make_root(struct path_patterns *patterns, const char *name);

/* The name of the root that a pattern begins with. */
const char *path_patterns_root(const struct path_patterns *patterns, uint32_t pattern);

void path_patterns_add_text(const struct path_patterns *patterns, uint32_t pattern,
                            struct text *out);

/* Objects of one subject (a type, or its name) by their pattern. */
struct path_count {
    uint32_t subject, pattern;
    uint32_t example; /* an object */
    uint64_t count, bytes;
};

struct path_counts {
    struct path_place kept[PATH_PLACES_KEPT];
    struct path_count *items;
    size_t count, capacity;
    struct hash_map index; /* subject and pattern to position */
};

void path_counts_add(struct path_counts *counts, uint32_t subject, uint32_t pattern,
                     uint32_t object, uint64_t bytes);
/* The most first. */
void path_counts_sort(struct path_counts *counts);
void path_counts_clear(struct path_counts *counts);

/* Is it worth telling? What the interpreter itself needs, which hangs from one of these roots, is
 * where it is much. */
bool path_counts_is_worth(const struct path_patterns *patterns, const struct path_count *count,
                          const char *const *own_roots, size_t own_root_count);

/* Adds it to `heap` with the way to its example. */
void path_counts_tell(const struct path_patterns *patterns, const struct path_count *count,
                      enum python_text_kind kind, const char *subject, const char *example,
                      struct python_heap *heap);

#endif
