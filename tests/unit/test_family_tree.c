/* Processes below those that made them: a small family, one of which some are left out, and parents
 * that cannot be. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analysis/family_tree.h"

enum {
    MOST = 64,
    NOBODY = 1000
};

struct family {
    struct profile_process processes[MOST];
    struct profile profile;
    struct family_tree tree;
};

/* Adds a process; `parent`: a position, or NOBODY. */
static void add(struct family *family, uint32_t parent, uint64_t peak_bytes)
{
    size_t position = family->profile.process_count++;
    struct profile_process *process = &family->processes[position];

    process->about.id = position;
    process->about.parent_id_plus_1 = parent == NOBODY ? 0 : parent + 1;
    process->totals.peak_bytes = peak_bytes;
    family->profile.processes = family->processes;
}

static void expect(const struct family *family, size_t row, uint32_t process, uint32_t depth,
                   uint32_t left_out)
{
    assert_true(row < family->tree.count);
    assert_int_equal(family->tree.rows[row].process, process);
    assert_int_equal(family->tree.rows[row].depth, depth);
    assert_int_equal(family->tree.rows[row].left_out, left_out);
}

/* A branch stands where its largest process puts it. */
static void stands_below_parents(void **state)
{
    struct family family = {0};

    (void)state;
    add(&family, NOBODY, 10);
    add(&family, 0, 5);
    add(&family, 0, 1);
    add(&family, 2, 7);
    family_tree_list(&family.profile, false, &family.tree);
    assert_int_equal(family.tree.count, 4);
    expect(&family, 0, 0, 0, 0);
    expect(&family, 1, 2, 1, 0);
    expect(&family, 2, 3, 2, 0);
    expect(&family, 3, 1, 1, 0);
    family_tree_clear(&family.tree);
}

/* Thirty children, of which each but the first five has one of its own: 25 of them and theirs. */
static void leaves_many_out(void **state)
{
    struct family family = {0};

    (void)state;
    add(&family, NOBODY, 1);
    for (uint32_t i = 0; i < 30; i++)
        add(&family, 0, 100 - i);
    for (uint32_t i = 6; i <= 30; i++)
        add(&family, i, 1);
    family_tree_list(&family.profile, false, &family.tree);
    assert_int_equal(family.tree.count, 7);
    expect(&family, 1, 1, 1, 0);
    expect(&family, 5, 5, 1, 0);
    expect(&family, 6, 6, 1, 50);
    family_tree_clear(&family.tree);
    family_tree_list(&family.profile, true, &family.tree);
    assert_int_equal(family.tree.count, 56);
    expect(&family, 6, 6, 1, 0);
    expect(&family, 7, 31, 2, 0);
    family_tree_clear(&family.tree);
}

/* Those who are their own parents, or have one that is younger or does not exist, have none. */
static void ignores_bad_parents(void **state)
{
    struct family family = {0};

    (void)state;
    add(&family, 1, 3);
    add(&family, 0, 4);
    add(&family, 2, 9);
    add(&family, 77, 1);
    family_tree_list(&family.profile, false, &family.tree);
    assert_int_equal(family.tree.count, 4);
    expect(&family, 0, 2, 0, 0);
    expect(&family, 1, 0, 0, 0);
    expect(&family, 2, 1, 1, 0);
    expect(&family, 3, 3, 0, 0);
    family_tree_clear(&family.tree);
}

static void shows_nobody(void **state)
{
    struct family family = {0};

    (void)state;
    family_tree_list(&family.profile, false, &family.tree);
    assert_int_equal(family.tree.count, 0);
    family_tree_clear(&family.tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stands_below_parents),
        cmocka_unit_test(leaves_many_out),
        cmocka_unit_test(ignores_bad_parents),
        cmocka_unit_test(shows_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
