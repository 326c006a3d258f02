/* The stacks of a thread resemble each other: a new one shares its outer frames with the one
 * before, and differs in the few that were entered since. So the path of the last one through the
 * tree of stacks is kept, word by word, with the node at each step. Of a new stack only what lies
 * inside of the first difference is looked up; the rest is one compare a frame. */
#ifndef SEEP_RECORD_STACK_PATH_H
#define SEEP_RECORD_STACK_PATH_H

#include <stddef.h>
#include <stdint.h>

#include "heap/stack_table.h"
#include "wire/wire_format.h"

struct stack_memo;

/* What a thread sent: return addresses, innermost first. */
struct stack_words {
    const uint64_t *words;
    size_t count;          /* at most WIRE_MAX_FRAMES */
    size_t innermost_kept; /* where frames were left out; counts only if they were */
    uint64_t omitted;
};

/* The frame of an address; asked for those words that the last stack did not have. */
typedef struct frame_id (*stack_path_find_frame)(void *context, uint64_t word);

/* Zeroes are a path of no frames. */
struct stack_path {
    uint64_t owner; /* for whom it stands; any other begins anew */
    size_t count;
    size_t outer_count; /* words outside of the gap; `count` where there is none */
    uint64_t omitted;
    uint64_t words[WIRE_MAX_FRAMES]; /* outermost first */
    uint32_t nodes[WIRE_MAX_FRAMES]; /* of each word */
};

/* The node of the stack, which becomes the path's unless the memo knew it. `owner` changes whenever
 * a word may mean another frame than before. Paths may share a memo. */
struct stack_id stack_path_follow(struct stack_path *path, uint64_t owner, struct stack_memo *memo,
                                  struct stack_table *table, const struct stack_words *stack,
                                  stack_path_find_frame find_frame, void *context);

#endif
