#include "record/event_run.h"

#include "wire/wire_format.h"

enum {
    LONGEST_BYTES = 32,   /* of a record that becomes an event */
    STEP_BYTES = 16 << 10 /* read bytes are given back at least this often */
};

/* By kind of record; zeros: becomes no event. */
static const struct shape {
    uint8_t words;
    bool is_plain; /* decoded without a branch: see decode_plain */
    uint8_t event; /* enum heap_event_kind */
    bool is_birth;
    uint32_t word_mask; /* plain: 0 when the record ends before the word of stack and size */
} SHAPES[256] = {
    [WIRE_BIRTH] = {3, true, HEAP_EVENT_BIRTH, true, UINT32_MAX},
    [WIRE_BIRTH_LARGE] = {4, false, HEAP_EVENT_BIRTH, true, 0},
    [WIRE_RELEASE] = {2, true, HEAP_EVENT_RELEASE, false, 0},
    [WIRE_RELEASE_SIZED] = {3, false, HEAP_EVENT_RELEASE, false, 0},
    [WIRE_FREE_LAST] = {1, false, HEAP_EVENT_RELEASE, false, 0},
    [WIRE_DELETE_LAST] = {1, false, HEAP_EVENT_RELEASE, false, 0},
    [WIRE_LEAVE] = {2, true, HEAP_EVENT_LEAVE, false, 0},
    [WIRE_ARRIVE] = {3, true, HEAP_EVENT_ARRIVE, false, UINT32_MAX},
    [WIRE_ARRIVE_LARGE] = {4, false, HEAP_EVENT_ARRIVE, false, 0},
    [WIRE_UNDO] = {1, false, HEAP_EVENT_UNDO, false, 0},
    [WIRE_FAILED] = {2, true, HEAP_EVENT_FAILED, false, 0},
    [WIRE_MAP] = {4, false, HEAP_EVENT_MAP, false, 0},
    [WIRE_UNMAP] = {3, false, HEAP_EVENT_UNMAP, false, 0},
    [WIRE_BREAK] = {4, false, HEAP_EVENT_BREAK, false, 0},
    [WIRE_AGED] = {2, false, HEAP_EVENT_AGED, false, 0},
    [WIRE_RELEASE_AT] = {3, true, HEAP_EVENT_RELEASE, false, UINT32_MAX},
};

static const uint32_t NO_STACKS[WIRE_STACK_SLOTS];

bool event_run_has_kind(unsigned kind)
{
    return kind < WIRE_KIND_COUNT && SHAPES[kind].words != 0;
}

static struct stack_id stack_at(const uint32_t *stacks, uint64_t slot)
{
    return (struct stack_id){stacks[(uint32_t)slot % WIRE_STACK_SLOTS]};
}

static const uint32_t *stacks_of(const struct intake *intake)
{
    return intake->stack_slots != NULL ? intake->stack_slots : NO_STACKS;
}

static uint8_t function_of(uint64_t place)
{
    uint64_t function = place >> WIRE_FUNCTION_SHIFT;
    return function < FUNCTION_KIND_COUNT ? (uint8_t)function : FUNCTION_NONE;
}

/* Address and function, then perhaps stack and size. Which of these kinds comes next nobody can
 * predict, so nothing here depends on it: what stands behind a shorter record is read, and masked.
 */
static inline void decode_plain(const struct shape *shape, const uint32_t *stacks,
                                const volatile uint64_t *words, struct heap_event *event)
{
    uint64_t place = words[1], word = words[2];
    event->address = place & WIRE_ADDRESS_MASK;
    event->size = (word >> 32) & shape->word_mask;
    event->stack.index = stack_at(stacks, word).index & shape->word_mask;
    event->kind = shape->event;
    event->function = function_of(place);
}

static bool is_of_last(unsigned kind)
{
    return kind == WIRE_FREE_LAST || kind == WIRE_DELETE_LAST;
}

/* False: the record before was no birth. */
static inline bool decode_release_of_last(unsigned kind, uint64_t last_birth,
                                          struct heap_event *event)
{
    event->kind = HEAP_EVENT_RELEASE;
    event->address = last_birth;
    event->size = 0;
    event->stack.index = 0;
    event->function = kind == WIRE_FREE_LAST ? FUNCTION_FREE : FUNCTION_DELETE;
    return last_birth != 0;
}

