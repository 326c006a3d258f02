#include "analysis/site_lists.h"

#include <stdlib.h>

#include "analysis/arena.h"
#include "base/memory.h"
#include "recording/packed_list.h"

/* Of each list, in their order, what belongs together. */
static const size_t GROUP_NUMBERS[] = {SITE_BUCKET_NUMBERS, SITE_BUCKET_NUMBERS,
                                       SITE_THREAD_NUMBERS};

enum {
    LISTS = sizeof GROUP_NUMBERS / sizeof *GROUP_NUMBERS
};

/* At most as many numbers as bytes. What does not end well was never kept. */
void site_lists_read(struct site_lists *lists, const struct profile_site *site)
{
    struct recording_list *const places[LISTS] = {&lists->size_histogram,
                                                  &lists->lifetime_histogram, &lists->threads};
    const uint8_t *at = site->packed_lists, *end = at ? at + VARINT_MAX_BYTES : NULL;
    uint64_t bytes = 0, count = 0;
    if (at && varint_read(&at, end, &bytes))
        lists->numbers = memory_grow(lists->numbers, &lists->capacity, bytes + 1,
                                     sizeof *lists->numbers);
    end = at ? at + bytes : NULL;
    uint64_t *numbers = lists->numbers;
    for (int i = 0; i < LISTS; i++) {
        bool is_there = at && at < end && packed_list_begin(&at, end, &count) &&
                        packed_list_read(&at, end, count, numbers);
        *places[i] = (struct recording_list){0};
        if (!is_there)
            continue;
        *places[i] = (struct recording_list){numbers, count - count % GROUP_NUMBERS[i]};
        numbers += count;
    }
}

void site_lists_clear(struct site_lists *lists)
{
    free(lists->numbers);
    *lists = (struct site_lists){0};
}

static const uint8_t *keep(struct arena *arena, const uint8_t *bytes, size_t count)
{
    uint8_t length[VARINT_MAX_BYTES];
    size_t length_bytes = (size_t)(varint_write(length, count) - length);
    size_t kept_bytes = length_bytes + count;
    uint8_t *kept = arena_allocate(arena,
                                   kept_bytes < VARINT_MAX_BYTES ? VARINT_MAX_BYTES : kept_bytes);
    memcpy(kept, length, length_bytes);
    memcpy(kept + length_bytes, bytes, count);
    return kept;
}

const uint8_t *site_lists_keep(struct arena *arena, struct recording_bytes *rest, size_t *odd)
{
    const uint8_t *at = rest->bytes, *end = at + rest->count;
    bool is_any = false;
    *odd = 0;
    for (int i = 0; i < LISTS && at < end; i++) {
        uint64_t count = 0;
        if (!packed_list_begin(&at, end, &count) || !packed_list_skip(&at, end, count))
            break;
        is_any |= count > 0;
        *odd += arena && count % GROUP_NUMBERS[i] != 0;
    }
    size_t count = (size_t)(at - rest->bytes);
    const uint8_t *kept = is_any && arena ? keep(arena, rest->bytes, count) : NULL;
    *rest = (struct recording_bytes){at, (size_t)(end - at)};
    return kept;
}

size_t profile_site_thread_count(const struct recording_list *threads)
{
    return threads->count / SITE_THREAD_NUMBERS;
}

struct profile_site_thread profile_site_thread_at(const struct recording_list *threads,
                                                  size_t position)
{
    const uint64_t *numbers = &threads->items[position * SITE_THREAD_NUMBERS];
    return (struct profile_site_thread){.thread = numbers[0],
                                        .allocations = numbers[1],
                                        .allocated_bytes = numbers[2],
                                        .frees = numbers[3],
                                        .freed_bytes = numbers[4],
                                        .live_blocks = numbers[5],
                                        .live_bytes = numbers[6]};
}

size_t profile_bucket_count(const struct recording_list *histogram)
{
    return histogram->count / SITE_BUCKET_NUMBERS;
}

struct profile_bucket profile_bucket_at(const struct recording_list *histogram, size_t position)
{
    const uint64_t *numbers = &histogram->items[position * SITE_BUCKET_NUMBERS];
    return (struct profile_bucket){.end = numbers[0] < 64 ? UINT64_C(1) << numbers[0] : UINT64_MAX,
                                   .blocks = numbers[1]};
}
