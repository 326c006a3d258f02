#include "graph/containers.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "graph/type_spelling.h"

enum {
    WORD_BYTES = 8,
    LIST_HEAD_BYTES = 16,
    TREE_HEAD_BYTES = 32,
    SHARED_HEAD_BYTES = 16,
    MOST_POINTERS = 6
};

/* ---- layouts ---- */

struct layout {
    const char *start; /* of the shortened name */
    enum container_kind kind;
    uint64_t bytes; /* of the container */
};

static const struct layout layouts[] = {
    {"std::vector<", CONTAINER_VECTOR, 24},
    {"std::string", CONTAINER_STRING, 32},
    {"std::basic_string<", CONTAINER_STRING, 32},
    {"std::list<", CONTAINER_LIST, 24},
    {"std::forward_list<", CONTAINER_FORWARD_LIST, 8},
    {"std::map<", CONTAINER_TREE, 48},
    {"std::set<", CONTAINER_TREE, 48},
    {"std::multimap<", CONTAINER_TREE, 48},
    {"std::multiset<", CONTAINER_TREE, 48},
    {"std::unordered_map<", CONTAINER_TABLE, 56},
    {"std::unordered_set<", CONTAINER_TABLE, 56},
    {"std::unordered_multimap<", CONTAINER_TABLE, 56},
    {"std::unordered_multiset<", CONTAINER_TABLE, 56},
    {"std::deque<", CONTAINER_DEQUE, 80},
};

/* The name ends where the template's arguments do: an iterator or node of it is another type. */
static bool is_whole(const char *name)
{
    unsigned depth = 0;

    for (const char *at = name; *at; at++) {
        if (*at == '<')
            depth++;
        else if (*at == '>' && depth > 0 && --depth == 0)
            return at[1] == '\0';
    }
    return strchr(name, '<') == NULL;
}

static const struct layout *find_layout(const struct graph_type *type)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (text_starts_with(type->facts.name, layouts[i].start) &&
            (strcmp(layouts[i].start, "std::string") != 0 ||
             strcmp(type->facts.name, "std::string") == 0) &&
            type->facts.bytes == layouts[i].bytes && is_whole(type->facts.name))
            return &layouts[i];
    return NULL;
}

static uint64_t align(uint64_t bytes)
{
    return (bytes + WORD_BYTES - 1) & ~(uint64_t)(WORD_BYTES - 1);
}

static uint64_t bytes_of(const struct type_table *table, uint32_t type)
{
    const struct graph_type *item = type_table_get(table, type);

    return item ? item->facts.bytes : 0;
}

struct place {
    uint64_t offset;
    uint32_t target; /* a type of the table */
};

static void set_members(struct type_facts *facts, const struct place *places, size_t count)
{
    for (size_t i = 0; i < facts->member_count; i++)
        free(facts->members[i].name);
    free(facts->members);
    facts->members = memory_allocate_zeroed(count, sizeof *facts->members);
    facts->member_count = count;
    for (size_t i = 0; i < count; i++)
        facts->members[i] = (struct type_member){.name = memory_duplicate_text(""),
                                                 .target = places[i].target,
                                                 .offset = places[i].offset};
}

/* An array of as many elements as there is room for. */
static uint32_t add_array(struct type_table *table, const char *name, const char *what,
                          uint32_t element)
{
    const struct graph_type array = {
        .facts = {.kind = TYPE_ARRAY,
                  .name = memory_print_text("%s%s", name, what),
                  .bytes = bytes_of(table, element),
                  .target = element},
        .module = SNAPSHOT_NONE,
        .is_memory = true,
        .element = element,
    };

    return type_table_add(table, &array);
}

/* A node: pointers to nodes, then the value. */
static uint32_t add_node(struct type_table *table, const char *name, uint32_t element,
                         uint64_t value_offset, const uint64_t *links, size_t link_count,
                         uint64_t slack)
{
    struct graph_type node = {
        .facts = {.kind = TYPE_STRUCT,
                  .name = memory_print_text("%s node", name),
                  .bytes = value_offset + align(bytes_of(table, element))},
        .module = SNAPSHOT_NONE,
        .is_memory = true,
        .is_exact = true,
        .slack = slack,
        .element = element,
    };
    uint32_t number = type_table_add(table, &node);
    uint32_t pointer = type_table_add_pointer(table, number);
    struct place places[MOST_POINTERS] = {{0}};

    for (size_t i = 0; i < link_count; i++)
        places[i] = (struct place){links[i], pointer};
    places[link_count] = (struct place){value_offset, element};
    set_members(&table->items[number]->facts, places, link_count + 1);
    return number;
}

