#include "graph/graph_members.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/units.h"

enum {
    WORD_BYTES = 8,
    MOST_DEPTH = 24, /* of structs in structs */
    MOST_TEXT_BYTES = 80,
    MOST_BYTES = 24 /* shown one by one */
};

struct member_walk {
    const struct process_graph *graph;
    struct type_table *table;
    const uint8_t *bytes;
    size_t count;
    struct graph_members *members;
    struct text path;
};

static const struct graph_type *type_at(const struct member_walk *walk, uint32_t type)
{
    return type_table_get(walk->table, type);
}

/* ---- values ---- */

static bool read_bytes(const struct member_walk *walk, uint64_t offset, void *to, uint64_t bytes)
{
    if (offset > walk->count || bytes > walk->count - offset)
        return false;
    memcpy(to, walk->bytes + offset, bytes);
    return true;
}

static bool read_word(const struct member_walk *walk, uint64_t offset, uint64_t *word)
{
    return read_bytes(walk, offset, word, sizeof *word);
}

static void add_quoted(const uint8_t *bytes, size_t count, struct text *out)
{
    size_t shown = count < MOST_TEXT_BYTES ? count : MOST_TEXT_BYTES;

    text_add(out, "\"");
    for (size_t i = 0; i < shown; i++) {
        if (bytes[i] == '"' || bytes[i] == '\\')
            text_print(out, "\\%c", bytes[i]);
        else if (bytes[i] >= ' ' && bytes[i] < 0x7f)
            text_print(out, "%c", bytes[i]);
        else
            text_print(out, "\\x%02x", bytes[i]);
    }
    text_add(out, "\"");
    if (shown < count)
        text_add(out, "...");
}

static bool is_floating(const char *name)
{
    return strstr(name, "double") || strstr(name, "float") || strcmp(name, "f32") == 0 ||
           strcmp(name, "f64") == 0;
}

static bool is_unsigned(const char *name)
{
    return strstr(name, "unsigned") || strstr(name, "ool") ||
           (name[0] == 'u' && name[1] >= '1' && name[1] <= '9');
}

static void add_floating(const uint8_t *raw, uint64_t bytes, struct text *out)
{
    double wide;
    float narrow;

    if (bytes == sizeof wide) {
        memcpy(&wide, raw, sizeof wide);
        text_print(out, "%g", wide);
    } else if (bytes == sizeof narrow) {
        memcpy(&narrow, raw, sizeof narrow);
        text_print(out, "%g", (double)narrow);
    }
}

/* Little-endian, as the processor is. */
static void add_number(const char *name, const uint8_t *raw, uint64_t bytes, struct text *out)
{
    uint64_t value = 0;
    unsigned spare = (unsigned)(64 - 8 * bytes);

    memcpy(&value, raw, bytes);
    if (is_unsigned(name))
        text_print(out, "%" PRIu64, value);
    else
        text_print(out, "%" PRId64, (int64_t)(value << spare) >> spare);
}

static char *make_number(const struct member_walk *walk, const struct graph_type *type,
                         uint64_t offset)
{
    uint8_t raw[16];
    struct text value = {0};

    if (type->facts.bytes == 0 || type->facts.bytes > sizeof raw ||
        !read_bytes(walk, offset, raw, type->facts.bytes))
        return NULL;
    if (is_floating(type->facts.name))
        add_floating(raw, type->facts.bytes, &value);
    else if (type->facts.bytes <= WORD_BYTES)
        add_number(type->facts.name, raw, type->facts.bytes, &value);
    if (value.count == 0)
        text_add(&value, "?");
    return text_take(&value);
}

static void add_bytes(const uint8_t *bytes, size_t count, struct text *out)
{
    for (size_t i = 0; i < count && i < MOST_BYTES; i++)
        text_print(out, i > 0 ? " %02x" : "%02x", bytes[i]);
    if (count > MOST_BYTES)
        text_add(out, " ...");
}

/* Of `char` a text, up to the zero that ends it; unsigned ones are bytes. */
static char *make_text(const struct member_walk *walk, uint32_t character, uint64_t offset,
                       uint64_t bytes)
{
    struct text value = {0};
    size_t kept;

    if (offset >= walk->count)
        return NULL;
    kept = walk->count - offset < bytes ? walk->count - (size_t)offset : (size_t)bytes;
    if (strcmp(type_at(walk, character)->facts.name, "char") == 0)
        add_quoted(walk->bytes + offset, strnlen((const char *)walk->bytes + offset, kept), &value);
    else
        add_bytes(walk->bytes + offset, kept, &value);
    return text_take(&value);
}

/* Where the library's containers have the number of their elements, or what it follows from
 * (libstdc++; containers.c has the rest of the layouts). */
