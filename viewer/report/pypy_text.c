/* PyPy's heap for people: what it took for new objects and why, where old ones are, and what its
 * compiler made; each with what can be done about it. */
#include "config.h"

#include <inttypes.h>

#include "analysis/memory_uses.h"
#include "base/units.h"
#include "report/python_report.h"

enum {
    TYPES_SHOWN = 5,
    FUNCTIONS_SHOWN = 8,
    THREADS_SHOWN = 8
};

/* "1 loop", "1,234 loops". */
static void add_things(struct text *line, uint64_t count, const char *thing)
{
    char number[UNITS_TEXT_BYTES];
    text_print(line, "%s %s%s", units_format_count(count, number), thing, count == 1 ? "" : "s");
}

static const struct python_text *find_text(const struct python_heap *heap,
                                           enum python_text_kind kind)
{
    for (size_t i = 0; i < heap->text_count; i++)
        if (heap->texts[i].kind == kind)
            return &heap->texts[i];
    return NULL;
}

static void write_nursery(struct page *page, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    const struct python_text *cause = find_text(heap, PYTHON_TEXT_NURSERY);
    struct text line = {0};
    units_add_size(&line, figures->nursery_bytes);
    text_add(&line, " for new objects");
    if (cause != NULL) {
        text_add(&line, " (");
        page_make_safe(&line, cause->text);
        text_add(&line, ")");
    }
    text_add(&line, "; made since the last minor collection: ");
    units_add_size(&line, figures->nursery_used_bytes);
    if (figures->nursery_objects != PYTHON_NOT_KNOWN) {
        text_add(&line, ", of which ");
        add_things(&line, figures->nursery_objects, "object");
        text_print(&line, " %s referred to", figures->nursery_objects == 1 ? "is" : "are");
    }
    page_label_line(page, "Nursery", &line);
    uint64_t excess = memory_nursery_excess(figures->nursery_bytes);
    if (excess == 0)
        return;
    text_add(&line, "(" MEMORY_NURSERY_SETTING " in the environment makes it ");
    units_add_size(&line, excess);
    text_add(&line, " smaller, for more frequent minor collections)");
    page_label_line(page, "", &line);
}

static void write_old(struct page *page, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    struct text line = {0};
    units_add_size(&line, figures->arena_bytes);
    text_add(&line, " in ");
    add_things(&line, figures->arenas, "arena");
    text_add(&line, ": ");
    units_add_size(&line, figures->live_bytes);
    text_add(&line, " in ");
    add_things(&line, figures->live_blocks, "object");
    text_add(&line, ", ");
    units_add_size(&line, figures->free_pool_bytes);
    text_add(&line, " in free pages, ");
    units_add_size(&line, figures->partly_free_bytes);
    text_add(&line, " free between objects");
    page_label_line(page, "Old", &line);
    if (figures->large_objects == 0 || figures->large_objects == PYTHON_NOT_KNOWN)
        return;
    units_add_size(&line, figures->large_bytes);
    text_add(&line, " in ");
    add_things(&line, figures->large_objects, "object");
    text_add(&line, " that are too large for arenas");
    page_label_line(page, "", &line);
}

static void write_unreached(struct page *page, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    struct text line = {0};
    if (figures->unreached_objects == PYTHON_NOT_KNOWN || figures->unreached_objects == 0)
        return;
    units_add_size(&line, figures->unreached_bytes);
    text_add(&line, " in ");
    add_things(&line, figures->unreached_objects, "old object");
    text_add(&line, " that nothing was found to refer to: PyPy frees them at its next major "
                    "collection, not when they die (gc.collect() makes one)");
    page_label_line(page, "Unreached", &line);
}

static void write_types_of_jit(struct page *page, const struct python_heap *heap)
{
    const struct python_type_table *table = &heap->tables[PYTHON_JIT_TYPES];
    uint64_t count = 0, bytes = 0;
    struct text line = {0};
    if (table->count == 0)
        return;
    for (size_t i = 0; i < table->count; i++) {
        count += table->rows[i].count;
        bytes += table->rows[i].bytes;
    }
    text_add(&line, "its data: ");
    units_add_size(&line, bytes);
    text_add(&line, " in ");
    add_things(&line, count, "object");
    for (size_t i = 0; i < table->count && i < TYPES_SHOWN; i++) {
        text_add(&line, i == 0 ? ": " : ", ");
        page_make_safe(&line, table->rows[i].name);
        text_print(&line, " %" PRIu64, table->rows[i].count);
    }
    text_add(&line, table->count > TYPES_SHOWN ? ", ..." : "");
    page_label_line(page, "", &line);
}

static void write_code(struct page *page, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    struct text line = {0};
    size_t shown = 0;
    if (figures->code_bytes == 0 || figures->code_bytes == PYTHON_NOT_KNOWN) {
        page_label(page, "JIT", "no code was made");
        return;
    }
    units_add_size(&line, figures->code_bytes);
    text_add(&line, " for code that was made while it ran");
    if (figures->code_used_bytes != PYTHON_NOT_KNOWN) {
        text_add(&line, ", of which loops take ");
        units_add_size(&line, figures->code_used_bytes);
    }
    page_label_line(page, "JIT", &line);
    for (size_t i = 0; i < heap->text_count && shown < FUNCTIONS_SHOWN; i++) {
        const struct python_text *text = &heap->texts[i];
        if (text->kind != PYTHON_TEXT_CODE)
            continue;
        page_make_safe(&line, text->text);
        text_add(&line, ": ");
        add_things(&line, text->count, "loop");
        text_add(&line, ", ");
        units_add_size(&line, text->bytes);
        page_label_line(page, "", &line);
        shown++;
    }
    write_types_of_jit(page, heap);
}

static void write_stacks(struct page *page, const struct python_heap *heap)
{
    size_t shown = 0;
    for (size_t i = 0; i < heap->text_count && shown < THREADS_SHOWN; i++) {
        const struct python_text *text = &heap->texts[i];
        struct text line = {0};
        if (text->kind != PYTHON_TEXT_STACK)
            continue;
        page_make_safe(&line, text->subject);
        text_add(&line, ": ");
        page_make_safe(&line, text->text);
        page_label_line(page, shown++ == 0 ? "Stacks" : "", &line);
    }
}

void pypy_write_text(struct page *page, const struct python_heap *heap)
{
    write_nursery(page, heap);
    write_old(page, heap);
    write_unreached(page, heap);
    write_code(page, heap);
    write_stacks(page, heap);
}
