#include "record/stack_memo.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    WORTH_SHARE = 4 /* hits for each of so many stacks make it worth keeping them */
};

struct memo_stack {
    uint64_t owner;
    uint32_t first; /* of its words */
    uint32_t count;
    uint32_t innermost_kept;
    struct stack_id node;
    uint64_t omitted;
};

/* What is asked for. */
struct memo_key {
    uint64_t owner;
    const struct stack_words *stack;
};

void stack_memo_clear(struct stack_memo *memo)
{
    hash_index_clear(&memo->index);
    free(memo->stacks);
    free(memo->words);
    *memo = (struct stack_memo){0};
}

static uint64_t stack_hash(uint64_t owner, const struct stack_words *stack)
{
    return hash_bytes(stack->words, stack->count * sizeof *stack->words, owner);
}

static bool is_stack(const void *context, uint32_t position, const void *wanted)
{
    const struct stack_memo *memo = context;
    const struct memo_key *key = wanted;
    const struct stack_words *stack = key->stack;
    const struct memo_stack *kept = &memo->stacks[position];
    return kept->owner == key->owner && kept->count == stack->count &&
           kept->omitted == stack->omitted &&
           (stack->omitted == 0 || kept->innermost_kept == stack->innermost_kept) &&
           memcmp(memo->words + kept->first, stack->words, stack->count * sizeof *stack->words) ==
               0;
}

struct stack_id stack_memo_find(struct stack_memo *memo, uint64_t owner,
                                const struct stack_words *stack)
{
    struct memo_key key = {owner, stack};
    uint32_t position = memo->count == 0 ? HASH_INDEX_NONE
                                         : hash_index_find(&memo->index, stack_hash(owner, stack),
                                                           &key, is_stack, memo);
    if (position == HASH_INDEX_NONE)
        return (struct stack_id){0};
    memo->hit_count++;
    return memo->stacks[position].node;
}

void stack_memo_add(struct stack_memo *memo, uint64_t owner, const struct stack_words *stack,
                    struct stack_id node)
{
    if (memo->pause != 0) {
        memo->pause--;
        return;
    }
    if (memo->count >= STACK_MEMO_MAX_STACKS ||
        memo->word_count + stack->count > STACK_MEMO_MAX_WORDS) {
        size_t pause = memo->hit_count < memo->count / WORTH_SHARE ? STACK_MEMO_PAUSE : 0;
        stack_memo_clear(memo);
        memo->pause = pause;
        return;
    }
    memo->stacks = memory_grow(memo->stacks, &memo->capacity, memo->count + 1,
                               sizeof *memo->stacks);
    memo->words = memory_grow(memo->words, &memo->word_capacity, memo->word_count + stack->count,
                              sizeof *memo->words);
    memcpy(memo->words + memo->word_count, stack->words, stack->count * sizeof *stack->words);
    hash_index_add(&memo->index, stack_hash(owner, stack), (uint32_t)memo->count);
    memo->stacks[memo->count++] = (struct memo_stack){
        .owner = owner,
        .first = (uint32_t)memo->word_count,
        .count = (uint32_t)stack->count,
        .innermost_kept = (uint32_t)stack->innermost_kept,
        .omitted = stack->omitted,
        .node = node,
    };
    memo->word_count += stack->count;
}
