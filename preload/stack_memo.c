#include "preload/stack_memo.h"

#include <stddef.h>

struct stack_memo_entry *stack_memo_find(struct stack_memo *memo, uint32_t key,
                                         const struct walk_registers *from, uint64_t generation)
{
    uint32_t set = key % STACK_MEMO_SETS;
    uint32_t first = memo->last_hit[set];
    for (uint32_t i = 0; i < STACK_MEMO_WAYS; i++) {
        uint32_t way = first ^ i;
        struct stack_memo_entry *entry = &memo->entries[set][way];
        if (stack_memo_is_current(entry, from->pc, from->sp, from->bp, generation)) {
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
