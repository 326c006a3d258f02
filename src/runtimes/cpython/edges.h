/* What an object refers to: other objects, and storage of its own. */
#ifndef SEEP_RUNTIMES_CPYTHON_EDGES_H
#define SEEP_RUNTIMES_CPYTHON_EDGES_H

#include "runtimes/cpython/cpython.h"
#include "runtimes/cpython/types.h"

/* By what an object refers to another. */
enum cpython_edge_kind {
    CPYTHON_EDGE_FIELD,     /* number: offset in the object */
    CPYTHON_EDGE_ITEM,      /* number: index */
    CPYTHON_EDGE_VALUE,     /* of a dictionary; key: the key object */
    CPYTHON_EDGE_KEY,       /* of a dictionary */
    CPYTHON_EDGE_MEMBER,    /* of a set */
    CPYTHON_EDGE_ATTRIBUTE, /* key: the name object, or 0 */
    CPYTHON_EDGE_LOCAL,     /* of a frame; number: which; key: the code object */
    CPYTHON_EDGE_TYPE
};

/* Offsets of fields from here on are of the frame of a generator or frame object. */
#define CPYTHON_FRAME_FIELDS UINT64_C(0x10000)

struct cpython_edge {
    uint64_t target; /* may be anything */
    enum cpython_edge_kind kind;
    uint64_t number;
    uint64_t key;
    bool is_counted; /* the collector would visit it: it holds one count of the target */
};

typedef void (*cpython_visit_edge)(void *context, const struct cpython_edge *edge);
void cpython_edges_visit(const struct cpython *python, const struct cpython_type *type,
                         uint64_t object, cpython_visit_edge visit, void *context);

/* The locals and the stack of a frame (of _PyInterpreterFrame, from 3.11 on). */
void cpython_edges_visit_frame(const struct cpython *python, uint64_t frame,
                               cpython_visit_edge visit, void *context);

/* Where the stack of a frame object up to 3.10 ends; UINT64_MAX: it runs, and that is not told. */
uint64_t cpython_old_frame_end(const struct cpython *python, uint64_t frame);

/* How many of its locals and places on its stack are in use; *is_running: it is not told how much
 * of the stack is, and only the locals count. */
uint64_t cpython_frame_slots(const struct cpython *python, uint64_t frame, uint64_t code,
                             bool *is_running);

/* Storage of an object outside of itself: an address within it, and how many bytes are its own
 * where that is known (0: whatever block holds the address). */
typedef void (*cpython_visit_storage)(void *context, uint64_t address, uint64_t bytes);
void cpython_edges_visit_storage(const struct cpython *python, const struct cpython_type *type,
                                 uint64_t object, cpython_visit_storage visit, void *context);

#endif
