/* Events that wait for another event at the same address, in order of arrival, a bounded number. */
#ifndef SEEP_HEAP_WAITING_LIST_H
#define SEEP_HEAP_WAITING_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_map.h"
#include "heap/block.h"

enum waiting_finding { /* of a release at an address where nothing lived */
    WAITING_FOUND_NOTHING,
    WAITING_FOUND_FREED,    /* `block` was freed there not long ago */
    WAITING_FOUND_IN_PARENT /* `block` lived in the process that forked this one */
};

struct waiting {
    uint64_t address;
    uint64_t time_ns;         /* of the release; or of the birth that took the block's place */
    uint64_t deadline_ns;     /* a release waits until then */
    struct block block;       /* the block displaced; or the one found */
    uint64_t size;            /* that a sized delete claimed */
    uint32_t thread;          /* that released; or that got the new block */
    uint32_t stack;           /* of the release */
    uint8_t function;         /* of the release */
    uint8_t finding;          /* enum waiting_finding */
    bool is_leaving;          /* a realloc whose arrival has not come yet */
    bool is_closed;           /* waits no more */
    uint64_t previous_plus_1; /* the one before it at this address */
};

enum {
    WAITING_LIST_MAX = 1 << 16
};

/* A zeroed struct is a valid empty list. */
struct waiting_list {
    struct waiting *items; /* a ring */
    size_t capacity;       /* a power of two, or 0 */
    uint64_t first;        /* sequence numbers */
    uint64_t next;
    struct hash_map newest; /* address -> sequence + 1 */
};

void waiting_list_clear(struct waiting_list *list);

static inline bool waiting_list_is_empty(const struct waiting_list *list)
{
    return list->first == list->next;
}

static inline bool waiting_list_is_full(const struct waiting_list *list)
{
    return list->next - list->first >= WAITING_LIST_MAX;
}

/* The list is not full. */
void waiting_list_add(struct waiting_list *list, const struct waiting *waiting);

/* The newest that waits at this address; then older ones. Borrowed until the next call that is not
 * one of these two. NULL: none. */
struct waiting *waiting_list_newest(const struct waiting_list *list, uint64_t address);
struct waiting *waiting_list_older(const struct waiting_list *list, const struct waiting *waiting);

/* It waits no more. */
void waiting_list_close(struct waiting_list *list, struct waiting *waiting);

/* The one that has waited longest, or NULL. Borrowed as above. */
struct waiting *waiting_list_oldest(const struct waiting_list *list);

uint64_t waiting_list_own_bytes(const struct waiting_list *list);

#endif
