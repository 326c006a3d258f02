/* The ring of wire/ring.h: each side alone on known answers, then both at once, under pressure. */
#define _GNU_SOURCE
#include "wire/ring.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    SMALL = SESSION_RING_MIN_BYTES
};

/* The memory of one slot, and both sides' views of it, at position `start`. */
struct both_ends {
    struct ring_control *control;
    struct ring producer, consumer;
};

static struct both_ends make_ring(uint64_t start)
{
    struct ring_control *control = mmap(NULL, SESSION_RING_STRIDE, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(control != MAP_FAILED);
    atomic_store(&control->capacity, SMALL);
    atomic_store(&control->head, start);
    atomic_store(&control->tail, start);
    char *data = (char *)control + SESSION_RING_CONTROL_BYTES;
    return (struct both_ends){
        .control = control,
        .producer = {control, data, start, start, SMALL, start},
        .consumer = {control, data, 0, start, 0, 0},
    };
}

static void drop_ring(struct both_ends *ends)
{
    munmap(ends->control, SESSION_RING_STRIDE);
}

static bool write_record(struct ring *ring, uint32_t bytes, uint64_t word)
{
    uint64_t *room = ring_reserve(ring, bytes);
    if (room == NULL)
        return false;
    room[0] = word;
    ring_commit(ring, bytes);
    return true;
}

/* ---- one side after the other ----------------------------------------------------------- */

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    struct both_ends ends = make_ring(0);
    const void *bytes;
    assert_int_equal(ring_peek(&ends.consumer), 0);
    assert_int_equal(ring_span(&ends.consumer, &bytes), 0);
    uint64_t *room = ring_reserve(&ends.producer, 24);
    room[0] = 11, room[1] = 12, room[2] = 13;
    assert_int_equal(ring_peek(&ends.consumer), 0); /* not published yet */
    ring_commit(&ends.producer, 24);
    assert_true(write_record(&ends.producer, 8, 21));
    assert_int_equal(ring_peek(&ends.consumer), 32);
    assert_int_equal(ring_span(&ends.consumer, &bytes), 32);
    const uint64_t expected[] = {11, 12, 13, 21};
    assert_memory_equal(bytes, expected, sizeof expected);
    ring_consume(&ends.consumer, 24);
    assert_int_equal(atomic_load(&ends.control->tail), 24);
    assert_int_equal(ring_span(&ends.consumer, &bytes), 8);
    assert_int_equal(*(const uint64_t *)bytes, 21);
    ring_consume(&ends.consumer, 8);
    assert_int_equal(ring_span(&ends.consumer, &bytes), 0);
    assert_int_equal(ring_peek(&ends.consumer), 0);
    drop_ring(&ends);
}

/* 65,512 bytes from the start on: 24 are left, a record of 32 goes round. */
static void test_pad_fills_the_end(void **state)
{
    (void)state;
    struct both_ends ends = make_ring(SMALL - 24);
    assert_true(write_record(&ends.producer, 32, 77));
    assert_int_equal(atomic_load(&ends.control->head), SMALL + 32);
    assert_int_equal(ring_peek(&ends.consumer), 24 + 32);
    const void *bytes;
    assert_int_equal(ring_span(&ends.consumer, &bytes), 24);
    assert_int_equal(*(const uint64_t *)bytes, WIRE_PAD | 24 << WIRE_TICKS_SHIFT);
    ring_consume(&ends.consumer, 24);
    assert_int_equal(ring_span(&ends.consumer, &bytes), 32);
    assert_ptr_equal(bytes, ends.consumer.data);
    assert_int_equal(*(const uint64_t *)bytes, 77);
    drop_ring(&ends);
}

static void test_a_record_may_end_with_the_ring(void **state)
{
    (void)state;
    struct both_ends ends = make_ring(SMALL - 24);
    assert_true(write_record(&ends.producer, 24, 5));
    assert_int_equal(atomic_load(&ends.control->head), SMALL);
    assert_true(write_record(&ends.producer, 8, 6));
    assert_ptr_equal(ring_reserve(&ends.producer, 8), ends.producer.data + 8);
    drop_ring(&ends);
}

