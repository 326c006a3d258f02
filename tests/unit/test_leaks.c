/* In these graphs (block_graph.h) block 'a' is born at site make_a and has 1 byte, 'b' at make_b
 * and has 2, and so on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/leaks.h"
#include "block_graph.h"
#include "profile_builder.h"

static struct profile *make_profile(void)
{
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    for (unsigned i = 0; i < BLOCK_GRAPH_MOST; i++) {
        char stack[64];
        snprintf(stack, sizeof stack, "main@main.c:%u;make_%c@make.c:%u", 10 + i, 'a' + (int)i,
                 i + 1);
        profile_builder_add_site(builder, 0, FUNCTION_MALLOC, stack, 1, 1u << i, 0, 0);
    }
    struct profile *profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    return profile;
}

struct fixture {
    struct profile *profile;
    struct snapshot snapshot;
    struct suppressions list;
    struct leak_use uses[8];
    struct leaks_options options;
    struct leaks leaks;
};

static void begin(struct fixture *fixture, const char *graph, const char *suppressions)
{
    struct error error;
    *fixture = (struct fixture){.profile = make_profile()};
    block_graph_read(graph, &fixture->snapshot);
    suppressions_init(&fixture->list);
    if (suppressions &&
        !suppressions_read(&fixture->list, "t.supp", suppressions, strlen(suppressions), &error))
        fail_msg("%s", error.message);
    if (suppressions)
        fixture->options.suppressions = &fixture->list;
    fixture->options.uses = fixture->uses;
}

static void find(struct fixture *fixture)
{
    leaks_clear(&fixture->leaks);
    leaks_find(fixture->profile, 0, &fixture->snapshot, &fixture->options, &fixture->leaks);
}

static void end(struct fixture *fixture)
{
    leaks_clear(&fixture->leaks);
    suppressions_clear(&fixture->list);
    snapshot_clear(&fixture->snapshot);
    profile_destroy(fixture->profile);
}

/* Bytes by kind: definite, indirect, possible, reachable, suppressed. Blocks are the bits in them.
 */
static void expect_sums(const struct fixture *fixture, uint64_t definite, uint64_t indirect,
                        uint64_t possible, uint64_t reachable, uint64_t suppressed)
{
    const uint64_t expected[] = {definite, indirect, possible, reachable, suppressed};
    for (unsigned kind = 0; kind < LEAK_KIND_COUNT; kind++) {
        if (fixture->leaks.kinds[kind].bytes != expected[kind])
            fail_msg("%s: %llu bytes", leak_kind_name(kind),
                     (unsigned long long)fixture->leaks.kinds[kind].bytes);
        assert_int_equal(fixture->leaks.kinds[kind].blocks, __builtin_popcountll(expected[kind]));
    }
}

/* The block's letter tells its site. */
static const struct leak *leak_of(const struct fixture *fixture, enum leak_kind kind, char block)
{
    char name[] = "make_?";
    name[5] = block;
    for (size_t i = 0; i < fixture->leaks.count; i++) {
        const struct leak *leak = &fixture->leaks.items[i];
        if (leak->kind != kind)
            continue;
        const struct profile *profile = fixture->profile;
        const struct profile_node *node = &profile->nodes[profile->sites[leak->site].stack_node];
        const struct profile_frame *frame = &profile->frames[node->frame];
        if (strcmp(profile->locations[frame->first_location].function, name) == 0)
            return leak;
    }
    return NULL;
}

static void kinds_and_what_hangs(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture, "R>a a>b R?c c>d e>f f>g h>i i>h i>j", NULL);
    find(&fixture);
    expect_sums(&fixture, 16 + 128, 32 + 64 + 256 + 512, 4 + 8, 1 + 2, 0);
    const struct leak *leak = leak_of(&fixture, LEAK_DEFINITE, 'e');
    assert_non_null(leak);
    assert_int_equal(leak->bytes, 16);
    assert_int_equal(leak->indirect_blocks, 2);
    assert_int_equal(leak->indirect_bytes, 32 + 64);
    assert_int_equal(leak->cycles, 0);
    leak = leak_of(&fixture, LEAK_DEFINITE, 'h');
    assert_int_equal(leak->cycles, 1);
    assert_int_equal(leak->cycle_block, 7);
    assert_int_equal(leak->indirect_bytes, 256 + 512);
    assert_non_null(leak_of(&fixture, LEAK_INDIRECT, 'i'));
    assert_non_null(leak_of(&fixture, LEAK_POSSIBLE, 'd'));
    assert_int_equal(fixture.leaks.count, 10);
    assert_int_equal(fixture.leaks.items[0].kind, LEAK_DEFINITE);
    assert_int_equal(fixture.leaks.items[0].bytes, 128);
    end(&fixture);
}

