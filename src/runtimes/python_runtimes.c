#include "runtimes/python_runtimes.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "runtimes/cpython/reader.h"
#include "runtimes/memory_view.h"
#include "runtimes/pypy/reader.h"
#include "snapshot/target_modules.h"

/* What is kept of the target's memory: enough for all types and tables that are asked for again and
 * again, while arenas pass by. */
#define KEPT_BYTES ((size_t)256 << 20)

/* PyPy takes what PYPY_GC_NURSERY says, or half of the processor's cache, or 4 MiB. */
static void tell_nursery(const struct python_runtimes_input *input, struct python_heap *heap)
{
    uint64_t bytes = heap->figures.nursery_bytes;
    char text[160], cache[UNITS_TEXT_BYTES];
    if (bytes == PYTHON_NOT_KNOWN)
        return;
    if (input->nursery_setting != NULL && input->nursery_setting[0] != '\0')
        snprintf(text, sizeof text, "PYPY_GC_NURSERY=%s", input->nursery_setting);
    else if (input->processor_cache_bytes != 0 && bytes == input->processor_cache_bytes / 2)
        snprintf(text, sizeof text, "half of the processor's L3 cache of %s",
                 units_format_size(input->processor_cache_bytes, cache));
    else
        snprintf(text, sizeof text, "%s",
                 input->nursery_setting != NULL ? "PyPy's own choice" : "not known");
    python_heap_add_text(heap,
                         &(struct python_text){PYTHON_TEXT_NURSERY, (char *)"", text, 0, bytes});
}

void python_runtimes_read(const struct python_runtimes_input *input, struct python_heap *heap)
{
    struct memory_view view;
    struct target_modules modules;
    uint64_t begin_ns = input->clock.now_ns ? input->clock.now_ns(input->clock.context) : 0;
    python_heap_init(heap);
    struct word_cache *words = word_cache_create(input->memory);
    target_modules_find(&modules, input->mappings, words);
    memory_view_init(&view, input->memory, KEPT_BYTES);
    cpython_read(&view, &modules, words, input, heap);
    if (!heap->is_present)
        pypy_read(&view, input->mappings, &modules, words, input->native, heap);
    tell_nursery(input, heap);
    if (input->resident_bytes != 0 && input->peak_resident_bytes != 0) {
        heap->figures.resident_bytes = input->resident_bytes;
        heap->figures.peak_resident_bytes = input->peak_resident_bytes;
    }
    if (heap->is_read && input->clock.now_ns)
        heap->figures.read_ns = input->clock.now_ns(input->clock.context) - begin_ns;
    memory_view_clear(&view);
    target_modules_clear(&modules);
    word_cache_destroy(words);
}
