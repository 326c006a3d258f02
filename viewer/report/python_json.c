/* "python" in reports: schema/seep-report.json describes it. */
#include "config.h"

#include "report/python_report.h"

static json_t *known(uint64_t figure)
{
    return figure == PYTHON_NOT_KNOWN ? json_null() : json_number(figure);
}

static json_t *filled(const char *text)
{
    return text[0] != '\0' ? json_text(text) : json_null();
}

static json_t *make_types(const struct python_type_table *table, uint64_t limit)
{
    json_t *list = json_array();
    for (size_t i = 0; i < table->count && (limit == 0 || i < limit); i++) {
        const struct python_type_row *row = &table->rows[i];
        json_t *object = json_object();
        json_object_set_new(object, "name", json_text(row->name));
        json_object_set_new(object, "count", json_number(row->count));
        json_object_set_new(object, "bytes", json_number(row->bytes));
        json_object_set_new(object, "retained_bytes", known(row->retained_bytes));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *make_texts(const struct python_heap *heap, enum python_text_kind kind,
                          uint64_t limit)
{
    json_t *list = json_array();
    for (size_t i = 0; i < heap->text_count && (limit == 0 || json_array_size(list) < limit); i++) {
        const struct python_text *text = &heap->texts[i];
        if (text->kind != kind)
            continue;
        json_t *object = json_object();
        json_object_set_new(object, "type", json_text(text->subject));
        json_object_set_new(object, "text", json_text(text->text));
        json_object_set_new(object, "count", json_number(text->count));
        json_object_set_new(object, "bytes", json_number(text->bytes));
        json_array_append_new(list, object);
    }
    return list;
}

/* Where objects of a kind were allocated; of leaks, of this one. */
static void add_sites(struct json_stream *stream, struct json_stacks *stacks,
                      const struct process_python *python, enum python_site_kind kind,
                      uint64_t leak)
{
    json_stream_begin_array(stream, "sites");
    for (size_t i = 0; i < python->heap.site_count; i++) {
        const struct python_site *site = &python->heap.sites[i];
        if (site->kind != kind || (kind == PYTHON_SITE_LEAK && site->leak != leak))
            continue;
        json_stream_begin_object(stream, NULL);
        json_stream_add(stream, "type", json_text(site->type));
        json_stream_add(stream, "count", json_number(site->count));
        json_stream_add(stream, "bytes", json_number(site->bytes));
        json_stacks_add_site(stacks, stream, python->sites[i]);
        json_stream_end(stream);
    }
    json_stream_end(stream);
}

static void add_pinned(struct json_stream *stream, struct json_stacks *stacks,
                       const struct process_python *python, uint64_t limit)
{
    const struct python_heap *heap = &python->heap;
    const struct python_figures *figures = &heap->figures;
    json_stream_begin_object(stream, "pinned");
    json_stream_add(stream, "arenas", known(figures->pinned_arenas));
    json_stream_add(stream, "live_blocks", known(figures->pinned_blocks));
    json_stream_add(stream, "live_bytes", known(figures->pinned_live_bytes));
    json_stream_add(stream, "bytes", known(figures->pinned_bytes));
    json_stream_add(stream, "most_live_blocks", known(figures->pinned_most_blocks));
    json_stream_add(stream, "types", make_types(&heap->tables[PYTHON_PINNING_TYPES], limit));
    json_stream_add(stream, "paths", make_texts(heap, PYTHON_TEXT_PINNING, limit));
    add_sites(stream, stacks, python, PYTHON_SITE_PINNING, 0);
    json_stream_end(stream);
}

static void add_arenas(struct json_stream *stream, struct json_stacks *stacks,
                       const struct process_python *python, uint64_t limit)
{
    const struct python_figures *figures = &python->heap.figures;
    if (!python->heap.is_read) {
        json_stream_add(stream, "arenas", NULL);
        return;
    }
    json_stream_begin_object(stream, "arenas");
    json_stream_add(stream, "count", known(figures->arenas));
    json_stream_add(stream, "bytes", known(figures->arena_bytes));
    json_stream_add(stream, "live_bytes", known(figures->live_bytes));
    json_stream_add(stream, "free_pool_bytes", known(figures->free_pool_bytes));
    add_pinned(stream, stacks, python, limit);
    json_stream_add(stream, "live_blocks", known(figures->live_blocks));
    json_stream_add(stream, "partly_free_bytes", known(figures->partly_free_bytes));
    json_stream_add(stream, "overhead_bytes", known(figures->overhead_bytes));
    json_stream_add(stream, "pools", known(figures->pools));
    json_stream_add(stream, "torn_pools", known(figures->torn_pools));
    json_stream_end(stream);
}

/* ---- references that nobody holds ---- */

static void add_leak(struct json_stream *stream, struct json_stacks *stacks,
                     const struct process_python *python, size_t position)
{
    const struct python_leak *leak = &python->heap.leaks[position];
    json_stream_begin_object(stream, NULL);
    json_stream_add(stream, "type", json_text(leak->type));
    json_stream_add(stream, "example", filled(leak->example));
    json_stream_add(stream, "count", json_number(leak->count));
    json_stream_add(stream, "surplus", json_number(leak->surplus));
    json_stream_add(stream, "alone", json_number(leak->alone));
    json_stream_add(stream, "bytes", json_number(leak->bytes));
    json_stream_add(stream, "retained_bytes", json_number(leak->retained_bytes));
    json_stream_add(stream, "path", filled(leak->path));
    add_sites(stream, stacks, python, PYTHON_SITE_LEAK, position);
    json_stream_end(stream);
}

static const char *find_text(const struct python_heap *heap, enum python_text_kind kind)
{
    for (size_t i = 0; i < heap->text_count; i++)
        if (heap->texts[i].kind == kind)
            return heap->texts[i].text;
    return "";
}

static void add_leaks(struct json_stream *stream, struct json_stacks *stacks,
                      const struct process_python *python, uint64_t limit)
{
    const struct python_heap *heap = &python->heap;
    const struct python_figures *figures = &heap->figures;
    json_stream_begin_object(stream, "reference_leaks");
    json_stream_add(stream, "reason", filled(find_text(heap, PYTHON_TEXT_UNJUDGED)));
    json_stream_add(stream, "objects", known(figures->leaked_objects));
    json_stream_add(stream, "bytes", known(figures->leaked_bytes));
    json_stream_add(stream, "retained_bytes", known(figures->leaked_retained_bytes));
    json_stream_add(stream, "import_objects", known(figures->import_leaked_objects));
    json_stream_add(stream, "unjudged_objects", known(figures->unjudged_objects));
    json_stream_begin_array(stream, "groups");
    for (size_t i = 0; i < heap->leak_count && (limit == 0 || i < limit); i++)
        add_leak(stream, stacks, python, i);
    json_stream_end(stream);
    json_stream_end(stream);
}

static json_t *make_classes(const struct python_heap *heap)
{
    json_t *list = json_array();
    for (size_t i = 0; i < heap->class_count; i++) {
        const struct python_size_class *class = &heap->classes[i];
        json_t *object = json_object();
        json_object_set_new(object, "size", json_number(class->bytes));
        json_object_set_new(object, "pools", json_number(class->pools));
        json_object_set_new(object, "used_blocks", json_number(class->used_blocks));
        json_object_set_new(object, "free_blocks", json_number(class->free_blocks));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *make_garbage(const struct python_heap *heap, uint64_t limit)
{
    json_t *object = json_object();
    json_object_set_new(object, "objects", known(heap->figures.garbage_objects));
    json_object_set_new(object, "bytes", known(heap->figures.garbage_bytes));
    json_object_set_new(object, "types", make_types(&heap->tables[PYTHON_GARBAGE_TYPES], limit));
    json_object_set_new(object, "cycles", make_texts(heap, PYTHON_TEXT_CYCLE, limit));
    json_object_set_new(object, "start_objects", known(heap->figures.start_garbage_objects));
    json_object_set_new(object, "start_bytes", known(heap->figures.start_garbage_bytes));
    return object;
}

static json_t *make_objects(const struct python_heap *heap)
{
    const struct python_figures *figures = &heap->figures;
    json_t *object = json_object();
    json_object_set_new(object, "count", known(figures->objects));
    json_object_set_new(object, "bytes", known(figures->object_bytes));
    json_object_set_new(object, "storage_blocks", known(figures->storage_blocks));
    json_object_set_new(object, "storage_bytes", known(figures->storage_bytes));
    json_object_set_new(object, "unknown_blocks", known(figures->unknown_blocks));
    json_object_set_new(object, "unknown_bytes", known(figures->unknown_bytes));
    json_object_set_new(object, "static", known(figures->static_objects));
    return object;
}

static json_t *make_generations(const struct python_heap *heap)
{
    json_t *list = json_array();
    for (size_t i = 0; i < heap->generation_count; i++) {
        const struct python_generation *generation = &heap->generations[i];
        json_t *object = json_object();
        json_object_set_new(object, "threshold", json_number(generation->threshold));
        json_object_set_new(object, "count", json_number(generation->count));
        json_object_set_new(object, "collections", known(generation->collections));
        json_object_set_new(object, "collected", known(generation->collected));
        json_object_set_new(object, "uncollectable", known(generation->uncollectable));
        json_array_append_new(list, object);
    }
    return list;
}

/* What only PyPy has. */
static json_t *make_pypy(const struct python_heap *heap, uint64_t limit)
{
    const struct python_figures *figures = &heap->figures;
    json_t *object = json_object(), *nursery = json_object(), *large = json_object();
    json_t *code = json_object(), *unreached = json_object();
    const char *cause = find_text(heap, PYTHON_TEXT_NURSERY);
    json_object_set_new(nursery, "bytes", known(figures->nursery_bytes));
    json_object_set_new(nursery, "used_bytes", known(figures->nursery_used_bytes));
    json_object_set_new(nursery, "objects", known(figures->nursery_objects));
    json_object_set_new(nursery, "cause", filled(cause));
    json_object_set_new(nursery, "setting", json_text("PYPY_GC_NURSERY"));
    json_object_set_new(object, "nursery", nursery);
    json_object_set_new(large, "count", known(figures->large_objects));
    json_object_set_new(large, "bytes", known(figures->large_bytes));
    json_object_set_new(object, "large", large);
    json_object_set_new(unreached, "count", known(figures->unreached_objects));
    json_object_set_new(unreached, "bytes", known(figures->unreached_bytes));
    json_object_set_new(unreached, "types",
                        make_types(&heap->tables[PYTHON_UNREACHED_TYPES], limit));
    json_object_set_new(object, "unreached", unreached);
    json_object_set_new(code, "code_bytes", known(figures->code_bytes));
    json_object_set_new(code, "loop_bytes", known(figures->code_used_bytes));
    json_object_set_new(code, "functions", make_texts(heap, PYTHON_TEXT_CODE, limit));
    json_object_set_new(code, "types", make_types(&heap->tables[PYTHON_JIT_TYPES], limit));
    json_object_set_new(object, "jit", code);
    json_object_set_new(object, "stacks", make_texts(heap, PYTHON_TEXT_STACK, limit));
    return object;
}

void python_add_json(struct json_stream *stream, struct json_stacks *stacks,
                     const struct process_python *python, uint64_t limit)
{
    if (python == NULL) {
        json_stream_add(stream, "python", NULL);
        return;
    }
    const struct python_heap *heap = &python->heap;
    const struct python_figures *figures = &heap->figures;
    json_stream_begin_object(stream, "python");
    json_stream_add(stream, "implementation", json_text(heap->implementation));
    json_stream_add(stream, "version", filled(heap->version));
    add_arenas(stream, stacks, python, limit);
    json_stream_add(stream, "size_classes", make_classes(heap));
    json_stream_add(stream, "types", make_types(&heap->tables[PYTHON_LIVE_TYPES], limit));
    json_stream_add(stream, "garbage", make_garbage(heap, limit));
    json_stream_add(stream, "snapshot", json_number(python->snapshot_id));
    json_stream_add(stream, "refused", filled(heap->refusal));
    json_stream_add(stream, "note", filled(heap->note));
    json_stream_add(stream, "interpreters", known(figures->interpreters));
    json_stream_add(stream, "threads", known(figures->threads));
    json_stream_add(stream, "objects", make_objects(heap));
    json_stream_add(stream, "free_lists", make_types(&heap->tables[PYTHON_FREE_TYPES], limit));
    json_stream_add(stream, "generations", make_generations(heap));
    json_stream_add(stream, "paths", make_texts(heap, PYTHON_TEXT_PATH, limit));
    json_stream_add(stream, "read_ns", known(figures->read_ns));
    add_leaks(stream, stacks, python, limit);
    json_stream_add(stream, "recorded_objects", known(figures->recorded_objects));
    json_stream_add(stream, "pypy",
                    figures->nursery_bytes != PYTHON_NOT_KNOWN ? make_pypy(heap, limit) : NULL);
    json_stream_end(stream);
}
