#include "runtimes/cpython/frames.h"

#include "runtimes/cpython/dicts.h"

enum {
    DEPTH_MAX = 100000
};

static uint64_t first_frame(const struct cpython *python, uint64_t thread)
{
    const struct cpython_offsets *offsets = &python->offsets;
    if (cpython_has_field(offsets->thread_frame))
        return cpython_field(python, thread, offsets->thread_frame);
    if (cpython_has_field(offsets->thread_cframe))
        return cpython_field(python, cpython_field(python, thread, offsets->thread_cframe),
                             offsets->cframe_current_frame);
    return cpython_field(python, thread, offsets->thread_current_frame);
}

/* From 3.12 on some mark only where C entered the interpreter. */
static bool runs_code(const struct cpython *python, uint64_t frame)
{
    uint32_t owner = python->offsets.frame_owner;
    return python->offsets.minor < 12 ||
           memory_view_byte_or_0(python->view, frame + owner) != CPYTHON_FRAME_OF_C;
}

static void visit_thread(const struct cpython *python, uint64_t thread, cpython_visit_frame visit,
                         void *context)
{
    const struct cpython_offsets *offsets = &python->offsets;
    uint64_t at = first_frame(python, thread);
    for (size_t depth = 0; depth < DEPTH_MAX && cpython_is_pointer(at); depth++) {
        struct cpython_frame frame = {.address = at};
        frame.code = cpython_field(python, at, offsets->frame_code) & ~UINT64_C(3);
        uint32_t name = cpython_has_field(offsets->code_qualname) ? offsets->code_qualname
                                                                  : offsets->code_name;
        if (runs_code(python, at) && cpython_string(python, cpython_field(python, frame.code, name),
                                                    frame.name, sizeof frame.name))
            visit(context, &frame);
        at = cpython_field(python, at, offsets->frame_previous);
    }
}

void cpython_frames_visit(const struct cpython *python, cpython_visit_frame visit, void *context)
{
    const struct cpython_offsets *offsets = &python->offsets;
    for (size_t i = 0; i < python->interpreter_count; i++) {
        uint64_t thread = cpython_field(python, python->interpreters[i],
                                        offsets->interpreter_threads_head);
        for (size_t j = 0; j < python->thread_count && cpython_is_pointer(thread); j++) {
            visit_thread(python, thread, visit, context);
            thread = cpython_field(python, thread, offsets->thread_next);
        }
    }
}
