/* How a person names what an object refers to: ".next", "['k7']", "[3]". */
#ifndef SEEP_RUNTIMES_CPYTHON_LABELS_H
#define SEEP_RUNTIMES_CPYTHON_LABELS_H

#include "runtimes/cpython/edges.h"
#include "runtimes/cpython/objects.h"

enum {
    CPYTHON_LABEL_BYTES = 128
};

struct cpython_label {
    char text[CPYTHON_LABEL_BYTES];
    /* What is referred to is the dictionary of attributes: it goes without saying, and its values
     * are attributes. */
    bool is_attributes;
};

/* The label of an edge of an object; `of_attributes`: the object is a dictionary of attributes.
 * With `is_general`, what tells alike things apart is left out: "[k]" for all keys, "[i]" for all
 * indices. */
void cpython_label_make(const struct cpython *python, const struct cpython_type *type,
                        const struct cpython_edge *edge, bool of_attributes, bool is_general,
                        struct cpython_label *label);

/* Edges of one key have one label, but for those of dictionaries that are not of attributes, and of
 * sequences. */
uint64_t cpython_label_key(const struct cpython_type *type, const struct cpython_edge *edge,
                           bool of_attributes);

/* Is this key a name as programs write it: a string that is an identifier? */
bool cpython_label_is_name(const struct cpython *python, uint64_t key);

/* The name of the local variable of a code object. */
bool cpython_label_local(const struct cpython *python, uint64_t code, uint64_t number, char *name,
                         size_t name_bytes);

#endif
