/* What a person calls an object's type: the name of its class for what a program's own classes
 * made, else what PyPy calls it. */
#ifndef SEEP_RUNTIMES_PYPY_NAMES_H
#define SEEP_RUNTIMES_PYPY_NAMES_H

#include "base/hash_map.h"
#include "base/string_pool.h"
#include "runtimes/pypy/objects.h"

struct pypy_names {
    const struct pypy_objects *objects;
    struct string_pool *texts;
    uint32_t *map_offsets;   /* of types: where an instance refers to its map; 0: none do */
    uint32_t *own_names;     /* of types: their ids among the texts */
    uint32_t map_class;      /* the class of maps */
    struct hash_map of_maps; /* a map's address to the id of its class's name; 0: it has none */
};

void pypy_names_init(struct pypy_names *names, const struct pypy_objects *objects);
void pypy_names_clear(struct pypy_names *names);

/* The id of its type's name among the texts. */
struct string_id pypy_names_find(struct pypy_names *names, uint32_t object);

/* What a W_TypeObject says it is called; false, and "": it is none. */
bool pypy_class_name(const struct pypy *pypy, uint64_t type, char *name, size_t name_bytes);

/* The map of an instance; 0: it has none. */
uint64_t pypy_names_map(const struct pypy_names *names, uint32_t object);

/* A str's or bytes' text. */
bool pypy_text_of(const struct pypy *pypy, uint64_t object, char *text, size_t text_bytes);

#endif
