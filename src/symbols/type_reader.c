#include "config.h"

#include "symbols/type_reader.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "symbols/elf_sections.h"
#include "symbols/module_file.h"
#include "symbols/type_index.h"

/* What a damaged file can make this cost; sound files stay far below. */
enum {
    MAX_TYPES = 1 << 22,
    MAX_MEMBERS = 1 << 12,
    MAX_PARAMETERS = 16,
    MAX_LOCALS = 1 << 10,
    MAX_PEELED = 32
};

struct type_reader {
    struct module_file file;
    Dwarf *dwarf, *alternate;
    struct type_index index;

    struct die_place *types; /* by number - 1 */
    size_t type_count, type_capacity;
    struct hash_map type_of; /* by address of DIE: number */
};

void type_facts_clear(struct type_facts *facts)
{
    free(facts->name);
    for (size_t i = 0; i < facts->member_count; i++)
        free(facts->members[i].name);
    free(facts->members);
    free(facts->parameters);
    *facts = (struct type_facts){0};
}

void type_locals_clear(struct type_locals *locals)
{
    for (size_t i = 0; i < locals->count; i++)
        free(locals->items[i].name);
    free(locals->items);
    *locals = (struct type_locals){0};
}

static uint64_t find_tls(Elf *elf)
{
    GElf_Phdr header;
    size_t count;

    if (!elf || elf_getphdrnum(elf, &count) != 0)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (gelf_getphdr(elf, (int)i, &header) != NULL && header.p_type == PT_TLS)
            return header.p_vaddr;
    return 0;
}

struct type_reader *type_reader_open(const struct symbolizer_module *module,
                                     const struct symbolizer_options *options)
{
    struct type_reader *reader = memory_allocate_zeroed(1, sizeof *reader);
    struct symbolizer_options with_debug_file = *options;
    struct error reason;
    Elf *elf;

    with_debug_file.is_line_wanted = true;
    elf_version(EV_CURRENT);
    module_file_init(&reader->file, module, &with_debug_file, NULL, &reason);
    elf = reader->file.debug.elf && elf_sections_have_dwarf(reader->file.debug.elf)
              ? reader->file.debug.elf
              : reader->file.program.elf;
    if (elf && elf_sections_have_dwarf(elf))
        reader->dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
    if (!reader->dwarf) {
        type_reader_close(reader);
        return NULL;
    }
    if (reader->file.alternate.elf)
        reader->alternate = dwarf_begin_elf(reader->file.alternate.elf, DWARF_C_READ, NULL);
    if (reader->alternate)
        dwarf_setalt(reader->dwarf, reader->alternate);
    type_index_init(&reader->index, reader->dwarf, reader->alternate,
                    find_tls(reader->file.program.elf));
    return reader;
}

void type_reader_close(struct type_reader *reader)
{
    if (!reader)
        return;
    type_index_clear(&reader->index);
    dwarf_end(reader->dwarf);
    dwarf_end(reader->alternate);
    module_file_clear(&reader->file);
    free(reader->types);
    hash_map_clear(&reader->type_of);
    free(reader);
}

/* ---- types ---- */

static uint32_t number_of(struct type_reader *reader, Dwarf_Die *die)
{
    bool is_new;
    uint64_t *number = hash_map_put(&reader->type_of, (uintptr_t)die->addr, &is_new);

    if (!is_new || reader->type_count >= MAX_TYPES)
        return (uint32_t)*number;
    reader->types = memory_grow(reader->types, &reader->type_capacity, reader->type_count + 1,
                                sizeof *reader->types);
    reader->types[reader->type_count++] = die_place_of(die);
    *number = reader->type_count;
    return (uint32_t)*number;
}

static bool follow(Dwarf_Die *die, unsigned name, Dwarf_Die *target)
{
    Dwarf_Attribute attribute;

    return dwarf_attr_integrate(die, name, &attribute) != NULL &&
           dwarf_formref_die(&attribute, target) != NULL;
}

static uint32_t type_of(struct type_reader *reader, Dwarf_Die *die)
{
    Dwarf_Die target;

    return follow(die, DW_AT_type, &target) ? number_of(reader, &target) : 0;
}

