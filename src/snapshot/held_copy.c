/* The stretches that were touched are found first, so that it is known how much they are; they then
 * stand one behind the other in one mapping. What is between them, of the same mappings, was never
 * touched: of anonymous memory that is zeroes, also if the process has written there since. */
#define _GNU_SOURCE
#include "snapshot/held_copy.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "snapshot/target_copy.h"

enum {
    ROOM_HALVES = 2, /* of a process that copies itself, only half is expected to be written to */
    PART_BYTES = 8 << 20
};

/* Memory that is copied, or zeroes. Of what could not be read `readable` is less than its length.
 */
struct copied_stretch {
    uint64_t start, end;
    uint64_t offset; /* in bytes; UINT64_MAX: it is zeroes */
    uint64_t readable;
};

struct held_copy {
    const struct target_memory *memory;
    struct copied_stretch *stretches; /* by address, disjoint */
    size_t count, capacity;
    uint8_t *bytes;
    uint64_t byte_count;
};

static void add_stretch(struct held_copy *copy, uint64_t start, uint64_t end, bool is_touched)
{
    if (start >= end)
        return;
    copy->stretches = memory_grow(copy->stretches, &copy->capacity, copy->count + 1,
                                  sizeof *copy->stretches);
    copy->stretches[copy->count++] = (struct copied_stretch){
        .start = start, .end = end, .offset = is_touched ? copy->byte_count : UINT64_MAX};
    if (is_touched)
        copy->byte_count += end - start;
}

static void add_mapping(struct held_copy *copy, const struct target_mapping *mapping)
{
    uint64_t at = mapping->start, start, end;
    if (mapping->inode != 0 || copy->memory->find_touched == NULL) {
        add_stretch(copy, mapping->start, mapping->end, true); /* untouched, it is its file */
        return;
    }
    while (at < mapping->end &&
           copy->memory->find_touched(copy->memory->context, at, mapping->end, &start, &end) &&
           start < mapping->end && end > start) {
        add_stretch(copy, at, start, false);
        add_stretch(copy, start, end, true);
        at = end;
    }
    add_stretch(copy, at, mapping->end, false);
}

static bool is_changing(const struct target_mapping *mapping)
{
    return mapping->flags & TARGET_MAPPING_WRITE && mapping->flags & TARGET_MAPPING_READ &&
           !(mapping->flags & TARGET_MAPPING_SHARED);
}

/* ---- copying, while somebody waits: with all processors ---- */

struct copy_part {
    struct copied_stretch *stretch;
    uint64_t start, count; /* within the stretch */
    uint64_t got;
};

struct copying {
    const struct held_copy *copy;
    struct copy_part *parts;
    size_t count, capacity;
};

static void plan_parts(struct copying *copying, struct copied_stretch *stretch)
{
    uint64_t all = stretch->end - stretch->start;
    for (uint64_t start = 0; start < all; start += PART_BYTES) {
        copying->parts = memory_grow(copying->parts, &copying->capacity, copying->count + 1,
                                     sizeof *copying->parts);
        copying->parts[copying->count++] = (struct copy_part){
            stretch, start, all - start < PART_BYTES ? all - start : PART_BYTES, 0};
    }
}

static void copy_part(void *context, size_t number, size_t thread)
{
    (void)thread;
    struct copying *copying = context;
    struct copy_part *part = &copying->parts[number];
    const struct target_memory *memory = copying->copy->memory;
    part->got = memory->read(memory->context, part->stretch->start + part->start,
                             copying->copy->bytes + part->stretch->offset + part->start,
                             part->count);
}

static void read_stretches(struct held_copy *copy)
{
    struct copying copying = {.copy = copy};
    size_t threads = copy->memory->is_shareable && copy->byte_count > PART_BYTES
                         ? parallel_threads()
                         : 1;
    for (size_t i = 0; i < copy->count; i++)
        if (copy->stretches[i].offset != UINT64_MAX)
            plan_parts(&copying, &copy->stretches[i]);
    parallel_run(threads, copying.count, copy_part, &copying);
    for (size_t i = 0; i < copying.count; i++) {
        const struct copy_part *part = &copying.parts[i];
        if (part->stretch->readable == part->start) /* all before it could be read */
            part->stretch->readable += part->got;
    }
    free(copying.parts);
}

