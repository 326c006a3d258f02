/* Objects with more references than anything holds: what is left when somebody took a reference and
 * never gave it back, as C extensions do that forget Py_DECREF. */
#ifndef SEEP_RUNTIMES_CPYTHON_SURPLUS_H
#define SEEP_RUNTIMES_CPYTHON_SURPLUS_H

#include "runtimes/cpython/objects.h"
#include "runtimes/cpython/used_memory.h"

struct cpython_surplus {
    uint32_t object;
    uint32_t count; /* references that nothing explains; at least so many */
    uint32_t words; /* places that hold its address */
};

struct cpython_surpluses {
    struct cpython_surplus *items; /* by object */
    size_t count, capacity;
    uint64_t of_imports; /* others, of CPython's own modules, since these were imported */
    char refusal[128];   /* why nothing can be said; "" = it was looked at */
};

struct cpython_surplus_input {
    struct cpython_objects *objects;
    /* By object: references that those of other objects do not explain. Above 0, and below
     * INT32_MAX, is what is looked at. */
    const int32_t *unexplained;
    struct used_memory *memory; /* planned */
};

void cpython_surplus_find(const struct cpython_surplus_input *input,
                          struct cpython_surpluses *surpluses);
void cpython_surplus_clear(struct cpython_surpluses *surpluses);

#endif
