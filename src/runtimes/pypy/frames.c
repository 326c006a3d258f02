/* Each thread that runs Python has an ExecutionContext, which refers to its innermost frame; a
 * frame refers to the one that called it. Where compiled code runs, a JitVirtualRef stands between,
 * and refers to no frame as long as there is none but in that code's registers: what it stands for
 * is then not known, and neither are the frames behind it. */
#include "runtimes/pypy/frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "symbols/python_lines.h"

enum {
    DEPTH_MOST = 1000,
    DEPTH_TOLD = 40,
    THREADS_MOST = 4096,
    LINES_BYTES_MOST = 1 << 16,
    LNOTAB_MINOR = 9 /* PyPy's tables of lines are those of CPython up to 3.9 */
};

struct frame_types {
    uint32_t frame, reference, context;
};

static struct frame_types find_types(const struct pypy_types *types)
{
    return (struct frame_types){
        pypy_types_find_text(types, "pypy.interpreter.pyframe.PyFrame "),
        pypy_types_find_text(types, "JitVirtualRef "),
        pypy_types_find_text(types, "pypy.interpreter.executioncontext.ExecutionContext "),
    };
}

/* The frame that a field refers to, also through a JitVirtualRef; *is_hidden: there is one, in
 * registers. */
static uint64_t resolve(const struct pypy *pypy, const struct frame_types *types, uint64_t target,
                        bool *is_hidden)
{
    if (pypy_type_at(pypy, target) == types->reference && types->reference != PYPY_NO_TYPE) {
        uint64_t forced = pypy_follow(pypy, target, "forced");
        *is_hidden = forced == 0;
        target = forced;
    }
    return pypy_types_is_a(&pypy->types, pypy_type_at(pypy, target), types->frame) ? target : 0;
}

/* ---- lines ---- */

static uint32_t find_line(const struct pypy *pypy, uint64_t code, int64_t instruction)
{
    uint64_t first = pypy_number(pypy, code, "inst_co_firstlineno");
    uint64_t table = pypy_follow(pypy, code, "inst_co_lnotab");
    if (instruction <= 0 || first > UINT32_MAX)
        return (uint32_t)first;
    char *bytes = memory_allocate(LINES_BYTES_MOST);
    uint64_t count = memory_view_word_or_0(pypy->view, table + 16);
    uint32_t line = (uint32_t)first;
    if (table != 0 && count < LINES_BYTES_MOST &&
        memory_view_read(pypy->view, table + 24, bytes, (size_t)count)) {
        const struct python_line_table lines = {LNOTAB_MINOR, (uint32_t)first,
                                                (const uint8_t *)bytes, (size_t)count};
        uint32_t found = python_lines_find(&lines, (uint32_t)(instruction / 2));
        line = found != 0 ? found : line;
    }
    free(bytes);
    return line;
}

static bool code_name(const struct pypy *pypy, uint64_t code, char *name, size_t name_bytes)
{
    char raw[96];
    if (!pypy_string(pypy, pypy_follow(pypy, code, "inst_co_name"), raw, sizeof raw))
        return false;
    text_make_safe(raw, name, name_bytes);
    return true;
}

bool pypy_code_tell(const struct pypy *pypy, uint64_t code, int64_t instruction, char *text,
                    size_t text_bytes)
{
    char name[96], file[512], safe[512];
    if (!code_name(pypy, code, name, sizeof name))
        return false;
    pypy_string(pypy, pypy_follow(pypy, code, "inst_co_filename"), file, sizeof file);
    text_make_safe(file, safe, sizeof safe);
    snprintf(text, text_bytes, "%s (%s:%u)", name, text_file_name(safe),
             find_line(pypy, code, instruction));
    return true;
}

/* ---- threads ---- */

struct contexts {
    uint64_t items[THREADS_MOST];
    size_t count;
};

