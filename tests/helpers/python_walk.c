/* Prints what seep sees of a stopped CPython process, for tests that compare it with what the
 * process says of itself: python_walk PID.
 *
 *     class SIZE POOLS USED FREE      as sys._debugmallocstats has them
 *     object ADDRESS TYPE             a + behind ADDRESS: the collector knows it
 *     garbage ADDRESS TYPE
 *     refused WHY, note WHAT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "runtimes/cpython/garbage.h"
#include "runtimes/cpython/objects.h"

static void print_class(const struct obmalloc *arenas, size_t position)
{
    const struct obmalloc_class *class = &arenas->classes[position];
    if (class->pools > 0)
        printf("class %zu %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
               (position + 1) * OBMALLOC_ALIGNMENT, class->pools, class->used_blocks,
               class->free_blocks);
}

static void print_objects(struct cpython_objects *objects, const struct cpython_garbage *garbage)
{
    for (uint32_t i = 0; i < cpython_objects_count(objects); i++) {
        if (!cpython_objects_is_object(objects, i))
            continue;
        const char *type = objects->types.items[cpython_objects_type(objects, i)].name;
        uint64_t address = cpython_objects_address(objects, i);
        printf("object %" PRIx64 "%s %s\n", address,
               cpython_objects_is_tracked(objects, i) ? "+" : "", type);
        if (cpython_garbage_has(garbage, i))
            printf("garbage %" PRIx64 " %s\n", address, type);
    }
}

static int walk(struct cpython *python)
{
    struct obmalloc arenas;
    struct cpython_objects objects;
    struct cpython_garbage garbage;
    char reason[256] = "";
    if (!obmalloc_read(&arenas, python, reason, sizeof reason)) {
        printf("refused %s\n", reason);
        obmalloc_clear(&arenas);
        return 0;
    }
    printf("arenas %zu torn %" PRIu64 "\n", arenas.arena_count, arenas.torn_pools);
    for (size_t i = 0; i < OBMALLOC_CLASSES; i++)
        print_class(&arenas, i);
    if (cpython_objects_read(&objects, python, &arenas, reason, sizeof reason)) {
        cpython_garbage_find(&garbage, &objects);
        printf("unknown %" PRIu64 " of %" PRIu64 ", negative %" PRIu64 "\n", objects.unknown_blocks,
               arenas.block_count, garbage.negative_count);
        print_objects(&objects, &garbage);
        cpython_garbage_clear(&garbage);
    }
    cpython_objects_clear(&objects);
    obmalloc_clear(&arenas);
    return 0;
}

int main(int argument_count, char **arguments)
{
    struct error error;
    struct target_mappings mappings = {0};
    struct target_modules modules;
    struct memory_view view;
    struct cpython python;
    char reason[256] = "";
    uint32_t pid = argument_count == 2 ? (uint32_t)strtoul(arguments[1], NULL, 10) : 0;
    struct target_process *process = target_process_open(pid, &error);
    if (process == NULL || !target_mappings_read(&mappings, pid, &error)) {
        fprintf(stderr, "python_walk: %s\n", error.message);
        return 1;
    }
    struct target_memory memory = target_process_memory(process);
    struct word_cache *words = word_cache_create(&memory);
    target_modules_find(&modules, &mappings, words);
    memory_view_init(&view, &memory, (size_t)64 << 20);
    enum cpython_presence presence = cpython_locate(&python, &view, &mappings, &modules, words,
                                                    reason, sizeof reason);
    int status = 0;
    if (presence == CPYTHON_FOUND)
        status = walk(&python);
    else
        printf("refused %s\n", presence == CPYTHON_ABSENT ? "no CPython" : reason);
    memory_view_clear(&view);
    target_modules_clear(&modules);
    word_cache_destroy(words);
    target_mappings_clear(&mappings);
    target_process_close(process);
    return status;
}
