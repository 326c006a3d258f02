#include "runtimes/pypy/types.h"

#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum {
    TEXT_BYTES_MOST = 8 << 20,
    PACKED_BYTES_MOST = 1 << 20,
    TYPES_FEWEST = 100,
    TYPES_MOST = 0xffff, /* their numbers have 16 bits */
    ID_MOST = 8 << 20,
    TYPE_BYTES_MOST = 1 << 20,
    POINTERS_MOST = 4096,
    RECORD_WORDS = 8
};

#define KEY_MASK  UINT64_C(0xfc000000)
#define KEY_VALUE UINT64_C(0x58000000)

/* Fields that take no place, because all objects have the same there. */
static const char *const placeless[] = {"inst_space", "inst_cpu", "typeptr"};

static uint64_t word_at(const struct pypy_data *data, size_t offset)
{
    uint64_t word = 0;
    if (offset <= data->count && data->count - offset >= sizeof word)
        memcpy(&word, data->bytes + offset, sizeof word);
    return word;
}

static uint32_t half_at(const struct pypy_data *data, size_t offset)
{
    uint32_t half = 0;
    if (offset <= data->count && data->count - offset >= sizeof half)
        memcpy(&half, data->bytes + offset, sizeof half);
    return half;
}

/* ---- the text ---- */

static char *unpack_text(const struct pypy_data *data, struct pypy_types *types)
{
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    char *text = memory_allocate(TEXT_BYTES_MOST + 1);
    size_t used = 0, length = 0;
    bool is_found = false;
    for (size_t at = 0; decompressor != NULL && at + 16 < data->count && !is_found; at += 8) {
        const uint8_t *packed = data->bytes + at;
        if (packed[0] != 0x78 || (packed[1] != 0xda && packed[1] != 0x9c && packed[1] != 0x01))
            continue;
        types->packed_text = data->address + at;
        size_t left = data->count - at < PACKED_BYTES_MOST ? data->count - at : PACKED_BYTES_MOST;
        is_found = libdeflate_zlib_decompress_ex(decompressor, packed, left, text, TEXT_BYTES_MOST,
                                                 &used, &length) == LIBDEFLATE_SUCCESS &&
                   length > 8 && memcmp(text, "member0 ", 8) == 0;
    }
    libdeflate_free_decompressor(decompressor);
    types->packed_bytes = is_found ? used : 0;
    if (!is_found) {
        free(text);
        return NULL;
    }
    text[length] = '\0';
    return memory_resize(text, length + 1, 1);
}

/* The part of a type's text that people know: the last word of a path with dots. */
static char *make_name(const char *text)
{
    const char *start = text_starts_with(text, "GcStruct ") ? text + strlen("GcStruct ") : text;
    size_t length = text_starts_with(text, "GcArray ") ? strcspn(start, "{") : strcspn(start, " {");
    while (length > 0 && start[length - 1] == ' ')
        length--;
    if (!text_starts_with(text, "GcArray "))
        for (size_t i = 0; i < length; i++)
            if (start[i] == '.') {
                start += i + 1;
                length -= i + 1;
                i = SIZE_MAX;
            }
    char *name = memory_allocate(length + 1);
    memcpy(name, start, length);
    name[length] = '\0';
    return name;
}

static bool is_of_jit(const char *text)
{
    static const char *const words[] = {"rpython.jit.", "JITFRAME", "GuardDescr", "TreeLoop",
                                        "ConstInt"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(text, words[i]) != NULL)
            return true;
    return false;
}

/* Lines "member12   GcStruct ..."; what is no object has a ? there. */
static void take_text(struct pypy_types *types)
{
    size_t lines = 0;
    for (const char *at = types->text; *at != '\0'; at++)
        lines += *at == '\n';
    types->items = memory_allocate_zeroed(lines + 2, sizeof *types->items);
    char *rest = NULL;
    for (char *line = strtok_r(types->text, "\n", &rest); line != NULL && types->count <= lines;
         line = strtok_r(NULL, "\n", &rest)) {
        struct pypy_type *type = &types->items[types->count++];
        char *text = line + strcspn(line, " ");
        text += strspn(text, " ");
        type->parent = PYPY_NO_TYPE;
        if (*text == '?' || *text == '\0')
            continue;
        type->text = text;
        type->is_jit = is_of_jit(text);
        type->name = make_name(text);
    }
}

