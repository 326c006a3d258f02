/* The usual births and releases take short ways (heap/plain_events.h), and those directly behind
 * each other in one batch a shorter one still. Here every script goes into two models: in batches,
 * and event by event into one that takes no short ways. They must tell the same, to the letter of
 * their records.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "heap/heap_model.h"
#include "recording/record_codec.h"

enum {
    THREADS = 3,
    ADDRESSES = 24,
    BUCKET_NS = 1000
};

/* The same heap twice. */
struct twins {
    struct heap_model *in_batches, *one_by_one;
};

static uint64_t address_of(uint64_t i)
{
    return 0x7f0000001000 + i * 64;
}

static void add_threads(struct heap_model *model)
{
    for (unsigned i = 0; i < THREADS; i++)
        heap_model_add_thread(model, 100 + i, "", 0);
}

static struct twins new_twins(void)
{
    struct heap_model_options options = {.bucket_ns = BUCKET_NS, .max_timeline_deltas = 3000};
    struct twins twins = {.in_batches = heap_model_create(&options)};
    options.is_thorough = true;
    twins.one_by_one = heap_model_create(&options);
    add_threads(twins.in_batches);
    add_threads(twins.one_by_one);
    return twins;
}

static struct twins fork_twins(const struct twins *parent, uint64_t time)
{
    struct twins child = {heap_model_fork(parent->in_batches, time),
                          heap_model_fork(parent->one_by_one, time)};
    add_threads(child.in_batches);
    add_threads(child.one_by_one);
    return child;
}

static void destroy_twins(struct twins *twins)
{
    heap_model_destroy(twins->in_batches);
    heap_model_destroy(twins->one_by_one);
    *twins = (struct twins){0};
}

static void apply(struct twins *twins, const struct heap_event *events, size_t count)
{
    heap_model_apply(twins->in_batches, events, count);
    for (size_t i = 0; i < count; i++)
        heap_model_apply(twins->one_by_one, &events[i], 1);
}

static void print_one(void *context, enum recording_kind kind, const void *record)
{
    struct text *text = context;
    text_print(text, "%d: ", (int)kind);
    record_print(record_kind_find(kind), record, text);
    text_add(text, "\n");
}

static void print(struct heap_model *model, bool is_everything, struct text *text)
{
    bool is_valid = heap_model_write_records(model, 0, is_everything, print_one, text);
    struct recording_quality quality;
    heap_model_quality(model, &quality);
    text_print(text, "valid %d\n", is_valid);
    record_print(record_kind_find(RECORDING_quality), &quality, text);
    text_print(text, "\nmisuse %llu\n", (unsigned long long)heap_model_misuse_count(model));
    struct heap_block block;
    for (uint64_t i = 0; i < ADDRESSES; i++)
        if (heap_model_find_block(model, address_of(i), &block))
            text_print(text, "block %llu: %llu %llu %u %u %u\n", (unsigned long long)i,
                       (unsigned long long)block.size, (unsigned long long)block.birth_ns,
                       block.stack.index, block.function, block.thread);
}

static void check(struct twins *twins, bool is_everything)
{
    struct text a = {0}, b = {0};
    print(twins->in_batches, is_everything, &a);
    print(twins->one_by_one, is_everything, &b);
    assert_string_equal(text_get(&a), text_get(&b));
    text_clear(&a);
    text_clear(&b);
}

static struct recording_totals totals_of(const struct twins *twins)
{
    struct recording_totals totals;
    heap_model_totals(twins->in_batches, &totals);
    return totals;
}

static struct recording_quality quality_of(const struct twins *twins)
{
    struct recording_quality quality;
    heap_model_quality(twins->in_batches, &quality);
    return quality;
}

static struct heap_event birth(uint64_t time, uint64_t i, uint64_t size, uint32_t stack)
{
    return (struct heap_event){.kind = HEAP_EVENT_BIRTH,
                               .time_ns = time,
                               .address = address_of(i),
                               .size = size,
                               .stack = {stack},
                               .function = FUNCTION_MALLOC};
}