/* A struct in a type unit of its own, or one that is defined elsewhere. */
static void find_definition(struct type_reader *reader, Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    Dwarf_Die target;
    const char *name;
    const struct die_place *place;

    if (dwarf_attr(die, DW_AT_signature, &attribute) != NULL &&
        dwarf_formref_die(&attribute, &target) != NULL)
        *die = target;
    name = dwarf_diename(die);
    if (!name || !type_index_is_declaration(die))
        return;
    place = type_index_find_definition(&reader->index, type_index_scope(&reader->index, die), name,
                                       false);
    if (place)
        *die = die_place_get(place);
}

/* Through typedefs and qualifiers to the type itself; *name is the last typedef's. */
static bool peel(struct type_reader *reader, Dwarf_Die *die, char **name)
{
    for (int i = 0; i < MAX_PEELED; i++) {
        Dwarf_Die target;
        int tag = dwarf_tag(die);

        switch (tag) {
        case DW_TAG_typedef:
            if (dwarf_diename(die)) {
                free(*name);
                *name = memory_print_text("%s%s", type_index_scope(&reader->index, die),
                                          dwarf_diename(die));
            }
            break;
        case DW_TAG_const_type:
        case DW_TAG_volatile_type:
        case DW_TAG_restrict_type:
        case DW_TAG_atomic_type:
        case DW_TAG_immutable_type:
        case DW_TAG_shared_type:
        case DW_TAG_packed_type:
            break;
        default:
            if (type_index_is_type(tag))
                find_definition(reader, die);
            return true;
        }
        if (!follow(die, DW_AT_type, &target))
            return false;
        *die = target;
    }
    return false;
}

static bool read_number(Dwarf_Die *die, unsigned name, uint64_t *value)
{
    Dwarf_Attribute attribute;
    Dwarf_Word word;

    if (dwarf_attr(die, name, &attribute) == NULL || dwarf_formudata(&attribute, &word) != 0)
        return false;
    *value = word;
    return true;
}

/* A constant, or an expression that adds one (DWARF 2). */
static bool read_offset(Dwarf_Die *die, uint64_t *offset)
{
    Dwarf_Attribute attribute;
    Dwarf_Op *operations;
    size_t count;

    *offset = 0;
    if (dwarf_attr(die, DW_AT_data_member_location, &attribute) == NULL)
        return true;
    if (read_number(die, DW_AT_data_member_location, offset))
        return true;
    if (dwarf_getlocation(&attribute, &operations, &count) != 0 || count != 1 ||
        operations[0].atom != DW_OP_plus_uconst)
        return false;
    *offset = operations[0].number;
    return true;
}

static void add_member(struct type_reader *reader, Dwarf_Die *die, struct type_facts *facts,
                       size_t *capacity)
{
    const char *name = dwarf_diename(die);
    struct type_member member = {.is_base = dwarf_tag(die) == DW_TAG_inheritance};

    if (facts->member_count >= MAX_MEMBERS || dwarf_hasattr(die, DW_AT_bit_size) ||
        dwarf_hasattr(die, DW_AT_virtuality) || dwarf_hasattr(die, DW_AT_external) ||
        !read_offset(die, &member.offset))
        return;
    member.target = type_of(reader, die);
    member.name = memory_duplicate_text(name ? name : "");
    facts->members = memory_grow(facts->members, capacity, facts->member_count + 1,
                                 sizeof *facts->members);
    facts->members[facts->member_count++] = member;
}

static void add_parameter(struct type_reader *reader, Dwarf_Die *die, struct type_facts *facts)
{
    if (facts->parameter_count >= MAX_PARAMETERS)
        return;
    if (!facts->parameters)
        facts->parameters = memory_allocate_zeroed(MAX_PARAMETERS, sizeof *facts->parameters);
    facts->parameters[facts->parameter_count++] = type_of(reader, die);
}

static void read_members(struct type_reader *reader, Dwarf_Die *parent, struct type_facts *facts)
{
    size_t capacity = 0;
    Dwarf_Die die;

    if (dwarf_child(parent, &die) != 0)
        return;
    do {
        int tag = dwarf_tag(&die);

        if (tag == DW_TAG_member || tag == DW_TAG_inheritance)
            add_member(reader, &die, facts, &capacity);
        else if (tag == DW_TAG_template_type_parameter)
            add_parameter(reader, &die, facts);
    } while (dwarf_siblingof(&die, &die) == 0);
}

