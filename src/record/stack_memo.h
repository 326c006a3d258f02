/* Stacks that were looked up before, as they were sent. A thread names its stacks by the slots of a
 * small cache; a program that runs through more of them than there are slots sends the same ones
 * again and again, and each would be looked up frame by frame: a search a frame, each waiting for
 * the one before. Here the words of a whole stack are found in one search, and compared.
 *
 * Memory is bounded; what is full begins anew. When that brings little, because stacks seldom come
 * again while they are known, nothing is kept for a while. */
#ifndef SEEP_RECORD_STACK_MEMO_H
#define SEEP_RECORD_STACK_MEMO_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash_map.h"
#include "heap/stack_table.h"
#include "record/stack_path.h"

struct memo_stack;

enum {
    STACK_MEMO_MAX_STACKS = 1 << 16,
    STACK_MEMO_MAX_WORDS = 1 << 19,
    STACK_MEMO_PAUSE = 1 << 20 /* stacks */
};

/* A zeroed struct is valid and empty. */
struct stack_memo {
    struct hash_index index;
    struct memo_stack *stacks;
    size_t count, capacity;
    uint64_t *words;
    size_t word_count, word_capacity;
    size_t hit_count; /* since it began anew */
    size_t pause;     /* so many stacks more are not kept */
};

void stack_memo_clear(struct stack_memo *memo);

/* The stack's node; 0 = not known. `owner` as for a path. */
struct stack_id stack_memo_find(struct stack_memo *memo, uint64_t owner,
                                const struct stack_words *stack);

/* Keeps a stack that was not found. */
void stack_memo_add(struct stack_memo *memo, uint64_t owner, const struct stack_words *stack,
                    struct stack_id node);

#endif