static struct heap_event release(uint64_t time, uint64_t i)
{
    return (struct heap_event){.kind = HEAP_EVENT_RELEASE,
                               .time_ns = time,
                               .address = address_of(i),
                               .function = FUNCTION_FREE};
}

#define APPLY(twins, ...)                                                                          \
    do {                                                                                           \
        const struct heap_event events_[] = {__VA_ARGS__};                                         \
        apply(twins, events_, sizeof events_ / sizeof *events_);                                   \
    } while (0)

static void finish(struct twins *twins)
{
    check(twins, false);
    check(twins, true);
    heap_model_settle(twins->in_batches);
    heap_model_settle(twins->one_by_one);
    check(twins, true);
    destroy_twins(twins);
}

/* ---- known answers ------------------------------------------------------------------------ */

static void test_figures(void **state)
{
    (void)state;
    struct twins twins = new_twins();
    APPLY(&twins, birth(10, 0, 100, 1), release(17, 0), birth(20, 0, 60, 1), release(21, 0));
    struct recording_totals totals = totals_of(&twins);
    assert_int_equal(totals.allocations, 2);
    assert_int_equal(totals.frees, 2);
    assert_int_equal(totals.allocated_bytes, 160);
    assert_int_equal(totals.freed_bytes, 160);
    assert_int_equal(totals.live_blocks, 0);
    assert_int_equal(totals.live_bytes, 0);
    assert_int_equal(totals.temporary_allocations, 2);
    assert_int_equal(totals.peak_bytes, 100);
    assert_int_equal(totals.peak_blocks, 1);
    assert_int_equal(totals.peak_time_ns, 10);
    assert_int_equal(totals.common_peak_bytes, 100);
    assert_int_equal(quality_of(&twins).events, 4);
    finish(&twins);
}

static uint64_t peak_of_stack[8];

static void keep_peak(void *context, enum recording_kind kind, const void *record)
{
    (void)context;
    const struct recording_site *site = record;
    if (kind == RECORDING_site)
        peak_of_stack[site->stack_node_id] = site->peak_bytes;
}

/* The block of a moment can be the peak, with all else that lives then: hard case 12. */
static void test_peak_in_between(void **state)
{
    (void)state;
    struct twins twins = new_twins();
    APPLY(&twins, birth(1, 0, 10, 1), birth(2, 1, 20, 2), birth(3, 2, UINT64_C(1) << 30, 3),
          release(4, 2), release(5, 1), birth(6, 3, 500, 2), release(7, 3), birth(8, 3, 7, 1));
    heap_model_write_records(twins.one_by_one, 0, true, keep_peak, NULL);
    memset(peak_of_stack, 0, sizeof peak_of_stack);
    heap_model_write_records(twins.in_batches, 0, true, keep_peak, NULL);
    assert_int_equal(totals_of(&twins).peak_bytes, (UINT64_C(1) << 30) + 30);
    assert_int_equal(totals_of(&twins).peak_blocks, 3);
    assert_int_equal(totals_of(&twins).peak_time_ns, 3);
    assert_int_equal(peak_of_stack[1], 10);
    assert_int_equal(peak_of_stack[2], 20);
    assert_int_equal(peak_of_stack[3], UINT64_C(1) << 30);
    finish(&twins);
}

static void test_peak_of_mappings_and_heap(void **state)
{
    (void)state;
    struct twins twins = new_twins();
    struct heap_event map = {.kind = HEAP_EVENT_MAP,
                             .time_ns = 5,
                             .address = 0x10000,
                             .size = 8192,
                             .flags = HEAP_EVENT_ANONYMOUS};
    APPLY(&twins, birth(1, 0, 100, 1), release(2, 0), map, birth(6, 0, 60, 1), release(7, 0));
    assert_int_equal(totals_of(&twins).peak_bytes, 100);
    assert_int_equal(totals_of(&twins).common_peak_bytes, 8192 + 60);
    assert_int_equal(totals_of(&twins).common_peak_time_ns, 6);
    finish(&twins);
}

