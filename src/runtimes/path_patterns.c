#include "runtimes/path_patterns.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    PATTERNS_MOST = 1 << 18,
    PATTERN_DEPTH_MOST = 12, /* labels; what is deeper shares one pattern */
    OWN_BYTES_TOLD = 1 << 20
};

void path_patterns_init(struct path_patterns *patterns)
{
    *patterns = (struct path_patterns){.texts = string_pool_create()};
}

void path_patterns_clear(struct path_patterns *patterns)
{
    string_pool_destroy(patterns->texts);
    hash_map_clear(&patterns->index);
    free(patterns->items);
    *patterns = (struct path_patterns){0};
}

static struct path_place *find_kept(struct path_place *kept, uint64_t key)
{
    return &kept[(key ^ key >> 32 ^ key >> 37) & (PATH_PLACES_KEPT - 1)];
}

static uint32_t make_pattern(struct path_patterns *patterns, uint32_t parent,
                             struct string_id label)
{
    bool is_new;
    uint32_t depth = parent == PATH_NO_PATTERN ? 0 : patterns->items[parent].depth + 1;
    if (parent != PATH_NO_PATTERN && (label.index == 0 || depth > PATTERN_DEPTH_MOST))
        return parent;
    uint64_t *place = hash_map_put(&patterns->index, (uint64_t)parent << 32 | label.index, &is_new);
    if (!is_new)
        return (uint32_t)*place;
    if (patterns->count >= PATTERNS_MOST && parent != PATH_NO_PATTERN) {
        *place = parent;
        return parent;
    }
    patterns->items = memory_grow(patterns->items, &patterns->capacity, patterns->count + 1,
                                  sizeof *patterns->items);
    patterns->items[patterns->count] = (struct path_pattern){parent, depth, label};
    *place = patterns->count;
    return (uint32_t)patterns->count++;
}

uint32_t path_patterns_make(struct path_patterns *patterns, uint32_t parent, struct string_id label)
{
    uint64_t key = ((uint64_t)parent << 32 | label.index) + 1;
    struct path_place *kept = find_kept(patterns->kept, key);
    if (kept->key != key)
        *kept = (struct path_place){key, make_pattern(patterns, parent, label)};
    return (uint32_t)kept->place;
}

uint32_t path_patterns_make_root(struct path_patterns *patterns, const char *name)
{
    return path_patterns_make(patterns, PATH_NO_PATTERN, string_pool_add(patterns->texts, name));
}

const char *path_patterns_root(const struct path_patterns *patterns, uint32_t pattern)
{
    while (patterns->items[pattern].parent != PATH_NO_PATTERN)
        pattern = patterns->items[pattern].parent;
    return string_pool_text(patterns->texts, patterns->items[pattern].label);
}

void path_patterns_add_text(const struct path_patterns *patterns, uint32_t pattern,
                            struct text *out)
{
    uint32_t chain[PATTERN_DEPTH_MOST + 1];
    size_t length = 0;
    for (; pattern != PATH_NO_PATTERN; pattern = patterns->items[pattern].parent)
        chain[length++] = pattern;
    while (length-- > 0)
        text_add(out, string_pool_text(patterns->texts, patterns->items[chain[length]].label));
}

static uint64_t find_count(struct path_counts *counts, uint32_t subject, uint32_t pattern,
                           uint32_t object)
{
    bool is_new;
    uint64_t *place = hash_map_put(&counts->index, (uint64_t)subject << 32 | pattern, &is_new);
    if (is_new) {
        counts->items = memory_grow(counts->items, &counts->capacity, counts->count + 1,
                                    sizeof *counts->items);
        *place = counts->count;
        counts->items[counts->count++] = (struct path_count){subject, pattern, object, 0, 0};
    }
    return *place;
}

void path_counts_add(struct path_counts *counts, uint32_t subject, uint32_t pattern,
                     uint32_t object, uint64_t bytes)
{
    uint64_t key = ((uint64_t)subject << 32 | pattern) + 1;
    struct path_place *kept = find_kept(counts->kept, key);
    if (kept->key != key)
        *kept = (struct path_place){key, find_count(counts, subject, pattern, object)};
    counts->items[kept->place].count++;
    counts->items[kept->place].bytes += bytes;
}

static int compare_counts(const void *left, const void *right)
{
    const struct path_count *a = left, *b = right;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    if (a->subject != b->subject)
        return a->subject < b->subject ? -1 : 1;
    return a->pattern < b->pattern ? -1 : a->pattern > b->pattern;
}

void path_counts_sort(struct path_counts *counts)
{
    if (counts->count > 0)
        qsort(counts->items, counts->count, sizeof *counts->items, compare_counts);
    hash_map_clear(&counts->index);
}

void path_counts_clear(struct path_counts *counts)
{
    free(counts->items);
    hash_map_clear(&counts->index);
    *counts = (struct path_counts){0};
}

bool path_counts_is_worth(const struct path_patterns *patterns, const struct path_count *count,
                          const char *const *own_roots, size_t own_root_count)
{
    const char *root = path_patterns_root(patterns, count->pattern);
    for (size_t i = 0; i < own_root_count; i++)
        if (strcmp(root, own_roots[i]) == 0)
            return count->bytes >= OWN_BYTES_TOLD;
    return true;
}

void path_counts_tell(const struct path_patterns *patterns, const struct path_count *count,
                      enum python_text_kind kind, const char *subject, const char *example,
                      struct python_heap *heap)
{
    struct text text = {0};
    path_patterns_add_text(patterns, count->pattern, &text);
    if (strcmp(text_get(&text), example) != 0)
        text_print(&text, ", such as %s", example);
    python_heap_add_text(heap, &(struct python_text){.kind = kind,
                                                     .subject = (char *)subject,
                                                     .text = (char *)text_get(&text),
                                                     .count = count->count,
                                                     .bytes = count->bytes});
    text_clear(&text);
}