static void sites_are_summed(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture, "a b c>d", NULL);
    fixture.snapshot.blocks[1].site = 0;
    fixture.snapshot.blocks[2].site = 0;
    fixture.snapshot.blocks[3].site = 9999; /* unknown */
    find(&fixture);
    assert_int_equal(fixture.leaks.count, 2);
    assert_int_equal(fixture.leaks.items[0].blocks, 3);
    assert_int_equal(fixture.leaks.items[0].bytes, 7);
    assert_int_equal(fixture.leaks.items[0].indirect_bytes, 8);
    assert_int_equal(fixture.leaks.items[0].first_block, 0);
    assert_int_equal(fixture.leaks.items[1].site, LEAKS_NO_SITE);
    end(&fixture);
}

static void suppressed_blocks_take_along_what_hangs_from_them(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture, "a>b b>c d>c d>e R?f f>g R>h",
          "leak:make_b\nleak:make_f\nleak:make_h\nleak:zz");
    find(&fixture);
    /* a stays and loses what b takes; c is reached from b, though d refers to it, too. */
    expect_sums(&fixture, 1 + 8, 16, 0, 128, 2 + 4 + 32 + 64);
    assert_int_equal(leak_of(&fixture, LEAK_DEFINITE, 'a')->indirect_blocks, 0);
    assert_int_equal(leak_of(&fixture, LEAK_SUPPRESSED, 'b')->suppression, 0);
    assert_true(leak_of(&fixture, LEAK_SUPPRESSED, 'c')->suppression == LEAKS_NO_SUPPRESSION);
    assert_int_equal(fixture.uses[0].state, LEAK_USE_USED);
    assert_int_equal(fixture.uses[0].sum.bytes, 2);
    assert_int_equal(fixture.uses[1].sum.blocks, 1);
    assert_int_equal(fixture.uses[2].state, LEAK_USE_UNUSED); /* reachable is no leak */
    assert_int_equal(fixture.uses[3].state, LEAK_USE_UNUSED);
    end(&fixture);
}

static void a_suppressed_cycle_goes_as_a_whole(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture, "a>b b>a b>c d>a", "leak:make_b");
    find(&fixture);
    expect_sums(&fixture, 8, 0, 0, 0, 7);
    end(&fixture);
}

static void entries_may_be_for_some_kinds(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(
        &fixture, "a>b R?c R>d",
        "{\nx\nMemcheck:Leak\nmatch-leak-kinds: indirect\nfun:malloc\n}\n"
        "{\ny\nMemcheck:Leak\nmatch-leak-kinds: reachable\nfun:malloc\nfun:make_d\nfun:main\n}\n");
    find(&fixture);
    expect_sums(&fixture, 1, 0, 4, 0, 2 + 8);
    end(&fixture);
}

static void expired_entries_suppress_nothing(void **state)
{
    struct fixture fixture;
    (void)state;
    /* The made-up recordings are of 2026-01-01. */
    begin(&fixture, "a b",
          "# seep: expires=2026-01-01\nleak:make_a\n# seep: expires=2026-01-02\nleak:make_b\n");
    find(&fixture);
    expect_sums(&fixture, 1, 0, 0, 0, 2);
    assert_int_equal(fixture.uses[0].state, LEAK_USE_EXPIRED);
    assert_int_equal(fixture.uses[1].state, LEAK_USE_USED);
    end(&fixture);
}

static void entries_that_would_take_too_much_suppress_nothing(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture, "a b c",
          "# seep: max-bytes=3\nleak:make_\n# seep: max-bytes=4\nleak:make_c\nleak:make_a\n");
    find(&fixture);
    expect_sums(&fixture, 2, 0, 0, 0, 1 + 4);
    assert_int_equal(fixture.uses[0].state, LEAK_USE_EXCEEDED);
    assert_int_equal(fixture.uses[0].sum.bytes, 7);
    assert_int_equal(fixture.uses[1].state, LEAK_USE_USED);
    assert_int_equal(fixture.uses[2].state, LEAK_USE_USED);
    end(&fixture);
}

static void the_program_may_ignore_blocks(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture, "a>b b>c d R>e", NULL);
    fixture.snapshot.blocks[1].flags = SNAPSHOT_BLOCK_IGNORED;
    fixture.snapshot.blocks[4].flags = SNAPSHOT_BLOCK_IGNORED;
    find(&fixture); /* b and e are held as if by roots, and c by b */
    expect_sums(&fixture, 1 + 8, 0, 0, 2 + 4 + 16, 0);
    end(&fixture);
}

