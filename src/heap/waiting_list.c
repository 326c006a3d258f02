#include "heap/waiting_list.h"

#include <stdlib.h>

#include "base/memory.h"

enum {
    FIRST_CAPACITY = 16
};

void waiting_list_clear(struct waiting_list *list)
{
    free(list->items);
    hash_map_clear(&list->newest);
    *list = (struct waiting_list){0};
}

static struct waiting *at(const struct waiting_list *list, uint64_t sequence)
{
    return &list->items[sequence & (list->capacity - 1)];
}

static void grow(struct waiting_list *list)
{
    struct waiting_list old = *list;
    list->capacity = old.capacity ? old.capacity * 2 : FIRST_CAPACITY;
    list->items = memory_resize(NULL, list->capacity, sizeof *list->items);
    for (uint64_t i = old.first; i != old.next; i++)
        *at(list, i) = *at(&old, i);
    free(old.items);
}

void waiting_list_add(struct waiting_list *list, const struct waiting *waiting)
{
    if (list->next - list->first == list->capacity)
        grow(list);
    uint64_t *newest = hash_map_put(&list->newest, waiting->address, NULL);
    struct waiting *item = at(list, list->next);
    *item = *waiting;
    item->previous_plus_1 = *newest;
    *newest = ++list->next;
}

/* Sequences before the first are long gone. */
static struct waiting *open_from(const struct waiting_list *list, uint64_t sequence_plus_1)
{
    while (sequence_plus_1 > list->first) {
        struct waiting *item = at(list, sequence_plus_1 - 1);
        if (!item->is_closed)
            return item;
        sequence_plus_1 = item->previous_plus_1;
    }
    return NULL;
}

struct waiting *waiting_list_newest(const struct waiting_list *list, uint64_t address)
{
    const uint64_t *newest = hash_map_find(&list->newest, address);
    return newest ? open_from(list, *newest) : NULL;
}

struct waiting *waiting_list_older(const struct waiting_list *list, const struct waiting *waiting)
{
    return open_from(list, waiting->previous_plus_1);
}

static void forget_first(struct waiting_list *list)
{
    const struct waiting *item = at(list, list->first);
    list->first++;
    const uint64_t *newest = hash_map_find(&list->newest, item->address);
    if (newest && *newest == list->first)
        hash_map_remove(&list->newest, item->address, NULL);
}

void waiting_list_close(struct waiting_list *list, struct waiting *waiting)
{
    waiting->is_closed = true;
    while (list->first != list->next && at(list, list->first)->is_closed)
        forget_first(list);
}

struct waiting *waiting_list_oldest(const struct waiting_list *list)
{
    return list->first != list->next ? at(list, list->first) : NULL;
}

uint64_t waiting_list_own_bytes(const struct waiting_list *list)
{
    return list->capacity * sizeof *list->items +
           list->newest.capacity * (sizeof(struct hash_map_entry) + 1);
}
