#include "runtimes/cpython/team.h"

#include <stdlib.h>

#include "base/memory.h"

enum {
    WORTH_IT = 1 << 16, /* blocks: less is done before a thread has begun */
    KEPT_BYTES = 16 << 20
};

struct cpython_member {
    struct memory_view view;
    struct cpython python;
};

static size_t choose_count(const struct target_memory *memory, size_t wanted, uint64_t block_count)
{
    if (!memory->is_shareable)
        return 1;
    if (wanted == 0)
        return memory->borrow != NULL && block_count >= WORTH_IT ? parallel_threads() : 1;
    return wanted < PARALLEL_MOST ? wanted : PARALLEL_MOST;
}

void cpython_team_init(struct cpython_team *team, const struct cpython *python, size_t wanted,
                       uint64_t block_count)
{
    const struct target_memory *memory = python->view->memory;
    *team = (struct cpython_team){.thread_count = choose_count(memory, wanted, block_count),
                                  .pythons = {python}};
    team->others = memory_allocate_zeroed(team->thread_count, sizeof *team->others);
    for (size_t i = 1; i < team->thread_count; i++) {
        struct cpython_member *member = &team->others[i - 1];
        memory_view_init(&member->view, memory, KEPT_BYTES);
        member->python = *python;
        member->python.view = &member->view;
        team->pythons[i] = &member->python;
    }
}

void cpython_team_clear(struct cpython_team *team)
{
    for (size_t i = 1; i < team->thread_count; i++)
        memory_view_clear(&team->others[i - 1].view);
    free(team->others);
    *team = (struct cpython_team){0};
}