static void find_contexts(const struct pypy_objects *objects, uint32_t type,
                          struct contexts *contexts)
{
    const struct pypy *pypy = objects->pypy;
    for (size_t i = 0; i < objects->count && contexts->count < THREADS_MOST; i++)
        if (objects->types[i] == type &&
            pypy_follow(pypy, objects->addresses[i], "inst_topframeref") != 0)
            contexts->items[contexts->count++] = objects->addresses[i];
}

typedef void (*visit_raw_frame)(void *context, uint64_t frame);

/* Returns whether there are frames that cannot be seen. */
static bool visit_thread(const struct pypy *pypy, const struct frame_types *types, uint64_t context,
                         visit_raw_frame visit, void *visitor)
{
    bool is_hidden = false;
    uint64_t frame = resolve(pypy, types, pypy_follow(pypy, context, "inst_topframeref"),
                             &is_hidden);
    for (size_t depth = 0; frame != 0 && depth < DEPTH_MOST; depth++) {
        visit(visitor, frame);
        frame = resolve(pypy, types, pypy_follow(pypy, frame, "inst_f_backref"), &is_hidden);
    }
    return is_hidden;
}

struct frame_visitor {
    const struct pypy *pypy;
    pypy_visit_frame visit;
    void *context;
};

static void pass_frame(void *context, uint64_t address)
{
    const struct frame_visitor *visitor = context;
    struct pypy_frame frame = {.address = address,
                               .code = pypy_follow(visitor->pypy, address, "inst_pycode")};
    if (code_name(visitor->pypy, frame.code, frame.name, sizeof frame.name))
        visitor->visit(visitor->context, &frame);
}

void pypy_frames_visit(const struct pypy_objects *objects, pypy_visit_frame visit, void *context)
{
    struct frame_types types = find_types(&objects->pypy->types);
    struct frame_visitor visitor = {objects->pypy, visit, context};
    struct contexts *contexts = memory_allocate_zeroed(1, sizeof *contexts);
    find_contexts(objects, types.context, contexts);
    for (size_t i = 0; i < contexts->count; i++)
        visit_thread(objects->pypy, &types, contexts->items[i], pass_frame, &visitor);
    free(contexts);
}

/* ---- in words ---- */

struct stack_text {
    const struct pypy *pypy;
    struct text text;
    size_t count;
};

static void add_frame(void *context, uint64_t frame)
{
    struct stack_text *stack = context;
    const struct pypy *pypy = stack->pypy;
    char where[700];
    int64_t instruction = (int64_t)pypy_number(pypy, frame, "inst_last_instr");
    if (!pypy_code_tell(pypy, pypy_follow(pypy, frame, "inst_pycode"), instruction, where,
                        sizeof where))
        return;
    if (stack->count++ < DEPTH_TOLD)
        text_print(&stack->text, "%s%s", stack->count > 1 ? " < " : "", where);
}

void pypy_frames_tell(const struct pypy_objects *objects, struct python_heap *heap)
{
    struct frame_types types = find_types(&objects->pypy->types);
    struct contexts *contexts = memory_allocate_zeroed(1, sizeof *contexts);
    find_contexts(objects, types.context, contexts);
    heap->figures.threads = contexts->count;
    for (size_t i = 0; i < contexts->count; i++) {
        struct stack_text stack = {.pypy = objects->pypy};
        char subject[32];
        bool is_hidden = visit_thread(objects->pypy, &types, contexts->items[i], add_frame, &stack);
        if (stack.count > DEPTH_TOLD)
            text_print(&stack.text, " < %zu more", stack.count - DEPTH_TOLD);
        if (is_hidden)
            text_print(&stack.text, "%s[functions within code of the JIT]",
                       stack.count > 0 ? " < " : "");
        snprintf(subject, sizeof subject, "thread %zu", i + 1);
        python_heap_add_text(heap,
                             &(struct python_text){PYTHON_TEXT_STACK, subject,
                                                   (char *)text_get(&stack.text), stack.count, 0});
        text_clear(&stack.text);
    }
    free(contexts);
}
