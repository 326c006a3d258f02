/* Sites that were inherited and never touched, in lists and out of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "recording/inherited_sites.h"

enum {
    SITES = 4
};

static struct recording_site make_site(uint64_t id, uint64_t node, uint64_t blocks, uint64_t bytes)
{
    return (struct recording_site){
        .process_id = 7,
        .id = id,
        .stack_node_id = node,
        .allocation_function = 3,
        .inherited_blocks = blocks,
        .inherited_bytes = bytes,
        .live_blocks = blocks,
        .live_bytes = bytes,
        .peak_blocks = blocks,
        .peak_bytes = bytes,
    };
}

static void holds_what_nothing_happened_to(void **state)
{
    static const size_t others[] = {
        offsetof(struct recording_site, allocations),
        offsetof(struct recording_site, frees),
        offsetof(struct recording_site, allocated_bytes),
        offsetof(struct recording_site, freed_bytes),
        offsetof(struct recording_site, live_blocks),
        offsetof(struct recording_site, live_bytes),
        offsetof(struct recording_site, peak_blocks),
        offsetof(struct recording_site, peak_bytes),
        offsetof(struct recording_site, temporary_allocations),
        offsetof(struct recording_site, first_ns),
        offsetof(struct recording_site, last_ns),
        offsetof(struct recording_site, size_histogram.count),
        offsetof(struct recording_site, lifetime_histogram.count),
        offsetof(struct recording_site, threads.count),
        offsetof(struct recording_site, estimates.count),
    };
    (void)state;
    struct recording_site site = make_site(1, 2, 3, 4);
    assert_true(inherited_sites_can_hold(&site));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        uint64_t number;
        site = make_site(1, 2, 3, 4);
        memcpy(&number, (char *)&site + others[i], sizeof number);
        number++;
        memcpy((char *)&site + others[i], &number, sizeof number);
        assert_false(inherited_sites_can_hold(&site));
    }
}

struct seen {
    struct recording_site sites[SITES];
    size_t count, most;
};

static bool note(void *context, const struct recording_site *site)
{
    struct seen *seen = context;
    assert_true(seen->count < SITES);
    seen->sites[seen->count++] = *site;
    return seen->count < seen->most;
}

static void gives_back_what_was_added(void **state)
{
    (void)state;
    struct inherited_sites list = {0};
    const struct recording_site sites[SITES] = {
        make_site(0, 90, 1, 16), make_site(1, 4, UINT32_MAX, UINT64_MAX), make_site(5, 4, 2, 0),
        make_site(UINT32_MAX, UINT32_MAX, 1, 1)};
    for (int round = 0; round < 2; round++) { /* a list can be used again */
        struct seen seen = {.most = SITES + 1};
        for (size_t i = 0; i < SITES; i++)
            inherited_sites_add(&list, &sites[i]);
        assert_false(inherited_sites_are_many(&list));
        struct recording_inherited_sites record = inherited_sites_take(&list, 7);
        assert_int_equal(list.count, 0);
        assert_true(inherited_sites_visit(&record, note, &seen));
        assert_int_equal(seen.count, SITES);
        assert_memory_equal(seen.sites, sites, sizeof sites);
    }
    inherited_sites_clear(&list);
}

static void takes_any_numbers(void **state)
{
    static const uint64_t numbers[] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, 1, 2, 5, 6, 7, 8, 9, 10};
    (void)state;
    struct seen seen = {.most = SITES + 1};
    struct recording_inherited_sites record = {.process_id = 1, .sites = {numbers, 11}};
    assert_true(inherited_sites_visit(&record, note, &seen));
    assert_int_equal(seen.count, 2); /* what is left is no site */
    assert_int_equal(seen.sites[1].id, 4);
    record.sites.count = 4;
    seen = (struct seen){.most = SITES + 1};
    assert_true(inherited_sites_visit(&record, note, &seen));
    assert_int_equal(seen.count, 0);
    record.sites.count = 10;
    seen = (struct seen){.most = 1};
    assert_false(inherited_sites_visit(&record, note, &seen));
    assert_int_equal(seen.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_nothing_happened_to),
        cmocka_unit_test(gives_back_what_was_added),
        cmocka_unit_test(takes_any_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
