#include "preload/annotation.h"

#include <errno.h>
#include <string.h>

#include "preload/event_writer.h"
#include "preload/lifecycle.h"
#include "preload/process_notice.h"
#include "preload/sampled_blocks.h"

enum {
    MAX_NAME_BYTES = 255,
    SUPPRESSIONS_PART_BYTES = 1024
};

/* `words` are those behind the first. Returns that one; 0 = not told. */
static uint64_t tell(enum wire_kind kind, const uint64_t *words, uint32_t word_count)
{
    int saved_errno = errno;
    struct thread_state *thread = process_notice_begin();
    uint64_t *record, first = 0;
    if (thread != NULL && preload_mode == PRELOAD_RECORDS) {
        record = event_reserve(thread, word_count + 1);
        if (record != NULL) {
            memcpy(record + 1, words, word_count * sizeof *words);
            record[0] = first = event_stamp() | kind;
            event_commit(thread, word_count + 1);
        }
    }
    if (thread != NULL)
        process_notice_end(thread);
    errno = saved_errno;
    return first;
}

bool annotation_mark(const char *name, uint64_t *ticks)
{
    uint64_t words[1 + (MAX_NAME_BYTES + 7) / 8] = {0};
    words[0] = strnlen(name, MAX_NAME_BYTES);
    memcpy(words + 1, name, words[0]);
    uint64_t first = tell(WIRE_MARK, words, 1 + (uint32_t)(words[0] + 7) / 8);
    if (ticks != NULL)
        *ticks = first >> WIRE_TICKS_SHIFT;
    return first != 0;
}

bool annotation_ignore(const void *address)
{
    return tell(WIRE_IGNORE, (uint64_t[]){event_address(address, FUNCTION_NONE)}, 1) != 0;
}

/* The record says how deep, not that it became deeper: one that is lost does no lasting harm. */
static bool change_depth(int step)
{
    lifecycle_ensure();
    if (preload_mode != PRELOAD_RECORDS)
        return false;
    struct thread_state *thread = thread_state_get();
    if (thread == NULL || (step < 0 && thread->ignoring_depth == 0))
        return false;
    thread->ignoring_depth += (uint32_t)step;
    return tell(WIRE_IGNORING, (uint64_t[]){thread->ignoring_depth}, 1) != 0;
}

bool annotation_begin_ignoring(void)
{
    return change_depth(1);
}

bool annotation_end_ignoring(void)
{
    return change_depth(-1);
}

uint32_t annotation_ignoring_depth(void)
{
    const struct thread_state *thread = thread_current;
    return thread != NULL && thread->is_claimed ? thread->ignoring_depth : 0;
}

void annotation_restore_ignoring(uint32_t depth)
{
    int saved_errno = errno;
    for (; depth > 0; depth--)
        if (!annotation_begin_ignoring())
            break;
    errno = saved_errno;
}

bool annotation_region(const void *start, size_t bytes, bool is_added)
{
    return tell(WIRE_REGION,
                (uint64_t[]){event_address(start, FUNCTION_NONE), (uint64_t)bytes, is_added},
                3) != 0;
}

bool annotation_pool(const void *start, size_t bytes, bool is_made)
{
    return sampled_blocks == NULL &&
           tell(WIRE_POOL,
                (uint64_t[]){event_address(start, FUNCTION_CUSTOM), (uint64_t)bytes, is_made},
                3) != 0;
}

void annotation_suppressions(const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        uint64_t words[1 + SUPPRESSIONS_PART_BYTES / 8] = {0};
        size_t part = left < SUPPRESSIONS_PART_BYTES ? left : SUPPRESSIONS_PART_BYTES;
        words[0] = part;
        memcpy(words + 1, text, part);
        if (tell(WIRE_SUPPRESSIONS, words, 1 + (uint32_t)(part + 7) / 8) == 0)
            return;
        text += part;
        left -= part;
    }
}
