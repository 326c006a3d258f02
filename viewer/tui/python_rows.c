#include "tui/python_rows.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/memory_uses.h"
#include "base/memory.h"
#include "base/units.h"

_Static_assert(PYTHON_NOT_KNOWN == BRANCH_NOT_KNOWN, "what is not known stands nowhere");

/* ---- the tree ---- */

static uint32_t add_figures(struct branches *shown, uint32_t parent, const char *text,
                            uint64_t bytes, uint64_t count)
{
    uint32_t node = branches_add(shown, parent, memory_duplicate_text(text));

    shown->items[node].figures[PYTHON_COLUMN_BYTES] = bytes;
    shown->items[node].figures[PYTHON_COLUMN_COUNT] = count;
    return node;
}

/* A row of figures that may not be known: then there is none. */
static void add_known(struct branches *shown, uint32_t parent, const char *text, uint64_t bytes,
                      uint64_t count)
{
    if (bytes != PYTHON_NOT_KNOWN || count != PYTHON_NOT_KNOWN)
        add_figures(shown, parent, text, bytes, count);
}

static void add_types(struct branches *shown, uint32_t parent,
                      const struct python_type_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct python_type_row *row = &table->rows[i];
        uint32_t node = add_figures(shown, parent, row->name, row->bytes, row->count);

        shown->items[node].figures[PYTHON_COLUMN_RETAINED] = row->retained_bytes;
    }
}

static void add_type_section(struct branches *shown, uint32_t parent, const char *title,
                             const struct python_type_table *table)
{
    char number[UNITS_TEXT_BYTES];

    if (table->count)
        add_types(shown,
                  branches_add(
                      shown, parent,
                      memory_print_text("%s: %s", title, units_format_count(table->count, number))),
                  table);
}

/* "Node -> (other) Node": a row a step. */
static void add_steps(struct branches *shown, uint32_t parent, const char *text)
{
    const char *arrow = strstr(text, " -> ");

    if (!arrow)
        return;
    while (text) {
        arrow = strstr(*text == ' ' ? text + 4 : text, " -> ");
        size_t length = arrow ? (size_t)(arrow - text) : strlen(text);
        const char *start = *text == ' ' ? text + 1 : text;
        branches_add(shown, parent,
                     memory_print_text("%.*s", (int)(length - (size_t)(start - text)), start));
        text = arrow;
    }
}

static void add_texts(struct branches *shown, uint32_t parent, const struct python_heap *heap,
                      enum python_text_kind kind)
{
    for (size_t i = 0; i < heap->text_count; i++) {
        const struct python_text *text = &heap->texts[i];
        uint32_t node;

        if (text->kind != kind)
            continue;
        node = branches_add(shown, parent,
                            *text->subject && kind != PYTHON_TEXT_CYCLE
                                ? memory_print_text("%s: %s", text->subject, text->text)
                                : memory_duplicate_text(text->text));
        shown->items[node].figures[PYTHON_COLUMN_COUNT] = text->count;
        if (text->bytes)
            shown->items[node].figures[PYTHON_COLUMN_BYTES] = text->bytes;
        if (kind == PYTHON_TEXT_CYCLE)
            add_steps(shown, node, text->text);
    }
}

static void add_text_section(struct branches *shown, uint32_t parent,
                             const struct python_heap *heap, enum python_text_kind kind,
                             const char *title)
{
    size_t count = 0;
    char number[UNITS_TEXT_BYTES];

    for (size_t i = 0; i < heap->text_count; i++)
        count += heap->texts[i].kind == kind;
    if (count)
        add_texts(
            shown,
            branches_add(shown, parent,
                         memory_print_text("%s: %s", title, units_format_count(count, number))),
            heap, kind);
}

/* ---- where objects were allocated ---- */

struct frame_rows {
    struct branches *shown;
    uint32_t parent;
    size_t count;
};