static const uint64_t tree_links[] = {8, 16, 24};
static const uint64_t list_links[] = {0, 8};

/* What the library's inner class was made with: the second argument is the type of its values. */
static uint32_t inner_value(struct type_table *table, struct graph_type *type)
{
    for (size_t i = 0; i < type->facts.member_count; i++)
        if (!type->facts.members[i].is_base) {
            uint32_t inner = type_table_resolve(table, type->module, type->facts.members[i].target);

            return type_table_parameter(table, inner, 1);
        }
    return TYPE_NONE;
}

static uint32_t parameter(struct type_table *table, const struct graph_type *type)
{
    return type->facts.parameter_count
               ? type_table_resolve(table, type->module, type->facts.parameters[0])
               : TYPE_NONE;
}

static void make(struct graph_type *type, enum container_kind kind, uint32_t element, uint32_t node,
                 const struct place *places, size_t count)
{
    set_members(&type->facts, places, count);
    type->container = kind;
    type->element = element;
    type->node = node;
}

static void make_vector(struct type_table *table, struct graph_type *type, enum container_kind kind,
                        uint32_t element)
{
    uint32_t memory = add_array(table, type->facts.name, "", element);
    const struct place places[] = {{0, type_table_add_pointer(table, memory)}};

    make(type, kind, element, memory, places, 1);
}

static void make_linked(struct type_table *table, struct graph_type *type, enum container_kind kind,
                        uint32_t element)
{
    const char *name = type->facts.name;
    uint32_t node = kind == CONTAINER_LIST
                        ? add_node(table, name, element, LIST_HEAD_BYTES, list_links, 2, 0)
                    : kind == CONTAINER_TREE
                        ? add_node(table, name, element, TREE_HEAD_BYTES, tree_links, 3, 0)
                        : add_node(table, name, element, WORD_BYTES, list_links, 1, 0);
    uint32_t pointer = type_table_add_pointer(table, node);
    const struct place of_list[] = {{0, pointer}, {8, pointer}};
    const struct place of_tree[] = {{16, pointer}, {24, pointer}, {32, pointer}};

    if (kind == CONTAINER_TREE)
        make(type, kind, element, node, of_tree, 3);
    else
        make(type, kind, element, node, of_list, kind == CONTAINER_LIST ? 2 : 1);
}

/* A node may keep the hash of its key behind the value. */
static void make_table(struct type_table *table, struct graph_type *type, uint32_t element)
{
    uint32_t node = add_node(table, type->facts.name, element, WORD_BYTES, list_links, 1,
                             WORD_BYTES);
    uint32_t pointer = type_table_add_pointer(table, node);
    uint32_t buckets = add_array(table, type->facts.name, " buckets", pointer);
    const struct place places[] = {{0, type_table_add_pointer(table, buckets)}, {16, pointer}};

    make(type, CONTAINER_TABLE, element, node, places, 2);
}

/* Two iterators, begin and end: position, chunk, its end, and where the map has the chunk. */
static void make_deque(struct type_table *table, struct graph_type *type, uint32_t element)
{
    uint32_t chunk = add_array(table, type->facts.name, " chunk", element);
    uint32_t pointer = type_table_add_pointer(table, chunk);
    uint32_t map = add_array(table, type->facts.name, " map", pointer);
    uint32_t map_pointer = type_table_add_pointer(table, map);
    const struct place places[] = {{0, map_pointer},  {16, pointer}, {24, pointer},
                                   {40, map_pointer}, {48, pointer}, {56, pointer},
                                   {72, map_pointer}};

    make(type, CONTAINER_DEQUE, element, chunk, places, 7);
}

void containers_recognise(struct type_table *table, struct graph_type *type)
{
    const struct layout *layout = find_layout(type);
    uint32_t element;

    if (!layout)
        return;
    element = layout->kind == CONTAINER_TREE || layout->kind == CONTAINER_TABLE
                  ? inner_value(table, type)
                  : parameter(table, type);
    if (bytes_of(table, element) == 0)
        return;
    switch (layout->kind) {
    case CONTAINER_VECTOR:
    case CONTAINER_STRING:
        make_vector(table, type, layout->kind, element);
        break;
    case CONTAINER_LIST:
    case CONTAINER_FORWARD_LIST:
    case CONTAINER_TREE:
        make_linked(table, type, layout->kind, element);
        break;
    case CONTAINER_TABLE:
        make_table(table, type, element);
        break;
    case CONTAINER_DEQUE:
        make_deque(table, type, element);
        break;
    case CONTAINER_NONE:
    case CONTAINER_SHARED:
        break;
    }
}

