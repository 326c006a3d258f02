/* The recorder's end of a ring: what it reads, in which order, what it promises of the future, and
 * what it makes of nonsense. The target's end is written here, by hand. */
#define _GNU_SOURCE
#include "record/intake.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

enum {
    SMALL = SESSION_RING_MIN_BYTES,
    SLACK = 100,
    PATIENCE = 1000000,
    FUTURE = 10000000
};

static struct ring_control *control;
static struct ring producer;
static struct intake *intake;

static int set_up(void **state)
{
    (void)state;
    control = mmap(NULL, SESSION_RING_STRIDE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                   -1, 0);
    if (control == MAP_FAILED)
        return -1;
    atomic_store(&control->capacity, SMALL);
    producer = (struct ring){.control = control,
                             .data = (char *)control + SESSION_RING_CONTROL_BYTES,
                             .capacity = SMALL};
    intake = intake_create(control, 5, 3);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    intake_destroy(intake);
    return munmap(control, SESSION_RING_STRIDE);
}

/* ---- helpers ---------------------------------------------------------------------------- */

static bool write_words(const uint64_t *words, uint32_t count)
{
    uint64_t *room = ring_reserve(&producer, count * 8);
    if (room == NULL)
        return false;
    memcpy(room, words, count * (size_t)8);
    ring_commit(&producer, count * 8);
    return true;
}

static bool write_release(uint64_t ticks)
{
    return write_words((uint64_t[]){WIRE_RELEASE | ticks << WIRE_TICKS_SHIFT, ticks}, 2);
}

static bool write_birth(uint64_t ticks)
{
    return write_words((uint64_t[]){WIRE_BIRTH | ticks << WIRE_TICKS_SHIFT, ticks, 0}, 3);
}

static void look(uint64_t now)
{
    const struct intake_times times = {now, SLACK, PATIENCE, FUTURE, false};
    intake_refresh(intake, &times);
}

static uint64_t tail(void)
{
    return atomic_load(&control->tail);
}

static void expect_record(unsigned kind, uint64_t ticks)
{
    assert_true(intake_has_record(intake));
    assert_int_equal(intake->kind, kind);
    assert_int_equal(intake->ticks, ticks);
    uint64_t words[2];
    memcpy(words, intake->at, sizeof words);
    assert_int_equal(words[1], ticks);
    intake_advance(intake);
}

/* ---- reading ---------------------------------------------------------------------------- */

static void test_reads_in_place(void **state)
{
    (void)state;
    write_birth(10);
    write_release(11);
    look(20);
    assert_true(intake_has_record(intake));
    assert_ptr_equal(intake->at, producer.data); /* no copy */
    assert_int_equal(intake->size, 24);
    expect_record(WIRE_BIRTH, 10);
    expect_record(WIRE_RELEASE, 11);
    assert_false(intake_has_record(intake));
    intake_settle(intake, false);
    assert_int_equal(tail(), 40);
    assert_int_equal(intake_backlog_bytes(intake), 0);
    assert_int_equal(intake->slot, 5);
    assert_int_equal(intake->process_slot, 3);
}

static void test_nothing_is_given_back_unread(void **state)
{
    (void)state;
    write_birth(10);
    write_birth(11);
    look(20);
    expect_record(WIRE_BIRTH, 10);
    intake_settle(intake, false);
    assert_int_equal(tail(), 24);
    look(20);
    expect_record(WIRE_BIRTH, 11);
}

/* Read bytes are given back while reading goes on, not only at its end. */
static void test_gives_back_in_steps(void **state)
{
    (void)state;
    uint64_t count = 0, seen = 0;
    while (write_release(count))
        count++;
    assert_int_equal(count, SMALL / 16);
    look(count + 1000);
    uint64_t largest = 0;
    while (intake_has_record(intake)) {
        expect_record(WIRE_RELEASE, seen);
        seen++;
        largest = seen * 16 - tail() > largest ? seen * 16 - tail() : largest;
    }
    assert_int_equal(seen, count);
    assert_int_equal(tail(), SMALL);
    assert_in_range(largest, 16, SMALL / 4);
}

static void test_a_blocked_ring_is_emptied(void **state)
{
    (void)state;
    uint64_t count = 0;
    while (write_release(count))
        count++;
    look(count + 1000);
    expect_record(WIRE_RELEASE, 0);
    intake_settle(intake, true);
    assert_int_equal(tail(), SMALL);
    assert_int_equal(intake_backlog_bytes(intake), SMALL - 16);
    assert_true(write_birth(count));
    for (uint64_t i = 1; i < count; i++)
        expect_record(WIRE_RELEASE, i);
}

