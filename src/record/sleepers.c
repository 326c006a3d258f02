#include "record/sleepers.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void sleepers_keep(struct sleepers *sleepers, struct stopper *stopper)
{
    if (stopper_settle(stopper)) {
        stopper_clear(stopper);
        return;
    }
    sleepers->items = memory_grow(sleepers->items, &sleepers->capacity, sleepers->count + 1,
                                  sizeof *sleepers->items);
    sleepers->items[sleepers->count++] = *stopper;
    memset(stopper, 0, sizeof *stopper);
}

void sleepers_settle(struct sleepers *sleepers)
{
    for (size_t i = sleepers->count; i-- > 0;) {
        if (!stopper_settle(&sleepers->items[i]))
            continue;
        stopper_clear(&sleepers->items[i]);
        sleepers->items[i] = sleepers->items[--sleepers->count];
    }
}

void sleepers_clear(struct sleepers *sleepers)
{
    for (size_t i = 0; i < sleepers->count; i++)
        stopper_clear(&sleepers->items[i]);
    free(sleepers->items);
    memset(sleepers, 0, sizeof *sleepers);
}