/* Of several dimensions the product. */
static uint64_t count_elements(Dwarf_Die *parent)
{
    uint64_t count = 1, bound;
    Dwarf_Die die;

    if (dwarf_child(parent, &die) != 0)
        return 0;
    do {
        if (dwarf_tag(&die) != DW_TAG_subrange_type)
            continue;
        if (!read_number(&die, DW_AT_count, &bound)) {
            if (!read_number(&die, DW_AT_upper_bound, &bound) || bound == UINT64_MAX ||
                (uint32_t)bound == UINT32_MAX)
                return 0;
            bound++;
        }
        if (__builtin_mul_overflow(count, bound, &count))
            return 0;
    } while (dwarf_siblingof(&die, &die) == 0);
    return count;
}

static enum type_kind kind_of(Dwarf_Die *die)
{
    uint64_t encoding;

    switch (dwarf_tag(die)) {
    case DW_TAG_base_type:
        return read_number(die, DW_AT_encoding, &encoding) &&
                       (encoding == DW_ATE_signed_char || encoding == DW_ATE_unsigned_char ||
                        encoding == DW_ATE_UTF)
                   ? TYPE_CHARACTER
                   : TYPE_BASE;
    case DW_TAG_enumeration_type:
        return TYPE_BASE;
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
        return TYPE_POINTER;
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
        return TYPE_STRUCT;
    case DW_TAG_union_type:
        return TYPE_UNION;
    case DW_TAG_array_type:
        return TYPE_ARRAY;
    case DW_TAG_subroutine_type:
        return TYPE_FUNCTION;
    default:
        return TYPE_UNKNOWN;
    }
}

static char *name_of(const struct type_reader *reader, Dwarf_Die *die, char *typedef_name)
{
    const char *name = dwarf_diename(die);

    if (!name)
        return typedef_name ? typedef_name : memory_duplicate_text("");
    free(typedef_name);
    return memory_print_text("%s%s", type_index_scope(&reader->index, die), name);
}

static void describe(struct type_reader *reader, Dwarf_Die *die, struct type_facts *facts)
{
    char *typedef_name = NULL;
    Dwarf_Word bytes;

    if (!peel(reader, die, &typedef_name)) {
        free(typedef_name);
        return;
    }
    facts->kind = kind_of(die);
    facts->bytes = dwarf_aggregate_size(die, &bytes) == 0 ? bytes : 0;
    if (facts->kind == TYPE_POINTER || facts->kind == TYPE_ARRAY) {
        free(typedef_name);
        facts->target = type_of(reader, die);
        facts->count = facts->kind == TYPE_ARRAY ? count_elements(die) : 0;
        return;
    }
    facts->name = name_of(reader, die, typedef_name);
    if (facts->kind == TYPE_STRUCT || facts->kind == TYPE_UNION)
        read_members(reader, die, facts);
}

void type_reader_describe(struct type_reader *reader, uint32_t type, struct type_facts *facts)
{
    *facts = (struct type_facts){0};
    if (type != 0 && type <= reader->type_count) {
        Dwarf_Die die = die_place_get(&reader->types[type - 1]);

        describe(reader, &die, facts);
    }
    if (!facts->name)
        facts->name = memory_duplicate_text("");
}

uint32_t type_reader_find_type(struct type_reader *reader, const char *name)
{
    const struct die_place *place = NULL;
    size_t bytes = strlen(name), start = bytes;
    unsigned depth = 0;
    char *scope;

    /* The scope ends at the last "::" that no template argument holds. */
    for (size_t i = bytes; i-- > 0 && start == bytes;) {
        depth += name[i] == '>' ? 1 : 0;
        depth -= name[i] == '<' && depth > 0 ? 1 : 0;
        if (depth == 0 && i > 0 && name[i] == ':' && name[i - 1] == ':')
            start = i + 1;
    }
    scope = memory_print_text("%.*s", (int)(start == bytes ? 0 : start), name);
    for (int is_typedef = 0; is_typedef < 2 && !place; is_typedef++)
        place = type_index_find_definition(&reader->index, scope,
                                           start == bytes ? name : name + start, is_typedef);
    free(scope);
    if (!place)
        return 0;
    Dwarf_Die die = die_place_get(place);
    return number_of(reader, &die);
}