/* What comes while there is a backlog goes behind it, whether it must wait or not. */
static void test_order_over_ring_and_backlog(void **state)
{
    (void)state;
    uint64_t written = 0, seen = 0;
    for (int round = 0; round < 200; round++) {
        uint64_t now = written + 1000;
        for (int i = 0; i < 700 && (i % 3 != 0 ? write_release(written) : write_birth(written));
             i++)
            written++;
        look(now);
        for (int i = 0; i < round % 7 * 200 && intake_has_record(intake); i++) {
            assert_int_equal(intake->ticks, seen);
            seen++;
            intake_advance(intake);
        }
        intake_settle(intake, round % 3 != 0);
        if (round % 3 != 0)
            assert_int_equal(tail(), atomic_load(&control->head));
    }
    look(written + 1000);
    for (; intake_has_record(intake); seen++) {
        assert_int_equal(intake->ticks, seen);
        intake_advance(intake);
    }
    assert_int_equal(seen, written);
    assert_int_equal(intake->bad_records, 0);
    assert_true(written > 20000);
}

/* The ring's end comes at every place, so PADs of every size pass through the backlog. */
static void test_pads_in_the_backlog(void **state)
{
    (void)state;
    uint64_t words[400] = {0}, written = 0, seen = 0;
    for (uint32_t round = 0; round < 600; round++) {
        uint32_t frames = 1 + round * 37 % 390;
        words[0] = WIRE_STACK | written << WIRE_TICKS_SHIFT;
        words[1] = (uint64_t)frames << 32;
        assert_true(write_words(words, 3 + frames));
        written++;
        look(written);
        intake_settle(intake, true);
    }
    assert_true(producer.head > 8 * SMALL);
    for (; intake_has_record(intake); seen++) {
        assert_int_equal(intake->kind, WIRE_STACK);
        assert_int_equal(intake->ticks, seen);
        intake_advance(intake);
    }
    assert_int_equal(seen, written);
    assert_int_equal(intake->bad_records, 0);
}

/* A long backlog that is read as fast as it grows takes no more and more memory; an empty one none.
 */
static void test_backlog_stays_in_bounds(void **state)
{
    (void)state;
    uint64_t written = 0, seen = 0;
    for (int round = 0; round < 2000; round++) {
        while (write_release(written))
            written++;
        look(written);
        for (int i = 0; round >= 100 && i < SMALL / 16; i++) {
            assert_true(intake_has_record(intake));
            assert_int_equal(intake->ticks, seen++);
            intake_advance(intake);
        }
        intake_settle(intake, true);
    }
    assert_in_range(intake_backlog_bytes(intake), 99 * SMALL, 101 * SMALL);
    assert_in_range(intake->backlog_capacity, 100 * SMALL, 400 * SMALL);
    for (; intake_has_record(intake); seen++)
        intake_advance(intake);
    assert_int_equal(seen, written);
    assert_int_equal(intake->backlog_capacity, 0);
}

static void test_ring_that_grew(void **state)
{
    (void)state;
    write_birth(1);
    look(10);
    expect_record(WIRE_BIRTH, 1);
    intake_settle(intake, false);
    assert_true(ring_grow(&producer, SESSION_RING_MAX_BYTES));
    uint64_t count = 0;
    while (write_release(count))
        count++;
    assert_int_equal(count, SESSION_RING_MAX_BYTES / 16 - 1); /* and a PAD of 8 */
    look(count);
    for (uint64_t i = 0; i < count; i++)
        expect_record(WIRE_RELEASE, i);
    assert_false(intake_has_record(intake));
}

/* ---- promises --------------------------------------------------------------------------- */

static void test_quiet_thread_promises_the_present(void **state)
{
    (void)state;
    look(5000);
    assert_int_equal(intake->bound_ticks, 5000 - SLACK);
    look(50); /* younger than the slack */
    assert_int_equal(intake->bound_ticks, 0);
}

static void test_unread_records_do_not_lower_the_promise(void **state)
{
    (void)state;
    write_birth(4000);
    look(5000);
    assert_int_equal(intake->bound_ticks, 5000 - SLACK);
    expect_record(WIRE_BIRTH, 4000);
}

