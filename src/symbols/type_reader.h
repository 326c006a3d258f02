/* Types and variables by a module's DWARF: what stands at an address, which members a type has.
 *
 * The units are walked once, to know where variables are and which types stand under which name
 * (what is only declared in one unit is defined in another); a type is read when it is asked for.
 * What it reads may be hostile: type_service.h runs it in a child process. */
#ifndef SEEP_SYMBOLS_TYPE_READER_H
#define SEEP_SYMBOLS_TYPE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbols/symbolizer.h"

enum type_kind {
    TYPE_UNKNOWN = 0, /* also void */
    TYPE_BASE = 1,    /* numbers, enumerations */
    TYPE_CHARACTER = 2,
    TYPE_POINTER = 3, /* to `target`; references too */
    TYPE_STRUCT = 4,  /* and classes */
    TYPE_UNION = 5,
    TYPE_ARRAY = 6, /* of `count` times `target`; 0 = as many as there are */
    TYPE_FUNCTION = 7,
    TYPE_KIND_COUNT
};

/* Types are numbered by who gave them; 0 is none, such as void. */
struct type_member {
    char *name;      /* owned; "" of what has none */
    uint32_t target; /* its type */
    uint64_t offset;
    bool is_base; /* a base class */
};

/* Typedefs, const and the like are seen through. */
struct type_facts {
    enum type_kind kind;
    char *name;      /* owned; with its scopes; "" = none. Of pointers and arrays always "" */
    uint64_t bytes;  /* 0 = not known, or declared only */
    uint32_t target; /* of pointers and arrays */
    uint64_t count;  /* of arrays */
    struct type_member *members; /* of structs and unions, bases first as they stand */
    size_t member_count;
    uint32_t *parameters; /* types that a template was made with */
    size_t parameter_count;
};

void type_facts_clear(struct type_facts *facts);

struct type_variable {
    char *name; /* owned; without scopes */
    uint64_t start;
    uint32_t type;
};

/* A variable of a function that is running. */
struct type_local {
    char *name;     /* owned */
    int64_t offset; /* from the frame's canonical address: where the stack was before the call */
    uint32_t type;
    uint64_t bytes;
};

struct type_locals {
    struct type_local *items;
    size_t count, capacity;
};

void type_locals_clear(struct type_locals *locals);

struct type_reader;

/* NULL: there is no DWARF. `module` and `options` are borrowed during the call. Caller owns. */
struct type_reader *type_reader_open(const struct symbolizer_module *module,
                                     const struct symbolizer_options *options);
void type_reader_close(struct type_reader *reader);

/* The variable that holds an address of the file, or the thread-local one at an offset in the TLS
 * segment; false: not known. The caller frees the name. */
bool type_reader_find_variable(struct type_reader *reader, uint64_t address, bool is_thread_local,
                               struct type_variable *variable);

/* The definition of this name, with its scopes; 0 = there is none. */
uint32_t type_reader_find_type(struct type_reader *reader, const char *name);

/* The caller clears the facts; those of numbers that were not given are of TYPE_UNKNOWN. */
void type_reader_describe(struct type_reader *reader, uint32_t type, struct type_facts *facts);

/* The variables at fixed places of the frames of the function at `address`, inlined ones included.
 * The caller clears them. */
void type_reader_find_locals(struct type_reader *reader, uint64_t address,
                             struct type_locals *locals);

#endif
