#include "heap/heap_threads.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void heap_threads_clear(struct heap_threads *threads)
{
    for (size_t i = 0; i < threads->count; i++) {
        free(threads->items[i].name);
        free(threads->items[i].leavings);
    }
    free(threads->items);
    *threads = (struct heap_threads){0};
}

uint32_t heap_threads_add(struct heap_threads *threads, uint64_t tid, const char *name,
                          uint64_t time_ns)
{
    threads->items = memory_grow(threads->items, &threads->capacity, threads->count + 1,
                                 sizeof *threads->items);
    threads->items[threads->count] = (struct heap_thread){
        .tid = tid,
        .name = memory_duplicate_text(name ? name : ""),
        .start_ns = time_ns,
        .is_changed = true,
    };
    return (uint32_t)threads->count++;
}

void heap_threads_name(struct heap_threads *threads, uint32_t thread, const char *name)
{
    if (thread >= threads->count || !name || strcmp(threads->items[thread].name, name) == 0)
        return;
    free(threads->items[thread].name);
    threads->items[thread].name = memory_duplicate_text(name);
    threads->items[thread].is_changed = true;
}

struct leaving *heap_thread_push_leaving(struct heap_thread *thread)
{
    thread->leavings = memory_grow(thread->leavings, &thread->leaving_capacity,
                                   thread->leaving_count + 1, sizeof *thread->leavings);
    return &thread->leavings[thread->leaving_count++];
}

uint64_t heap_threads_own_bytes(const struct heap_threads *threads)
{
    uint64_t bytes = threads->capacity * sizeof *threads->items;
    for (size_t i = 0; i < threads->count; i++)
        bytes += strlen(threads->items[i].name) + 1 +
                 threads->items[i].leaving_capacity * sizeof *threads->items[i].leavings;
    return bytes;
}
