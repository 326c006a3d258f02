#include "preload/stack_memo.h"

#include <stddef.h>

/* Of a memo that is all zeroes, too. */
static uint32_t last_entry_of(const struct stack_memo *memo, uint32_t set)
{
    return set * STACK_MEMO_WAYS + memo->last_hit[set] % STACK_MEMO_WAYS;
}

struct stack_memo_entry *stack_memo_find(struct stack_memo *memo, uint32_t key,
                                         const struct walk_registers *from, uint64_t generation)
{
    uint32_t set = key % STACK_MEMO_SETS;
    uint32_t first = last_entry_of(memo, set);
    for (uint32_t i = 0; i < STACK_MEMO_WAYS; i++) {
        struct stack_memo_entry *entry = &memo->entries[first ^ i];
        if (stack_memo_is_current(entry, from->pc, from->sp, from->bp, generation)) {
            if (i != 0)
                memo->last_hit[set] = (uint8_t)(first ^ i);
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
    uint32_t other = last_entry_of(memo, set) ^ 1;
    struct stack_memo_entry *entry = &memo->entries[other];
    entry->read_count = 0;
    memo->last_hit[set] = (uint8_t)other;
    return entry;
}
