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
 * Two stacks are found by the registers they begin with, the last one first: places in one pool,
 * which is taken round, past what has been of use since the last round. What is asked of every
 * stack stands apart from the words, close together.
 *
 * A stack whose words are too many, or that could not be walked to its end, is not remembered.
 * dlopen and dlclose make all that is remembered void (the rules' generation), and a slot that is
 * given to another stack, what named it. */
#ifndef SEEP_PRELOAD_STACK_MEMO_H
#define SEEP_PRELOAD_STACK_MEMO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "preload/stack_walk.h"
#include "wire/wire_format.h"

enum {
    STACK_MEMO_ENTRIES = 128,
    STACK_MEMO_KEYS = 512,
    STACK_MEMO_WAYS = 2,
    STACK_MEMO_READS = 160, /* words of one stack */
    STACK_MEMO_STEP = 4,    /* compared without asking whether there are more */
    STACK_MEMO_SEEN = 512,
    STACK_MEMO_SETS = 64,
    STACK_MEMO_SEVERAL = 255,
    /* A set of keys whose last stacks were remembered in vain (recursion: the same registers,
     * another stack each time) is tried again only now and then: remembering costs more than
     * finding. */
    STACK_MEMO_WASTE = 8,
    STACK_MEMO_RETRY = 64
};

/* With the number of an entry's slot: that is of the native stack and of Python's frames beside it,
 * which are to be looked at as well. */
#define STACK_MEMO_WITH_PYTHON (UINT32_C(1) << 31)

struct stack_memo_entry {
    uint64_t pc, sp, bp;
    uint64_t bp_mask;    /* 0: any bp will do; else all bits */
    uint64_t generation; /* the number of it; 0 = empty */
    uint32_t slot;       /* of the stack; perhaps STACK_MEMO_WITH_PYTHON */
    uint32_t read_count; /* whole steps */
    bool is_used;        /* since it was passed by last */
    bool has_signal;     /* a handler's frames are on it; told only where Python's are recorded */
    uint64_t hash;       /* of the stack */
};

/* The entry that was found last, and another; or any at all. */
struct stack_memo_key {
    uint8_t entries[STACK_MEMO_WAYS];
};

struct stack_memo {
    _Alignas(64) struct stack_memo_entry entries[STACK_MEMO_ENTRIES];
    struct stack_memo_key keys[STACK_MEMO_KEYS];
    uint8_t wasted[STACK_MEMO_SETS]; /* stacks remembered since one was found, of some keys */
    uint16_t seen[STACK_MEMO_SEEN];  /* tags of registers that were asked for and not found */
    uint32_t next;                   /* entry to be given up */
    /* The only entry that may name the slot, + 1; 0 = none does; or STACK_MEMO_SEVERAL. */
    uint8_t slot_names[WIRE_STACK_SLOTS];
    struct walk_read reads[STACK_MEMO_ENTRIES][STACK_MEMO_READS];
};
_Static_assert(STACK_MEMO_ENTRIES < STACK_MEMO_SEVERAL, "numbers of entries");
_Static_assert(sizeof(struct stack_memo_entry) == 64, "a line");
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
static inline bool stack_memo_is_current(const struct stack_memo *memo, uint32_t number,
                                         uint64_t pc, uint64_t sp, uint64_t bp, uint64_t generation)
{
    const struct stack_memo_entry *entry = &memo->entries[number];
    if (((entry->pc ^ pc) | (entry->sp ^ sp) | ((entry->bp ^ bp) & entry->bp_mask) |
         (entry->generation ^ generation)) != 0)
        return false;
    const struct walk_read *read = memo->reads[number];
    const struct walk_read *end = read + entry->read_count;
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

/* The number of the entry that was found last for the key: most stacks are seen again here. */
static inline uint32_t stack_memo_last(const struct stack_memo *memo, uint32_t key)
{
    return memo->keys[key % STACK_MEMO_KEYS].entries[0];
}

/* The stack of that entry was the current one. */
static inline void stack_memo_note_hit(struct stack_memo *memo, uint32_t number)
{
    memo->entries[number].is_used = true;
}

/* The entry whose stack is the current one, or NULL. */
struct stack_memo_entry *stack_memo_find(struct stack_memo *memo, uint32_t key,
                                         const struct walk_registers *from, uint64_t generation);

/* After a find in vain: where to remember the stack that is walked now, or NULL while its registers
 * come for the first time. The entry is empty; fill it and its reads, then seal it. */
struct stack_memo_entry *stack_memo_place(struct stack_memo *memo, uint32_t key);

static inline struct walk_read *stack_memo_reads(struct stack_memo *memo,
                                                 const struct stack_memo_entry *entry)
{
    return memo->reads[entry - memo->entries];
}

/* The entry becomes one: its first `count` reads are filled in, 1 to STACK_MEMO_READS, and all else
 * but the generation. */
void stack_memo_seal(struct stack_memo *memo, struct stack_memo_entry *entry, uint32_t count,
                     uint64_t generation);

static inline bool stack_memo_is_with_python(const struct stack_memo_entry *entry)
{
    return (entry->slot & STACK_MEMO_WITH_PYTHON) != 0;
}

/* Without that mark. */
static inline uint32_t stack_memo_slot(const struct stack_memo_entry *entry)
{
    return entry->slot & ~STACK_MEMO_WITH_PYTHON;
}

/* Before the entry names the slot. */
static inline void stack_memo_note_name(struct stack_memo *memo,
                                        const struct stack_memo_entry *entry, uint32_t slot)
{
    uint8_t own = (uint8_t)(entry - memo->entries + 1), *names = &memo->slot_names[slot];
    *names = *names == 0 || *names == own ? own : STACK_MEMO_SEVERAL;
    atomic_signal_fence(memory_order_seq_cst);
}

/* The entry's native stack has another slot, for its Python frames are others. */
static inline void stack_memo_rename(struct stack_memo *memo, struct stack_memo_entry *entry,
                                     uint32_t slot)
{
    stack_memo_note_name(memo, entry, slot);
    entry->slot = slot | STACK_MEMO_WITH_PYTHON;
}

/* The slot is given to another stack. */
void stack_memo_forget_slot(struct stack_memo *memo, uint32_t slot);

#endif