/* ---- the ids, and the group ---- */

/* The position of the first id within the data; 0: there is none. */
static size_t find_ids(const struct pypy_data *data, size_t count)
{
    for (size_t at = 0; at + 24 < data->count; at += 8) {
        uint64_t length = word_at(data, at);
        if (length + 1 < count || length > count + 1 || length > (data->count - at - 8) / 4)
            continue;
        if (half_at(data, at + 8) == 0 && half_at(data, at + 12) == 8 &&
            half_at(data, at + 16) > 8 && half_at(data, at + 16) < ID_MOST)
            return at + 8;
    }
    return 0;
}

static bool is_group(const struct pypy_data *data, size_t group, size_t ids, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint32_t id = half_at(data, ids + 4 * i);
        uint64_t bits = word_at(data, group + id);
        if (id != 0 && (id % 8 != 0 || id >= ID_MOST || (bits & KEY_MASK) != KEY_VALUE ||
                        (bits & 0xffff) != i))
            return false;
    }
    return true;
}

static size_t find_group(const struct pypy_data *data, size_t ids, size_t count)
{
    size_t first = half_at(data, ids + 4);
    for (size_t at = first; at + 8 < data->count; at += 8) {
        uint64_t bits = word_at(data, at);
        if ((bits & (KEY_MASK | 0xffff)) == (KEY_VALUE | 1) && bits >> 32 == 0 &&
            is_group(data, at - first, ids, count))
            return at - first;
    }
    return 0;
}

/* ---- records ---- */

static uint32_t take_offsets(struct pypy_types *types, struct memory_view *view, uint64_t address,
                             uint32_t below, uint32_t *count)
{
    uint64_t offset, length = memory_view_word_or_0(view, address);
    uint32_t first = (uint32_t)types->offset_count;
    for (uint64_t i = 0; length <= POINTERS_MOST && i < length; i++) {
        if (!memory_view_word(view, address + 8 + 8 * i, &offset) || offset >= below)
            continue;
        types->offsets = memory_grow(types->offsets, &types->offset_capacity,
                                     types->offset_count + 1, sizeof *types->offsets);
        types->offsets[types->offset_count++] = (uint32_t)offset;
    }
    *count = (uint32_t)types->offset_count - first;
    return first;
}

static bool take_record(struct pypy_types *types, struct memory_view *view, uint32_t number,
                        const uint64_t words[RECORD_WORDS])
{
    struct pypy_type *type = &types->items[number];
    type->flags = (uint32_t)(words[0] & 0x3ff0000);
    if (words[2] < 8 || words[2] > TYPE_BYTES_MOST)
        return false;
    type->bytes = (uint32_t)words[2];
    type->pointers = take_offsets(types, view, words[3], type->bytes, &type->pointer_count);
    if (type->flags & PYPY_TYPE_HAS_ITEMS) {
        if (words[4] > TYPE_BYTES_MOST || words[5] > TYPE_BYTES_MOST || words[6] > TYPE_BYTES_MOST)
            return false;
        type->item_bytes = (uint32_t)words[4];
        type->items_offset = (uint32_t)words[5];
        type->count_offset = (uint32_t)words[6];
        if (type->flags & PYPY_TYPE_HAS_POINTERS_IN_ITEMS)
            type->item_pointers = take_offsets(types, view, words[7], type->item_bytes,
                                               &type->item_pointer_count);
    } else if (type->flags & PYPY_TYPE_IS_INSTANCE) {
        type->first_class = (uint32_t)words[4];
        type->last_class = (uint32_t)words[5];
    }
    return true;
}

