/* Objects of Python's with references that nobody holds, for people; and where objects were
 * allocated that something is told of. */
#include "config.h"

#include <inttypes.h>

#include "base/units.h"
#include "report/python_report.h"
#include "report/site_line.h"

enum {
    SITES_SHOWN = 3,
    LEAKS_SHOWN_MOST = 20
};

void python_write_sites(struct page *page, const struct process_python *python,
                        enum python_site_kind kind, uint64_t leak)
{
    size_t shown = 0;
    for (size_t i = 0; i < python->heap.site_count && shown < SITES_SHOWN; i++) {
        const struct python_site *site = &python->heap.sites[i];
        struct text line = {0}, place = {0};
        if (site->kind != kind || (kind == PYTHON_SITE_LEAK && site->leak != leak))
            continue;
        page_add_site(page, &place, python->sites[i]);
        units_add_count(&line, site->count);
        text_add(&line, " x ");
        page_make_safe(&line, site->type);
        text_print(&line, " allocated%s%s: ", place.count > 0 ? " by" : "",
                   place.count > 0 ? text_get(&place) + 3 : " at a place without a name");
        units_add_size(&line, site->bytes);
        page_label_line(page, "", &line);
        text_clear(&place);
        shown++;
    }
}

void python_write_unrecorded(struct page *page, const struct process_python *python)
{
    if (python->heap.figures.recorded_objects != 0)
        return;
    page_label(page, "",
               "(where objects were allocated was not recorded: seep run --python=objects does)");
}

/* "12 x list with 1 reference too many, kept by nothing else: 3.1 KB". */
static void write_leak(struct page *page, const struct python_leak *leak)
{
    struct text line = {0};
    units_add_count(&line, leak->count);
    text_add(&line, " x ");
    page_make_safe(&line, leak->type);
    if (leak->example[0] != '\0') {
        text_print(&line, " (%s", leak->count > 1 ? "such as " : "");
        page_make_safe(&line, leak->example);
        text_add(&line, ")");
    }
    text_add(&line, " with ");
    units_add_count(&line, leak->surplus);
    text_print(&line, " reference%s too many", units_plural(leak->surplus));
    text_add(&line, leak->count > 1 ? " each, of " : ", of ");
    units_add_size(&line, leak->bytes);
    if (leak->retained_bytes > leak->bytes) {
        text_add(&line, " and with what they keep ");
        units_add_size(&line, leak->retained_bytes);
    }
    if (leak->alone == leak->count)
        text_add(&line, ", kept by nothing else");
    else if (leak->path[0] != '\0') {
        text_add(&line,
                 leak->alone > 0 || leak->count > 1 ? ", kept too by such as " : ", kept too by ");
        page_make_safe(&line, leak->path);
    }
    page_label_line(page, "", &line);
}

static void write_unjudged(struct page *page, const struct python_figures *figures)
{
    struct text line = {0};
    if (figures->import_leaked_objects == 0)
        return;
    text_add(&line, "left out: ");
    units_add_count(&line, figures->import_leaked_objects);
    text_add(&line, " to which CPython's own modules leaked a reference when they were imported");
    page_label_line(page, "", &line);
}

void python_write_leaks(struct page *page, const struct process_python *python, uint64_t limit)
{
    const struct python_heap *heap = &python->heap;
    const struct python_figures *figures = &heap->figures;
    struct text line = {0};
    for (size_t i = 0; i < heap->text_count; i++)
        if (heap->texts[i].kind == PYTHON_TEXT_UNJUDGED) {
            text_print(&line, "not looked for: %s", heap->texts[i].text);
            page_label_line(page, "Leaked", &line);
        }
    if (figures->leaked_objects == PYTHON_NOT_KNOWN)
        return;
    if (figures->leaked_objects == 0) {
        page_label(page, "Leaked", "no references: each object's count is explained");
        return;
    }
    units_add_count(&line, figures->leaked_objects);
    text_print(&line, " object%s of ", units_plural(figures->leaked_objects));
    units_add_size(&line, figures->leaked_bytes);
    text_print(&line, " ha%s more references than anything in the process holds; by that alone ",
               figures->leaked_objects == 1 ? "s" : "ve");
    units_add_size(&line, figures->leaked_retained_bytes);
    text_add(&line, " are kept");
    page_label_line(page, "Leaked", &line);
    if (limit == 0 || limit > LEAKS_SHOWN_MOST)
        limit = LEAKS_SHOWN_MOST;
    for (size_t i = 0; i < heap->leak_count && i < limit; i++) {
        write_leak(page, &heap->leaks[i]);
        python_write_sites(page, python, PYTHON_SITE_LEAK, i);
    }
    write_unjudged(page, figures);
    python_write_unrecorded(page, python);
    page_label(
        page, "",
        "(some C code took a reference and never gave it back: look in extensions that handle "
        "these objects for a missing Py_DECREF, on every way out of a function)");
}
