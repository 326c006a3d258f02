/* What the types of blocks are called, and what the ways between blocks are: blocks of types by
 * name, members on references.
 *
 * "client" is a block of one, "client[]" one of several; "dictEntry *[]", "char[]". */
#ifndef SEEP_GRAPH_TYPE_NAMES_H
#define SEEP_GRAPH_TYPE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "graph/root_names.h"
#include "graph/type_propagation.h"

#define TYPE_NO_GROUP UINT32_MAX

/* All blocks whose types have one name. */
struct type_group {
    char *name;
    uint64_t blocks, bytes;
    uint64_t by_source[TYPE_SOURCE_COUNT];
    uint64_t by_confidence[TYPE_SURE + 1];
    bool is_plain; /* of numbers or characters: says little of what it is for */
};

/* A container that has memory of its own; or all that blocks of one type have at one place. */
struct container {
    uint32_t block;    /* that it, or the first of them, is in; or SNAPSHOT_NONE */
    uint32_t variable; /* that it is in, or TYPE_NO_VARIABLE */
    uint32_t root;     /* of a variable: position in snapshot.roots of its first slot */
    uint64_t offset;   /* in the variable or block */
    uint32_t type;     /* of the table */
    uint64_t count;
    uint64_t elements;
    bool are_known;         /* its elements */
    uint64_t blocks, bytes; /* of its own memory */
};

struct type_names {
    const struct snapshot *snapshot;
    const struct root_names *roots;
    struct symbolizer_options options;
    struct type_table table;
    struct block_types types;
    uint32_t *group_of_block; /* TYPE_NO_GROUP = not known */
    struct type_group *groups;
    size_t group_count, group_capacity;
    struct container *containers; /* those with most bytes first */
    size_t container_count, container_capacity;
    struct hash_map root_at; /* address of a slot: position in snapshot.roots */
    struct hash_map
        first_slots; /* root << 32 | block: the first slot of a root that refers to it */
};

/* All is borrowed until the clear, but the options. */
void type_names_find(const struct profile *profile, const struct snapshot *snapshot,
                     const uint32_t *site_of_block, const struct root_names *roots,
                     const struct symbolizer_options *options, struct type_names *names);
void type_names_clear(struct type_names *names);

/* Where most of a group's types are from, and how sure the least sure half of them is. */
enum type_source type_group_source(const struct type_group *group);
enum type_confidence type_group_confidence(const struct type_group *group);

/* "vtable", ...; "sure", "likely", "unsure". */
const char *type_source_name(enum type_source source);
const char *type_confidence_name(enum type_confidence confidence);

/* The member through which a block, or a root (its position in `roots`), refers to a block:
 * "db[0].dict", "" for a root that is all of a variable; of frames with the variable in front.
 * Appended; false: not known. */
bool type_names_add_member(struct type_names *names, uint32_t from, uint32_t to, struct text *out);
bool type_names_add_root_member(struct type_names *names, uint32_t root, uint32_t to,
                                struct text *out);
/* The same of one slot: at an offset of a block, or a position in snapshot.roots. */
bool type_names_add_slot(struct type_names *names, uint32_t block, uint64_t offset,
                         struct text *out);
bool type_names_add_root_slot(struct type_names *names, uint32_t slot, struct text *out);
/* The type of the variable that a root's slot to this block (SNAPSHOT_NONE: its first slot) is in;
 * appended; false: not known. */
bool type_names_add_root_type(struct type_names *names, uint32_t root, uint32_t to,
                              struct text *out);

/* Whether a block of a known type is several of it. */
bool type_names_is_array(const struct type_names *names, uint32_t block);

/* "[3].name": the place in a typed block, and in the variable that a slot (a position in
 * snapshot.roots) belongs to; appended. False: the block's type says nothing of it. */
bool type_names_add_place(struct type_names *names, uint32_t block, uint64_t offset,
                          struct text *out);
void type_names_add_variable_place(struct type_names *names, uint32_t slot, uint64_t offset,
                                   struct text *out);

#endif
