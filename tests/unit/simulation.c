#include "simulation.h"

#include <stdio.h>
#include <string.h>

bool simulation_start(struct simulation *simulation)
{
    struct session_settings settings = {.preload_path = "/nowhere/libseep-preload.so"};
    struct error error;
    memset(simulation, 0, sizeof *simulation);
    simulation->clock.ticks_per_second = 1000000000;
    simulation->clock.frozen_ticks = &simulation->now;
    simulation->host = session_host_create(&settings, &simulation->clock, &error);
    if (simulation->host == NULL) {
        fprintf(stderr, "%s\n", error.message);
        return false;
    }
    process_tree_init(&simulation->tree, simulation->host, &simulation->clock, 64, -1);
    return true;
}

void simulation_end(struct simulation *simulation)
{
    process_tree_clear(&simulation->tree);
    session_host_destroy(simulation->host);
}

uint64_t simulation_drain(struct simulation *simulation, uint64_t now)
{
    simulation->now = now;
    return process_tree_drain(&simulation->tree);
}

/* ---- claims, as in preload/thread_state.c ----------------------------------------------- */

static void raise_to(_Atomic uint32_t *high, uint32_t wanted)
{
    if (atomic_load(high) < wanted)
        atomic_store(high, wanted);
}

uint32_t claim_process_slot(struct simulation *simulation, uint32_t pid)
{
    struct session_header *session = session_host_header(simulation->host);
    for (uint32_t slot = 0; slot < SESSION_PROCESS_SLOTS; slot++) {
        struct session_process *shared = session_process_at(session, slot);
        uint32_t free_state = SESSION_SLOT_FREE;
        if (!atomic_compare_exchange_strong(&shared->state, &free_state, SESSION_SLOT_CLAIMED))
            continue;
        shared->pid = pid;
        atomic_store(&shared->own_bytes, 0);
        atomic_store(&shared->ring_bytes, 0);
        raise_to(&session->process_high, slot + 1);
        return slot;
    }
    return UINT32_MAX;
}

struct actor claim_ring(struct simulation *simulation, uint32_t process_slot, uint32_t pid,
                        uint32_t tid)
{
    struct session_header *session = session_host_header(simulation->host);
    for (uint32_t slot = 0; slot < SESSION_RING_SLOTS; slot++) {
        struct ring_control *control = (void *)((char *)session + session_ring_offset(slot));
        uint32_t free_state = SESSION_SLOT_FREE;
        if (!atomic_compare_exchange_strong(&control->state, &free_state, SESSION_SLOT_CLAIMED))
            continue;
        control->process_slot = process_slot;
        atomic_store(&control->tid, tid);
        atomic_store(&control->capacity, SESSION_RING_MIN_BYTES);
        raise_to(&session->ring_high, slot + 1);
        uint64_t head = atomic_load(&control->head);
        return (struct actor){
            .simulation = simulation,
            .ring = {control, (char *)control + SESSION_RING_CONTROL_BYTES, head, head,
                     SESSION_RING_MIN_BYTES},
            .ring_slot = slot,
            .process_slot = process_slot,
            .pid = pid,
            .tid = tid,
        };
    }
    return (struct actor){.ring_slot = UINT32_MAX};
}

/* ---- records ---------------------------------------------------------------------------- */

static uint64_t *make_room(struct actor *actor, uint32_t bytes)
{
    struct ring *ring = &actor->ring;
    uint64_t *room = ring_reserve(ring, bytes);
    while (room == NULL && ring->capacity < SESSION_RING_MAX_BYTES &&
           ring_grow(ring, ring->capacity * 2))
        room = ring_reserve(ring, bytes);
    return room;
}

bool tell(struct actor *actor, uint64_t ticks, enum wire_kind kind, uint32_t word_count,
          const uint64_t *words)
{
    uint64_t *room = make_room(actor, (word_count + 1) * 8);
    if (room == NULL)
        return false;
    if (word_count != 0)
        memcpy(room + 1, words, word_count * sizeof *words);
    room[0] = (uint64_t)kind | ticks << WIRE_TICKS_SHIFT;
    ring_commit(&actor->ring, (word_count + 1) * 8);
    return true;
}