/* ---- by names ---- */

/* Of one name there is one. Takes over `name`. */
static uint32_t add_named(struct type_table *table, char *name, enum type_kind kind, bool is_memory)
{
    uint64_t hash = hash_bytes(name, strlen(name), UINT64_C(0x6e616d6564));
    bool is_new;
    uint64_t *known = hash_map_put(&table->by_name, hash, &is_new);

    if (!is_new) {
        free(name);
        return (uint32_t)*known;
    }
    *known = table->count;
    return type_table_add(table, &(struct graph_type){.facts = {.kind = kind, .name = name},
                                                      .module = SNAPSHOT_NONE,
                                                      .is_memory = is_memory});
}

/* A control block with what it manages behind its counts. */
static uint32_t add_shared(struct type_table *table, uint32_t module, const char *name,
                           bool is_inside)
{
    char *argument = type_spelling_argument(name, 0);
    uint32_t element;
    char *spelled;

    if (!argument)
        return TYPE_NONE;
    size_t bytes = strlen(argument);
    if (!is_inside && bytes > 0 && argument[bytes - 1] == '*')
        argument[bytes - 1] = '\0';
    element = type_table_find(table, module, argument);
    spelled = type_spelling_shorten(argument);
    uint32_t type = add_named(table,
                              memory_print_text("std::shared_ptr<%s> %s", spelled,
                                                is_inside ? "object" : "control block"),
                              TYPE_STRUCT, true);
    free(spelled);
    free(argument);
    if (element != TYPE_NONE && table->items[type]->facts.member_count == 0) {
        uint32_t inner = is_inside ? element : type_table_add_pointer(table, element);
        const struct place place = {SHARED_HEAD_BYTES, inner};

        set_members(&table->items[type]->facts, &place, 1);
        table->items[type]->facts.bytes = SHARED_HEAD_BYTES + align(bytes_of(table, inner));
        table->items[type]->element = element;
    }
    return type;
}

uint32_t containers_type_of_class(struct type_table *table, uint32_t module, const char *name)
{
    uint32_t type = TYPE_NONE;

    if (text_starts_with(name, "std::_Sp_counted_ptr_inplace<"))
        type = add_shared(table, module, name, true);
    else if (text_starts_with(name, "std::_Sp_counted_ptr<") ||
             text_starts_with(name, "std::_Sp_counted_deleter<"))
        type = add_shared(table, module, name, false);
    if (type == TYPE_NONE)
        type = type_table_find(table, module, name);
    return type ? type : add_named(table, type_spelling_shorten(name), TYPE_STRUCT, false);
}

uint32_t containers_plain_string(struct type_table *table)
{
    uint32_t type = add_named(table, memory_duplicate_text("std::string"), TYPE_ARRAY, true);

    table->items[type]->facts.bytes = 1;
    return type;
}

uint32_t containers_plain_vector(struct type_table *table)
{
    return add_named(table, memory_duplicate_text("std::vector"), TYPE_ARRAY, true);
}

/* "std::pair<K const, V>" is of a map. */
static char *name_associative(const char *kind, const char *value)
{
    char *key = text_starts_with(value, "std::pair<") ? type_spelling_argument(value, 0) : NULL;
    char *shortened, *result;

    if (key && (text_ends_with(key, " const") || text_starts_with(key, "const "))) {
        char *mapped = type_spelling_argument(value, 1);
        char *plain = text_starts_with(key, "const ")
                          ? memory_duplicate_text(key + 6)
                          : memory_print_text("%.*s", (int)(strlen(key) - 6), key);
        char *short_key = type_spelling_shorten(plain);

        shortened = type_spelling_shorten(mapped ? mapped : "?");
        result = memory_print_text("std::%smap<%s, %s> node", kind, short_key, shortened);
        free(short_key);
        free(plain);
        free(mapped);
    } else {
        shortened = type_spelling_shorten(value);
        result = memory_print_text("std::%sset<%s> node", kind, shortened);
    }
    free(shortened);
    free(key);
    return result;
}

struct node_class {
    const char *start;
    uint64_t value_offset;
    const uint64_t *links;
    size_t link_count;
    const char *container; /* "" of associative ones: see above */
    const char *kind;
};