static void test_a_full_ring_refuses(void **state)
{
    (void)state;
    struct both_ends ends = make_ring(0);
    for (uint64_t i = 0; i < SMALL / 16; i++)
        assert_true(write_record(&ends.producer, 16, i));
    assert_null(ring_reserve(&ends.producer, 8));
    assert_int_equal(ring_peek(&ends.consumer), SMALL);
    ring_consume(&ends.consumer, 8);
    assert_null(ring_reserve(&ends.producer, 16));
    assert_non_null(ring_reserve(&ends.producer, 8));
    drop_ring(&ends);
}

/* At place 16 of a ring that is all but empty there is no room for one more than from there to the
 * end, and the PAD counts. */
static void test_pad_takes_room(void **state)
{
    (void)state;
    struct both_ends ends = make_ring(SMALL / 2 + 16);
    assert_null(ring_reserve(&ends.producer, SMALL / 2 + 24));
    assert_int_equal(ends.producer.head, SMALL / 2 + 16);
    assert_non_null(ring_reserve(&ends.producer, SMALL / 2));
    drop_ring(&ends);
}

static void test_positions_go_round_2_64(void **state)
{
    (void)state;
    uint64_t start = UINT64_MAX - 15; /* 16 bytes before 2^64, and before the ring's end */
    struct both_ends ends = make_ring(start);
    assert_true(write_record(&ends.producer, 8, 1));
    assert_true(write_record(&ends.producer, 24, 2)); /* PAD first */
    assert_int_equal(atomic_load(&ends.control->head), 24);
    assert_int_equal(ring_peek(&ends.consumer), 40);
    const void *bytes;
    assert_int_equal(ring_span(&ends.consumer, &bytes), 16);
    ring_consume(&ends.consumer, 16);
    assert_int_equal(ring_span(&ends.consumer, &bytes), 24);
    assert_int_equal(*(const uint64_t *)bytes, 2);
    ring_consume(&ends.consumer, 24);
    while (write_record(&ends.producer, 16, 3))
        ;
    assert_int_equal(ring_peek(&ends.consumer) / 16, SMALL / 16 - 1);
    drop_ring(&ends);
}

static void test_grows_only_when_empty(void **state)
{
    (void)state;
    struct both_ends ends = make_ring(40);
    assert_true(write_record(&ends.producer, 16, 1));
    assert_false(ring_grow(&ends.producer, SMALL * 4));
    assert_int_equal(ends.producer.capacity, SMALL);
    assert_int_equal(ring_peek(&ends.consumer), 16);
    assert_int_equal(ends.consumer.capacity, SMALL);
    ring_consume(&ends.consumer, 16);
    assert_true(ring_grow(&ends.producer, SMALL * 4));
    assert_int_equal(ring_peek(&ends.consumer), 0);
    /* More than the old one had, and past its end. */
    for (uint64_t i = 0; i < SMALL / 8; i++)
        assert_true(write_record(&ends.producer, 16, 100 + i));
    assert_int_equal(ring_peek(&ends.consumer), SMALL * 2);
    assert_int_equal(ends.consumer.capacity, SMALL * 4);
    const void *bytes;
    assert_int_equal(ring_span(&ends.consumer, &bytes), SMALL * 2);
    for (uint64_t i = 0; i < SMALL / 8; i++)
        assert_int_equal(((const uint64_t *)bytes)[2 * i], 100 + i);
    drop_ring(&ends);
}