static void test_thread_in_a_hook_promises_what_it_published(void **state)
{
    (void)state;
    atomic_store(&control->in_hook, 1);
    look(5000);
    assert_int_equal(intake->bound_ticks, 0);
    /* However many records are unread: the newest counts. */
    for (uint64_t ticks = 6000; ticks < 6100; ticks++)
        write_release(ticks);
    look(7000);
    assert_int_equal(intake->bound_ticks, 6099);
    look(8000);
    assert_int_equal(intake->bound_ticks, 6099);
    atomic_store(&control->in_hook, 0);
    look(9000);
    assert_int_equal(intake->bound_ticks, 9000 - SLACK);
}

static void test_promise_covers_the_backlog(void **state)
{
    (void)state;
    for (uint64_t ticks = 10; ticks < 20; ticks++)
        write_release(ticks);
    look(30);
    intake_settle(intake, true);
    atomic_store(&control->in_hook, 1);
    for (uint64_t ticks = 20; ticks < 25; ticks++)
        write_release(ticks);
    look(5000);
    assert_int_equal(intake->bound_ticks, 24);
    expect_record(WIRE_RELEASE, 10);
}

static void test_patience_ends(void **state)
{
    (void)state;
    atomic_store(&control->in_hook, 1);
    look(5000);
    look(5000 + PATIENCE - 1);
    assert_int_equal(intake->bound_ticks, 0);
    look(5000 + PATIENCE);
    assert_int_equal(intake->bound_ticks, 5000 + PATIENCE - SLACK);
    atomic_store(&control->in_hook, 0);
    look(5000 + 2 * PATIENCE);
    atomic_store(&control->in_hook, 1); /* another one: patience begins anew */
    look(5000 + 3 * PATIENCE);
    look(5000 + 4 * PATIENCE - 1);
    assert_int_equal(intake->bound_ticks, 0);
}

/* Seen in a hook at each look, but not in the same one: it publishes all the time. */
static void test_patience_is_for_one_hook(void **state)
{
    (void)state;
    atomic_store(&control->in_hook, 1);
    uint64_t now = 5000;
    for (int i = 0; i < 10; i++, now += PATIENCE / 2) {
        write_release(now - 10);
        look(now);
        expect_record(WIRE_RELEASE, now - 10);
        intake_settle(intake, false);
        assert_int_equal(intake->bound_ticks, now - 10);
    }
}

/* ---- nonsense --------------------------------------------------------------------------- */

static void test_malformed_bytes_are_skipped(void **state)
{
    (void)state;
    write_birth(10);
    write_words((uint64_t[]){0xff, 0, 0}, 3);
    look(20);
    expect_record(WIRE_BIRTH, 10);
    assert_false(intake_has_record(intake));
    assert_int_equal(intake->bad_records, 1);
    intake_settle(intake, false);
    assert_int_equal(tail(), 48);
    write_release(30);
    look(40);
    expect_record(WIRE_RELEASE, 30);
}

static void test_cut_record_is_skipped(void **state)
{
    (void)state;
    write_words((uint64_t[]){WIRE_BIRTH | 10 << WIRE_TICKS_SHIFT, 1}, 2); /* wants a third word */
    look(20);
    assert_false(intake_has_record(intake));
    assert_int_equal(intake->bad_records, 1);
}

static void test_positions_overwritten(void **state)
{
    (void)state;
    static const struct {
        uint64_t head;
        uint32_t capacity;
    } nonsense[] = {{1 << 30, SMALL}, {UINT64_MAX, SMALL}, {12, SMALL},         {64, 0},
                    {64, SMALL + 1},  {64, UINT32_MAX},    {UINT64_MAX - 7, 1}, {16, 1u << 31}};
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        atomic_store(&control->head, nonsense[i].head);
        atomic_store(&control->capacity, nonsense[i].capacity);
        look(100);
        assert_false(intake_has_record(intake));
        assert_int_equal(intake->bad_records, 1);
        assert_int_equal(tail(), nonsense[i].head & ~UINT64_C(7));
        intake->bad_records = 0;
        intake_settle(intake, i % 2 == 0);
        atomic_store(&control->head, 0);
        atomic_store(&control->capacity, SMALL);
        intake_destroy(intake);
        atomic_store(&control->tail, 0);
        intake = intake_create(control, 0, 0);
    }
}

/* A tail that stands inside a word, from a target that went wild before the first look. */
static void test_tail_out_of_step(void **state)
{
    (void)state;
    intake_destroy(intake);
    atomic_store(&control->tail, 5);
    intake = intake_create(control, 0, 0);
    write_release(10);
    look(20);
    expect_record(WIRE_RELEASE, 10);
}