static bool add_frame(void *context, const struct profile_frame *frame,
                      const struct profile_location *location)
{
    enum {
        FRAMES_MOST = 60
    };
    struct frame_rows *rows = context;

    (void)frame;
    branches_add(
        rows->shown, rows->parent,
        location->file && location->line
            ? memory_print_text("%s at %s:%u", location->function, location->file, location->line)
            : memory_duplicate_text(location->function));
    return ++rows->count < FRAMES_MOST;
}

static void add_sites(struct branches *shown, uint32_t parent, const struct profile *profile,
                      const struct process_python *python, enum python_site_kind kind,
                      uint64_t leak)
{
    for (size_t i = 0; i < python->heap.site_count; i++) {
        const struct python_site *site = &python->heap.sites[i];
        const struct profile_location *location = memory_site_location(profile, python->sites[i]);
        char *text;

        if (site->kind != kind || (kind == PYTHON_SITE_LEAK && site->leak != leak))
            continue;
        if (!location)
            text = memory_print_text("%s, allocated at a place without a name", site->type);
        else if (location->file && location->line)
            text = memory_print_text("%s, allocated by %s at %s:%u", site->type, location->function,
                                     location->file, location->line);
        else
            text = memory_print_text("%s, allocated by %s", site->type, location->function);
        struct frame_rows rows = {shown, add_figures(shown, parent, text, site->bytes, site->count),
                                  0};
        free(text);
        if (python->sites[i] < profile->site_count)
            profile_visit_stack(profile, profile->sites[python->sites[i]].stack_node, add_frame,
                                &rows);
    }
}

static void note_unrecorded(struct branches *shown, uint32_t parent, const struct python_heap *heap)
{
    if (heap->figures.recorded_objects == 0)
        branches_add_note(
            shown, parent,
            "Where objects were allocated was not recorded: seep run --python=objects does.");
}

/* ---- sections ---- */

static void add_arenas(struct branches *shown, uint32_t parent, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    uint32_t section;

    if (figures->arenas == PYTHON_NOT_KNOWN)
        return;
    section = add_figures(shown, parent, "Arenas", figures->arena_bytes, figures->arenas);
    add_known(shown, section, "live blocks", figures->live_bytes, figures->live_blocks);
    add_known(shown, section, "free pools", figures->free_pool_bytes, PYTHON_NOT_KNOWN);
    add_known(shown, section, "free between live blocks", figures->partly_free_bytes,
              PYTHON_NOT_KNOWN);
    add_known(shown, section, "heads of pools, and what is too short for a block",
              figures->overhead_bytes, PYTHON_NOT_KNOWN);
    add_known(shown, section, "pools with live blocks", PYTHON_NOT_KNOWN, figures->pools);
    if (figures->torn_pools && figures->torn_pools != PYTHON_NOT_KNOWN)
        add_known(shown, section, "pools that changed meanwhile: off by a block at most",
                  PYTHON_NOT_KNOWN, figures->torn_pools);
}

static void add_pinned(struct branches *shown, uint32_t parent, const struct profile *profile,
                       const struct process_python *python)
{
    const struct python_heap *heap = &python->heap;
    const struct python_figures *figures = &heap->figures;
    char number[UNITS_TEXT_BYTES];
    char *title;
    uint32_t section;

    if (figures->pinned_arenas == PYTHON_NOT_KNOWN || figures->pinned_arenas == 0)
        return;
    title = memory_print_text("Pinned arenas, of fewer than %s live blocks each",
                              units_format_count(python_pinned_limit(heap), number));
    section = add_figures(shown, parent, title, figures->pinned_bytes, figures->pinned_arenas);
    free(title);
    add_known(shown, section, "live in them, which keeps all of these bytes",
              figures->pinned_live_bytes, figures->pinned_blocks);
    add_types(shown, section, &heap->tables[PYTHON_PINNING_TYPES]);
    add_texts(shown, section, heap, PYTHON_TEXT_PINNING);
    add_sites(shown, section, profile, python, PYTHON_SITE_PINNING, 0);
    note_unrecorded(shown, section, heap);
    branches_add_note(shown, section,
                      "An arena goes back to the system when nothing in it is live:");
    branches_add_note(shown, section,
                      "free these objects, or make what lives long before what does not.");
}

