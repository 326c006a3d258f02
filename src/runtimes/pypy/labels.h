/* How a person names what an object refers to: ".next", "['k7']", "[3]". What PyPy has between two
 * objects of a program, such as the array of a list's items, goes without a name. */
#ifndef SEEP_RUNTIMES_PYPY_LABELS_H
#define SEEP_RUNTIMES_PYPY_LABELS_H

#include "runtimes/pypy/names.h"

enum {
    PYPY_LABEL_BYTES = 128
};

/* What kind of thing an object is to a label. */
enum pypy_role {
    PYPY_ROLE_PLAIN,      /* its fields have names */
    PYPY_ROLE_CONTAINER,  /* list, tuple, dict, set, and what they are made of */
    PYPY_ROLE_ATTRIBUTES, /* a dictionary of attributes, and what that is made of */
    PYPY_ROLE_INSTANCE    /* of a program's class */
};

struct pypy_labels {
    const struct pypy_names *names;
    const struct pypy_objects *objects;
    uint8_t *containers; /* of types: is it one of those, whatever refers to it? */
    uint8_t *entries;    /* of types: is it the array of a dictionary's entries? */
    uint32_t module, class, plain_attribute, cell;
};

void pypy_labels_init(struct pypy_labels *labels, const struct pypy_names *names);
void pypy_labels_clear(struct pypy_labels *labels);

/* The role of an object to which this role's object refers. */
enum pypy_role pypy_labels_role(const struct pypy_labels *labels, uint32_t object,
                                enum pypy_role from, uint32_t from_object);

/* The label of an edge of an object in a role; "": it goes without. With `is_general`, what tells
 * alike things apart is left out: "[k]" for all keys, "[i]" for all indices. */
void pypy_label_make(const struct pypy_labels *labels, uint32_t object, enum pypy_role role,
                     const struct pypy_edge *edge, bool is_general, char label[PYPY_LABEL_BYTES]);

/* What a label follows from, so that it can be kept; 0: it is another for each edge. */
uint64_t pypy_label_key(const struct pypy_labels *labels, uint32_t object, enum pypy_role role,
                        const struct pypy_edge *edge);

#endif