/* Another block lives at the address: its release was not seen. */
static void test_block_at_the_address(void **state)
{
    (void)state;
    struct twins twins = new_twins();
    APPLY(&twins, birth(1, 0, 10, 1), birth(2, 0, 20, 2), release(3, 0));
    assert_int_equal(totals_of(&twins).frees, 2);
    APPLY(&twins, birth(10, 1, 10, 1), release(11, 1), birth(12, 1, 30, 1), birth(13, 1, 40, 2),
          release(14, 1), birth(15, 1, 50, 2), release(16, 1));
    check(&twins, true);
    heap_model_settle(twins.in_batches);
    heap_model_settle(twins.one_by_one);
    assert_int_equal(quality_of(&twins).missed_frees, 2);
    assert_int_equal(totals_of(&twins).live_blocks, 0);
    finish(&twins);
}

/* An address that was vacant a moment ago has a block again, put there by each kind of event. */
static void test_vacancy_is_not_remembered(void **state)
{
    (void)state;
    struct twins twins = new_twins();
    struct heap_event leave = {.kind = HEAP_EVENT_LEAVE,
                               .time_ns = 6,
                               .address = address_of(1),
                               .function = FUNCTION_REALLOC};
    struct heap_event undo = {.kind = HEAP_EVENT_UNDO, .time_ns = 9};
    struct heap_event arrive = birth(20, 0, 33, 1);
    arrive.kind = HEAP_EVENT_ARRIVE;
    arrive.function = FUNCTION_REALLOC;
    APPLY(&twins, birth(1, 0, 10, 1), release(2, 0), birth(3, 0, 20, 2), birth(4, 0, 30, 3),
          release(5, 0));
    APPLY(&twins, birth(5, 1, 10, 1), leave, birth(7, 1, 10, 1), release(8, 1), undo,
          birth(10, 1, 10, 1), release(11, 1));
    APPLY(&twins, birth(15, 0, 10, 1), release(16, 0), arrive, birth(21, 0, 10, 1), release(22, 0));
    heap_model_settle(twins.in_batches);
    heap_model_settle(twins.one_by_one);
    assert_int_equal(quality_of(&twins).missed_frees, 3);
    finish(&twins);
}

static void test_edge_of_a_bucket(void **state)
{
    (void)state;
    struct twins twins = new_twins();
    APPLY(&twins, birth(BUCKET_NS - 1, 0, 10, 1), release(BUCKET_NS, 0), birth(BUCKET_NS, 0, 10, 1),
          release(2 * BUCKET_NS - 1, 0), birth(2 * BUCKET_NS, 0, 10, 1),
          release(9 * BUCKET_NS + 1, 0), birth(9 * BUCKET_NS + 2, 0, 10, 1),
          release(9 * BUCKET_NS + 3, 0));
    finish(&twins);
}

static void test_late_pairs(void **state)
{
    (void)state;
    struct twins twins = new_twins();
    struct heap_event late_birth = birth(5, 1, 10, 1), late_release = release(8, 1);
    late_birth.flags = late_release.flags = HEAP_EVENT_LATE;
    APPLY(&twins, birth(4 * BUCKET_NS, 0, 10, 1), late_birth, late_release,
          birth(4 * BUCKET_NS + 5, 2, 10, 1), release(4 * BUCKET_NS + 3, 2),
          birth(8 * BUCKET_NS, 3, 10, 1), release(5 * BUCKET_NS, 3));
    finish(&twins);
}

static void test_bad_pairs(void **state)
{
    (void)state;
    struct twins twins = new_twins();
    struct heap_event sized = release(2, 0), other = release(4, 0), nothing = release(6, 0);
    sized.size = 99;
    sized.stack.index = 5;
    other.function = FUNCTION_DELETE_ARRAY;
    nothing.function = FUNCTION_NONE;
    APPLY(&twins, birth(1, 0, 10, 1), sized, birth(3, 0, 10, 1), other, birth(5, 0, 10, 1),
          nothing);
    assert_int_equal(heap_model_misuse_count(twins.in_batches), 2);
    sized.size = 10;
    sized.time_ns = 8;
    APPLY(&twins, birth(7, 0, 10, 1), sized);
    assert_int_equal(heap_model_misuse_count(twins.in_batches), 2);
    /* freed twice: the pair is remembered like any free */
    APPLY(&twins, birth(10, 0, 10, 1), release(11, 0), release(12, 0));
    heap_model_settle(twins.in_batches);
    heap_model_settle(twins.one_by_one);
    assert_int_equal(heap_model_misuse_count(twins.in_batches), 3);
    finish(&twins);
}

