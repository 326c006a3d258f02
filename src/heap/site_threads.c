#include "heap/site_threads.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "heap/block.h"
#include "heap/site.h"

void site_threads_clear(struct site_threads *threads, uint64_t *total_count)
{
    if (threads->list)
        *total_count -= threads->count;
    free(threads->list);
    *threads = (struct site_threads){0};
}

/* Room is always a power of two, at least 2. */
static struct site_thread *insert(struct site_threads *threads, uint32_t place, uint32_t thread)
{
    uint32_t count = threads->count;
    if (!threads->list || (count >= 2 && (count & (count - 1)) == 0))
        threads->list = memory_resize(threads->list, count < 2 ? 2 : count * 2u,
                                      sizeof *threads->list);
    struct site_thread *entry = &threads->list[place];
    memmove(entry + 1, entry, (count - place) * sizeof *entry);
    *entry = (struct site_thread){.thread = thread};
    threads->first = threads->list[0].thread;
    threads->count++;
    return entry;
}

/* The place of this thread, or where it would go. */
static uint32_t place_of(const struct site_threads *threads, uint32_t thread)
{
    uint32_t low = 0, high = threads->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (threads->list[middle].thread < thread)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void site_threads_make_list(struct site *site, uint64_t *total_count)
{
    struct site_threads *threads = &site->threads;
    if (threads->list || threads->count == 0)
        return;
    threads->count = 0;
    struct site_thread *entry = insert(threads, 0, threads->first);
    entry->allocations = site->allocations;
    entry->allocated_bytes = site->allocated_bytes;
    entry->frees = site->frees;
    entry->freed_bytes = site->freed_bytes;
    *total_count += 1;
}

static struct site_thread *find_or_insert(struct site_threads *threads, uint32_t thread,
                                          uint64_t *total_count)
{
    uint32_t place = place_of(threads, thread);
    if (place < threads->count && threads->list[place].thread == thread)
        return &threads->list[place];
    if (threads->count >= SITE_THREADS_MAX ||
        (threads->count > 0 && *total_count >= SITE_THREADS_TOTAL_MAX))
        threads->is_full = true;
    if (threads->is_full)
        return &threads->list[threads->count - 1];
    *total_count += 1;
    return insert(threads, place, thread);
}

void site_threads_birth_slowly(struct site *site, uint32_t thread, struct weight weight,
                               uint64_t *total_count)
{
    struct site_threads *threads = &site->threads;
    if (!threads->list) {
        if (threads->count == 0 && site->inherited_blocks == 0) {
            threads->first = thread;
            threads->count = 1;
        }
        if (threads->count == 1 && threads->first == thread)
            return;
        site_threads_make_list(site, total_count);
    }
    struct site_thread *entry = find_or_insert(threads, thread, total_count);
    entry->allocations += weight.blocks;
    entry->allocated_bytes += weight.bytes;
}

void site_threads_release_slowly(struct site *site, uint32_t thread, struct weight weight)
{
    struct site_threads *threads = &site->threads;
    if (thread == BLOCK_THREAD_INHERITED)
        return;
    uint32_t place = place_of(threads, thread);
    if (place >= threads->count || threads->list[place].thread != thread)
        place = threads->count - 1u; /* it is one of those that the last entry stands for */
    threads->list[place].frees += weight.blocks;
    threads->list[place].freed_bytes += weight.bytes;
}

uint32_t site_threads_count(const struct site *site)
{
    return site->threads.count;
}

struct site_thread site_threads_at(const struct site *site, uint32_t place)
{
    if (site->threads.list)
        return site->threads.list[place];
    return (struct site_thread){
        .thread = site->threads.first,
        .allocations = site->allocations,
        .allocated_bytes = site->allocated_bytes,
        .frees = site->frees,
        .freed_bytes = site->freed_bytes,
    };
}
