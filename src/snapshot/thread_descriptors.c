#include "snapshot/thread_descriptors.h"

#include <stdlib.h>

#include "base/memory.h"

enum {
    SELF_OFFSET = 16 /* x86-64: a descriptor has its own address in its third word */
};

struct finding {
    const struct snapshot_scan_input *input;
    const struct thread_library *facts;
    struct word_cache *words;
    struct thread_descriptors *found;
    bool is_foreign, is_kept; /* of the list that is walked */
};

static uint64_t descriptor_of(const struct thread_library *library,
                              const struct stopped_thread *stopped)
{
#if defined __x86_64__
    (void)library;
    return stopped->thread_pointer;
#else
    return stopped->thread_pointer - library->thread_bytes;
#endif
}

static void add(void *context, uint64_t descriptor)
{
    const struct finding *finding = context;
    struct thread_descriptors *found = finding->found;
    found->items = memory_grow(found->items, &found->capacity, found->count + 1,
                               sizeof *found->items);
    found->items[found->count++] = (struct described){
        .address = descriptor,
        .is_on_foreign_stack = finding->is_foreign,
        .is_kept = finding->is_kept,
        .stopped = SNAPSHOT_NONE,
    };
}

static int compare(const void *left, const void *right)
{
    uint64_t a = ((const struct described *)left)->address;
    uint64_t b = ((const struct described *)right)->address;
    return (a > b) - (a < b);
}

/* Among the first `count`, which are sorted. */
static struct described *find(const struct thread_descriptors *found, size_t count,
                              uint64_t descriptor)
{
    const struct described wanted = {.address = descriptor};
    return count == 0 ? NULL : bsearch(&wanted, found->items, count, sizeof wanted, compare);
}

static bool is_descriptor(struct word_cache *words, uint64_t address)
{
    uint64_t self;
    return address != 0 && word_cache_read(words, address + SELF_OFFSET, &self) && self == address;
}

static void walk_list(struct finding *finding, uint64_t head, bool is_foreign, bool is_kept)
{
    finding->is_foreign = is_foreign;
    finding->is_kept = is_kept;
    thread_library_visit(finding->facts, finding->words, head, add, finding);
}

static void sort(struct thread_descriptors *found)
{
    if (found->count == 0)
        return;
    qsort(found->items, found->count, sizeof *found->items, compare);
    size_t kept = 1; /* hostile lists may share what hangs from them */
    for (size_t i = 1; i < found->count; i++)
        if (found->items[i].address != found->items[kept - 1].address)
            found->items[kept++] = found->items[i];
    found->count = kept;
}

/* Threads that stand in no list yet: in the making, or the first one, very early. */
static void add_unlisted(struct finding *finding)
{
    const struct snapshot_scan_input *input = finding->input;
    finding->is_foreign = true;
    finding->is_kept = false;
    for (size_t i = 0, listed = finding->found->count; i < input->thread_count; i++) {
        uint64_t descriptor = descriptor_of(finding->facts, &input->threads[i]);
        if (input->threads[i].thread_pointer && !find(finding->found, listed, descriptor) &&
            is_descriptor(finding->words, descriptor))
            add(finding, descriptor);
    }
}

static struct described *find_by_tid(const struct finding *finding, uint32_t tid)
{
    const struct thread_descriptors *found = finding->found;
    for (size_t i = 0; i < found->count; i++) {
        uint64_t place = found->items[i].address + finding->facts->tid.offset;
        uint32_t its;
        if (found->items[i].stopped == SNAPSHOT_NONE && !found->items[i].is_kept &&
            word_cache_read_bytes(finding->words, place, &its, sizeof its) && its == tid)
            return &found->items[i];
    }
    return NULL;
}

static void match_stopped(const struct finding *finding)
{
    struct thread_descriptors *found = finding->found;
    for (uint32_t i = 0; i < finding->input->thread_count; i++) {
        const struct stopped_thread *stopped = &finding->input->threads[i];
        struct described *its = stopped->thread_pointer
                                    ? find(found, found->count,
                                           descriptor_of(finding->facts, stopped))
                                    : find_by_tid(finding, stopped->tid);
        if (!its || its->stopped != SNAPSHOT_NONE)
            continue;
        its->stopped = i;
        found->of_stopped[i] = (uint32_t)(its - found->items);
    }
}

void thread_descriptors_find(const struct snapshot_scan_input *input,
                             const struct thread_library *library, struct word_cache *words,
                             struct thread_descriptors *descriptors)
{
    struct finding finding = {
        .input = input, .facts = library, .words = words, .found = descriptors};
    *descriptors = (struct thread_descriptors){
        .of_stopped = memory_allocate(input->thread_count * sizeof *descriptors->of_stopped)};
    for (size_t i = 0; i < input->thread_count; i++)
        descriptors->of_stopped[i] = SNAPSHOT_NONE;
    if (!library->is_known)
        return;
    walk_list(&finding, library->stacks_used, false, false);
    walk_list(&finding, library->stacks_user, true, false);
    walk_list(&finding, library->stacks_kept, false, true);
    sort(descriptors);
    add_unlisted(&finding);
    sort(descriptors);
    match_stopped(&finding);
}

void thread_descriptors_clear(struct thread_descriptors *descriptors)
{
    free(descriptors->items);
    free(descriptors->of_stopped);
    *descriptors = (struct thread_descriptors){0};
}

const struct described *thread_descriptors_of(const struct thread_descriptors *descriptors,
                                              uint32_t stopped)
{
    uint32_t position = descriptors->of_stopped[stopped];
    return position == SNAPSHOT_NONE ? NULL : &descriptors->items[position];
}
