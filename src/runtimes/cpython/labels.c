/* Names of fields come from the type itself: its member descriptors say which name stands for which
 * offset, for slots of classes as for members of built-in types. */
#include "runtimes/cpython/labels.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtimes/cpython/dicts.h"

enum {
    BASES_MAX = 64,
    MEMBER_DEFINITION = 40, /* in a member descriptor */
    DEFINITION_OFFSET = 16, /* in a PyMemberDef; its name stands first */
    MODULE_DICT = 16,
    CELL_CONTENTS = 16,
    WEAKREF_CALLBACK = 24,
    OLD_CODE_NAMES = 72, /* up to 3.10: variables, free ones, cells, a tuple each */
    OLD_CODE_FREE = 80,
    OLD_CODE_CELLS = 88
};

/* ---- fields ---- */

struct member_search {
    const struct cpython *python;
    uint64_t offset;
    char *name;
    size_t name_bytes;
    bool is_found;
};

static bool is_member_descriptor(const struct cpython *python, uint64_t object)
{
    char name[32];
    uint64_t type = cpython_field(python, object, CPYTHON_OBJECT_TYPE);
    return memory_view_text(python->view, cpython_field(python, type, CPYTHON_TYPE_NAME), name,
                            sizeof name) &&
           strcmp(name, "member_descriptor") == 0;
}

static bool look_at_member(void *context, uint64_t key, uint64_t value, uint64_t slot)
{
    (void)key;
    (void)slot;
    struct member_search *search = context;
    uint64_t definition = cpython_field(search->python, value, MEMBER_DEFINITION);
    if (!cpython_is_pointer(definition) ||
        cpython_field(search->python, definition, DEFINITION_OFFSET) != search->offset ||
        !is_member_descriptor(search->python, value))
        return true;
    search->is_found = memory_view_text(search->python->view,
                                        cpython_field(search->python, definition, 0), search->name,
                                        search->name_bytes);
    return !search->is_found;
}

static bool find_member(const struct cpython *python, uint64_t type, uint64_t offset, char *name,
                        size_t name_bytes)
{
    struct member_search search = {python, offset, name, name_bytes, false};
    for (size_t i = 0; i < BASES_MAX && cpython_is_pointer(type) && !search.is_found; i++) {
        uint64_t dict = cpython_field(python, type, CPYTHON_TYPE_DICTIONARY);
        if (cpython_is_pointer(dict))
            cpython_dict_visit(python, dict, look_at_member, &search);
        type = cpython_field(python, type, CPYTHON_TYPE_BASE);
    }
    return search.is_found;
}

