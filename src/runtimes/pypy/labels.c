#include "runtimes/pypy/labels.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum {
    KEY_BYTES = 48,
    ATTRIBUTES_MOST = 4096,
    DIRECT_VALUES = 5 /* attributes that stand in the instance itself */
};

void pypy_labels_init(struct pypy_labels *labels, const struct pypy_names *names)
{
    static const char *const words[] = {
        "dictmultiobject.W_", "listobject.W_List",  "tupleobject.W_",        "setobject.W_",
        "GcStruct list ",     "GcStruct dicttable", "SpecialisedTupleObject"};
    const struct pypy_types *types = &names->objects->pypy->types;
    *labels = (struct pypy_labels){.names = names, .objects = names->objects};
    labels->containers = memory_allocate_zeroed(types->count, 1);
    labels->entries = memory_allocate_zeroed(types->count, 1);
    for (uint32_t i = 0; i < types->count; i++) {
        const char *text = types->items[i].text;
        if (text == NULL)
            continue;
        labels->entries[i] = text_starts_with(text, "GcArray of odictentry ");
        for (size_t k = 0; k < sizeof words / sizeof *words; k++)
            if (strstr(text, words[k]) != NULL)
                labels->containers[i] = 1;
    }
    labels->module = pypy_types_find_text(types, "pypy.interpreter.module.Module ");
    labels->class = pypy_types_find_text(types, "pypy.objspace.std.typeobject.W_TypeObject ");
    labels->plain_attribute = pypy_types_find_text(types,
                                                   "pypy.objspace.std.mapdict.PlainAttribute ");
    labels->cell = pypy_types_find_text(types, "pypy.objspace.std.typeobject.ObjectMutableCell ");
}

void pypy_labels_clear(struct pypy_labels *labels)
{
    free(labels->containers);
    free(labels->entries);
    *labels = (struct pypy_labels){0};
}

static bool is_array(const struct pypy_type *type)
{
    return text_starts_with(type->text, "GcArray ");
}

enum pypy_role pypy_labels_role(const struct pypy_labels *labels, uint32_t object,
                                enum pypy_role from, uint32_t from_object)
{
    const struct pypy_types *types = &labels->objects->pypy->types;
    uint32_t type = labels->objects->types[object];
    uint32_t from_type = labels->objects->types[from_object];
    const struct pypy_type *of = &types->items[type];
    bool is_holder = pypy_types_is_a(types, from_type, labels->module) ||
                     pypy_types_is_a(types, from_type, labels->class);
    bool is_part = strcmp(of->name, "dicttable") == 0 || labels->entries[type] ||
                   type == labels->cell;
    /* A module's dictionary is one of attributes, and so are its parts. */
    bool is_dictionary = strstr(of->text, "dictmultiobject.W_") != NULL;
    if (strstr(of->text, "dictmultiobject.W_ModuleDict") != NULL ||
        (is_holder && (is_part || is_dictionary)))
        return PYPY_ROLE_ATTRIBUTES;
    if (from == PYPY_ROLE_ATTRIBUTES && is_part)
        return PYPY_ROLE_ATTRIBUTES;
    if (labels->names->map_offsets[type] != 0)
        return PYPY_ROLE_INSTANCE;
    if (from == PYPY_ROLE_INSTANCE && is_array(of))
        return PYPY_ROLE_CONTAINER;
    return labels->containers[type] || is_array(of) ? PYPY_ROLE_CONTAINER : PYPY_ROLE_PLAIN;
}

/* ---- instances ---- */

/* Attributes are a chain of maps, each with a name and where its value stands. */
static bool find_attribute(const struct pypy_labels *labels, uint32_t object, uint64_t index,
                           char *name, size_t name_bytes)
{
    const struct pypy *pypy = labels->objects->pypy;
    uint64_t map = pypy_names_map(labels->names, object);
    for (size_t i = 0; map != 0 && i < ATTRIBUTES_MOST; i++) {
        if (!pypy_types_is_a(&pypy->types, pypy_type_at(pypy, map), labels->plain_attribute))
            return false;
        if (pypy_number(pypy, map, "inst_storageindex") == index &&
            pypy_number(pypy, map, "inst_attrkind") == 0)
            return pypy_string(pypy, pypy_follow(pypy, map, "inst_name"), name, name_bytes);
        map = pypy_follow(pypy, map, "inst_back");
    }
    return false;
}

/* What has more attributes than an instance has room for refers to an array of the rest. */
static bool is_rest(const struct pypy_labels *labels, unsigned index, uint64_t target)
{
    const struct pypy *pypy = labels->objects->pypy;
    uint32_t type = pypy_type_at(pypy, target);
    return index == DIRECT_VALUES - 1 && type != PYPY_NO_TYPE &&
           is_array(&pypy->types.items[type]) && pypy->types.items[type].item_pointer_count > 0;
}

static void label_instance(const struct pypy_labels *labels, uint32_t object, const char *field,
                           uint64_t target, char label[PYPY_LABEL_BYTES])
{
    char name[96], safe[96];
    unsigned index;
    label[0] = '\0';
    if (strcmp(field, "map") == 0)
        snprintf(label, PYPY_LABEL_BYTES, ".<attributes>");
    else if (strcmp(field, "dict_w") == 0 || strcmp(field, "w_dict") == 0)
        return;
    else if (sscanf(field, "_value%u", &index) != 1)
        snprintf(label, PYPY_LABEL_BYTES, "%s%s", field[0] != '\0' ? "." : "", field);
    else if (is_rest(labels, index, target))
        snprintf(label, PYPY_LABEL_BYTES, ".<attributes>");
    else if (find_attribute(labels, object, index, name, sizeof name)) {
        text_make_safe(name, safe, sizeof safe);
        snprintf(label, PYPY_LABEL_BYTES, ".%s", safe);
    }
}

