/* Remembered stacks, proved right before each use.
 *
 * Unwinding is a pure function of the registers that it begins with (pc, sp, and bp where a frame
 * is found by it) and of the stack words that it reads: return addresses and saved frame pointers.
 * So a thread keeps, for stacks that came more than once, those words' places and values and the
 * slot of the stack. When the registers are the same and every word still holds its value, the
 * stack is the same: one load and one compare a word, no look-up of rules, no hashing.
 *
 * The words are compared in the order in which the walk read them, up to the first that differs.
 * That is what makes the reads safe: where a word stands follows from the registers and the words
 * before it, so if those are the same, it is where the walk itself would read now.
 *
 * A stack whose words are too many, or that could not be walked to its end, is not remembered.
 * dlopen and dlclose make all that is remembered void (the rules' generation). */
#ifndef SEEP_PRELOAD_STACK_MEMO_H
#define SEEP_PRELOAD_STACK_MEMO_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/stack_walk.h"

enum {
    STACK_MEMO_SETS = 64,
    STACK_MEMO_WAYS = 2,
    STACK_MEMO_READS = 160, /* words of one stack */
    STACK_MEMO_STEP = 4,    /* compared without asking whether there are more */
    STACK_MEMO_SEEN = 512,
    /* A set whose last stacks were remembered in vain (recursion: the same registers, another stack
     * each time) is tried again only now and then: remembering costs more than walking. */
    STACK_MEMO_WASTE = 8,
    STACK_MEMO_RETRY = 64
};

struct stack_memo_entry {
    uint64_t pc, sp, bp;
    uint64_t generation;
    uint64_t hash; /* of the stack; the slot holds it unless it was taken by another */
    uint32_t slot;
    uint32_t read_count; /* 0 = empty; whole steps, by stack_memo_seal */
    uint64_t bp_mask;    /* 0: any bp will do; else all bits */
    struct walk_read reads[STACK_MEMO_READS];
};

struct stack_memo {
    uint8_t last_hit[STACK_MEMO_SETS]; /* the entry; the other one is the next to be given up */
    uint8_t wasted[STACK_MEMO_SETS];   /* stacks remembered since one was found */
    uint16_t seen[STACK_MEMO_SEEN];    /* tags of registers that were asked for and not found */
    struct stack_memo_entry
        entries[STACK_MEMO_SETS * STACK_MEMO_WAYS]; /* those of a set side by side */
};
_Static_assert(STACK_MEMO_SETS *STACK_MEMO_WAYS <= UINT8_MAX + 1, "last_hit");
_Static_assert(STACK_MEMO_READS % STACK_MEMO_STEP == 0, "room for the last step");

static inline uint32_t stack_memo_key(uint64_t pc, uint64_t sp)
{
    return (uint32_t)((pc ^ sp * 3) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* Stack words of other frames are read as plain words. */
#define STACK_MEMO_READS_FOREIGN_FRAMES                                                            \
    __attribute__((no_sanitize("address", "undefined", "thread")))

/* Is the remembered stack the one that a walk from these registers would find now? */
STACK_MEMO_READS_FOREIGN_FRAMES
static inline bool stack_memo_is_current(const struct stack_memo_entry *entry, uint64_t pc,
                                         uint64_t sp, uint64_t bp, uint64_t generation)
{
    if (((entry->pc ^ pc) | (entry->sp ^ sp) | ((entry->bp ^ bp) & entry->bp_mask) |
         (entry->generation ^ generation)) != 0)
        return false;
    const struct walk_read *read = entry->reads, *end = read + entry->read_count;
    if (read == end)
        return false;
    do {
        /* In their order: that is what makes each of them safe. */
        if (*(const uint64_t *)(uintptr_t)read[0].address != read[0].value ||
            *(const uint64_t *)(uintptr_t)read[1].address != read[1].value ||
            *(const uint64_t *)(uintptr_t)read[2].address != read[2].value ||
            *(const uint64_t *)(uintptr_t)read[3].address != read[3].value)
            return false;
        read += STACK_MEMO_STEP;
    } while (read != end);
    return true;
}

/* The entry becomes one: its first `count` reads are filled in, 1 to STACK_MEMO_READS. The last one
 * is repeated up to a whole step. */
static inline void stack_memo_seal(struct stack_memo_entry *entry, uint32_t count)
{
    uint32_t whole = (count + STACK_MEMO_STEP - 1) / STACK_MEMO_STEP * STACK_MEMO_STEP;
    for (uint32_t i = count; i < whole; i++)
        entry->reads[i] = entry->reads[count - 1];
    entry->read_count = whole;
}

/* The entry that was found last for the key: most stacks are seen again here. */
static inline struct stack_memo_entry *stack_memo_last(struct stack_memo *memo, uint32_t key)
{
    return &memo->entries[memo->last_hit[key % STACK_MEMO_SETS]];
}

static inline void stack_memo_note_hit(struct stack_memo *memo, uint32_t key)
{
    memo->wasted[key % STACK_MEMO_SETS] = 0;
}

/* The entry whose stack is the current one, or NULL. */
struct stack_memo_entry *stack_memo_find(struct stack_memo *memo, uint32_t key,
                                         const struct walk_registers *from, uint64_t generation);

/* After a find in vain: where to remember the stack that is walked now, or NULL while its registers
 * come for the first time. The entry is empty; fill it, then seal it. */
struct stack_memo_entry *stack_memo_place(struct stack_memo *memo, uint32_t key);

#endif