static void tell_process(struct actor *actor, uint64_t ticks, struct wire_process process,
                         const char *executable)
{
    uint64_t words[(sizeof process + 256) / 8] = {0};
    process.pid = actor->pid;
    process.executable_bytes = (uint32_t)strlen(executable);
    process.argument_bytes = process.executable_bytes;
    memcpy(words, &process, sizeof process);
    char *texts = (char *)words + sizeof process;
    memcpy(texts, executable, process.executable_bytes);
    memcpy(texts + process.executable_bytes, executable, process.argument_bytes);
    size_t bytes = sizeof process + 2 * process.executable_bytes;
    tell(actor, ticks, WIRE_PROCESS, (uint32_t)(bytes + 7) / 8 - 1, words + 1);
}

static void tell_thread(struct actor *actor, uint64_t ticks)
{
    TELL(actor, ticks, WIRE_THREAD, actor->tid, 0);
}

struct actor start_image(struct simulation *simulation, uint64_t ticks, uint32_t pid,
                         uint32_t parent_pid, const char *executable)
{
    uint32_t slot = claim_process_slot(simulation, pid);
    struct actor actor = claim_ring(simulation, slot, pid, pid);
    struct wire_process process = {.origin = WIRE_PROCESS_EXEC, .parent_pid = parent_pid};
    tell_process(&actor, ticks, process, executable);
    tell_thread(&actor, ticks);
    return actor;
}

struct actor start_child(struct actor *parent, uint64_t ticks, uint32_t pid)
{
    uint32_t slot = claim_process_slot(parent->simulation, pid);
    struct actor actor = claim_ring(parent->simulation, slot, pid, pid);
    struct wire_process process = {.origin = WIRE_PROCESS_FORK,
                                   .parent_pid = parent->pid,
                                   .parent_slot = parent->process_slot,
                                   .parent_image_pid = parent->pid};
    tell_process(&actor, ticks, process, "");
    tell_thread(&actor, ticks);
    return actor;
}

struct actor start_thread(struct actor *sibling, uint64_t ticks, uint32_t tid)
{
    struct actor actor = claim_ring(sibling->simulation, sibling->process_slot, sibling->pid, tid);
    tell_thread(&actor, ticks);
    return actor;
}

void tell_birth(struct actor *actor, uint64_t ticks, uint64_t address, uint64_t bytes)
{
    TELL(actor, ticks, WIRE_BIRTH, address | (uint64_t)FUNCTION_MALLOC << WIRE_FUNCTION_SHIFT,
         bytes << 32);
}

void tell_release(struct actor *actor, uint64_t ticks, uint64_t address)
{
    TELL(actor, ticks, WIRE_RELEASE, address | (uint64_t)FUNCTION_FREE << WIRE_FUNCTION_SHIFT);
}

void tell_exec(struct actor *actor, uint64_t ticks, uint32_t pid, enum wire_exec_reason reason,
               const char *path)
{
    uint64_t words[64] = {pid, reason, strlen(path)};
    memcpy(words + 3, path, strlen(path));
    tell(actor, ticks, WIRE_EXEC, 3 + (uint32_t)(strlen(path) + 7) / 8, words);
}

void set_in_hook(struct actor *actor, bool is_in_hook)
{
    atomic_store_explicit(&actor->ring.control->in_hook, is_in_hook, memory_order_release);
}

/* ---- what the recorder made of it ------------------------------------------------------- */

struct recorded_process *nth_image_of(const struct simulation *simulation, uint32_t pid, size_t n)
{
    for (size_t i = 0; i < simulation->tree.count; i++)
        if (simulation->tree.processes[i]->pid == pid && n-- == 0)
            return simulation->tree.processes[i];
    return NULL;
}

size_t count_images_of(const struct simulation *simulation, uint32_t pid)
{
    size_t count = 0;
    while (nth_image_of(simulation, pid, count) != NULL)
        count++;
    return count;
}

struct recorded_process *image_of(const struct simulation *simulation, uint32_t pid)
{
    size_t count = count_images_of(simulation, pid);
    return count > 0 ? nth_image_of(simulation, pid, count - 1) : NULL;
}
