#include "record/process_memory.h"

#include <string.h>

/* From here on a process is copied rather than held until it was read. */
#define COPY_FROM_BYTES (UINT64_C(64) << 20)

bool process_memory_may_copy(pid_t pid, uint64_t resident_bytes, struct error *no_room)
{
    *no_room = (struct error){""};
    return resident_bytes >= COPY_FROM_BYTES && target_copy_has_room(pid, resident_bytes, no_room);
}

static bool is_readable(uint32_t tid, struct error *error)
{
    struct target_process *process = target_process_open(tid, error);
    target_process_close(process);
    return process != NULL;
}

/* A thread of it waits for us, and may do something meanwhile. */
static bool is_waiting(const struct process_memory *memory)
{
    const struct process_hold *hold = memory->input.hold;
    return !hold->is_stopped &&
           (hold->parker.park != 0 || hold->is_quiet || memory->input.is_waiting);
}

static bool make(struct process_memory *memory, uint32_t flags, const struct clock *clock,
                 uint64_t deadline_ns, struct error *error)
{
    const struct process_memory_input *input = &memory->input;
    bool is_made = target_copy_make(&memory->copy, &input->hold->stopper, is_waiting(memory), flags,
                                    input->shared, clock, deadline_ns, error);
    if (is_made && (flags & SESSION_COPY_READS) != 0)
        memory->server = target_server_of(input->session, memory->copy.number, memory->copy.pidfd);
    return is_made;
}

static bool make_copy(struct process_memory *memory, uint32_t flags, const struct clock *clock,
                      uint64_t deadline_ns)
{
    return memory->input.may_copy && make(memory, flags, clock, deadline_ns, &memory->no_copy);
}

/* One that a thread waits for is read in place where it is not copied; one that only ptrace holds
 * has nobody who could wait. */
static bool serve(struct process_memory *memory, const struct clock *clock, uint64_t deadline_ns,
                  const char *refusal, struct error *error)
{
    struct error why = {""};
    memory->is_copied = make_copy(memory, SESSION_COPY_READS, clock, deadline_ns);
    memory->is_served = memory->is_copied ||
                        make(memory,
                             is_waiting(memory) ? SESSION_COPY_READS | SESSION_COPY_IN_PLACE
                                                : SESSION_COPY_READS,
                             clock, deadline_ns, &why);
    if (!memory->is_served)
        return error_set(error, "%s, and it does not read itself: %s", refusal, why.message);
    struct target_process *process = target_process_serve(&memory->server);
    struct target_memory reader = target_process_memory(process);
    if (memory->input.hold->is_parked)
        parker_read_registers(&memory->input.hold->parker, &memory->input.hold->stopper, &reader);
    target_process_close(process);
    return true;
}

static bool find_way(struct process_memory *memory, const struct process_memory_input *input,
                     const struct clock *clock, uint64_t deadline_ns, struct error *error)
{
    struct error refusal = {""};
    *memory = (struct process_memory){
        .input = *input, .copy = {.pidfd = -1}, .no_copy = input->no_room};
    if (!is_readable(input->tid, &refusal))
        return serve(memory, clock, deadline_ns, refusal.message, error);
    memory->is_copied = make_copy(memory, 0, clock, deadline_ns);
    return true;
}

bool process_memory_reach(struct process_memory *memory, const struct process_memory_input *input,
                          const struct clock *clock, uint64_t deadline_ns, struct error *error)
{
    bool is_reached = find_way(memory, input, clock, deadline_ns, error);
    if (!memory->is_copied)
        process_hold_take_time(input->hold);
    return is_reached;
}

bool process_memory_is_whole(const struct process_memory *memory)
{
    bool is_stand_in = memory->is_copied || memory->is_served;
    return !is_stand_in || (!memory->server.is_broken && !target_copy_has_ended(&memory->copy));
}

void process_memory_end(struct process_memory *memory)
{
    if (memory->is_copied || memory->is_served)
        target_copy_end(&memory->copy);
    memory->is_copied = memory->is_served = false;
}

bool process_memory_read_residency(struct process_memory *memory, struct residency *residency,
                                   struct error *error)
{
    if (!memory->is_served)
        return memory->is_copied ? residency_read_copied(residency, (uint32_t)memory->copy.pid,
                                                         (uint32_t)memory->input.pid, error)
                                 : residency_read(residency, memory->input.tid, error);
    if (!memory->is_copied)
        return residency_ask(residency, &memory->server, error);
    *residency = (struct residency){0};
    return error_set(error, "only a copy of the process may be looked at, by itself");
}

bool process_reading_begin(struct process_reading *reading, struct process_memory *memory,
                           const struct target_mappings *known, struct error *error)
{
    bool is_stand_in = memory->is_copied || memory->is_served;
    *reading = (struct process_reading){.pid = is_stand_in ? (uint32_t)memory->copy.pid
                                                           : memory->input.tid};
    reading->process = memory->is_served ? target_process_serve(&memory->server)
                                         : target_process_open(reading->pid, error);
    if (reading->process == NULL)
        return false;
    reading->memory = target_process_memory(reading->process);
    if (!is_stand_in && known != NULL && known->count > 0) {
        reading->mappings = *known;
        return true;
    }
    reading->has_own_mappings = true;
    return memory->is_served ? target_mappings_ask(&reading->mappings, &memory->server, error)
                             : target_mappings_read(&reading->mappings, reading->pid, error);
}

void process_reading_end(struct process_reading *reading)
{
    if (reading->has_own_mappings)
        target_mappings_clear(&reading->mappings);
    target_process_close(reading->process);
    *reading = (struct process_reading){0};
}
