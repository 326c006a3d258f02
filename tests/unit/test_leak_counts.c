/* Counts by kind, against known answers; and against what was lost before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "snapshot/leak_counts.h"
#include "block_graph.h"

static void expect(const struct leak_counts *counts, uint64_t definite, uint64_t indirect,
                   uint64_t possible, uint64_t reachable)
{
    assert_int_equal(counts->bytes[LEAK_DEFINITE], definite);
    assert_int_equal(counts->bytes[LEAK_INDIRECT], indirect);
    assert_int_equal(counts->bytes[LEAK_POSSIBLE], possible);
    assert_int_equal(counts->bytes[LEAK_REACHABLE], reachable);
    assert_int_equal(counts->bytes[LEAK_SUPPRESSED], 0);
}

struct looker {
    struct leak_history history;
    struct leak_counts counts;
    struct snapshot snapshot;
    uint8_t kinds[BLOCK_GRAPH_MOST];
    int beats;
};

static void beat(void *context)
{
    ((struct looker *)context)->beats++;
}

static void take(struct looker *looker, uint64_t time_ns, enum leak_counts_scope scope)
{
    looker->snapshot.time_ns = time_ns;
    leak_counts_judge(&looker->snapshot, looker->kinds, beat, looker);
    leak_counts_take(&looker->snapshot, looker->kinds, scope, &looker->history, &looker->counts);
    snapshot_clear(&looker->snapshot);
}

static void look(struct looker *looker, const char *graph, uint64_t time_ns,
                 enum leak_counts_scope scope)
{
    block_graph_read(graph, &looker->snapshot);
    take(looker, time_ns, scope);
}

static void counts_every_kind(void **state)
{
    struct looker looker = {0};
    (void)state;
    look(&looker, "a>b R>c R?d d>e f>g g>f", 10000, LEAK_COUNTS_ALL);
    expect(&looker.counts, 1 + 32, 2 + 64, 8 + 16, 4);
    assert_int_equal(looker.counts.blocks[LEAK_DEFINITE], 2);
    assert_int_equal(looker.counts.blocks[LEAK_INDIRECT], 2);
    assert_int_equal(looker.counts.blocks[LEAK_POSSIBLE], 2);
    assert_int_equal(looker.counts.blocks[LEAK_REACHABLE], 1);
    assert_true(looker.beats > 0);
    look(&looker, "", 20000, LEAK_COUNTS_ALL);
    expect(&looker.counts, 0, 0, 0, 0);
    leak_history_clear(&looker.history);
}

static void leaves_out_what_was_lost_before(void **state)
{
    struct looker looker = {0};
    (void)state;
    look(&looker, "a R?b R>c R>d", 10000, LEAK_COUNTS_NEW);
    expect(&looker.counts, 1, 0, 2, 4 + 8); /* nobody looked before */
    look(&looker, "a R?b R>c R>d", 20000, LEAK_COUNTS_NEW);
    expect(&looker.counts, 0, 0, 0, 0);
    /* b is surer now, c is lost and d held as before. */
    look(&looker, "a b c R>d", 30000, LEAK_COUNTS_NEW);
    expect(&looker.counts, 2 + 4, 0, 0, 0);
    look(&looker, "a R?b c R>d", 40000, LEAK_COUNTS_NEW); /* less sure is not new */
    expect(&looker.counts, 0, 0, 0, 0);
    /* Another block stands where a stood, and one that is held was not there. */
    block_graph_read("a R>b", &looker.snapshot);
    looker.snapshot.blocks[0].birth_ns = 45000;
    looker.snapshot.blocks[1].birth_ns = 46000;
    take(&looker, 50000, LEAK_COUNTS_NEW);
    expect(&looker.counts, 1, 0, 0, 2);
    leak_history_clear(&looker.history);
}

static void counts_sites_that_changed(void **state)
{
    struct looker looker = {0};
    (void)state;
    for (int step = 0; step < 3; step++) {
        block_graph_read(step == 2 ? "a b c" : "a b c d", &looker.snapshot);
        for (size_t i = 0; i < looker.snapshot.block_count; i++)
            looker.snapshot.blocks[i].site = i == 0 ? 1 : 2;
        take(&looker, 10000, LEAK_COUNTS_CHANGED);
        if (step == 0)
            expect(&looker.counts, 15, 0, 0, 0);
        if (step == 1)
            expect(&looker.counts, 0, 0, 0, 0);
        if (step == 2) /* one less of the second site: all of it */
            expect(&looker.counts, 2 + 4, 0, 0, 0);
    }
    leak_history_clear(&looker.history);
}

static void counts_neither_inherited_nor_ignored_ones(void **state)
{
    struct looker looker = {0};
    (void)state;
    block_graph_read("a>b c d", &looker.snapshot);
    looker.snapshot.blocks[0].flags = SNAPSHOT_BLOCK_IGNORED;
    looker.snapshot.blocks[2].flags = SNAPSHOT_BLOCK_INHERITED;
    take(&looker, 10000, LEAK_COUNTS_ALL);
    expect(&looker.counts, 8, 0, 0, 1 + 2);
    leak_history_clear(&looker.history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_every_kind),
        cmocka_unit_test(leaves_out_what_was_lost_before),
        cmocka_unit_test(counts_sites_that_changed),
        cmocka_unit_test(counts_neither_inherited_nor_ignored_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