static bool count_elements(const struct member_walk *walk, const struct graph_type *type,
                           uint64_t offset, uint64_t *elements)
{
    static const uint64_t places[] = {[CONTAINER_STRING] = 8,
                                      [CONTAINER_LIST] = 16,
                                      [CONTAINER_TREE] = 40,
                                      [CONTAINER_TABLE] = 24};
    const struct graph_type *element = type_at(walk, type->element);
    uint64_t start, end;

    switch (type->container) {
    case CONTAINER_VECTOR:
        if (!element || element->facts.bytes == 0 || !read_word(walk, offset, &start) ||
            !read_word(walk, offset + WORD_BYTES, &end) || end < start)
            return false;
        *elements = (end - start) / element->facts.bytes;
        return true;
    case CONTAINER_STRING:
    case CONTAINER_LIST:
    case CONTAINER_TREE:
    case CONTAINER_TABLE:
        return read_word(walk, offset + places[type->container], elements);
    case CONTAINER_NONE:
    case CONTAINER_FORWARD_LIST:
    case CONTAINER_DEQUE:
    case CONTAINER_SHARED:
        break;
    }
    return false;
}

/* A short string stands in the string itself, where its pointer points to. */
static bool add_short_string(const struct member_walk *walk, uint32_t block, uint64_t offset,
                             uint64_t length, struct text *out)
{
    enum {
        PLACE = 16,
        MOST = 15
    };
    uint64_t pointer, address = walk->graph->snapshot->blocks[block].address + offset;

    if (!read_word(walk, offset, &pointer) || pointer != address + PLACE || length > MOST ||
        offset + PLACE + length > walk->count)
        return false;
    add_quoted(walk->bytes + offset + PLACE, length, out);
    return true;
}

static char *make_container(const struct member_walk *walk, uint32_t block,
                            const struct graph_type *type, uint64_t offset)
{
    struct text value = {0};
    char number[UNITS_TEXT_BYTES];
    uint64_t elements;

    if (!count_elements(walk, type, offset, &elements))
        return NULL;
    if (type->container == CONTAINER_STRING &&
        add_short_string(walk, block, offset, elements, &value))
        return text_take(&value);
    text_print(&value, "%s %s", units_format_count(elements, number),
               type->container == CONTAINER_STRING ? "characters" : "elements");
    return text_take(&value);
}

/* ---- where pointers lead ---- */

static void follow(const struct member_walk *walk, struct graph_member *member)
{
    const struct snapshot *snapshot = walk->graph->snapshot;
    uint64_t pointer;

    if (!read_word(walk, member->offset, &pointer))
        return;
    if (!member->value)
        member->value = pointer ? memory_print_text("0x%" PRIx64, pointer)
                                : memory_duplicate_text("null");
    member->block = snapshot_find_block(snapshot, pointer);
    if (member->block != SNAPSHOT_NONE) {
        member->block_offset = pointer - snapshot->blocks[member->block].address;
        return;
    }
    for (uint32_t i = 0; i < snapshot->module_count; i++)
        if (pointer >= snapshot->modules[i].start && pointer < snapshot->modules[i].end)
            member->module = i;
}

/* Where its contents were not kept, the reference is. */
static void follow_reference(const struct member_walk *walk, uint32_t block,
                             struct graph_member *member)
{
    const struct snapshot *snapshot = walk->graph->snapshot;
    uint64_t offset;

    if (member->value || member->offset % WORD_BYTES)
        return;
    member->block = snapshot_find_reference(snapshot, block, member->offset / WORD_BYTES);
    if (member->block != SNAPSHOT_NONE &&
        snapshot_find_fact(snapshot, SNAPSHOT_FACT_OFFSET, block,
                           (uint32_t)(member->offset / WORD_BYTES), &offset))
        member->block_offset = offset;
}

/* ---- the walk ---- */

static struct graph_member *add(struct member_walk *walk, uint32_t type, uint64_t offset,
                                uint64_t bytes)
{
    struct graph_members *members = walk->members;
    const char *path = text_get(&walk->path);
    struct text name = {0};

    if (members->count == GRAPH_MEMBERS_MOST) {
        members->omitted++;
        return NULL;
    }
    type_table_add_name(walk->table, type, &name);
    members->items = memory_grow(members->items, &members->capacity, members->count + 1,
                                 sizeof *members->items);
    members->items[members->count] = (struct graph_member){
        .path = memory_duplicate_text(path[0] == '.' ? path + 1 : path),
        .type = text_take(&name),
        .offset = offset,
        .bytes = bytes,
        .block = SNAPSHOT_NONE,
        .module = SNAPSHOT_NONE};
    return &members->items[members->count++];
}

static void cut_path(struct member_walk *walk, size_t count)
{
    walk->path.count = count;
    if (walk->path.bytes)
        walk->path.bytes[count] = '\0';
}

static void walk_type(struct member_walk *walk, uint32_t block, uint32_t type, uint64_t offset,
                      unsigned depth);

static void walk_members(struct member_walk *walk, uint32_t block, uint32_t type, uint64_t offset,
                         unsigned depth)
{
    for (size_t i = 0; i < type_at(walk, type)->facts.member_count; i++) {
        const struct type_member *member = &type_at(walk, type)->facts.members[i];
        size_t before = walk->path.count;
        uint64_t at = offset + member->offset;

        if (*member->name && !member->is_base)
            text_print(&walk->path, ".%s", member->name);
        walk_type(walk, block, type_table_member(walk->table, type, i), at, depth + 1);
        cut_path(walk, before);
    }
}