/* What a target that overwrote its control page may leave there. */
/* Another window on the same memory: who moves it voids the limit. */
static void test_places_move_with_the_window(void **state)
{
    (void)state;
    struct both_ends ends = make_ring(SMALL * 3 + 40);
    assert_true(write_record(&ends.producer, 16, 1));
    static char window[SMALL];
    ends.producer.data = window;
    ends.producer.limit = ends.producer.head;
    assert_ptr_equal(ring_reserve(&ends.producer, 16), window + 56);
    assert_ptr_equal(ring_reserve(&ends.producer, 16), window + 56);
    ring_commit(&ends.producer, 16);
    assert_ptr_equal(ring_reserve(&ends.producer, 24), window + 72);
    drop_ring(&ends);
}

static void test_nonsense_is_seen(void **state)
{
    (void)state;
    static const struct {
        uint64_t head;
        uint32_t capacity;
    } nonsense[] = {
        {SMALL + 8 + 64, SMALL}, /* more than the ring holds */
        {56, SMALL},             /* behind the tail */
        {64 + 12, SMALL},        /* not at a word */
        {128, 0},
        {128, SMALL - 8},
        {128, SMALL + 4096}, /* no power of two */
        {128, SESSION_RING_SMALL_BYTES / 2},
        {128, (uint32_t)SESSION_RING_MAX_BYTES * 2},
        {UINT64_MAX - 7, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        struct both_ends ends = make_ring(64);
        atomic_store(&ends.control->head, nonsense[i].head);
        atomic_store(&ends.control->capacity, nonsense[i].capacity);
        assert_true(ring_peek(&ends.consumer) == UINT64_MAX);
        const void *bytes;
        assert_int_equal(ends.consumer.tail_seen, 64);
        ends.consumer.head = ends.consumer.tail_seen;
        assert_int_equal(ring_span(&ends.consumer, &bytes), 0);
        drop_ring(&ends);
    }
}

static void test_consume_wakes_who_waits(void **state)
{
    (void)state;
    struct both_ends ends = make_ring(0);
    assert_true(write_record(&ends.producer, 16, 1));
    assert_true(write_record(&ends.producer, 16, 2));
    assert_int_equal(ring_peek(&ends.consumer), 32);
    ring_consume(&ends.consumer, 16);
    assert_int_equal(atomic_load(&ends.control->tail_futex), 0);
    atomic_store(&ends.control->producer_waits, 1);
    ring_consume(&ends.consumer, 16);
    assert_int_equal(atomic_load(&ends.control->tail_futex), 1);
    drop_ring(&ends);
}

/* ---- both at once ----------------------------------------------------------------------- */

enum {
    RECORDS = 2000000,
    WAIT_SECONDS = 30
};

/* xorshift64, so that both sides can follow. */
static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Most records are as small as events, few as large as stacks. */
static uint32_t random_words(uint64_t *seed)
{
    uint64_t random = next_random(seed);
    return random % 128 == 0 ? 1 + (uint32_t)(random >> 8) % 600 : 1 + (uint32_t)(random >> 8) % 5;
}

static uint64_t first_word(uint64_t sequence, uint32_t words)
{
    return 0x7f | (uint64_t)words << 8 | sequence << 24;
}

static uint64_t later_word(uint64_t sequence, uint32_t at)
{
    return sequence * UINT64_C(0x9e3779b97f4a7c15) + at;
}

/* As preload/event_writer.c waits. False: the consumer moved, and nobody woke us. */
static bool wait_for_consumer(struct ring *ring)
{
    struct ring_control *control = ring->control;
    bool is_well = true;
    uint32_t seen = atomic_load(&control->tail_futex);
    atomic_store(&control->producer_waits, 1);
    if (atomic_load(&control->tail) == ring->tail_seen) {
        struct timespec limit = {WAIT_SECONDS, 0};
        long result = syscall(SYS_futex, &control->tail_futex, FUTEX_WAIT, seen, &limit, NULL, 0);
        is_well = result == 0 || errno != ETIMEDOUT;
    }
    atomic_store(&control->producer_waits, 0);
    return is_well;
}

static void *produce(void *context)
{
    struct ring *ring = context;
    uint64_t seed = 88172645463325252;
    uintptr_t lost_wakes = 0;
    uint64_t growths = 0;
    for (uint64_t sequence = 0; sequence < RECORDS; sequence++) {
        uint32_t words = random_words(&seed);
        uint64_t *room;
        while ((room = ring_reserve(ring, words * 8)) == NULL) {
            lost_wakes += !wait_for_consumer(ring);
            /* A sixteenth of all records in each capacity: then it grows as soon as it is empty. */
            if (sequence / (RECORDS / 16) > growths && ring->capacity < SESSION_RING_MAX_BYTES) {
                /* Who is waited for may wait himself, for a ring that is full: tell him. */
                atomic_store(&ring->control->producer_waits, 1);
                while (!ring_grow(ring, ring->capacity * 2))
                    sched_yield();
                atomic_store(&ring->control->producer_waits, 0);
                growths++;
            }
        }
        room[0] = first_word(sequence, words);
        for (uint32_t i = 1; i < words; i++)
            room[i] = later_word(sequence, i);
        ring_commit(ring, words * 8);
    }
    return (void *)lost_wakes;
}

/* Checks one record; returns its bytes. */
static size_t check_record(const uint64_t *record, size_t available, uint64_t sequence,
                           uint32_t words)
{
    assert_in_range(words * (size_t)8, 1, available);
    assert_true(record[0] == first_word(sequence, words));
    for (uint32_t i = 1; i < words; i++)
        if (record[i] != later_word(sequence, i))
            fail_msg("record %llu, word %u", (unsigned long long)sequence, i);
    return words * (size_t)8;
}

/* Reads what there is, and gives it back in pieces of its own choice. Every now and then it lets
 * the ring run full. */
static void test_two_threads(void **state)
{
    (void)state;
    struct both_ends ends = make_ring(UINT64_MAX - 1048575);
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, &ends.producer), 0);
    uint64_t seed = 88172645463325252, own_seed = 1234567, pads = 0;
    uint64_t sequence = 0, pauses = 0;
    while (sequence < RECORDS) {
        if (sequence / (RECORDS / 16) > pauses && pauses < 8) {
            while (atomic_load(&ends.control->producer_waits) == 0)
                sched_yield();
            pauses++;
        }
        uint64_t published = ring_peek(&ends.consumer);
        assert_true(published <= SESSION_RING_MAX_BYTES);
        if (published == 0) {
            sched_yield();
            continue;
        }
        const void *bytes;
        for (size_t there; (there = ring_span(&ends.consumer, &bytes)) != 0;) {
            size_t step = 1 + next_random(&own_seed) % (64 << 10), done = 0;
            while (done < there && done < step) {
                const uint64_t *record = (const void *)((const char *)bytes + done);
                if ((record[0] & 0xff) == WIRE_PAD) {
                    assert_int_equal(record[0] >> WIRE_TICKS_SHIFT, there - done);
                    done = there;
                    pads++;
                    continue;
                }
                done += check_record(record, there - done, sequence, random_words(&seed));
                sequence++;
            }
            ring_consume(&ends.consumer, done);
        }
    }
    void *lost_wakes;
    pthread_join(producer, &lost_wakes);
    assert_int_equal((uintptr_t)lost_wakes, 0);
    assert_int_equal(ring_peek(&ends.consumer), 0);
    assert_true(pads > 0);
    assert_int_equal(ends.consumer.capacity, SESSION_RING_MAX_BYTES);
    drop_ring(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_pad_fills_the_end),
        cmocka_unit_test(test_a_record_may_end_with_the_ring),
        cmocka_unit_test(test_a_full_ring_refuses),
        cmocka_unit_test(test_pad_takes_room),
        cmocka_unit_test(test_positions_go_round_2_64),
        cmocka_unit_test(test_grows_only_when_empty),
        cmocka_unit_test(test_places_move_with_the_window),
        cmocka_unit_test(test_nonsense_is_seen),
        cmocka_unit_test(test_consume_wakes_who_waits),
        cmocka_unit_test(test_two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