static void inherited_blocks_are_the_parents(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture, "R>a a>b c>d e>f", NULL);
    fixture.snapshot.blocks[0].flags = SNAPSHOT_BLOCK_INHERITED;
    fixture.snapshot.blocks[2].flags = SNAPSHOT_BLOCK_INHERITED;
    find(&fixture);
    expect_sums(&fixture, 8 + 16, 32, 0, 2, 0);
    end(&fixture);
}

static void only_what_is_new(void **state)
{
    struct fixture fixture;
    struct snapshot then;
    (void)state;
    begin(&fixture, "a b R?c R>d d>e f", NULL);
    block_graph_read("a R>b R?c R>d e", &then);
    then.blocks[3].birth_ns = 7; /* another block was there */
    then.blocks[4].birth_ns = 8;
    fixture.options.since = &then;
    find(&fixture);
    /* a was lost and c possible before; b was held; f was not there, nor were d and e. */
    expect_sums(&fixture, 2 + 32, 0, 0, 8 + 16, 0);
    then.blocks[3].birth_ns = fixture.snapshot.blocks[3].birth_ns;
    find(&fixture);
    expect_sums(&fixture, 2 + 32, 0, 0, 16, 0);
    snapshot_clear(&then);
    end(&fixture);
}

static void what_only_mappings_hold_is_told(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture, "R>a a>b R>c b>d c>d", NULL);
    fixture.snapshot.roots[0].kind = SNAPSHOT_ROOT_MAPPING;
    find(&fixture);
    expect_sums(&fixture, 0, 0, 0, 15, 0);
    assert_int_equal(fixture.leaks.mapping_only.bytes, 1 + 2);
    assert_int_equal(fixture.leaks.mapping_only.blocks, 2);
    fixture.options.roots_off = 1 << SNAPSHOT_ROOT_MAPPING;
    find(&fixture);
    expect_sums(&fixture, 1, 2, 0, 12, 0);
    assert_int_equal(fixture.leaks.mapping_only.bytes, 0);
    end(&fixture);
}

static void random_sums_come_out(void **state)
{
    struct profile *profile = make_profile();
    (void)state;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct snapshot snapshot;
        struct leaks leaks;
        uint64_t kinds[LEAK_KIND_COUNT] = {0}, indirect_bytes = 0, indirect_blocks = 0, all = 0;
        block_graph_make_random(seed, 1 + seed % 14, 10 + seed % 40, seed % 4, &snapshot);
        leaks_find(profile, 0, &snapshot, &(struct leaks_options){0}, &leaks);
        for (size_t i = 0; i < leaks.count; i++) {
            kinds[leaks.items[i].kind] += leaks.items[i].bytes;
            indirect_bytes += leaks.items[i].indirect_bytes;
            indirect_blocks += leaks.items[i].indirect_blocks;
        }
        for (unsigned kind = 0; kind < LEAK_KIND_COUNT; kind++) {
            assert_int_equal(kinds[kind], leaks.kinds[kind].bytes);
            all += kinds[kind];
        }
        assert_int_equal(all, (1u << snapshot.block_count) - 1);
        assert_int_equal(indirect_bytes, leaks.kinds[LEAK_INDIRECT].bytes);
        assert_int_equal(indirect_blocks, leaks.kinds[LEAK_INDIRECT].blocks);
        assert_int_equal(leaks_leaked(&leaks).bytes, indirect_bytes + kinds[LEAK_DEFINITE]);
        leaks_clear(&leaks);
        snapshot_clear(&snapshot);
    }
    profile_destroy(profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_and_what_hangs),
        cmocka_unit_test(sites_are_summed),
        cmocka_unit_test(suppressed_blocks_take_along_what_hangs_from_them),
        cmocka_unit_test(a_suppressed_cycle_goes_as_a_whole),
        cmocka_unit_test(entries_may_be_for_some_kinds),
        cmocka_unit_test(expired_entries_suppress_nothing),
        cmocka_unit_test(entries_that_would_take_too_much_suppress_nothing),
        cmocka_unit_test(the_program_may_ignore_blocks),
        cmocka_unit_test(inherited_blocks_are_the_parents),
        cmocka_unit_test(only_what_is_new),
        cmocka_unit_test(what_only_mappings_hold_is_told),
        cmocka_unit_test(random_sums_come_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
