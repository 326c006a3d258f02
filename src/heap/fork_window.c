#include "heap/fork_window.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    PLACES_MAX = 1 << 16
};

void fork_window_clear(struct fork_window *window)
{
    hash_map_clear(&window->positions);
    free(window->places);
    memset(window, 0, sizeof *window);
}

static struct fork_window_place *place_at(struct fork_window *window, uint64_t address)
{
    uint64_t *position = hash_map_find(&window->positions, address);
    if (position != NULL)
        return &window->places[*position];
    if (window->count >= PLACES_MAX)
        return NULL;
    *hash_map_put(&window->positions, address, NULL) = window->count;
    window->places = memory_grow(window->places, &window->capacity, window->count + 1,
                                 sizeof *window->places);
    struct fork_window_place *place = &window->places[window->count++];
    memset(place, 0, sizeof *place);
    return place;
}

static void note(struct fork_window *window, const struct heap_event *event)
{
    bool is_birth = event->kind == HEAP_EVENT_BIRTH || event->kind == HEAP_EVENT_ARRIVE;
    bool is_release = event->kind == HEAP_EVENT_RELEASE || event->kind == HEAP_EVENT_LEAVE;
    if ((!is_birth && !is_release) || event->address == 0)
        return;
    struct fork_window_place *place = place_at(window, event->address);
    if (place == NULL)
        return;
    if (is_release) {
        place->is_released = true;
        return;
    }
    place->has_birth = true;
    place->function = event->function;
    place->stack = event->stack;
    place->size = event->size;
    place->birth_ns = event->time_ns;
}

void fork_window_note(struct fork_window *window, const struct heap_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        note(window, &events[i]);
}

const struct fork_window_place *fork_window_find(const struct fork_window *window, uint64_t address)
{
    const uint64_t *position = hash_map_find(&window->positions, address);
    return position != NULL ? &window->places[*position] : NULL;
}
