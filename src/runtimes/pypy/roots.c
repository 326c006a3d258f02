#include "runtimes/pypy/roots.h"

#include <stdio.h>

#include "base/text.h"
#include "runtimes/pypy/names.h"

enum {
    LOCALS_MOST = 4096
};

void pypy_roots_visit_modules(const struct pypy_objects *objects, pypy_visit_module visit,
                              void *context)
{
    const struct pypy *pypy = objects->pypy;
    uint32_t class = pypy_types_find_text(&pypy->types, "pypy.interpreter.module.Module ");
    for (uint32_t i = 0; i < objects->count; i++) {
        char name[96], safe[96];
        if (!pypy_types_is_a(&pypy->types, objects->types[i], class) ||
            !pypy_text_of(pypy, pypy_follow(pypy, objects->addresses[i], "inst_w_name"), name,
                          sizeof name))
            continue;
        text_make_safe(name, safe, sizeof safe);
        visit(context, i,
              pypy_objects_find(objects, pypy_follow(pypy, objects->addresses[i], "inst_w_dict")),
              safe);
    }
}

struct local_visit {
    const struct pypy_objects *objects;
    pypy_visit_local visit;
    void *context;
    const struct pypy_frame *frame;
    uint32_t array;
};

/* A frame's array begins with its variables, those that other functions share behind; what it is
 * working with has no name. */
static void name_local(const struct pypy *pypy, uint64_t code, uint64_t number, char *name,
                       size_t name_bytes)
{
    static const char *const fields[] = {"inst_co_varnames", "inst_co_cellvars",
                                         "inst_co_freevars"};
    char raw[96];
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        uint64_t names = pypy_follow(pypy, code, fields[i]);
        uint64_t count = names == 0 ? 0 : memory_view_word_or_0(pypy->view, names + 8);
        if (count > LOCALS_MOST)
            break;
        if (number < count &&
            pypy_string(pypy, memory_view_word_or_0(pypy->view, names + 16 + 8 * number), raw,
                        sizeof raw)) {
            text_make_safe(raw, name, name_bytes);
            return;
        }
        if (number < count)
            break;
        number -= count;
    }
    snprintf(name, name_bytes, "<stack>");
}

static void visit_local(void *context, const struct pypy_edge *edge)
{
    const struct local_visit *locals = context;
    char name[96], root[224];
    uint32_t object = pypy_objects_find(locals->objects, edge->target);
    if (object == PYPY_NO_OBJECT)
        return;
    name_local(locals->objects->pypy, locals->frame->code, edge->item, name, sizeof name);
    snprintf(root, sizeof root, "%s().%s", locals->frame->name, name);
    locals->visit(locals->context, object, locals->array, root);
}

static void visit_frame(void *context, const struct pypy_frame *frame)
{
    struct local_visit *locals = context;
    const struct pypy *pypy = locals->objects->pypy;
    uint64_t array = pypy_follow(pypy, frame->address, "inst_locals_cells_stack_w");
    uint32_t type = pypy_type_at(pypy, array);
    locals->frame = frame;
    locals->array = pypy_objects_find(locals->objects, array);
    if (type != PYPY_NO_TYPE)
        pypy_edges_visit(pypy, type, array, visit_local, locals);
}

void pypy_roots_visit_locals(const struct pypy_objects *objects, pypy_visit_local visit,
                             void *context)
{
    struct local_visit locals = {.objects = objects, .visit = visit, .context = context};
    pypy_frames_visit(objects, visit_frame, &locals);
}

void pypy_roots_visit_stack(const struct pypy_objects *objects, pypy_visit_address visit,
                            void *context)
{
    const struct pypy *pypy = objects->pypy;
    for (uint64_t at = pypy->stack.start; at < pypy->stack.end; at += 8)
        visit(context, memory_view_word_or_0(pypy->view, at));
}
