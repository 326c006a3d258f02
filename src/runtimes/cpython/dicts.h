/* Dictionaries of a CPython process: their entries, whatever the version keeps them in. */
#ifndef SEEP_RUNTIMES_CPYTHON_DICTS_H
#define SEEP_RUNTIMES_CPYTHON_DICTS_H

#include "runtimes/cpython/cpython.h"

enum {
    CPYTHON_DICT_USED = 16,
    CPYTHON_DICT_KEYS = 32,
    CPYTHON_DICT_VALUES = 40,
    CPYTHON_LONG_DIGITS = 24,
    CPYTHON_LONG_DIGIT_BITS = 30
};

/* Where the entries of a table of keys are. */
struct cpython_keys {
    uint64_t entries;
    uint64_t entry_count;
    uint32_t entry_bytes;
    uint32_t key_offset;   /* in an entry */
    uint32_t value_offset; /* UINT32_MAX: values stand apart, beside each instance */
};

/* False: this is no such table. */
bool cpython_keys_read(const struct cpython *python, uint64_t address, struct cpython_keys *keys);

/* Calls `visit` for each entry that is in use (value not 0). `slot` is where the value stands.
 * False from visit stops. */
typedef bool (*cpython_visit_entry)(void *context, uint64_t key, uint64_t value, uint64_t slot);
void cpython_dict_visit(const struct cpython *python, uint64_t dict, cpython_visit_entry visit,
                        void *context);

/* The value of a key that is a string of ASCII. */
bool cpython_dict_find(const struct cpython *python, uint64_t dict, const char *key,
                       uint64_t *value);

/* The text of a str as UTF-8, cut where it does not fit; false, and "": it is none. */
bool cpython_string(const struct cpython *python, uint64_t string, char *text, size_t text_bytes);

#endif