/* A stamp of next year would hold up all that follow it, and stretch the timeline beyond use. */
static void test_stamps_of_the_future(void **state)
{
    (void)state;
    uint64_t now = 5000;
    write_release(4000);
    write_words((uint64_t[]){WIRE_RELEASE | UINT64_MAX << WIRE_TICKS_SHIFT, 1}, 2);
    write_words((uint64_t[]){WIRE_RELEASE | (now + FUTURE + 1) << WIRE_TICKS_SHIFT, 2}, 2);
    write_release(now + FUTURE); /* the recorder was away that long between the look and now */
    look(now);
    expect_record(WIRE_RELEASE, 4000);
    for (int i = 0; i < 2; i++) {
        assert_true(intake_has_record(intake));
        assert_int_equal(intake->ticks, 4000);
        intake_advance(intake);
    }
    expect_record(WIRE_RELEASE, now + FUTURE);
    assert_int_equal(intake->bad_records, 2);
    atomic_store(&control->in_hook, 1);
    write_words((uint64_t[]){WIRE_RELEASE | UINT64_MAX << WIRE_TICKS_SHIFT, 1}, 2);
    look(2 * FUTURE);
    assert_int_equal(intake->bound_ticks, now + FUTURE);
}

/* ---- a target that goes wild while we read ---------------------------------------------- */

enum {
    WILD_ROUNDS = 20000
};

static _Atomic bool is_wild_over;

/* Words of shared memory are not atomic to the compiler; for us here they are. */
__attribute__((no_sanitize("thread"))) static void put_word(void *place, uint64_t word)
{
    *(volatile uint64_t *)place = word;
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void *go_wild(void *context)
{
    uint64_t seed = 424242;
    (void)context;
    while (!atomic_load(&is_wild_over)) {
        uint64_t random = next_random(&seed),
                 head = next_random(&seed) % (2 * SMALL) & ~UINT64_C(7);
        if (random % 8 == 0)
            atomic_store(&control->capacity, SMALL << random / 8 % 8);
        atomic_store(&control->head, random % 64 == 1 ? random : head);
        for (int i = 0; i < 64; i++) {
            random = next_random(&seed);
            put_word(producer.data + (random >> 32) % SESSION_RING_MAX_BYTES / 64 / 8 * 8,
                     random % 30 | (random & 0xff00));
        }
    }
    return NULL;
}

/* Whatever stands there, and however it changes: no record reaches beyond the ring, and all that is
 * read of it belongs to the record. */
__attribute__((no_sanitize("thread"))) static void test_wild_target(void **state)
{
    (void)state;
    pthread_t thread;
    atomic_store(&is_wild_over, false);
    assert_int_equal(pthread_create(&thread, NULL, go_wild, NULL), 0);
    uint64_t sum = 0;
    for (uint64_t round = 0; round < WILD_ROUNDS; round++) {
        look(round * 10);
        for (int i = 0; i < 100 && intake_has_record(intake); i++) {
            assert_in_range(intake->kind, WIRE_BIRTH, WIRE_KIND_COUNT - 1);
            assert_true(intake->size <= WIRE_MAX_RECORD_BYTES && intake->size % 8 == 0);
            if (intake->backlog_start == intake->backlog_end)
                assert_in_range(intake->at - producer.data, 0,
                                SESSION_RING_MAX_BYTES - intake->size);
            for (size_t word = 0; word < intake->size / 8; word++)
                sum += ((const volatile uint64_t *)intake->at)[word];
            intake_advance(intake);
        }
        intake_settle(intake, round % 5 == 0);
    }
    atomic_store(&is_wild_over, true);
    pthread_join(thread, NULL);
    assert_true(sum != 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reads_in_place),
        TEST(test_nothing_is_given_back_unread),
        TEST(test_gives_back_in_steps),
        TEST(test_a_blocked_ring_is_emptied),
        TEST(test_order_over_ring_and_backlog),
        TEST(test_pads_in_the_backlog),
        TEST(test_backlog_stays_in_bounds),
        TEST(test_ring_that_grew),
        TEST(test_quiet_thread_promises_the_present),
        TEST(test_unread_records_do_not_lower_the_promise),
        TEST(test_thread_in_a_hook_promises_what_it_published),
        TEST(test_promise_covers_the_backlog),
        TEST(test_patience_ends),
        TEST(test_patience_is_for_one_hook),
        TEST(test_malformed_bytes_are_skipped),
        TEST(test_cut_record_is_skipped),
        TEST(test_positions_overwritten),
        TEST(test_tail_out_of_step),
        TEST(test_stamps_of_the_future),
        TEST(test_wild_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