static void add_objects(struct branches *shown, uint32_t parent, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    uint32_t section;

    if (figures->objects == PYTHON_NOT_KNOWN)
        return;
    section = add_figures(shown, parent, "Objects with their storage", figures->object_bytes,
                          figures->objects);
    add_known(shown, section, "storage in arenas, of objects", figures->storage_bytes,
              figures->storage_blocks);
    add_known(shown, section, "blocks of arenas that nothing tells", figures->unknown_bytes,
              figures->unknown_blocks);
    add_known(shown, section, "static, no heap", PYTHON_NOT_KNOWN, figures->static_objects);
    add_known(shown, section, "large, each in a block of its own", figures->large_bytes,
              figures->large_objects);
    add_known(shown, section, "old ones that nothing refers to", figures->unreached_bytes,
              figures->unreached_objects);
}

static void add_nursery(struct branches *shown, uint32_t parent, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    uint32_t section;

    if (figures->nursery_bytes == PYTHON_NOT_KNOWN)
        return;
    section = add_figures(shown, parent, "Nursery", figures->nursery_bytes, PYTHON_NOT_KNOWN);
    add_known(shown, section, "used since the last minor collection; referred to",
              figures->nursery_used_bytes, figures->nursery_objects);
    add_texts(shown, section, heap, PYTHON_TEXT_NURSERY);
}

static void add_classes(struct branches *shown, uint32_t parent, const struct python_heap *heap)
{
    char number[UNITS_TEXT_BYTES], pools[UNITS_TEXT_BYTES], blocks[UNITS_TEXT_BYTES];
    uint32_t section;

    if (heap->class_count == 0)
        return;
    section = branches_add(
        shown, parent,
        memory_print_text("Sizes of blocks: %s", units_format_count(heap->class_count, number)));
    for (size_t i = 0; i < heap->class_count; i++) {
        const struct python_size_class *class = &heap->classes[i];
        char *text = memory_print_text(
            "blocks of %s, %s free, in %s pool%s", units_format_size(class->bytes, number),
            units_format_count(class->free_blocks, blocks), units_format_count(class->pools, pools),
            class->pools == 1 ? "" : "s");

        add_figures(shown, section, text, PYTHON_NOT_KNOWN, class->used_blocks);
        free(text);
    }
}

static void add_generations(struct branches *shown, uint32_t parent, const struct python_heap *heap)
{
    char count[UNITS_TEXT_BYTES], threshold[UNITS_TEXT_BYTES];

    for (size_t i = 0; i < heap->generation_count; i++)
        branches_add(
            shown, parent,
            memory_print_text("generation %zu: counted %s, collected beyond %s%s", i,
                              units_format_count(heap->generations[i].count, count),
                              units_format_count(heap->generations[i].threshold, threshold),
                              heap->generations[0].threshold == 0 ? " (0: never)" : ""));
}

static void add_garbage(struct branches *shown, uint32_t parent, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    uint32_t section;

    if (figures->garbage_objects == PYTHON_NOT_KNOWN)
        return;
    section = add_figures(shown, parent,
                          figures->garbage_objects ? "Garbage, kept by cycles alone"
                                                   : "Garbage: nothing is kept by cycles alone",
                          figures->garbage_bytes, figures->garbage_objects);
    if (figures->garbage_objects == 0)
        return;
    if (figures->start_garbage_objects)
        add_known(shown, section, "of it, what every start of an interpreter leaves",
                  figures->start_garbage_bytes, figures->start_garbage_objects);
    add_types(shown, section, &heap->tables[PYTHON_GARBAGE_TYPES]);
    add_texts(shown, section, heap, PYTHON_TEXT_CYCLE);
    add_generations(shown, section, heap);
    branches_add_note(shown, section,
                      "gc.collect() frees it; weakref, or cutting a cycle, lets it go at"
                      " once.");
}