/* Releases that came too early, and displaced blocks, may meet one half of a pair. */
static void test_others_wait(void **state)
{
    (void)state;
    struct twins twins = new_twins();
    struct heap_event early = release(100, 0);
    early.thread = 1;
    APPLY(&twins, early, birth(101, 0, 10, 1), release(102, 0));
    APPLY(&twins, birth(200, 1, 10, 1), birth(210, 1, 20, 1), birth(211, 2, 20, 1), release(212, 2),
          birth(213, 1, 30, 2), release(214, 1));
    struct heap_event before = release(209, 1);
    before.thread = 1;
    APPLY(&twins, before);
    finish(&twins);
}

static void test_nonsense_in_a_pair(void **state)
{
    (void)state;
    struct twins twins = new_twins();
    struct heap_event good[2] = {birth(10, 0, 10, 1), release(11, 0)};
    for (int half = 0; half < 2; half++)
        for (int way = 0; way < 8; way++) {
            struct heap_event pair[2] = {good[0], good[1]};
            struct heap_event *event = &pair[half];
            event->thread = way == 0 ? THREADS : way == 1 ? 1 : 0;
            event->function = way == 2 ? FUNCTION_KIND_COUNT : event->function;
            event->size = way == 3 ? UINT64_C(1) << 48 : event->size;
            event->time_ns = way == 4 ? UINT64_C(1) << 60 : event->time_ns;
            event->kind = way == 5 ? HEAP_EVENT_BREAK + 1 : event->kind;
            if (way == 6)
                pair[0].address = pair[1].address = 0;
            if (way == 7)
                pair[0].address = pair[1].address = UINT64_C(1) << 48;
            apply(&twins, pair, 2);
            check(&twins, true);
        }
    finish(&twins);
}

static void test_retired(void **state)
{
    (void)state;
    struct twins twins = new_twins();
    heap_model_retire(twins.in_batches);
    heap_model_retire(twins.one_by_one);
    APPLY(&twins, birth(1, 0, 10, 1), release(2, 0));
    assert_int_equal(quality_of(&twins).bad_records, 2);
    assert_int_equal(totals_of(&twins).allocations, 0);
    finish(&twins);
}

/* Threads beyond the last index share it, and nothing of them is known to be temporary. */
static void test_very_many_threads(void **state)
{
    (void)state;
    struct twins twins = new_twins();
    for (uint32_t i = THREADS; i < 65540; i++) {
        heap_model_add_thread(twins.in_batches, i, "", 0);
        heap_model_add_thread(twins.one_by_one, i, "", 0);
    }
    for (uint32_t thread = 65532; thread < 65540; thread++) {
        struct heap_event pair[2] = {birth(thread, 0, 10, 1), release(thread + 1, 0)};
        pair[0].thread = pair[1].thread = thread;
        apply(&twins, pair, 2);
    }
    assert_int_equal(totals_of(&twins).temporary_allocations, 2);
    finish(&twins);
}

/* The child still sees what it inherited, and takes it for what it is. */
static void test_forked(void **state)
{
    (void)state;
    struct twins parent = new_twins();
    APPLY(&parent, birth(1, 0, 10, 1), birth(2, 1, 10, 1), birth(3, 2, 10, 1));
    struct twins child = fork_twins(&parent, 5);
    APPLY(&parent, birth(6, 4, 70, 2), release(7, 4), release(8, 0), birth(9, 0, 30, 2),
          release(10, 0), birth(11, 1, 5, 2), release(12, 1));
    APPLY(&child, birth(6, 0, 40, 3), release(7, 0), release(8, 1), birth(9, 1, 50, 3),
          release(10, 1), birth(11, 5, 60, 3), release(12, 5), birth(13, 4, 60, 3), release(14, 4));
    check(&parent, true);
    check(&child, true);
    assert_int_equal(totals_of(&child).inherited_blocks, 3);
    assert_int_equal(totals_of(&child).live_blocks, 1);
    struct twins grandchild = fork_twins(&child, 20);
    APPLY(&child, birth(21, 2, 9, 1), release(22, 2), birth(23, 2, 9, 1), release(24, 2));
    APPLY(&grandchild, birth(21, 2, 8, 1), release(22, 2), birth(23, 2, 8, 1), release(24, 2));
    check(&grandchild, true);
    finish(&parent);
    finish(&child);
    finish(&grandchild);
}

