#include "record/stack_path.h"

#include <stdbool.h>

#include "record/stack_memo.h"
#include "recording/recording_records.h"

/* Fewer frames are found as fast one by one. */
enum {
    MANY_NEW_FRAMES = 3
};

/* How many words from `from` on, counted from the outermost, both have. */
static size_t shared_until(const struct stack_path *path, const struct stack_words *stack,
                           size_t from, size_t end)
{
    const uint64_t *outermost = stack->words + stack->count - 1;
    while (from < end && path->words[from] == *(outermost - from))
        from++;
    return from;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t outer_count_of(const struct stack_words *stack)
{
    return stack->omitted != 0 && stack->innermost_kept < stack->count
               ? stack->count - stack->innermost_kept
               : stack->count;
}

/* A stack with a gap goes on behind it only where the other has the same. */
static size_t shared_count(const struct stack_path *path, const struct stack_words *stack,
                           size_t outer_count)
{
    size_t end = smaller(path->outer_count, outer_count);
    size_t shared = shared_until(path, stack, 0, end);
    if (shared < end || path->outer_count != outer_count || path->omitted != stack->omitted)
        return shared;
    return shared_until(path, stack, shared, smaller(path->count, stack->count));
}

struct stack_id stack_path_follow(struct stack_path *path, uint64_t owner, struct stack_memo *memo,
                                  struct stack_table *table, const struct stack_words *stack,
                                  stack_path_find_frame find_frame, void *context)
{
    if (path->owner != owner)
        path->count = path->outer_count = 0;
    path->owner = owner;
    size_t outer_count = outer_count_of(stack);
    size_t shared = shared_count(path, stack, outer_count);
    bool is_for_memo = stack->count - shared >= MANY_NEW_FRAMES;
    struct stack_id node = {0};
    if (is_for_memo)
        node = stack_memo_find(memo, owner, stack);
    if (node.index != 0)
        return node;
    if (shared != 0)
        node.index = path->nodes[shared - 1];
    for (size_t i = shared; i < stack->count; i++) {
        uint64_t word = stack->words[stack->count - 1 - i];
        if (i == outer_count) {
            struct frame gap = {.kind = RECORDING_FRAME_OMITTED, .offset = stack->omitted};
            node = stack_table_add_below(table, node, stack_table_add_frame(table, &gap));
        }
        node = stack_table_add_below(table, node, find_frame(context, word));
        path->words[i] = word;
        path->nodes[i] = node.index;
    }
    path->count = stack->count;
    path->outer_count = outer_count;
    path->omitted = stack->omitted;
    if (is_for_memo)
        stack_memo_add(memo, owner, stack, node);
    return node;
}
