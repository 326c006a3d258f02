/* A Python interpreter's heap for people: where its arenas' memory is, what pins them, what it
 * holds by type, and what only cycles keep; each with what can be done about it. */
#include "config.h"

#include <inttypes.h>

#include "base/units.h"
#include "report/python_report.h"

enum {
    TYPES_SHOWN_BESIDE = 5, /* in a line */
    CYCLES_SHOWN = 5,
    PATHS_SHOWN = 8
};

static void label(struct page *page, const char *name, struct text *line)
{
    page_label(page, name, text_get(line));
    text_clear(line);
}

/* ---- arenas ---- */

static void write_arenas(struct page *page, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    struct text line = {0};
    units_add_size(&line, figures->arena_bytes);
    text_add(&line, " in ");
    units_add_count(&line, figures->arenas);
    text_print(&line, " arena%s: ", units_plural(figures->arenas));
    units_add_size(&line, figures->live_bytes);
    text_add(&line, " live in ");
    units_add_count(&line, figures->live_blocks);
    text_print(&line, " block%s, ", units_plural(figures->live_blocks));
    units_add_size(&line, figures->free_pool_bytes);
    text_add(&line, " in free pools, ");
    units_add_size(&line, figures->partly_free_bytes);
    text_add(&line, " free between live blocks");
    label(page, "Arenas", &line);
}

/* "object 997, str 3". */
static void add_types(struct text *line, const struct python_type_table *table)
{
    for (size_t i = 0; i < table->count && i < TYPES_SHOWN_BESIDE; i++) {
        text_add(line, i > 0 ? ", " : "");
        page_make_safe(line, table->rows[i].name);
        text_add(line, " ");
        units_add_count(line, table->rows[i].count);
    }
    if (table->count > TYPES_SHOWN_BESIDE)
        text_add(line, ", ...");
}

static void write_texts(struct page *page, const struct python_heap *heap,
                        enum python_text_kind kind, size_t limit)
{
    size_t shown = 0;
    for (size_t i = 0; i < heap->text_count && shown < limit; i++) {
        struct text line = {0};
        if (heap->texts[i].kind != kind)
            continue;
        units_add_count(&line, heap->texts[i].count);
        text_add(&line, " x ");
        page_make_safe(&line, heap->texts[i].text);
        if (heap->texts[i].bytes > 0) {
            text_add(&line, ": ");
            units_add_size(&line, heap->texts[i].bytes);
        }
        label(page, "", &line);
        shown++;
    }
}

static void write_pinning(struct page *page, const struct process_python *python)
{
    const struct python_heap *heap = &python->heap;
    const struct python_figures *figures = &heap->figures;
    struct text line = {0};
    if (figures->pinned_arenas == 0 || figures->pinned_arenas == PYTHON_NOT_KNOWN)
        return;
    units_add_count(&line, figures->pinned_arenas);
    text_add(&line, " of ");
    units_add_count(&line, figures->arenas);
    text_print(&line, " arenas hold%s fewer than ", figures->pinned_arenas == 1 ? "s" : "");
    units_add_count(&line, python_pinned_limit(heap));
    text_add(&line, " live blocks: ");
    units_add_count(&line, figures->pinned_blocks);
    text_print(&line, " object%s (", units_plural(figures->pinned_blocks));
    units_add_size(&line, figures->pinned_live_bytes);
    text_print(&line, ") keep%s ", figures->pinned_blocks == 1 ? "s" : "");
    units_add_size(&line, figures->pinned_bytes);
    label(page, "Pinned", &line);
    if (heap->tables[PYTHON_PINNING_TYPES].count > 0) {
        text_add(&line, "by ");
        add_types(&line, &heap->tables[PYTHON_PINNING_TYPES]);
        label(page, "", &line);
    }
    write_texts(page, heap, PYTHON_TEXT_PINNING, CYCLES_SHOWN);
    python_write_sites(page, python, PYTHON_SITE_PINNING, 0);
    python_write_unrecorded(page, python);
    page_label(page, "",
               "(an arena goes back to the system when nothing in it is live: free these objects, "
               "or make what lives long before what lives for a moment)");
}

/* Much was resident once and is not any more: it does go back, whatever people fear. */
static void write_returned(struct page *page, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    struct text line = {0};
    if (figures->pinned_arenas > 1 || figures->peak_resident_bytes == PYTHON_NOT_KNOWN ||
        figures->resident_bytes > figures->peak_resident_bytes / 2)
        return;
    text_add(&line, "memory was returned to the system: ");
    units_add_size(&line, figures->peak_resident_bytes);
    text_add(&line, " were resident at the peak, ");
    units_add_size(&line, figures->resident_bytes);
    text_add(&line, " are");
    label(page, "Returned", &line);
}

/* ---- objects ---- */

static void write_objects(struct page *page, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    struct text line = {0};
    if (figures->objects == PYTHON_NOT_KNOWN || figures->storage_blocks == PYTHON_NOT_KNOWN)
        return;
    units_add_count(&line, figures->objects);
    text_add(&line, " of ");
    units_add_size(&line, figures->object_bytes);
    text_add(&line, " with their storage; blocks of arenas that nothing tells: ");
    units_add_count(&line, figures->unknown_blocks);
    text_add(&line, " (");
    units_add_size(&line, figures->unknown_bytes);
    text_add(&line, "); static, no heap: ");
    units_add_count(&line, figures->static_objects);
    label(page, "Objects", &line);
    if (heap->tables[PYTHON_FREE_TYPES].count > 0) {
        add_types(&line, &heap->tables[PYTHON_FREE_TYPES]);
        text_add(&line, " (kept to be used again)");
        label(page, "Free lists", &line);
    }
}