/* ---- chance ------------------------------------------------------------------------------- */

static uint64_t random_state;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 11) % limit;
}

static struct heap_event any_event(uint64_t time)
{
    static const uint8_t functions[] = {FUNCTION_MALLOC, FUNCTION_NEW, FUNCTION_FREE,
                                        FUNCTION_DELETE, FUNCTION_REALLOC};
    uint64_t back = random_below(20) == 0 ? random_below(5000) : 0;
    return (struct heap_event){
        .time_ns = time > back ? time - back : 0,
        .address = address_of(random_below(ADDRESSES)),
        .size = random_below(10) == 0 ? random_below(1000) : 0,
        .stack = {(uint32_t)random_below(10)},
        .thread = (uint32_t)random_below(THREADS),
        .kind = (uint8_t)random_below(HEAP_EVENT_FAILED),
        .function = functions[random_below(5)],
    };
}

/* Mostly pairs, of a program that is not always sound. */
static size_t make_batch(struct heap_event *events, size_t room, uint64_t *time)
{
    size_t count = 0, wanted = 1 + random_below(room - 1);
    while (count < wanted) {
        *time += random_below(200) == 0 ? random_below(3000) : random_below(8);
        events[count] = any_event(*time);
        if (random_below(4) != 0 && count + 1 < wanted) {
            struct heap_event *last = &events[count++];
            last->kind = HEAP_EVENT_BIRTH;
            last->size = random_below(random_below(50) == 0 ? 100000 : 300);
            *time += random_below(6);
            events[count] = release(*time, 0);
            events[count].address = last->address;
            events[count].thread = random_below(30) == 0 ? 0 : last->thread;
            events[count].size = random_below(10) == 0 ? random_below(300) : 0;
        }
        count++;
    }
    return count;
}

static void run(uint64_t seed, bool with_forks)
{
    enum {
        MODELS = 4,
        ROOM = 64
    };
    random_state = seed * 0x9e3779b97f4a7c15u + 1;
    struct twins twins[MODELS] = {new_twins()};
    struct heap_event events[ROOM];
    uint64_t time = 100000;
    for (int step = 0; step < 1500; step++) {
        struct twins *one = &twins[random_below(MODELS)], *other = &twins[random_below(MODELS)];
        if (!one->in_batches)
            one = &twins[0];
        uint64_t choice = with_forks ? random_below(100) : 100;
        if (choice < 4 && other != &twins[0] && other != one) {
            destroy_twins(other);
            *other = fork_twins(one, time);
        } else if (choice == 4) {
            heap_model_settle(one->in_batches);
            heap_model_settle(one->one_by_one);
        }
        apply(one, events, make_batch(events, ROOM, &time));
        if (step % 50 == 0)
            check(one, random_below(2) == 0);
    }
    for (int i = MODELS; i-- > 0;)
        if (twins[i].in_batches)
            finish(&twins[i]);
}

/* A program that is sound, but for an event now and then; with nothing waiting, short ways are open
 * most of the time. */
static struct heap_event sound_event(uint64_t time, bool *are_live)
{
    uint64_t place = random_below(ADDRESSES);
    struct heap_event event = any_event(time);
    event.address = address_of(place);
    if (random_below(200) == 0 || event.time_ns != time)
        return event;
    event.kind = are_live[place] ? HEAP_EVENT_RELEASE : HEAP_EVENT_BIRTH;
    event.function = random_below(40) == 0 ? FUNCTION_NEW_ARRAY
                     : are_live[place]     ? FUNCTION_FREE
                                           : FUNCTION_MALLOC;
    event.size = are_live[place] ? 0 : random_below(random_below(50) == 0 ? 100000 : 300);
    are_live[place] = !are_live[place];
    return event;
}

