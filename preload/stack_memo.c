#include "preload/stack_memo.h"

#include <stdatomic.h>
#include <stddef.h>

struct stack_memo_entry *stack_memo_find(struct stack_memo *memo, uint32_t key,
                                         const struct walk_registers *from, uint64_t generation)
{
    struct stack_memo_key *at = &memo->keys[key % STACK_MEMO_KEYS];
    for (uint32_t way = 0; way < STACK_MEMO_WAYS; way++) {
        uint8_t number = at->entries[way];
        if (stack_memo_is_current(memo, number, from->pc, from->sp, from->bp, generation)) {
            at->entries[way] = at->entries[0];
            at->entries[0] = number;
            stack_memo_note_hit(memo, number);
            return &memo->entries[number];
        }
    }
    return NULL;
}

/* The next in the round that has not been of use since the last one. */
static uint32_t give_up_one(struct stack_memo *memo)
{
    uint32_t number = memo->next;
    while (memo->entries[number].is_used) {
        memo->entries[number].is_used = false;
        number = (number + 1) % STACK_MEMO_ENTRIES;
    }
    memo->next = (number + 1) % STACK_MEMO_ENTRIES;
    return number;
}

/* Of those keys that are judged together. */
static bool was_last_of_use(const struct stack_memo *memo, const struct stack_memo_key *at,
                            uint32_t key)
{
    const struct stack_memo_entry *last = &memo->entries[at->entries[0]];
    return last->is_used && (stack_memo_key(last->pc, last->sp) - key) % STACK_MEMO_SETS == 0;
}

struct stack_memo_entry *stack_memo_place(struct stack_memo *memo, uint32_t key)
{
    uint16_t *seen = &memo->seen[key / STACK_MEMO_KEYS % STACK_MEMO_SEEN];
    uint16_t tag = (uint16_t)(key >> 16 | 1);
    if (*seen != tag) {
        *seen = tag;
        return NULL;
    }
    struct stack_memo_key *at = &memo->keys[key % STACK_MEMO_KEYS];
    uint8_t *wasted = &memo->wasted[key % STACK_MEMO_SETS];
    if (was_last_of_use(memo, at, key))
        *wasted = 0;
    if (++*wasted > STACK_MEMO_WASTE) {
        if (*wasted < STACK_MEMO_RETRY)
            return NULL;
        *wasted = STACK_MEMO_WASTE;
    }
    uint32_t number = give_up_one(memo);
    at->entries[1] = at->entries[0];
    at->entries[0] = (uint8_t)number;
    memo->entries[number].generation = 0;
    return &memo->entries[number];
}

void stack_memo_seal(struct stack_memo *memo, struct stack_memo_entry *entry, uint32_t count,
                     uint64_t generation)
{
    struct walk_read *reads = stack_memo_reads(memo, entry);
    uint32_t whole = (count + STACK_MEMO_STEP - 1) / STACK_MEMO_STEP * STACK_MEMO_STEP;
    /* Compared a step at a time: the last one is repeated. */
    for (uint32_t i = count; i < whole; i++)
        reads[i] = reads[count - 1];
    entry->read_count = whole;
    stack_memo_note_name(memo, entry, stack_memo_slot(entry));
    entry->generation = generation;
}

void stack_memo_forget_slot(struct stack_memo *memo, uint32_t slot)
{
    uint8_t names = memo->slot_names[slot];
    if (names == 0)
        return;
    uint32_t first = names == STACK_MEMO_SEVERAL ? 0 : names - 1u;
    uint32_t end = names == STACK_MEMO_SEVERAL ? STACK_MEMO_ENTRIES : names;
    for (uint32_t i = first; i < end; i++)
        if (stack_memo_slot(&memo->entries[i]) == slot)
            memo->entries[i].generation = 0;
    /* Last: a signal handler may leave this by a jump. */
    atomic_signal_fence(memory_order_seq_cst);
    memo->slot_names[slot] = 0;
}