/* ---- variables ---- */

static uint64_t bytes_of(Dwarf_Die *variable)
{
    Dwarf_Die type;
    Dwarf_Word bytes;

    return follow(variable, DW_AT_type, &type) && dwarf_aggregate_size(&type, &bytes) == 0 ? bytes
                                                                                           : 0;
}

static bool describe_variable(struct type_reader *reader, const struct found_variable *found,
                              uint64_t address, struct type_variable *variable)
{
    if (!found)
        return false;
    Dwarf_Die die = die_place_get(&found->die);
    if (address - found->start >= bytes_of(&die))
        return false;
    const char *name = dwarf_diename(&die);
    *variable = (struct type_variable){.name = memory_duplicate_text(name ? name : ""),
                                       .start = found->start,
                                       .type = type_of(reader, &die)};
    return true;
}

bool type_reader_find_variable(struct type_reader *reader, uint64_t address, bool is_thread_local,
                               struct type_variable *variable)
{
    return describe_variable(reader,
                             type_index_find_variable(&reader->index, address, is_thread_local),
                             address, variable) ||
           describe_variable(reader,
                             type_index_find_static(&reader->index, address, is_thread_local),
                             address, variable);
}

/* ---- variables of frames ---- */

/* At a fixed distance from the frame's base, which must be its canonical address. */
static bool find_distance(Dwarf_Die *die, uint64_t address, int64_t *offset)
{
    Dwarf_Attribute attribute;
    Dwarf_Op *operations;
    size_t count;

    if (dwarf_attr_integrate(die, DW_AT_location, &attribute) == NULL ||
        dwarf_getlocation_addr(&attribute, address, &operations, &count, 1) < 1 || count != 1 ||
        operations[0].atom != DW_OP_fbreg)
        return false;
    *offset = (int64_t)operations[0].number;
    return true;
}

static bool has_canonical_base(Dwarf_Die *function, uint64_t address)
{
    Dwarf_Attribute attribute;
    Dwarf_Op *operations;
    size_t count;

    return dwarf_attr_integrate(function, DW_AT_frame_base, &attribute) != NULL &&
           dwarf_getlocation_addr(&attribute, address, &operations, &count, 1) >= 1 && count == 1 &&
           operations[0].atom == DW_OP_call_frame_cfa;
}

static void add_locals(struct type_reader *reader, Dwarf_Die *scope, uint64_t address,
                       struct type_locals *locals)
{
    Dwarf_Die die;

    if (dwarf_child(scope, &die) != 0)
        return;
    do {
        int tag = dwarf_tag(&die);
        int64_t offset;

        if ((tag != DW_TAG_variable && tag != DW_TAG_formal_parameter) ||
            locals->count >= MAX_LOCALS || !find_distance(&die, address, &offset))
            continue;
        const char *name = dwarf_diename(&die);
        locals->items = memory_grow(locals->items, &locals->capacity, locals->count + 1,
                                    sizeof *locals->items);
        locals->items[locals->count++] = (struct type_local){
            .name = memory_duplicate_text(name ? name : ""),
            .offset = offset,
            .type = type_of(reader, &die),
            .bytes = bytes_of(&die)};
    } while (dwarf_siblingof(&die, &die) == 0);
}

void type_reader_find_locals(struct type_reader *reader, uint64_t address,
                             struct type_locals *locals)
{
    Dwarf_Die unit, split, *scopes = NULL;
    uint8_t kind;
    int count, function = -1;

    *locals = (struct type_locals){0};
    if (dwarf_addrdie(reader->dwarf, address, &unit) == NULL)
        return;
    if (dwarf_cu_info(unit.cu, NULL, &kind, NULL, &split, NULL, NULL, NULL) == 0 &&
        kind == DW_UT_skeleton && split.addr)
        unit = split;
    count = dwarf_getscopes(&unit, address, &scopes);
    for (int i = 0; i < count && function < 0; i++)
        if (dwarf_tag(&scopes[i]) == DW_TAG_subprogram)
            function = i;
    if (function >= 0 && has_canonical_base(&scopes[function], address))
        for (int i = 0; i <= function; i++)
            add_locals(reader, &scopes[i], address, locals);
    free(scopes);
}