/* The rarer kinds. False: it becomes no event after all. */
static __attribute__((noinline)) bool decode_special(unsigned kind, const uint32_t *stacks,
                                                     const volatile uint64_t *words,
                                                     struct heap_event *event)
{
    event->kind = SHAPES[kind].event;
    event->address = event->size = 0;
    event->stack.index = 0;
    event->function = FUNCTION_NONE;
    if (kind == WIRE_UNDO)
        return true;
    uint64_t place = words[1], word;
    event->address = place & WIRE_ADDRESS_MASK;
    event->function = function_of(place);
    switch (kind) {
    case WIRE_BIRTH_LARGE:
    case WIRE_ARRIVE_LARGE:
        event->stack = stack_at(stacks, words[2]);
        event->size = words[3];
        break;
    case WIRE_MAP:
        word = words[3];
        event->size = words[2];
        event->stack = stack_at(stacks, word);
        if ((word >> 32 & WIRE_MAP_ANONYMOUS) != 0)
            event->flags |= HEAP_EVENT_ANONYMOUS;
        if ((word >> 32 & WIRE_MAP_OF_ALLOCATOR) != 0)
            event->flags |= HEAP_EVENT_OF_ALLOCATOR;
        return true;
    case WIRE_BREAK:
        event->size = words[2];
        event->stack = stack_at(stacks, words[3]);
        break;
    case WIRE_AGED:
        break;
    default: /* RELEASE_SIZED, UNMAP */
        event->size = words[2];
    }
    return true;
}

/* Inlined: the compiler keeps a run's state in registers then. */
static inline __attribute__((always_inline)) bool decode(unsigned kind, const uint32_t *stacks,
                                                         uint64_t *last_birth,
                                                         const volatile uint64_t *words,
                                                         struct heap_event *event)
{
    const struct shape *shape = &SHAPES[kind];
    bool is_event = true;
    if (shape->is_plain)
        decode_plain(shape, stacks, words, event);
    else if (is_of_last(kind))
        is_event = decode_release_of_last(kind, *last_birth, event);
    else
        is_event = decode_special(kind, stacks, words, event);
    *last_birth = shape->is_birth ? event->address : 0;
    return is_event;
}

static struct heap_event *room_for_event(struct recorded_process *process)
{
    if (process->batch_count == PROCESS_BATCH_EVENTS || process->batch == NULL)
        recorded_process_make_room(process);
    return &process->batch[process->batch_count];
}

void event_run_apply_one(struct recorded_process *process, const struct tick_clock *clock,
                         struct intake *intake)
{
    /* The words behind a shorter record are masked, but must be there. */
    uint64_t words[LONGEST_BYTES / 8] = {0};
    const volatile uint64_t *shared = (const volatile uint64_t *)intake->at;
    for (size_t i = 0; i < SHAPES[intake->kind].words; i++)
        words[i] = shared[i];
    struct heap_event *event = room_for_event(process);
    event->time_ns = tick_clock_to_ns(clock, intake->ticks);
    event->thread = intake->thread;
    event->flags = intake->ticks < process->applied_ticks ? HEAP_EVENT_LATE : 0;
    if (decode(intake->kind, stacks_of(intake), &intake->last_birth, words, event))
        process->batch_count++;
    else
        process->bad_records += is_of_last(intake->kind);
    if (intake->ticks > process->applied_ticks)
        process->applied_ticks = intake->ticks;
}

uint64_t event_run_apply(struct recorded_process *process, const struct tick_clock *clock,
                         struct intake *intake, uint64_t limit_ticks)
{
    if (limit_ticks > intake->future_ticks)
        limit_ticks = intake->future_ticks;
    const uint32_t *stacks = stacks_of(intake), thread = intake->thread;
    uint64_t last_birth = intake->last_birth, last_ticks = intake->last_ticks;
    uint64_t applied_ticks = process->applied_ticks;
    size_t there = intake->there < STEP_BYTES ? intake->there : STEP_BYTES;
    const char *at = intake->at, *end = at + there;
    struct tick_range range = clock->newest;
    uint64_t later = 0; /* the first word of a record behind the limit, which is next */
    while (end - at >= LONGEST_BYTES) {
        const volatile uint64_t *words = (const volatile uint64_t *)at;
        uint64_t word = words[0], ticks = word >> WIRE_TICKS_SHIFT;
        unsigned kind = word & 0xff;
        if (SHAPES[kind].words == 0)
            break;
        if (ticks > limit_ticks) {
            later = word;
            break;
        }
        struct heap_event *event = room_for_event(process);
        event->time_ns = tick_range_to_ns(clock, &range, ticks);
        event->thread = thread;
        event->flags = ticks < applied_ticks ? HEAP_EVENT_LATE : 0;
        if (decode(kind, stacks, &last_birth, words, event))
            process->batch_count++;
        else
            process->bad_records += is_of_last(kind);
        applied_ticks = ticks > applied_ticks ? ticks : applied_ticks;
        last_ticks = ticks > last_ticks ? ticks : last_ticks;
        at += SHAPES[kind].words * (size_t)8;
    }
    size_t bytes = (size_t)(at - intake->at);
    intake->last_birth = last_birth;
    process->applied_ticks = applied_ticks;
    if (bytes == 0)
        return 0;
    intake_skip(intake, bytes, last_ticks);
    if (later != 0)
        intake_note_record(intake, later, SHAPES[later & 0xff].words * (size_t)8);
    return bytes;
}