static void walk_elements(struct member_walk *walk, uint32_t block, uint32_t element,
                          uint64_t offset, uint64_t count, unsigned depth)
{
    uint64_t bytes = type_at(walk, element) ? type_at(walk, element)->facts.bytes : 0;

    for (uint64_t i = 0; bytes > 0 && i < count; i++) {
        size_t before = walk->path.count;

        if (i == GRAPH_MEMBERS_MOST_ELEMENTS || walk->members->count == GRAPH_MEMBERS_MOST) {
            walk->members->omitted += count - i;
            return;
        }
        text_print(&walk->path, "[%" PRIu64 "]", i);
        walk_type(walk, block, element, offset + i * bytes, depth + 1);
        cut_path(walk, before);
    }
}

static void add_leaf(struct member_walk *walk, uint32_t block, uint32_t type, uint64_t offset)
{
    const struct graph_type *of = type_at(walk, type);
    struct graph_member *member = add(walk, type, offset, of->facts.bytes);

    if (!member)
        return;
    if (of->container != CONTAINER_NONE) {
        member->value = make_container(walk, block, of, offset);
    } else if (of->facts.kind == TYPE_POINTER) {
        member->is_pointer = true;
        follow(walk, member);
        follow_reference(walk, block, member);
    } else if (of->facts.kind == TYPE_CHARACTER || of->facts.kind == TYPE_BASE) {
        member->value = make_number(walk, of, offset);
    }
}

static bool is_text(const struct member_walk *walk, uint32_t element)
{
    const struct graph_type *of = type_at(walk, element);

    return of && of->facts.kind == TYPE_CHARACTER && of->facts.bytes == 1;
}

static void walk_type(struct member_walk *walk, uint32_t block, uint32_t type, uint64_t offset,
                      unsigned depth)
{
    const struct graph_type *of = type_at(walk, type);
    struct graph_member *member;
    uint32_t element;

    if (!of || depth > MOST_DEPTH || offset >= walk->graph->snapshot->blocks[block].bytes)
        return;
    if (of->container != CONTAINER_NONE) {
        add_leaf(walk, block, type, offset);
    } else if (of->facts.kind == TYPE_STRUCT || of->facts.kind == TYPE_UNION) {
        walk_members(walk, block, type, offset, depth);
    } else if (of->facts.kind == TYPE_ARRAY && !of->is_memory) {
        element = type_table_target(walk->table, type);
        if (!is_text(walk, element)) {
            walk_elements(walk, block, element, offset, type_at(walk, type)->facts.count, depth);
            return;
        }
        member = add(walk, type, offset, type_at(walk, type)->facts.bytes);
        if (member)
            member->value = make_text(walk, element, offset, member->bytes);
    } else {
        add_leaf(walk, block, type, offset);
    }
}

/* A block is of one of its type, or as many as there is room for. */
static void walk_block(struct member_walk *walk, uint32_t block, const struct block_type *type)
{
    const struct graph_type *of = type_at(walk, type->type);
    uint64_t start = (uint64_t)type->header_words * WORD_BYTES;
    uint64_t bytes = walk->graph->snapshot->blocks[block].bytes - start;
    uint32_t element = type->type;
    struct graph_member *member;

    if (of->is_memory && of->facts.kind == TYPE_ARRAY && of->element != TYPE_NONE) {
        element = of->element;
        of = type_at(walk, element);
    }
    if (is_text(walk, element)) {
        member = add(walk, element, start, bytes);
        if (member)
            member->value = make_text(walk, element, start, bytes);
    } else if (of->facts.bytes > 0 && bytes / of->facts.bytes > 1 &&
               (bytes % of->facts.bytes == 0 || element != type->type)) {
        walk_elements(walk, block, element, start, bytes / of->facts.bytes, 0);
    } else {
        walk_type(walk, block, element, start, 0);
    }
}

static int compare_members(const void *left, const void *right)
{
    const struct graph_member *a = left, *b = right;

    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return strcmp(a->path, b->path);
}

void graph_members_find(const struct process_graph *graph, uint32_t block, const uint8_t *bytes,
                        size_t count, struct graph_members *members)
{
    struct member_walk walk = {
        .graph = graph, .bytes = bytes, .count = bytes ? count : 0, .members = members};

    *members = (struct graph_members){0};
    if (!graph->types)
        return;
    walk.table = &graph->types->table;
    if (type_at(&walk, graph->types->types.blocks[block].type))
        walk_block(&walk, block, &graph->types->types.blocks[block]);
    if (members->count > 0)
        qsort(members->items, members->count, sizeof *members->items, compare_members);
    text_clear(&walk.path);
}

void graph_members_clear(struct graph_members *members)
{
    for (size_t i = 0; i < members->count; i++) {
        free(members->items[i].path);
        free(members->items[i].type);
        free(members->items[i].value);
    }
    free(members->items);
    *members = (struct graph_members){0};
}