static void look_at_live(const struct twins *twins, bool *are_live)
{
    struct heap_block block;
    for (uint64_t i = 0; i < ADDRESSES; i++)
        are_live[i] = heap_model_find_block(twins->one_by_one, address_of(i), &block);
}

static void test_sound_scripts(void **state)
{
    (void)state;
    enum {
        ROOM = 64
    };
    struct twins twins = new_twins();
    struct heap_event events[ROOM];
    bool are_live[ADDRESSES];
    uint64_t time = 100000;
    random_state = 99;
    for (int step = 0; step < 4000; step++) {
        size_t count = 1 + random_below(ROOM);
        heap_model_settle(twins.in_batches);
        heap_model_settle(twins.one_by_one);
        look_at_live(&twins, are_live);
        for (size_t i = 0; i < count; i++) {
            time += random_below(200) == 0 ? random_below(3000) : random_below(8);
            events[i] = sound_event(time, are_live);
        }
        apply(&twins, events, count);
        if (step % 50 == 0)
            check(&twins, random_below(2) == 0);
    }
    finish(&twins);
}

/* More sites and blocks than stay in the cache: what events will touch is looked at ahead of them
 * (heap/look_ahead.h), while sites come and tables grow and shrink. */
static void test_many_sites_and_blocks(void **state)
{
    (void)state;
    enum {
        ROOM = 256,
        PLACES = 40000,
        STACKS = 3000,
        STEPS = 1200
    };
    struct twins twins = new_twins();
    struct heap_event events[ROOM];
    bool *are_live = calloc(PLACES, 1);
    uint64_t time = 100000;
    random_state = 7;
    for (uint64_t step = 0; step < STEPS; step++) {
        uint64_t births = step < STEPS / 2 ? 8 : 3; /* of ten */
        for (size_t i = 0; i < ROOM; i++) {
            uint64_t place = random_below(PLACES);
            for (int tries = 0; tries < 20 && are_live[place] != (random_below(10) >= births);
                 tries++)
                place = random_below(PLACES);
            time += random_below(3);
            events[i] = are_live[place] ? release(time, place)
                                        : birth(time, place, 1 + random_below(5000),
                                                (uint32_t)random_below(1 + STACKS * step / STEPS));
            events[i].thread = (uint32_t)random_below(THREADS);
            are_live[place] = !are_live[place];
        }
        apply(&twins, events, ROOM);
        if (step % 200 == 0)
            check(&twins, random_below(2) == 0);
    }
    assert_true(totals_of(&twins).peak_blocks > 20000);
    assert_int_equal(quality_of(&twins).unknown_frees, 0);
    free(are_live);
    finish(&twins);
}

static void test_random_scripts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++)
        run(seed, false);
}

static void test_random_scripts_with_forks(void **state)
{
    (void)state;
    for (uint64_t seed = 21; seed <= 28; seed++)
        run(seed, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_peak_in_between),
        cmocka_unit_test(test_peak_of_mappings_and_heap),
        cmocka_unit_test(test_block_at_the_address),
        cmocka_unit_test(test_vacancy_is_not_remembered),
        cmocka_unit_test(test_edge_of_a_bucket),
        cmocka_unit_test(test_late_pairs),
        cmocka_unit_test(test_bad_pairs),
        cmocka_unit_test(test_others_wait),
        cmocka_unit_test(test_nonsense_in_a_pair),
        cmocka_unit_test(test_retired),
        cmocka_unit_test(test_very_many_threads),
        cmocka_unit_test(test_forked),
        cmocka_unit_test(test_sound_scripts),
        cmocka_unit_test(test_many_sites_and_blocks),
        cmocka_unit_test(test_random_scripts),
        cmocka_unit_test(test_random_scripts_with_forks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