static void write_generations(struct page *page, const struct python_heap *heap)
{
    struct text line = {0};
    if (heap->generation_count == 0)
        return;
    text_add(&line, "collected when the counts ");
    for (size_t i = 0; i < heap->generation_count; i++)
        text_print(&line, "%s%" PRIu64, i > 0 ? ", " : "", heap->generations[i].count);
    text_add(&line, " pass the thresholds ");
    for (size_t i = 0; i < heap->generation_count; i++)
        text_print(&line, "%s%" PRIu64, i > 0 ? ", " : "", heap->generations[i].threshold);
    text_add(&line, heap->generations[0].threshold == 0 ? " (0: never)" : "");
    label(page, "", &line);
}

/* Nobody is to look for it in the program. */
static void write_start_garbage(struct page *page, const struct python_figures *figures)
{
    struct text line = {0};
    if (figures->start_garbage_objects == PYTHON_NOT_KNOWN || figures->start_garbage_objects == 0)
        return;
    if (figures->start_garbage_objects == figures->garbage_objects)
        text_add(&line, "all of them");
    else
        units_add_count(&line, figures->start_garbage_objects);
    text_add(&line, " (");
    units_add_size(&line, figures->start_garbage_bytes);
    text_add(&line, ") left by the interpreter's start: classes of the standard library that were "
                    "replaced when it was imported");
    label(page, "", &line);
}

static void write_garbage(struct page *page, const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    struct text line = {0};
    if (figures->garbage_objects == PYTHON_NOT_KNOWN)
        return;
    if (figures->garbage_objects == 0) {
        page_label(page, "Garbage", "none: nothing is kept by cycles alone");
        return;
    }
    units_add_count(&line, figures->garbage_objects);
    text_print(&line, " object%s of ", units_plural(figures->garbage_objects));
    units_add_size(&line, figures->garbage_bytes);
    text_print(&line, " %s kept by cycles alone: ", figures->garbage_objects == 1 ? "is" : "are");
    add_types(&line, &heap->tables[PYTHON_GARBAGE_TYPES]);
    label(page, "Garbage", &line);
    write_start_garbage(page, figures);
    write_texts(page, heap, PYTHON_TEXT_CYCLE, CYCLES_SHOWN);
    write_generations(page, heap);
    page_label(page, "",
               "(gc.collect() frees them; weakref, or cutting the cycle, lets them go at once)");
}

void python_write_types(struct page *page, const struct process_python *python, uint64_t limit)
{
    const struct python_type_table *table = &python->heap.tables[PYTHON_LIVE_TYPES];
    char cell[UNITS_TEXT_BYTES];
    if (table->count == 0)
        return;
    page_end_line(page);
    page_set_style(page, PAGE_DIM);
    page_add(page, "%11s%12s  %s", "Own", "Objects", "Python type");
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
    for (size_t i = 0; i < table->count && (limit == 0 || i < limit); i++) {
        const struct python_type_row *row = &table->rows[i];
        page_add_right(page, 11, units_format_size(row->bytes, cell));
        page_add_right(page, 12, units_format_count(row->count, cell));
        page_add(page, "  ");
        page_add_foreign(page, row->name, page_left(page, 20));
        page_end_line(page);
    }
    if (limit > 0 && table->count > limit) {
        page_add(page, "  and %s more", units_format_count(table->count - limit, cell));
        page_end_line(page);
    }
}

static void write_paths(struct page *page, const struct python_heap *heap, uint64_t limit)
{
    size_t shown = 0;
    if (limit > PATHS_SHOWN)
        limit = PATHS_SHOWN;
    for (size_t i = 0; i < heap->text_count && (limit == 0 || shown < limit); i++) {
        struct text line = {0};
        if (heap->texts[i].kind != PYTHON_TEXT_PATH)
            continue;
        page_make_safe(&line, heap->texts[i].subject);
        text_add(&line, " ");
        units_add_count(&line, heap->texts[i].count);
        text_add(&line, " x ");
        page_make_safe(&line, heap->texts[i].text);
        label(page, shown == 0 ? "Held by" : "", &line);
        shown++;
    }
}

void python_write_text(struct page *page, const struct process_python *python, uint64_t limit)
{
    const struct python_heap *heap = &python->heap;
    char when[UNITS_TEXT_BYTES];
    page_heading(page, "%s%s%s, at snapshot %" PRIu64 ", %s after the start", heap->implementation,
                 heap->version[0] != '\0' ? " " : "", heap->version, python->snapshot_id,
                 units_format_duration(python->time_ns, when));
    page_end_line(page);
    if (!heap->is_read) {
        struct text line = {0};
        page_make_safe(&line, heap->refusal);
        label(page, "Not read", &line);
        return;
    }
    if (heap->figures.nursery_bytes != PYTHON_NOT_KNOWN)
        pypy_write_text(page, heap);
    else
        write_arenas(page, heap);
    write_pinning(page, python);
    write_returned(page, heap);
    write_objects(page, heap);
    write_garbage(page, heap);
    python_write_leaks(page, python, limit);
    write_paths(page, heap, limit);
    if (heap->note[0] != '\0')
        page_label(page, "Note", heap->note);
    python_write_types(page, python, limit);
}