static const struct node_class node_classes[] = {
    {"std::_Rb_tree_node<", TREE_HEAD_BYTES, tree_links, 3, "", ""},
    {"std::__detail::_Hash_node<", WORD_BYTES, list_links, 1, "", "unordered_"},
    {"std::_List_node<", LIST_HEAD_BYTES, list_links, 2, "std::list", ""},
    {"std::_Fwd_list_node<", WORD_BYTES, list_links, 1, "std::forward_list", ""},
};

static uint32_t add_node_class(struct type_table *table, const struct node_class *class,
                               const char *node)
{
    char *value = type_spelling_argument(node, 0), *name;
    uint32_t element, type;

    if (!value)
        return TYPE_NONE;
    if (*class->container) {
        char *shortened = type_spelling_shorten(value);

        name = memory_print_text("%s<%s> node", class->container, shortened);
        free(shortened);
    } else {
        name = name_associative(class->kind, value);
    }
    type = add_named(table, name, TYPE_STRUCT, true);
    element = type_table_find(table, SNAPSHOT_NONE, value);
    free(value);
    if (table->items[type]->facts.bytes == 0 && bytes_of(table, element) > 0) {
        uint32_t pointer = type_table_add_pointer(table, type);
        struct place places[MOST_POINTERS] = {{0}};

        for (size_t i = 0; i < class->link_count; i++)
            places[i] = (struct place){class->links[i], pointer};
        places[class->link_count] = (struct place){class->value_offset, element};
        set_members(&table->items[type]->facts, places, class->link_count + 1);
        table->items[type]->facts.bytes = class->value_offset + align(bytes_of(table, element));
        table->items[type]->is_exact = true;
        table->items[type]->slack = class->kind[0] ? WORD_BYTES : 0;
        table->items[type]->element = element;
    }
    return type;
}

/* What holds elements as they are, by who asked for them. */
struct array_class {
    const char *start; /* of a function's name */
    const char *container;
    const char *what;
    bool is_of_pointers; /* to what the container has */
};

static const struct array_class array_classes[] = {
    {"std::vector<", "std::vector", "", false},
    {"std::_Vector_base<", "std::vector", "", false},
    {"std::_Deque_base<", "std::deque", " map", true},
    {"std::_Deque_base<", "std::deque", " chunk", false},
    {"std::deque<", "std::deque", " chunk", false},
    {"std::__cxx11::basic_string<", "std::string", "", false},
};

static uint32_t add_array_class(struct type_table *table, const struct array_class *class,
                                const char *argument)
{
    uint32_t element = type_table_find(table, SNAPSHOT_NONE, argument), type;
    char *spelled = type_spelling_shorten(argument);
    bool is_string = strcmp(class->container, "std::string") == 0;

    if (is_string)
        type = containers_plain_string(table);
    else
        type = add_named(table,
                         memory_print_text("%s<%s>%s", class->container, spelled, class->what),
                         TYPE_ARRAY, true);
    free(spelled);
    if (!is_string && table->items[type]->facts.bytes == 0 && bytes_of(table, element) > 0) {
        table->items[type]->facts.bytes = bytes_of(table, element);
        table->items[type]->facts.target = element;
        table->items[type]->element = element;
    }
    return type;
}

static uint32_t type_of_array(struct type_table *table, const char *argument,
                              const char *const *callers, size_t count)
{
    size_t bytes = strlen(argument);
    bool is_pointer = bytes > 0 && argument[bytes - 1] == '*';

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < sizeof array_classes / sizeof *array_classes; j++) {
            const struct array_class *class = &array_classes[j];

            if (!text_starts_with(callers[i], class->start) ||
                (class->is_of_pointers && (!is_pointer || !strstr(callers[i], "_M_allocate_map"))))
                continue;
            return add_array_class(table, class, argument);
        }
    return TYPE_NONE;
}

uint32_t containers_type_of_allocator(struct type_table *table, const char *function,
                                      const char *const *callers, size_t count)
{
    static const char *const starts[] = {"std::__new_allocator<", "__gnu_cxx::new_allocator<"};
    char *argument = NULL;
    uint32_t type = TYPE_NONE;

    for (size_t i = 0; i < sizeof starts / sizeof *starts && !argument; i++)
        if (text_starts_with(function, starts[i]) && strstr(function, ">::allocate("))
            argument = type_spelling_argument(function, 0);
    if (!argument)
        return TYPE_NONE;
    for (size_t i = 0; i < sizeof node_classes / sizeof *node_classes && type == TYPE_NONE; i++)
        if (text_starts_with(argument, node_classes[i].start))
            type = add_node_class(table, &node_classes[i], argument);
    if (type == TYPE_NONE)
        type = type_of_array(table, argument, callers, count);
    free(argument);
    return type;
}
