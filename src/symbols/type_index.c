#include "config.h"

#include "symbols/type_index.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* What a damaged file can make this cost; sound files stay far below. */
enum {
    MAX_DEPTH = 64,
    MAX_VISITED_DIES = 1 << 26,
    MAX_VARIABLES = 1 << 22,
    MAX_DEFINITIONS = 1 << 22,
    MAX_NAME_BYTES = 1 << 14
};

struct walk {
    struct type_index *index;
    bool is_for_statics; /* the variables in functions; else everything but these */
    struct text scope;
    uint32_t scope_id; /* position + 1 of the scope's text; 0 = the outermost */
};

bool type_index_is_type(int tag)
{
    return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

/* Where a variable always is. In split DWARF gcc (12) gives the addresses of thread-local ones
 * where their offsets should be. */
static bool find_place(const struct type_index *index, Dwarf_Die *die, uint64_t *address,
                       bool *is_thread_local)
{
    Dwarf_Attribute attribute, indirect;
    Dwarf_Op *operations;
    Dwarf_Addr value;
    size_t count;

    if (dwarf_attr(die, DW_AT_location, &attribute) == NULL ||
        dwarf_getlocation(&attribute, &operations, &count) != 0 || count == 0 || count > 2)
        return false;
    *is_thread_local = count == 2 && (operations[1].atom == DW_OP_GNU_push_tls_address ||
                                      operations[1].atom == DW_OP_form_tls_address);
    if (count == 2 && !*is_thread_local)
        return false;
    switch (operations[0].atom) {
    case DW_OP_addr:
    case DW_OP_const4u:
    case DW_OP_const8u:
        *address = operations[0].number;
        return operations[0].atom == DW_OP_addr || *is_thread_local;
    case DW_OP_addrx:
    case DW_OP_GNU_addr_index:
    case DW_OP_constx:
    case DW_OP_GNU_const_index:
        if (dwarf_getlocation_attr(&attribute, &operations[0], &indirect) != 0 ||
            (dwarf_formaddr(&indirect, &value) != 0 && dwarf_formudata(&indirect, &value) != 0))
            return false;
        if (*is_thread_local && index->tls_address && value >= index->tls_address)
            value -= index->tls_address;
        *address = value;
        return true;
    default:
        return false;
    }
}

static void add_variable(struct walk *walk, Dwarf_Die *die)
{
    struct type_index *index = walk->index;
    struct found_variables *list;
    uint64_t address;
    bool is_thread_local;

    if (!find_place(index, die, &address, &is_thread_local))
        return;
    if (walk->is_for_statics)
        list = is_thread_local ? &index->thread_statics : &index->statics;
    else
        list = is_thread_local ? &index->thread_locals : &index->globals;
    if (list->count >= MAX_VARIABLES)
        return;
    list->items = memory_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = (struct found_variable){address, die_place_of(die)};
    list->is_sorted = false;
}

/* In C a typedef and a struct may have one name. */
static uint64_t hash_name(const char *scope, const char *name, bool is_typedef)
{
    return hash_bytes(name, strlen(name), hash_bytes(scope, strlen(scope), is_typedef));
}

bool type_index_is_declaration(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    bool is_set = false;

    return dwarf_attr(die, DW_AT_declaration, &attribute) != NULL &&
           dwarf_formflag(&attribute, &is_set) == 0 && is_set;
}

/* The scope as a text that stays; one for all types in it. */
static uint32_t scope_id(struct walk *walk)
{
    struct type_index *index = walk->index;

    if (walk->scope_id == 0 && walk->scope.count > 0) {
        index->scopes = memory_grow(index->scopes, &index->scope_capacity, index->scope_count + 1,
                                    sizeof *index->scopes);
        index->scopes[index->scope_count++] = memory_duplicate_text(text_get(&walk->scope));
        walk->scope_id = (uint32_t)index->scope_count;
    }
    return walk->scope_id;
}

static void add_type(struct walk *walk, Dwarf_Die *die)
{
    struct type_index *index = walk->index;
    const char *name = dwarf_diename(die);
    bool is_new;
    uint64_t *position;

    if (!name || index->definition_count >= MAX_DEFINITIONS)
        return;
    if (walk->scope.count > 0)
        *hash_map_put(&index->scope_of, (uintptr_t)die->addr, NULL) = scope_id(walk);
    if (type_index_is_declaration(die))
        return;
    position = hash_map_put(
        &index->by_name, hash_name(text_get(&walk->scope), name, dwarf_tag(die) == DW_TAG_typedef),
        &is_new);
    if (!is_new)
        return;
    *position = index->definition_count;
    index->definitions = memory_grow(index->definitions, &index->definition_capacity,
                                     index->definition_count + 1, sizeof *index->definitions);
    index->definitions[index->definition_count++] = die_place_of(die);
}

static void visit_children(struct walk *walk, Dwarf_Die *parent, unsigned depth);

static void visit_scope(struct walk *walk, Dwarf_Die *die, unsigned depth)
{
    const char *name = dwarf_diename(die);
    size_t before = walk->scope.count;
    uint32_t id = walk->scope_id;

    if (dwarf_haschildren(die) != 1 || before > MAX_NAME_BYTES)
        return;
    if (name || dwarf_tag(die) == DW_TAG_namespace) {
        text_print(&walk->scope, "%s::", name ? name : "(anonymous namespace)");
        walk->scope_id = 0;
    }
    visit_children(walk, die, depth + 1);
    if (walk->scope.count > before) {
        walk->scope.count = before;
        walk->scope.bytes[before] = '\0';
        walk->scope_id = id;
    }
}

static void visit(struct walk *walk, Dwarf_Die *die, unsigned depth)
{
    int tag = dwarf_tag(die);
    bool is_for_statics = walk->is_for_statics;

    if (type_index_is_type(tag)) {
        if (!is_for_statics)
            add_type(walk, die);
        visit_scope(walk, die, depth);
    } else if (tag == DW_TAG_namespace || tag == DW_TAG_module) {
        visit_scope(walk, die, depth);
    } else if (tag == DW_TAG_typedef && !is_for_statics) {
        add_type(walk, die);
    } else if (tag == DW_TAG_variable && (!is_for_statics || depth > 0)) {
        add_variable(walk, die);
    } else if (is_for_statics && (tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block)) {
        visit_children(walk, die, depth + 1);
    }
}

static void visit_children(struct walk *walk, Dwarf_Die *parent, unsigned depth)
{
    Dwarf_Die die;

    if (depth >= MAX_DEPTH || dwarf_child(parent, &die) != 0)
        return;
    do {
        if (++walk->index->visited > MAX_VISITED_DIES)
            return;
        visit(walk, &die, depth);
    } while (dwarf_siblingof(&die, &die) == 0);
}

static void walk_units(struct type_index *index, Dwarf *dwarf, bool is_for_statics)
{
    struct walk walk = {.index = index, .is_for_statics = is_for_statics};
    Dwarf_CU *unit = NULL;
    Dwarf_Die die, split;
    uint8_t kind;

    while (dwarf_get_units(dwarf, unit, &unit, NULL, &kind, &die, &split) == 0 &&
           index->visited <= MAX_VISITED_DIES) {
        visit_children(&walk, kind == DW_UT_skeleton && split.addr ? &split : &die, 0);
    }
    text_clear(&walk.scope);
}

/* Of several at one place (copies of an inline variable) the first that was read. */
static int compare_variables(const void *left, const void *right)
{
    const struct found_variable *a = left, *b = right;
    uintptr_t one = (uintptr_t)a->die.address, other = (uintptr_t)b->die.address;

    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return one < other ? -1 : one > other;
}

/* The last that begins at or before an address, of several the first. */
static const struct found_variable *search(struct found_variables *list, uint64_t address)
{
    size_t low = 0, high = list->count;

    if (!list->is_sorted && list->count > 0)
        qsort(list->items, list->count, sizeof *list->items, compare_variables);
    list->is_sorted = true;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (list->items[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    const struct found_variable *found = &list->items[low - 1];
    while (found > list->items && found[-1].start == found->start)
        found--;
    return found;
}

const struct found_variable *type_index_find_variable(struct type_index *index, uint64_t address,
                                                      bool is_thread_local)
{
    return search(is_thread_local ? &index->thread_locals : &index->globals, address);
}

const struct found_variable *type_index_find_static(struct type_index *index, uint64_t address,
                                                    bool is_thread_local)
{
    if (!index->has_statics) {
        walk_units(index, index->dwarf, true);
        index->has_statics = true;
    }
    return search(is_thread_local ? &index->thread_statics : &index->statics, address);
}

const char *type_index_scope(const struct type_index *index, const Dwarf_Die *die)
{
    const uint64_t *id = hash_map_find(&index->scope_of, (uintptr_t)die->addr);

    return id ? index->scopes[*id - 1] : "";
}

const struct die_place *type_index_find_definition(const struct type_index *index,
                                                   const char *scope, const char *name,
                                                   bool is_typedef)
{
    const uint64_t *position = hash_map_find(&index->by_name, hash_name(scope, name, is_typedef));

    return position ? &index->definitions[*position] : NULL;
}

void type_index_init(struct type_index *index, Dwarf *dwarf, Dwarf *alternate, uint64_t tls_address)
{
    *index = (struct type_index){.dwarf = dwarf, .tls_address = tls_address};
    walk_units(index, dwarf, false);
    if (alternate)
        walk_units(index, alternate, false);
}

void type_index_clear(struct type_index *index)
{
    free(index->globals.items);
    free(index->thread_locals.items);
    free(index->statics.items);
    free(index->thread_statics.items);
    free(index->definitions);
    hash_map_clear(&index->by_name);
    hash_map_clear(&index->scope_of);
    for (size_t i = 0; i < index->scope_count; i++)
        free(index->scopes[i]);
    free(index->scopes);
    *index = (struct type_index){0};
}
