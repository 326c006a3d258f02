#include "runtimes/python_runtimes.h"

#include <string.h>

#include "runtimes/cpython/reader.h"
#include "runtimes/memory_view.h"
#include "snapshot/target_modules.h"

/* What is kept of the target's memory: enough for all types and tables that are asked for again and
 * again, while arenas pass by. */
#define KEPT_BYTES ((size_t)256 << 20)

void python_runtimes_read(const struct python_runtimes_input *input, struct python_heap *heap)
{
    struct memory_view view;
    struct target_modules modules;
    uint64_t begin_ns = input->clock.now_ns ? input->clock.now_ns(input->clock.context) : 0;
    python_heap_init(heap);
    struct word_cache *words = word_cache_create(input->memory);
    target_modules_find(&modules, input->mappings, words);
    memory_view_init(&view, input->memory, KEPT_BYTES);
    cpython_read(&view, input->mappings, &modules, words, heap);
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