static void take_records(struct pypy_types *types, struct memory_view *view,
                         const struct pypy_data *data, size_t ids, size_t group)
{
    uint32_t most = 0;
    for (size_t i = 0; i < types->count; i++) {
        uint32_t id = half_at(data, ids + 4 * i);
        most = id < ID_MOST && id > most ? id : most;
    }
    types->id_count = most / 8 + 1;
    types->by_id = memory_allocate(types->id_count * sizeof *types->by_id);
    memset(types->by_id, 0xff, types->id_count * sizeof *types->by_id);
    for (uint32_t i = 1; i < types->count; i++) {
        uint64_t words[RECORD_WORDS];
        uint32_t id = half_at(data, ids + 4 * (size_t)i);
        for (size_t k = 0; k < RECORD_WORDS; k++)
            words[k] = word_at(data, group + id + 8 * k);
        if (id != 0 && id / 8 < types->id_count && types->items[i].text != NULL &&
            take_record(types, view, i, words))
            types->by_id[id / 8] = i;
        else
            types->items[i].text = NULL;
    }
}

/* ---- classes ---- */

static bool is_class(const struct pypy_type *type)
{
    return type->text != NULL && (type->flags & PYPY_TYPE_IS_INSTANCE) &&
           !(type->flags & PYPY_TYPE_HAS_ITEMS);
}

static int compare_classes(const void *left, const void *right)
{
    const struct pypy_type *a = *(const struct pypy_type *const *)left;
    const struct pypy_type *b = *(const struct pypy_type *const *)right;
    if (a->first_class != b->first_class)
        return a->first_class < b->first_class ? -1 : 1;
    return a->last_class > b->last_class ? -1 : a->last_class < b->last_class;
}

/* The numbers of those that derive from a class lie within its own: as brackets do. */
static void find_parents(struct pypy_types *types)
{
    struct pypy_type **sorted = memory_allocate_zeroed(types->count + 1, sizeof *sorted);
    size_t count = 0;
    for (size_t i = 0; i < types->count; i++)
        if (is_class(&types->items[i]))
            sorted[count++] = &types->items[i];
    qsort(sorted, count, sizeof *sorted, compare_classes);
    for (size_t i = 1; i < count; i++) {
        const struct pypy_type *around = sorted[i - 1];
        while (around != NULL && around->last_class < sorted[i]->last_class)
            around = around->parent == PYPY_NO_TYPE ? NULL : &types->items[around->parent];
        if (around != NULL && around->bytes <= sorted[i]->bytes)
            sorted[i]->parent = (uint32_t)(around - types->items);
    }
    free(sorted);
}

bool pypy_types_find(struct pypy_types *types, struct memory_view *view,
                     const struct pypy_data *data, const char **missing)
{
    size_t ids, group = 0;
    *types = (struct pypy_types){0};
    types->text = unpack_text(data, types);
    *missing = "the names of its types";
    if (types->text == NULL)
        return false;
    take_text(types);
    if (types->count < TYPES_FEWEST || types->count > TYPES_MOST)
        return false;
    *missing = "the list of its types";
    ids = find_ids(data, types->count);
    if (ids == 0)
        return false;
    /* The list may be shorter by one. */
    if (word_at(data, ids - 8) < types->count)
        types->count = word_at(data, ids - 8);
    *missing = "the records of its types";
    group = find_group(data, ids, types->count);
    if (group == 0)
        return false;
    types->group = data->address + group;
    types->ids = data->address + ids;
    take_records(types, view, data, ids, group);
    find_parents(types);
    return true;
}

void pypy_types_clear(struct pypy_types *types)
{
    for (size_t i = 0; types->items != NULL && i < types->count + 1; i++)
        free(types->items[i].name);
    free(types->items);
    free(types->by_id);
    free(types->offsets);
    free(types->text);
    *types = (struct pypy_types){0};
}

/* ---- asking ---- */

uint32_t pypy_types_find_text(const struct pypy_types *types, const char *start)
{
    for (uint32_t i = 0; i < types->count; i++) {
        const char *text = types->items[i].text;
        if (text == NULL)
            continue;
        text += text_starts_with(text, "GcStruct ")     ? strlen("GcStruct ")
                : text_starts_with(text, "GcArray of ") ? strlen("GcArray of ")
                                                        : 0;
        if (text_starts_with(text, start))
            return i;
    }
    return PYPY_NO_TYPE;
}