/* Fields that have no descriptor, or whose types have theirs where we do not look. */
static const char *name_of_known_field(const struct cpython *python,
                                       const struct cpython_type *type, uint64_t offset)
{
    static const struct {
        const char *type;
        uint32_t first_minor, end_minor, offset;
        const char *name;
    } known[] = {
        {"cell", 0, UINT32_MAX, CELL_CONTENTS, ".cell_contents"},
        {"function", 0, 10, 16, ".__code__"},
        {"function", 10, UINT32_MAX, 48, ".__code__"},
        {"function", 10, UINT32_MAX, 56, ".__defaults__"},
        {"function", 10, UINT32_MAX, 64, ".__kwdefaults__"},
        {"function", 10, UINT32_MAX, 72, ".__closure__"},
        {"function", 10, UINT32_MAX, 112, ".__annotations__"},
        {"method", 0, UINT32_MAX, 16, ".__func__"},
        {"method", 0, UINT32_MAX, 24, ".__self__"},
        {"staticmethod", 0, UINT32_MAX, 16, ".__func__"},
        {"classmethod", 0, UINT32_MAX, 16, ".__func__"},
        {"getset_descriptor", 0, UINT32_MAX, 16, ".__objclass__"},
        {"member_descriptor", 0, UINT32_MAX, 16, ".__objclass__"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (offset == known[i].offset && python->offsets.minor >= known[i].first_minor &&
            python->offsets.minor < known[i].end_minor && strcmp(type->name, known[i].type) == 0)
            return known[i].name;
    return NULL;
}

static const char *name_of_type_field(uint64_t offset, uint32_t module)
{
    if (offset == CPYTHON_TYPE_BASE)
        return ".__base__";
    if (offset == CPYTHON_TYPE_BASES)
        return ".__bases__";
    if (offset == CPYTHON_TYPE_MRO)
        return ".__mro__";
    if (offset == module)
        return ".__module__";
    return offset == CPYTHON_TYPE_CACHE ? ".tp_cache" : NULL;
}

static void label_frame_field(const struct cpython *python, uint64_t offset,
                              struct cpython_label *label)
{
    const struct cpython_offsets *offsets = &python->offsets;
    const char *name = offset == offsets->frame_code       ? ".f_code"
                       : offset == offsets->frame_function ? ".f_func"
                       : offset == offsets->frame_locals   ? ".f_locals"
                                                           : ".gi_frame";
    snprintf(label->text, sizeof label->text, "%s", name);
}

static bool is_attributes_field(const struct cpython_type *type, const struct cpython_edge *edge)
{
    return (type->dict_offset > 0 && edge->number == (uint64_t)type->dict_offset) ||
           (type->shape == CPYTHON_SHAPE_TYPE && edge->number == CPYTHON_TYPE_DICTIONARY);
}

static void label_field(const struct cpython *python, const struct cpython_type *type,
                        const struct cpython_edge *edge, struct cpython_label *label)
{
    char name[CPYTHON_LABEL_BYTES - 2];
    const char *known = NULL;
    if (edge->number >= CPYTHON_FRAME_FIELDS) {
        label_frame_field(python, edge->number - CPYTHON_FRAME_FIELDS, label);
        return;
    }
    if (is_attributes_field(type, edge)) {
        label->is_attributes = true;
        return;
    }
    if (type->shape == CPYTHON_SHAPE_TYPE)
        known = name_of_type_field(edge->number, python->offsets.heap_type_module);
    else if (type->shape == CPYTHON_SHAPE_WEAKREF && edge->number == WEAKREF_CALLBACK)
        known = ".__callback__";
    else
        known = name_of_known_field(python, type, edge->number);
    if (known != NULL)
        snprintf(label->text, sizeof label->text, "%s", known);
    else if (find_member(python, type->address, edge->number, name, sizeof name))
        snprintf(label->text, sizeof label->text, ".%s", name);
    else
        snprintf(label->text, sizeof label->text, ".+%" PRIu64, edge->number);
}

/* ---- keys ---- */

static bool has_type_named(const struct cpython *python, uint64_t object, const char *wanted)
{
    char name[32];
    uint64_t type = cpython_field(python, object, CPYTHON_OBJECT_TYPE);
    return memory_view_text(python->view, cpython_field(python, type, CPYTHON_TYPE_NAME), name,
                            sizeof name) &&
           strcmp(name, wanted) == 0;
}

/* A whole number of one or two digits. */
static bool read_small_long(const struct cpython *python, uint64_t object, int64_t *value)
{
    uint64_t word = cpython_field(python, object, CPYTHON_OBJECT_SIZE);
    int64_t size = (int64_t)word;
    bool is_new = python->offsets.minor >= 12;
    uint64_t digits = is_new ? word >> 3 : size < 0 ? 0 - word : word;
    bool is_negative = is_new ? (word & 3) == 2 : size < 0;
    if (digits > 2)
        return false;
    uint64_t first = python->offsets.minor >= 12 ? 24 : CPYTHON_LONG_DIGITS;
    uint64_t low = digits > 0 ? memory_view_half_or_0(python->view, object + first) : 0;
    uint64_t high = digits > 1 ? memory_view_half_or_0(python->view, object + first + 4) : 0;
    *value = (int64_t)(low | high << CPYTHON_LONG_DIGIT_BITS);
    if (is_negative)
        *value = -*value;
    return true;
}

static void label_key(const struct cpython *python, uint64_t key, struct cpython_label *label)
{
    char text[CPYTHON_LABEL_BYTES - 8], name[64];
    int64_t number;
    uint64_t type = cpython_field(python, key, CPYTHON_OBJECT_TYPE);
    if (has_type_named(python, key, "str") && cpython_string(python, key, text, sizeof text))
        snprintf(label->text, sizeof label->text, "['%s']", text);
    else if (has_type_named(python, key, "int") && read_small_long(python, key, &number))
        snprintf(label->text, sizeof label->text, "[%" PRId64 "]", number);
    else if (memory_view_text(python->view, cpython_field(python, type, CPYTHON_TYPE_NAME), name,
                              sizeof name))
        snprintf(label->text, sizeof label->text, "[<%s>]", name);
    else
        snprintf(label->text, sizeof label->text, "[?]");
}

static void label_attribute(const struct cpython *python, uint64_t key, struct cpython_label *label)
{
    char name[CPYTHON_LABEL_BYTES - 2];
    if (has_type_named(python, key, "str") && cpython_string(python, key, name, sizeof name))
        snprintf(label->text, sizeof label->text, ".%s", name);
    else
        label_key(python, key, label);
}

/* ---- locals ---- */

static bool tuple_text(const struct cpython *python, uint64_t tuple, uint64_t *number, char *name,
                       size_t name_bytes)
{
    uint64_t count = cpython_field(python, tuple, CPYTHON_OBJECT_SIZE);
    if (*number >= count) {
        *number -= count;
        return false;
    }
    uint64_t text = cpython_field(python, tuple, (uint32_t)(python->offsets.tuple_items + *number * 8));
    return cpython_string(python, text, name, name_bytes);
}

bool cpython_label_local(const struct cpython *python, uint64_t code, uint64_t number, char *name,
                         size_t name_bytes)
{
    static const uint32_t lists[] = {OLD_CODE_NAMES, OLD_CODE_CELLS, OLD_CODE_FREE};
    uint32_t list = python->offsets.code_locals_plus_names;
    if (number > UINT16_MAX)
        return false;
    if (cpython_has_field(list))
        return tuple_text(python, cpython_field(python, code, list), &number, name, name_bytes);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (tuple_text(python, cpython_field(python, code, lists[i]), &number, name, name_bytes))
            return true;
    return false;
}

/* ---- all of them ---- */

uint64_t cpython_label_key(const struct cpython_type *type, const struct cpython_edge *edge,
                           bool of_attributes)
{
    if (edge->kind == CPYTHON_EDGE_FIELD)
        return hash_mix(type->address ^ hash_mix(edge->number)) | 1;
    if (edge->kind == CPYTHON_EDGE_LOCAL)
        return hash_mix(edge->key ^ hash_mix(edge->number)) | 1;
    bool is_attribute = edge->kind == CPYTHON_EDGE_ATTRIBUTE ||
                        (edge->kind == CPYTHON_EDGE_VALUE && of_attributes);
    return is_attribute ? edge->key & ~UINT64_C(1) : 2 * (uint64_t)edge->kind + 3;
}

bool cpython_label_is_name(const struct cpython *python, uint64_t key)
{
    char name[64];
    if (!has_type_named(python, key, "str") || !cpython_string(python, key, name, sizeof name))
        return false;
    for (const char *at = name; *at != '\0'; at++)
        if (!(isalpha((unsigned char)*at) || *at == '_' ||
              (at != name && isdigit((unsigned char)*at))))
            return false;
    return name[0] != '\0';
}

void cpython_label_make(const struct cpython *python, const struct cpython_type *type,
                        const struct cpython_edge *edge, bool of_attributes, bool is_general,
                        struct cpython_label *label)
{
    char name[CPYTHON_LABEL_BYTES - 2];
    label->text[0] = '\0';
    label->is_attributes = false;
    switch (edge->kind) {
    case CPYTHON_EDGE_FIELD:
        label_field(python, type, edge, label);
        return;
    case CPYTHON_EDGE_ITEM:
        if (is_general)
            snprintf(label->text, sizeof label->text, "[i]");
        else
            snprintf(label->text, sizeof label->text, "[%" PRIu64 "]", edge->number);
        return;
    case CPYTHON_EDGE_VALUE:
        if (of_attributes)
            label_attribute(python, edge->key, label);
        else if (is_general)
            snprintf(label->text, sizeof label->text, "[k]");
        else
            label_key(python, edge->key, label);
        return;
    case CPYTHON_EDGE_KEY:
        snprintf(label->text, sizeof label->text, ".keys()");
        return;
    case CPYTHON_EDGE_MEMBER:
        snprintf(label->text, sizeof label->text, "{member}");
        return;
    case CPYTHON_EDGE_ATTRIBUTE:
        label->is_attributes = edge->key == 0;
        if (edge->key != 0)
            label_attribute(python, edge->key, label);
        return;
    case CPYTHON_EDGE_LOCAL:
        if (cpython_label_local(python, edge->key, edge->number, name, sizeof name))
            snprintf(label->text, sizeof label->text, ".%s", name);
        else
            snprintf(label->text, sizeof label->text, ".<stack>");
        return;
    case CPYTHON_EDGE_TYPE:
        snprintf(label->text, sizeof label->text, ".__class__");
        return;
    }
}
