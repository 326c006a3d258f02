#include "report/path_parts.h"

#include <string.h>

#include "analysis/place.h"
#include "report/json_stream.h"
#include "report/page.h"

void path_add_holder(const struct graph_path *path, struct text *out)
{
    const struct graph_path_element *root = &path->elements[0];
    const char *member = root->member ? root->member : "";

    text_add(out, root->name ? root->name : "not known");
    if (*member && *member != '[')
        text_print(out, "%s%.*s", strchr(text_get(out), ' ') ? ": " : ".",
                   (int)strcspn(member, "["), member);
}

void path_add_text(const struct graph_path *path, struct text *out)
{
    path_add_holder(path, out);
    for (size_t i = 1; i < path->count; i++) {
        const struct graph_path_element *element = &path->elements[i];

        text_add(out, " > ");
        if (element->type)
            text_add(out, element->type);
        else
            place_shorten_name(element->name ? element->name : "not known", out);
    }
}

json_t *path_make_element(const char *name, const char *member, const char *type)
{
    json_t *element = json_object();

    json_object_set_new(element, "name", json_text(name));
    json_object_set_new(element, "member", json_text(member && *member ? member : NULL));
    json_object_set_new(element, "type", json_text(type));
    return element;
}

json_t *path_make_json(const struct graph_path *path)
{
    json_t *list = json_array();

    for (size_t i = 0; path && i < path->count; i++) {
        const struct graph_path_element *element = &path->elements[i];

        json_array_append_new(list,
                              path_make_element(element->name, element->member, element->type));
    }
    return list;
}
