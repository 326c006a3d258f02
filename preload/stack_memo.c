#include "preload/stack_memo.h"

#include <stddef.h>

/* Stack words of other frames, read as plain words. */
#define READS_FOREIGN_FRAMES __attribute__((no_sanitize("address", "undefined", "thread")))

READS_FOREIGN_FRAMES
static inline bool are_words_unchanged(const struct stack_memo_entry *entry)
{
    const struct walk_read *read = entry->reads, *end = read + entry->read_count;
    for (; read != end; read++)
        if (*(const uint64_t *)(uintptr_t)read->address != read->value)
            return false;
    return true;
}

struct stack_memo_entry *stack_memo_find(struct stack_memo *memo, uint32_t key,
                                         const struct walk_registers *from, uint64_t generation)
{
    uint32_t set = key % STACK_MEMO_SETS;
    uint32_t first = memo->last_hit[set];
    for (uint32_t i = 0; i < STACK_MEMO_WAYS; i++) {
        uint32_t way = first ^ i;
        struct stack_memo_entry *entry = &memo->entries[set][way];
        if (entry->pc == from->pc && entry->sp == from->sp &&
            (entry->bp == from->bp || !entry->is_bp_used) &&
            entry->read_count != 0 && entry->generation == generation &&
            are_words_unchanged(entry)) {
            if (i != 0)
                memo->last_hit[set] = (uint8_t)way;
            memo->wasted[set] = 0;
            return entry;
        }
    }
    return NULL;
}

struct stack_memo_entry *stack_memo_place(struct stack_memo *memo, uint32_t key)
{
    uint16_t *seen = &memo->seen[key / STACK_MEMO_SETS % STACK_MEMO_SEEN];
    uint16_t tag = (uint16_t)(key >> 16 | 1);
    if (*seen != tag) {
        *seen = tag;
        return NULL;
    }
    uint32_t set = key % STACK_MEMO_SETS;
    if (++memo->wasted[set] > STACK_MEMO_WASTE) {
        if (memo->wasted[set] < STACK_MEMO_RETRY)
            return NULL;
        memo->wasted[set] = STACK_MEMO_WASTE;
    }
    uint32_t way = memo->last_hit[set] ^ 1u;
    struct stack_memo_entry *entry = &memo->entries[set][way];
    entry->read_count = 0;
    memo->last_hit[set] = (uint8_t)way;
    return entry;
}
