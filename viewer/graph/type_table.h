/* The types of a process, out of the debug information of its modules: each once, however many
 * units describe it.
 *
 * Types are read when they are first needed. Equal ones (kind, name, size, names and offsets of
 * members) are one. Containers of the C++ library get members that say what their memory is, in
 * place of those of the library (containers.h). */
#ifndef SEEP_GRAPH_TYPE_TABLE_H
#define SEEP_GRAPH_TYPE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_map.h"
#include "base/text.h"
#include "snapshot/snapshot.h"
#include "symbols/type_service.h"

enum container_kind {
    CONTAINER_NONE = 0,
    CONTAINER_VECTOR,
    CONTAINER_STRING,
    CONTAINER_LIST,
    CONTAINER_FORWARD_LIST,
    CONTAINER_TREE,  /* map, set and those of several equal keys */
    CONTAINER_TABLE, /* unordered_... */
    CONTAINER_DEQUE,
    CONTAINER_SHARED
};

#define TYPE_NONE 0u

/* Members and targets are numbers of the table once they were asked for; see type_table_target. */
struct graph_type {
    struct type_facts facts; /* the name is shortened (type_spelling.h) */
    char *full_name;         /* as the compiler wrote it */
    uint32_t module;         /* position in the snapshot's; SNAPSHOT_NONE: made here */
    enum container_kind container;
    bool is_of_library; /* a part of the C++ library: its members' names say nothing */
    bool is_memory;     /* what a container keeps its elements in; its name says so */
    bool is_exact;      /* a block of it has its size, or `slack` more */
    uint64_t slack;
    uint32_t element; /* of containers, and of their memory: what is in it */
    uint32_t node;    /* of containers: the memory that has elements */
    uint32_t *leaves; /* by word: the pointer that stands there, or TYPE_NONE */
};

struct type_table {
    const struct snapshot *snapshot;
    const struct symbolizer_options *options;
    struct symbolizer_module *modules; /* by position of the snapshot's */
    struct type_service **services;    /* the same; NULL = not asked */
    struct graph_type **items;         /* by number; of 0 NULL */
    size_t count, capacity;
    struct hash_map by_source;    /* module << 32 | number of the service: number here */
    struct hash_map by_signature; /* number here */
    struct hash_map by_name;      /* hash of a name that was looked for: number here */
    struct hash_map pointers;     /* made here: target, number */
    unsigned depth;               /* of containers in containers that are being recognised */
};

/* All are borrowed. */
void type_table_init(struct type_table *table, const struct snapshot *snapshot,
                     const struct symbolizer_options *options);
void type_table_clear(struct type_table *table);

/* Borrowed as long as the table is; TYPE_NONE: NULL. */
const struct graph_type *type_table_get(const struct type_table *table, uint32_t type);

/* What a pointer points to, an array has, or a member is of. */
uint32_t type_table_target(struct type_table *table, uint32_t type);
uint32_t type_table_member(struct type_table *table, uint32_t type, size_t member);
uint32_t type_table_parameter(struct type_table *table, uint32_t type, size_t position);

/* A type of the services' own number. */
uint32_t type_table_resolve(struct type_table *table, uint32_t module, uint32_t number);

/* The definition of a name, as the compiler writes it, first in `module` (or SNAPSHOT_NONE), then
 * in all; TYPE_NONE: there is none. */
uint32_t type_table_find(struct type_table *table, uint32_t module, const char *name);

/* The variable at an address of a module's file; false: not known. The name is the caller's. */
bool type_table_find_variable(struct type_table *table, uint32_t module, uint64_t address,
                              bool is_thread_local, struct type_variable *variable);
struct type_service *type_table_service(struct type_table *table, uint32_t module);

/* Types that are made here. Takes over what the facts own; the targets in it are this table's. */
uint32_t type_table_add(struct type_table *table, const struct graph_type *type);
uint32_t type_table_add_pointer(struct type_table *table, uint32_t target);

/* What stands at an offset of a type. */
struct type_leaf {
    uint32_t type;      /* a pointer, a number, ...; TYPE_NONE: not known */
    uint32_t container; /* the container that it is a part of; TYPE_NONE = none */
    uint64_t container_offset;
};

/* Walks down to the word at `offset`: unions end the walk, and so do the library's own types as far
 * as the path is concerned. `path` (NULL: not wanted) gets ".member[3].other" appended. */
bool type_table_descend(struct type_table *table, uint32_t type, uint64_t offset,
                        struct type_leaf *leaf, struct text *path);

/* What the pointer at an offset points to; TYPE_NONE: no pointer, or to what is not known. */
uint32_t type_table_pointee(struct type_table *table, uint32_t type, uint64_t offset);

/* Is `inner` what `outer` begins with: a base class, or the first member? */
bool type_table_begins_with(struct type_table *table, uint32_t outer, uint32_t inner);

/* The flexible array at the end of a struct: the type of its elements and where it begins. */
uint32_t type_table_flexible(struct type_table *table, uint32_t type, uint64_t *offset);

/* "Session", "client *", "char[16]"; appended. */
void type_table_add_name(struct type_table *table, uint32_t type, struct text *out);

#endif
