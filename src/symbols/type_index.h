/* Where a module's variables are, and which types stand under which name, by its DWARF. All units
 * are walked once; the variables in functions, which are many and rarely asked for, when they are.
 */
#ifndef SEEP_SYMBOLS_TYPE_INDEX_H
#define SEEP_SYMBOLS_TYPE_INDEX_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_map.h"

/* A DIE, without what libdw can find again. */
struct die_place {
    void *address;
    Dwarf_CU *unit;
};

struct found_variable {
    uint64_t start;
    struct die_place die;
};

struct found_variables {
    struct found_variable *items;
    size_t count, capacity;
    bool is_sorted;
};

static inline Dwarf_Die die_place_get(const struct die_place *place)
{
    return (Dwarf_Die){.addr = place->address, .cu = place->unit};
}

static inline struct die_place die_place_of(const Dwarf_Die *die)
{
    return (struct die_place){.address = die->addr, .unit = die->cu};
}

struct type_index {
    Dwarf *dwarf;         /* borrowed */
    uint64_t tls_address; /* of the template of thread-local variables, in the file */
    uint32_t visited;

    struct found_variables globals, thread_locals;
    struct found_variables statics, thread_statics; /* in functions */
    bool has_statics;

    struct die_place *definitions;
    size_t definition_count, definition_capacity;
    struct hash_map by_name;  /* hash of the name with its scopes: position in definitions */
    struct hash_map scope_of; /* by address of a type's DIE: position in scopes + 1 */
    char **scopes;            /* "app::", ... */
    size_t scope_count, scope_capacity;
};

/* `alternate` (NULL: none) has what several files share. Both are borrowed. */
void type_index_init(struct type_index *index, Dwarf *dwarf, Dwarf *alternate,
                     uint64_t tls_address);
void type_index_clear(struct type_index *index);

/* The variable that begins at or last before an address of the file, or an offset in the TLS
 * segment; NULL: none. Borrowed until the next call. */
const struct found_variable *type_index_find_variable(struct type_index *index, uint64_t address,
                                                      bool is_thread_local);
const struct found_variable *type_index_find_static(struct type_index *index, uint64_t address,
                                                    bool is_thread_local);

/* "app::", ...: in which scope a type stands; "" = in none. Borrowed from the index. */
const char *type_index_scope(const struct type_index *index, const Dwarf_Die *die);

/* NULL = there is none. Borrowed from the index. */
const struct die_place *type_index_find_definition(const struct type_index *index,
                                                   const char *scope, const char *name,
                                                   bool is_typedef);

/* A struct, class or union. */
bool type_index_is_type(int tag);
bool type_index_is_declaration(Dwarf_Die *die);

#endif
