#include "pypy_walk.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtimes/memory_view.h"
#include "runtimes/pypy/names.h"
#include "runtimes/pypy/objects.h"
#include "runtimes/pypy/paths.h"
#include "snapshot/target_modules.h"

struct references {
    uint64_t count, sum;
};

static void count_reference(void *context, const struct pypy_edge *edge)
{
    struct references *references = context;
    references->count++;
    references->sum += edge->target;
}

static void print_object(const struct pypy_objects *objects, struct pypy_names *names,
                         uint32_t object, bool is_reached)
{
    static const char *const places[] = {"old", "large", "young", "static"};
    struct references references = {0, 0};
    uint32_t type = objects->types[object];
    pypy_edges_visit(objects->pypy, type, objects->addresses[object], count_reference, &references);
    printf("%s%s %" PRIx64 " %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIx64 " %s\n",
           places[pypy_objects_place(objects, object)], is_reached ? "+" : "",
           objects->addresses[object], type, pypy_objects_bytes(objects, object), references.count,
           references.sum, string_pool_text(names->texts, pypy_names_find(names, object)));
}

static void print_objects(struct pypy *pypy)
{
    struct pypy_objects objects;
    struct pypy_names names;
    char reason[256] = "";
    if (!pypy_objects_read(&objects, pypy, reason, sizeof reason)) {
        printf("refused %s\n", reason);
        pypy_objects_clear(&objects);
        return;
    }
    pypy_names_init(&names, &objects);
    printf("heap %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
           pypy->collector.arena_count, objects.used_bytes, pypy->collector.used_bytes,
           objects.large_bytes, pypy->collector.large_bytes, pypy->collector.nursery_bytes);
    printf("unsure %" PRIu64 " %" PRIu64 " %" PRIu64 " %d\n", objects.unknown_blocks,
           objects.torn_pages, objects.moved_objects, pypy->collector.is_collecting);
    struct pypy_paths *paths = pypy_paths_find(&objects, &names);
    for (uint32_t i = 0; i < objects.count; i++)
        print_object(&objects, &names, i, pypy_paths_has(paths, i));
    pypy_paths_destroy(paths);
    pypy_names_clear(&names);
    pypy_objects_clear(&objects);
}

/* Reads what was searched for, so that an image has it. */
static void read_tables(const struct pypy *pypy)
{
    const struct pypy_types *types = &pypy->types;
    const struct address_range ranges[] = {
        {types->packed_text, types->packed_text + types->packed_bytes},
        {types->ids - 8, types->ids + 4 * types->count},
        {types->group, types->group + 8 * types->id_count + 64},
        {pypy->version_text - 16, pypy->version_text + 16},
        {pypy->stack_words - 64, pypy->stack_words + 8},
        {pypy->code_allocated - 128, pypy->code_allocated + 8},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        for (uint64_t at = ranges[i].start & ~UINT64_C(0xfff); at < ranges[i].end; at += 0x1000)
            memory_view_word_or_0(pypy->view, at);
}

bool pypy_walk(const struct target_memory *memory, const struct target_mappings *mappings)
{
    struct target_modules modules;
    struct memory_view view;
    struct pypy pypy;
    char reason[256] = "";
    struct word_cache *words = word_cache_create(memory);
    target_modules_find(&modules, mappings, words);
    memory_view_init(&view, memory, (size_t)64 << 20);
    enum pypy_presence presence = pypy_locate(&pypy, &view, mappings, &modules, words, reason,
                                              sizeof reason);
    if (presence == PYPY_REFUSED)
        printf("refused %s\n", reason);
    else if (presence == PYPY_FOUND) {
        read_tables(&pypy);
        print_objects(&pypy);
    }
    pypy_clear(&pypy);
    memory_view_clear(&view);
    target_modules_clear(&modules);
    word_cache_destroy(words);
    return presence != PYPY_ABSENT;
}
