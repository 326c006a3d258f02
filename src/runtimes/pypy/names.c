#include "runtimes/pypy/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum {
    NAME_BYTES = 160
};

void pypy_names_init(struct pypy_names *names, const struct pypy_objects *objects)
{
    const struct pypy_types *types = &objects->pypy->types;
    *names = (struct pypy_names){.objects = objects, .texts = string_pool_create()};
    names->map_class = pypy_types_find_text(types, "pypy.objspace.std.mapdict.AbstractAttribute ");
    names->map_offsets = memory_allocate_zeroed(types->count, sizeof *names->map_offsets);
    names->own_names = memory_allocate_zeroed(types->count, sizeof *names->own_names);
    for (uint32_t i = 0; i < types->count; i++) {
        if (types->items[i].text == NULL)
            continue;
        names->own_names[i] = string_pool_add(names->texts, types->items[i].name).index;
        if (strstr(types->items[i].text, " inst_map") != NULL)
            names->map_offsets[i] = pypy_types_field(types, i, "inst_map", true);
    }
}

void pypy_names_clear(struct pypy_names *names)
{
    string_pool_destroy(names->texts);
    free(names->map_offsets);
    free(names->own_names);
    hash_map_clear(&names->of_maps);
    *names = (struct pypy_names){0};
}

bool pypy_text_of(const struct pypy *pypy, uint64_t object, char *text, size_t text_bytes)
{
    uint64_t utf8 = pypy_follow(pypy, object, "inst__utf8");
    return pypy_string(pypy, utf8 != 0 ? utf8 : pypy_follow(pypy, object, "inst__value"), text,
                       text_bytes);
}

bool pypy_class_name(const struct pypy *pypy, uint64_t type, char *name, size_t name_bytes)
{
    uint64_t text = pypy_follow(pypy, type, "inst_name");
    return pypy_string(pypy, text, name, name_bytes) || pypy_text_of(pypy, text, name, name_bytes);
}

uint64_t pypy_names_map(const struct pypy_names *names, uint32_t object)
{
    const struct pypy_objects *objects = names->objects;
    const struct pypy *pypy = objects->pypy;
    uint64_t map = pypy_field(pypy, objects->addresses[object],
                              names->map_offsets[objects->types[object]]);
    return pypy_types_is_a(&pypy->types, pypy_type_at(pypy, map), names->map_class) ? map : 0;
}

static uint32_t find_class(const struct pypy_names *names, uint64_t map)
{
    const struct pypy *pypy = names->objects->pypy;
    char name[NAME_BYTES], safe[NAME_BYTES];
    uint64_t terminator = pypy_follow(pypy, map, "inst_terminator");
    uint64_t class = pypy_follow(pypy, terminator != 0 ? terminator : map, "inst_w_cls");
    if (!pypy_class_name(pypy, class, name, sizeof name))
        return 0;
    text_make_safe(name, safe, sizeof safe);
    return string_pool_add(names->texts, safe).index;
}

struct string_id pypy_names_find(struct pypy_names *names, uint32_t object)
{
    uint32_t type = names->objects->types[object];
    struct string_id own = {names->own_names[type]};
    uint64_t map = names->map_offsets[type] == 0 ? 0 : pypy_names_map(names, object);
    bool is_new;
    if (map == 0)
        return own;
    uint64_t *known = hash_map_put(&names->of_maps, map, &is_new);
    if (is_new) {
        uint32_t found = find_class(names, map);
        *known = found;
    }
    return *known != 0 ? (struct string_id){(uint32_t)*known} : own;
}