struct held_copy *held_copy_make(const struct target_memory *memory,
                                 const struct target_mappings *mappings, struct error *error)
{
    struct held_copy *copy = memory_allocate_zeroed(1, sizeof *copy);
    copy->memory = memory;
    for (size_t i = 0; i < mappings->count; i++)
        if (is_changing(&mappings->items[i]))
            add_mapping(copy, &mappings->items[i]);
    void *bytes = NULL;
    if (copy->byte_count > 0 &&
        target_copy_has_room(getpid(), copy->byte_count * ROOM_HALVES, error)) {
        bytes = mmap(NULL, copy->byte_count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                     -1, 0);
        if (bytes == MAP_FAILED) {
            error_set(error, "no copy: there is no memory for it");
            bytes = NULL;
        }
    }
    if (bytes == NULL) {
        copy->byte_count = 0;
        held_copy_destroy(copy);
        return NULL;
    }
    madvise(bytes, copy->byte_count, MADV_HUGEPAGE); /* fewer faults while somebody waits */
    copy->bytes = bytes;
    read_stretches(copy);
    return copy;
}

void held_copy_destroy(struct held_copy *copy)
{
    if (copy == NULL)
        return;
    if (copy->bytes != NULL)
        munmap(copy->bytes, copy->byte_count);
    free(copy->stretches);
    free(copy);
}

/* The first that ends behind the address; NULL: none. */
static const struct copied_stretch *find_stretch(const struct held_copy *copy, uint64_t address)
{
    size_t low = 0, high = copy->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (copy->stretches[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < copy->count ? &copy->stretches[low] : NULL;
}

static size_t read_stretch(const struct held_copy *copy, const struct copied_stretch *stretch,
                           uint64_t address, uint8_t *bytes, size_t count)
{
    uint64_t offset = address - stretch->start;
    if (count > stretch->end - address)
        count = stretch->end - address;
    if (stretch->offset == UINT64_MAX) {
        memset(bytes, 0, count);
        return count;
    }
    if (offset >= stretch->readable)
        return 0;
    if (count > stretch->readable - offset)
        count = stretch->readable - offset;
    memcpy(bytes, copy->bytes + stretch->offset + offset, count);
    return count;
}

static size_t copy_read(void *context, uint64_t address, void *bytes, size_t count)
{
    const struct held_copy *copy = context;
    size_t done = 0;
    while (done < count) {
        const struct copied_stretch *stretch = find_stretch(copy, address + done);
        size_t wanted = count - done, got;
        if (stretch != NULL && stretch->start <= address + done) {
            got = read_stretch(copy, stretch, address + done, (uint8_t *)bytes + done, wanted);
        } else {
            if (stretch != NULL && wanted > stretch->start - (address + done))
                wanted = stretch->start - (address + done);
            got = copy->memory->read(copy->memory->context, address + done, (uint8_t *)bytes + done,
                                     wanted);
        }
        if (got == 0)
            break;
        done += got;
    }
    return done;
}

static const void *copy_borrow(void *context, uint64_t address, size_t count)
{
    const struct held_copy *copy = context;
    const struct copied_stretch *stretch = find_stretch(copy, address);
    if (stretch == NULL || stretch->start > address || stretch->offset == UINT64_MAX)
        return NULL;
    uint64_t offset = address - stretch->start;
    if (offset > stretch->readable || stretch->readable - offset < count)
        return NULL;
    return copy->bytes + stretch->offset + offset;
}

struct target_memory held_copy_memory(struct held_copy *copy)
{
    return (struct target_memory){.read = copy_read,
                                  .borrow = copy_borrow,
                                  .is_shareable = copy->memory->is_shareable,
                                  .context = copy};
}