static void add_code(struct branches *shown, uint32_t parent, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    uint32_t section;

    if (figures->code_bytes == PYTHON_NOT_KNOWN)
        return;
    section = add_figures(shown, parent, "Code made while it ran", figures->code_bytes,
                          PYTHON_NOT_KNOWN);
    add_known(shown, section, "of loops that are known", figures->code_used_bytes,
              PYTHON_NOT_KNOWN);
    add_types(shown, section, &heap->tables[PYTHON_JIT_TYPES]);
    add_texts(shown, section, heap, PYTHON_TEXT_CODE);
}

/* ---- references that nobody holds ---- */

static void add_leak(struct branches *shown, uint32_t section, const struct profile *profile,
                     const struct process_python *python, size_t position)
{
    const struct python_leak *leak = &python->heap.leaks[position];
    char number[UNITS_TEXT_BYTES];
    char *text = memory_print_text(
        "%s%s%s%s: %s reference%s too many%s", leak->type, *leak->example ? " (such as " : "",
        leak->example, *leak->example ? ")" : "", units_format_count(leak->surplus, number),
        leak->surplus == 1 ? "" : "s", leak->count > 1 ? " each" : "");
    uint32_t row = add_figures(shown, section, text, leak->bytes, leak->count);

    free(text);
    shown->items[row].figures[PYTHON_COLUMN_RETAINED] = leak->retained_bytes;
    if (leak->alone)
        add_figures(shown, row, "kept by nothing else", PYTHON_NOT_KNOWN, leak->alone);
    if (leak->alone < leak->count) {
        text = memory_print_text("kept too by something else%s%s", *leak->path ? ", such as " : "",
                                 leak->path);
        add_figures(shown, row, text, PYTHON_NOT_KNOWN, leak->count - leak->alone);
        free(text);
    }
    add_sites(shown, row, profile, python, PYTHON_SITE_LEAK, position);
}

static void add_leaks(struct branches *shown, uint32_t parent, const struct profile *profile,
                      const struct process_python *python)
{
    const struct python_heap *heap = &python->heap;
    const struct python_figures *figures = &heap->figures;
    uint32_t section;

    add_text_section(shown, parent, heap, PYTHON_TEXT_UNJUDGED,
                     "Leaked references: not looked for");
    if (figures->leaked_objects == PYTHON_NOT_KNOWN)
        return;
    section = add_figures(shown, parent,
                          figures->leaked_objects ? "Leaked: more references than anything holds"
                                                  : "Leaked: no references",
                          figures->leaked_bytes, figures->leaked_objects);
    if (figures->leaked_objects == 0)
        return;
    shown->items[section].figures[PYTHON_COLUMN_RETAINED] = figures->leaked_retained_bytes;
    for (size_t i = 0; i < heap->leak_count; i++)
        add_leak(shown, section, profile, python, i);
    note_unrecorded(shown, section, heap);
    branches_add_note(shown, section,
                      "C code took a reference and never gave it back: look in extensions");
    branches_add_note(shown, section, "that handle these objects for a missing Py_DECREF.");
}

void python_rows_add(struct branches *shown, uint32_t parent, const struct profile *profile,
                     const struct process_python *python)
{
    const struct python_heap *heap = &python->heap;

    if (!heap->is_read) {
        branches_add(shown, parent, memory_print_text("not read: %s", heap->refusal));
        return;
    }
    if (heap->note[0])
        branches_add_note(shown, parent, heap->note);
    add_arenas(shown, parent, heap);
    add_nursery(shown, parent, heap);
    add_pinned(shown, parent, profile, python);
    add_objects(shown, parent, heap);
    add_garbage(shown, parent, heap);
    add_leaks(shown, parent, profile, python);
    add_type_section(shown, parent, "Types", &heap->tables[PYTHON_LIVE_TYPES]);
    add_classes(shown, parent, heap);
    add_type_section(shown, parent, "Free lists, kept to be used again",
                     &heap->tables[PYTHON_FREE_TYPES]);
    add_type_section(shown, parent, "Old objects that nothing refers to",
                     &heap->tables[PYTHON_UNREACHED_TYPES]);
    add_text_section(shown, parent, heap, PYTHON_TEXT_PATH, "What holds objects");
    add_code(shown, parent, heap);
    add_text_section(shown, parent, heap, PYTHON_TEXT_STACK, "Threads and what they run");
}
