/* Objects with more references than anything holds, told in groups: of which type, how many
 * references too many, what they keep, and where they were allocated. */
#ifndef SEEP_RUNTIMES_CPYTHON_REFERENCE_LEAKS_H
#define SEEP_RUNTIMES_CPYTHON_REFERENCE_LEAKS_H

#include "base/text.h"
#include "runtimes/cpython/garbage.h"
#include "runtimes/cpython/native_blocks.h"
#include "runtimes/cpython/surplus.h"
#include "snapshot/python_heap.h"

/* What keeps an object, in words; nothing where no name leads to it. */
typedef void (*cpython_add_path)(void *context, uint32_t object, struct text *out);

/* All is borrowed. */
struct cpython_leaks_input {
    struct cpython_objects *objects;
    const struct cpython_garbage *garbage;
    const struct cpython_native *native;
    const struct cpython_surpluses *surpluses;
    const int32_t *unexplained; /* as in cpython_surplus_input */
    cpython_add_path add_path;
    void *context;
};

void cpython_leaks_tell(const struct cpython_leaks_input *input, struct python_heap *heap);

#endif
