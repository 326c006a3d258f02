/* Records and the events that they must become: in a run, by themselves, at the end of what is
 * there, among others, and when they make no sense. */
#define _GNU_SOURCE
#include "record/event_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "wire/wire_check.h"
#include "wire/wire_format.h"

enum {
    FUTURE = 1000000,
    THREAD = 3
};

static struct ring_control *control;
static struct ring producer;
static struct intake *intake;
static struct recorded_process *process;
static const struct tick_clock clock_of_test = {.is_tsc = false}; /* a tick is a nanosecond */

static int set_up(void **state)
{
    (void)state;
    control = mmap(NULL, SESSION_RING_STRIDE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                   -1, 0);
    if (control == MAP_FAILED)
        return -1;
    atomic_store(&control->capacity, SESSION_RING_MIN_BYTES);
    producer = (struct ring){.control = control,
                             .data = (char *)control + SESSION_RING_CONTROL_BYTES,
                             .capacity = SESSION_RING_MIN_BYTES};
    intake = intake_create(control, 0, 0);
    intake->thread = THREAD;
    intake->stack_slots = calloc(WIRE_STACK_SLOTS, sizeof *intake->stack_slots);
    intake->stack_slots[0] = 1000;
    intake->stack_slots[7] = 70;
    process = recorded_process_create(0, 1, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    intake_destroy(intake);
    recorded_process_destroy(process);
    return munmap(control, SESSION_RING_STRIDE);
}

static void put(uint64_t kind, uint64_t ticks, uint64_t a, uint64_t b, uint64_t c)
{
    uint32_t bytes = (uint32_t)wire_fixed_bytes((unsigned)kind);
    const uint64_t words[] = {kind | ticks << WIRE_TICKS_SHIFT, a, b, c};
    uint64_t *room = ring_reserve(&producer, bytes);
    assert_non_null(room);
    memcpy(room, words, bytes);
    ring_commit(&producer, bytes);
}

static uint64_t called(uint64_t address, unsigned function)
{
    return address | (uint64_t)function << WIRE_FUNCTION_SHIFT;
}

static void look(void)
{
    const struct intake_times times = {.now_ticks = 0, .future_ticks = FUTURE, .is_alone = true};
    intake_refresh(intake, &times);
}

/* As recorded_process_apply does. */
static void apply_all(uint64_t limit, bool in_runs)
{
    look();
    while (intake_has_record(intake) && intake->ticks <= limit) {
        if (in_runs && event_run_apply(process, &clock_of_test, intake, limit) != 0)
            continue;
        if (event_run_has_kind(intake->kind))
            event_run_apply_one(process, &clock_of_test, intake);
        intake_advance(intake);
    }
}

static void check_event(size_t at, struct heap_event expected)
{
    const struct heap_event *event = &process->batch[at];
    assert_true(at < process->batch_count);
    assert_int_equal(event->kind, expected.kind);
    assert_int_equal(event->time_ns, expected.time_ns);
    assert_int_equal(event->address, expected.address);
    assert_int_equal(event->size, expected.size);
    assert_int_equal(event->stack.index, expected.stack.index);
    assert_int_equal(event->function, expected.function);
    assert_int_equal(event->flags, expected.flags);
    assert_int_equal(event->thread, THREAD);
}

#define EVENT(name, time, ...)                                                                     \
    (struct heap_event)                                                                            \
    {                                                                                              \
        .kind = HEAP_EVENT_##name, .time_ns = time, __VA_ARGS__                                    \
    }

static void put_one_of_each(void)
{
    const uint64_t top = WIRE_ADDRESS_MASK;
    put(WIRE_BIRTH, 1, called(0x10, FUNCTION_CALLOC), 7 | UINT64_C(0xffffffff) << 32, 0);
    put(WIRE_RELEASE, 2, called(top, FUNCTION_DELETE), 0, 0);
    put(WIRE_BIRTH_LARGE, 3, called(0x20, FUNCTION_NEW), 7, UINT64_C(1) << 40);
    put(WIRE_RELEASE_SIZED, 4, called(0x30, FUNCTION_DELETE), UINT64_C(1) << 33, 0);
    put(WIRE_RELEASE_AT, 5, called(0x40, FUNCTION_FREE), 7 | UINT64_C(9) << 32, 0);
    put(WIRE_LEAVE, 6, called(0x50, FUNCTION_REALLOC), 0, 0);
    put(WIRE_ARRIVE, 7, called(0, FUNCTION_REALLOC), 7, 0);
    put(WIRE_LEAVE, 8, called(0x60, FUNCTION_REALLOC), 0, 0);
    put(WIRE_ARRIVE_LARGE, 9, called(0x70, FUNCTION_REALLOCARRAY), 7, UINT64_C(1) << 41);
    put(WIRE_UNDO, 10, 0, 0, 0);
    put(WIRE_FAILED, 11, called(0, FUNCTION_MALLOC), 0, 0);
    put(WIRE_MAP, 12, called(0x1000, FUNCTION_MMAP), 0x3000,
        7 | (uint64_t)WIRE_MAP_ANONYMOUS << 32);
    put(WIRE_MAP, 13, called(0x9000, FUNCTION_MMAP), 0x3000,
        7 | (uint64_t)WIRE_MAP_OF_ALLOCATOR << 32);
    put(WIRE_UNMAP, 14, called(0x1000, FUNCTION_MUNMAP), 0x2000, 0);
    put(WIRE_BREAK, 15, called(0x5000, FUNCTION_SBRK), 0x4000, 7);
    put(WIRE_BIRTH, 16, called(0x80, 200), 8191 | UINT64_C(5) << 32, 0);
    put(WIRE_FREE_LAST, 17, 0, 0, 0);
    put(WIRE_BIRTH_LARGE, 18, called(0x90, FUNCTION_NEW), 7, 6);
    put(WIRE_DELETE_LAST, 19, 0, 0, 0);
}

static void check_one_of_each(void)
{
    const uint64_t top = WIRE_ADDRESS_MASK;
    check_event(0, EVENT(BIRTH, 1, .address = 0x10, .size = 0xffffffff, .stack = {70},
                         .function = FUNCTION_CALLOC));
    check_event(1, EVENT(RELEASE, 2, .address = top, .function = FUNCTION_DELETE));
    check_event(2, EVENT(BIRTH, 3, .address = 0x20, .size = UINT64_C(1) << 40, .stack = {70},
                         .function = FUNCTION_NEW));
    check_event(3, EVENT(RELEASE, 4, .address = 0x30, .size = UINT64_C(1) << 33,
                         .function = FUNCTION_DELETE));
    check_event(
        4, EVENT(RELEASE, 5, .address = 0x40, .size = 9, .stack = {70}, .function = FUNCTION_FREE));
    check_event(5, EVENT(LEAVE, 6, .address = 0x50, .function = FUNCTION_REALLOC));
    check_event(6, EVENT(ARRIVE, 7, .stack = {70}, .function = FUNCTION_REALLOC));
    check_event(7, EVENT(LEAVE, 8, .address = 0x60, .function = FUNCTION_REALLOC));
    check_event(8, EVENT(ARRIVE, 9, .address = 0x70, .size = UINT64_C(1) << 41, .stack = {70},
                         .function = FUNCTION_REALLOCARRAY));
    check_event(9, EVENT(UNDO, 10, ));
    check_event(10, EVENT(FAILED, 11, .function = FUNCTION_MALLOC));
    check_event(11, EVENT(MAP, 12, .address = 0x1000, .size = 0x3000, .stack = {70},
                          .function = FUNCTION_MMAP, .flags = HEAP_EVENT_ANONYMOUS));
    check_event(12, EVENT(MAP, 13, .address = 0x9000, .size = 0x3000, .stack = {70},
                          .function = FUNCTION_MMAP, .flags = HEAP_EVENT_OF_ALLOCATOR));
    check_event(13,
                EVENT(UNMAP, 14, .address = 0x1000, .size = 0x2000, .function = FUNCTION_MUNMAP));
    check_event(14, EVENT(BREAK, 15, .address = 0x5000, .size = 0x4000, .stack = {70},
                          .function = FUNCTION_SBRK));
    check_event(15, EVENT(BIRTH, 16, .address = 0x80, .size = 5));
    check_event(16, EVENT(RELEASE, 17, .address = 0x80, .function = FUNCTION_FREE));
    check_event(
        17, EVENT(BIRTH, 18, .address = 0x90, .size = 6, .stack = {70}, .function = FUNCTION_NEW));
    check_event(18, EVENT(RELEASE, 19, .address = 0x90, .function = FUNCTION_DELETE));
    assert_int_equal(process->batch_count, 19);
    assert_int_equal(process->bad_records, 0);
    assert_int_equal(process->applied_ticks, 19);
    assert_int_equal(intake->last_ticks, 19);
    assert_int_equal(intake->bound_ticks, 19);
}

static void test_each_kind_in_a_run(void **state)
{
    (void)state;
    put_one_of_each();
    apply_all(FUTURE, true);
    check_one_of_each();
}

static void test_each_kind_by_itself(void **state)
{
    (void)state;
    put_one_of_each();
    apply_all(FUTURE, false);
    check_one_of_each();
}

/* Nothing stands behind the last record; what stood in the ring before must not be taken for a part
 * of it. */
static void test_short_record_is_last(void **state)
{
    (void)state;
    memset(producer.data, 0xff, 4096);
    put(WIRE_RELEASE, 1, called(0x10, FUNCTION_FREE), 0, 0);
    apply_all(FUTURE, true);
    check_event(0, EVENT(RELEASE, 1, .address = 0x10, .function = FUNCTION_FREE));
    put(WIRE_RELEASE, 2, called(0x20, FUNCTION_FREE), 0, 0);
    put(WIRE_BIRTH, 3, called(0x10, FUNCTION_MALLOC), 7 | UINT64_C(64) << 32, 0);
    apply_all(FUTURE, true);
    check_event(1, EVENT(RELEASE, 2, .address = 0x20, .function = FUNCTION_FREE));
    check_event(2, EVENT(BIRTH, 3, .address = 0x10, .size = 64, .stack = {70},
                         .function = FUNCTION_MALLOC));
    assert_int_equal(process->batch_count, 3);
}

/* The pair may be cut anywhere: by the end of a look, of the ring, of a run. */
static void test_pairs_over_all_edges(void **state)
{
    (void)state;
    uint64_t ticks = 0, seen = 0;
    for (int look_count = 0; look_count < 400; look_count++) {
        for (int i = 0; i < 1 + look_count % 100; i++) {
            ticks++;
            put(WIRE_BIRTH, ticks, called(0x1000 + ticks, FUNCTION_MALLOC), 7, 0);
            if (i == 0)
                apply_all(FUTURE, true);
            put(WIRE_FREE_LAST, ++ticks, 0, 0, 0);
        }
        apply_all(FUTURE, true);
        for (size_t i = seen; i < process->batch_count; i++) {
            uint64_t time = process->batch[i].time_ns, birth = time - (time + 1) % 2;
            assert_int_equal(process->batch[i].address, 0x1000 + birth);
            assert_int_equal(process->batch[i].kind,
                             time == birth ? HEAP_EVENT_BIRTH : HEAP_EVENT_RELEASE);
        }
        assert_int_equal(process->batch[process->batch_count - 1].time_ns, ticks);
        recorded_process_flush(process);
        seen = 0;
    }
    assert_int_equal(process->bad_records, 0);
    assert_int_equal(atomic_load(&control->tail), atomic_load(&control->head));
}

/* The block of the record just before, or none. */
static void test_last_of_nothing(void **state)
{
    (void)state;
    put(WIRE_FREE_LAST, 1, 0, 0, 0);
    put(WIRE_BIRTH, 2, called(0x10, FUNCTION_MALLOC), 7, 0);
    put(WIRE_RELEASE, 3, called(0x20, FUNCTION_FREE), 0, 0);
    put(WIRE_FREE_LAST, 4, 0, 0, 0);
    put(WIRE_BIRTH, 5, called(0x10, FUNCTION_MALLOC), 7, 0);
    apply_all(FUTURE, true);
    assert_int_equal(process->batch_count, 3);
    assert_int_equal(process->bad_records, 2);
}

static void test_limit(void **state)
{
    (void)state;
    for (uint64_t ticks = 1; ticks <= 10; ticks++)
        put(WIRE_RELEASE, ticks, called(0x10, FUNCTION_FREE), 0, 0);
    apply_all(4, true);
    assert_int_equal(process->batch_count, 4);
    assert_int_equal(process->applied_ticks, 4);
    assert_true(intake_has_record(intake));
    assert_int_equal(intake->ticks, 5);
    apply_all(10, true);
    assert_int_equal(process->batch_count, 10);
}

/* Older than what was applied: late. Of the far future: counted, and taken for that of the record
 * before. */
static void test_stamps_out_of_order(void **state)
{
    (void)state;
    process->applied_ticks = 100;
    put(WIRE_RELEASE, 99, called(0x10, FUNCTION_FREE), 0, 0);
    put(WIRE_RELEASE, 100, called(0x20, FUNCTION_FREE), 0, 0);
    put(WIRE_RELEASE, 3 * (uint64_t)FUTURE, called(0x30, FUNCTION_FREE), 0, 0);
    put(WIRE_RELEASE, 101, called(0x40, FUNCTION_FREE), 0, 0);
    put(WIRE_RELEASE, 90, called(0x50, FUNCTION_FREE), 0, 0);
    put(WIRE_RELEASE, 102, called(0x60, FUNCTION_FREE), 0, 0);
    put(WIRE_RELEASE, 103, called(0x70, FUNCTION_FREE), 0, 0);
    apply_all(FUTURE, true);
    static const uint64_t times[] = {99, 100, 100, 101, 90, 102, 103};
    for (size_t i = 0; i < 7; i++)
        check_event(i,
                    EVENT(RELEASE, times[i], .address = 0x10 * (i + 1), .function = FUNCTION_FREE,
                          .flags = i == 0 || i == 4 ? HEAP_EVENT_LATE : 0));
    assert_int_equal(intake->bad_records, 1);
    assert_int_equal(intake->last_ticks, 103);
}

static void test_no_stacks_yet(void **state)
{
    (void)state;
    free(intake->stack_slots);
    intake->stack_slots = NULL;
    put(WIRE_BIRTH, 1, called(0x10, FUNCTION_MALLOC), UINT64_C(0x300000007), 0);
    put(WIRE_BIRTH, 2, called(0x20, FUNCTION_MALLOC), UINT64_C(0x3ffffffff), 0);
    apply_all(FUTURE, true);
    check_event(0, EVENT(BIRTH, 1, .address = 0x10, .size = 3, .function = FUNCTION_MALLOC));
    check_event(1, EVENT(BIRTH, 2, .address = 0x20, .size = 3, .function = FUNCTION_MALLOC));
}

/* Whatever the bytes: no crash, and all of them are read. */
static void test_noise(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252;
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 500; i++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            uint64_t *room = ring_reserve(&producer, 8);
            assert_non_null(room);
            *room = i % 3 == 0 ? (random >> 40 & ~UINT64_C(0xff)) | random % (WIRE_KIND_COUNT + 2)
                               : random;
            ring_commit(&producer, 8);
        }
        apply_all(UINT64_MAX, true);
        assert_int_equal(atomic_load(&control->tail) + intake->taken, atomic_load(&control->head));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_kind_in_a_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_kind_by_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_short_record_is_last, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pairs_over_all_edges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_last_of_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stamps_out_of_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_stacks_yet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_noise, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