/* ---- dictionaries ---- */

static bool tell_key(const struct pypy *pypy, uint64_t key, bool is_quoted, char *text,
                     size_t text_bytes)
{
    char raw[KEY_BYTES], safe[KEY_BYTES];
    uint32_t type = pypy_type_at(pypy, key);
    if (type == PYPY_NO_TYPE)
        return false;
    if (pypy_string(pypy, key, raw, sizeof raw) || pypy_text_of(pypy, key, raw, sizeof raw)) {
        text_make_safe(raw, safe, sizeof safe);
        snprintf(text, text_bytes, is_quoted ? "'%s'" : "%s", safe);
        return true;
    }
    if (strcmp(pypy->types.items[type].name, "W_IntObject") == 0) {
        snprintf(text, text_bytes, "%" PRId64, (int64_t)pypy_number(pypy, key, "inst_intval"));
        return true;
    }
    return false;
}

static void label_entry(const struct pypy_labels *labels, uint32_t object, enum pypy_role role,
                        const struct pypy_edge *edge, bool is_general, char label[PYPY_LABEL_BYTES])
{
    const struct pypy *pypy = labels->objects->pypy;
    const struct pypy_type *type = &pypy->types.items[labels->objects->types[object]];
    uint64_t entry = labels->objects->addresses[object] + type->items_offset +
                     edge->item * type->item_bytes;
    uint64_t key = memory_view_word_or_0(pypy->view, entry);
    bool is_of_key = edge->offset == 0, is_attribute = role == PYPY_ROLE_ATTRIBUTES;
    bool has_pointer_key = strstr(type->text, "key: *") != NULL;
    char name[KEY_BYTES + 8];
    if (is_of_key && has_pointer_key)
        snprintf(label, PYPY_LABEL_BYTES, "{key}");
    else if (is_attribute && tell_key(pypy, key, false, name, sizeof name))
        snprintf(label, PYPY_LABEL_BYTES, ".%s", name);
    else if (is_general)
        snprintf(label, PYPY_LABEL_BYTES, "[k]");
    else if (!has_pointer_key)
        snprintf(label, PYPY_LABEL_BYTES, "[%" PRId64 "]", (int64_t)key);
    else if (tell_key(pypy, key, true, name, sizeof name))
        snprintf(label, PYPY_LABEL_BYTES, "[%s]", name);
    else
        snprintf(label, PYPY_LABEL_BYTES, "[...]");
}

/* ---- all ---- */

static void label_container(const char *field, char label[PYPY_LABEL_BYTES])
{
    unsigned index;
    label[0] = '\0';
    if (sscanf(field, "value%u", &index) == 1)
        snprintf(label, PYPY_LABEL_BYTES, "[%u]", index);
    else if (strcmp(field, "strategy") == 0 || strcmp(field, "dstrategy") == 0)
        snprintf(label, PYPY_LABEL_BYTES, ".<strategy>");
}

void pypy_label_make(const struct pypy_labels *labels, uint32_t object, enum pypy_role role,
                     const struct pypy_edge *edge, bool is_general, char label[PYPY_LABEL_BYTES])
{
    const struct pypy_types *types = &labels->objects->pypy->types;
    uint32_t type = labels->objects->types[object];
    char field[96];
    label[0] = '\0';
    if (edge->is_item && labels->entries[type]) {
        label_entry(labels, object, role, edge, is_general, label);
        return;
    }
    if (edge->is_item) {
        if (is_general)
            snprintf(label, PYPY_LABEL_BYTES, "[i]");
        else
            snprintf(label, PYPY_LABEL_BYTES, "[%" PRIu64 "]", edge->item);
        return;
    }
    pypy_types_field_name(types, type, edge->offset, field, sizeof field);
    if (type == labels->cell)
        return;
    if (role == PYPY_ROLE_INSTANCE)
        label_instance(labels, object, field, edge->target, label);
    else if (role == PYPY_ROLE_CONTAINER || role == PYPY_ROLE_ATTRIBUTES)
        label_container(field, label);
    else if (strcmp(field, "w_dict") != 0 && strcmp(field, "dict_w") != 0 && field[0] != '\0')
        snprintf(label, PYPY_LABEL_BYTES, ".%s", field);
}

/* Those of types have bit 63 set, those of maps have not. */
uint64_t pypy_label_key(const struct pypy_labels *labels, uint32_t object, enum pypy_role role,
                        const struct pypy_edge *edge)
{
    enum {
        OFFSET_BITS = 19
    };
    const struct pypy *pypy = labels->objects->pypy;
    uint32_t type = labels->objects->types[object];
    if (edge->offset >> OFFSET_BITS != 0 || (edge->is_item && labels->entries[type]))
        return 0;
    if (role == PYPY_ROLE_INSTANCE && !edge->is_item) {
        uint32_t target = pypy_type_at(pypy, edge->target);
        bool is_plain = target != PYPY_NO_TYPE && !is_array(&pypy->types.items[target]);
        uint64_t map = pypy_names_map(labels->names, object);
        return is_plain && map != 0 ? map / 8 << OFFSET_BITS | edge->offset : 0;
    }
    return UINT64_C(1) << 63 | (uint64_t)type << (OFFSET_BITS + 4) | (uint64_t)edge->offset << 4 |
           (uint64_t)role << 1 | edge->is_item;
}