bool pypy_types_is_a(const struct pypy_types *types, uint32_t type, uint32_t class)
{
    if (type == PYPY_NO_TYPE || class == PYPY_NO_TYPE)
        return false;
    const struct pypy_type *a = &types->items[type], *b = &types->items[class];
    if (type == class)
        return true;
    return is_class(a) && is_class(b) && b->first_class <= a->first_class &&
           a->last_class <= b->last_class;
}

static bool has_pointer(const struct pypy_types *types, const struct pypy_type *type,
                        uint32_t offset)
{
    for (uint32_t i = 0; i < type->pointer_count; i++)
        if (types->offsets[type->pointers + i] == offset)
            return true;
    return false;
}

/* The next name of a list of fields; its length is 0 at the end. */
static const char *next_field(const char *at, size_t *length)
{
    at += strspn(at, " ,{");
    *length = strcspn(at, " ,}");
    return at;
}

static bool takes_place(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof placeless / sizeof *placeless; i++)
        if (strlen(placeless[i]) == length && memcmp(placeless[i], name, length) == 0)
            return false;
    return true;
}

/* Calls with each of a type's own fields and where it would be if all of them had 8 bytes. */
struct field_walk {
    const char *at;
    uint32_t offset;
    const char *name;
    size_t length;
};

static void begin_fields(const struct pypy_types *types, const struct pypy_type *type,
                         struct field_walk *walk)
{
    const struct pypy_type *parent = type->parent == PYPY_NO_TYPE ? NULL
                                                                  : &types->items[type->parent];
    walk->at = strchr(type->text, '{');
    walk->offset = parent != NULL ? (parent->bytes + 7) & ~UINT32_C(7) : 8;
}

static bool next_of_fields(struct field_walk *walk, uint32_t *offset)
{
    while (walk->at != NULL) {
        walk->name = next_field(walk->at, &walk->length);
        if (walk->length == 0)
            return false;
        walk->at = walk->name + walk->length;
        if ((walk->length == 5 && memcmp(walk->name, "super", 5) == 0) ||
            !takes_place(walk->name, walk->length))
            continue;
        *offset = walk->offset;
        walk->offset += 8;
        return true;
    }
    return false;
}

uint32_t pypy_types_field(const struct pypy_types *types, uint32_t type, const char *name,
                          bool is_pointer)
{
    uint32_t offset;
    for (size_t depth = 0; type != PYPY_NO_TYPE && depth < 64; depth++) {
        const struct pypy_type *this = &types->items[type];
        struct field_walk walk;
        if (this->text == NULL)
            return 0;
        begin_fields(types, this, &walk);
        while (next_of_fields(&walk, &offset))
            if (walk.length == strlen(name) && memcmp(walk.name, name, walk.length) == 0)
                return offset < this->bytes && has_pointer(types, this, offset) == is_pointer
                           ? offset
                           : 0;
        type = this->parent;
    }
    return 0;
}

void pypy_types_field_name(const struct pypy_types *types, uint32_t type, uint32_t offset,
                           char *name, size_t name_bytes)
{
    uint32_t here;
    name[0] = '\0';
    for (size_t depth = 0; type != PYPY_NO_TYPE && depth < 64; depth++) {
        const struct pypy_type *this = &types->items[type];
        struct field_walk walk;
        if (this->text == NULL || !has_pointer(types, this, offset))
            return;
        begin_fields(types, this, &walk);
        if (offset >= walk.offset || this->parent == PYPY_NO_TYPE) {
            while (next_of_fields(&walk, &here))
                if (here == offset) {
                    const char *start = walk.name;
                    size_t length = walk.length;
                    if (length > 5 && memcmp(start, "inst_", 5) == 0) {
                        start += 5;
                        length -= 5;
                    }
                    snprintf(name, name_bytes, "%.*s", (int)length, start);
                }
            return;
        }
        type = this->parent;
    }
}
