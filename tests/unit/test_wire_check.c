/* Well-formed records of every kind, each cut at every length, and lengths that are too large. */
#include "wire/wire_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "wire/wire_format.h"

/* A record of the kind: `length_word` holds `length_value`, and its size must be `bytes`. */
static const struct sample {
    unsigned kind;
    size_t bytes;
    unsigned length_word;
    uint64_t length_value;
} samples[] = {
    {WIRE_BIRTH, 24, 0, 0},
    {WIRE_BIRTH_LARGE, 32, 0, 0},
    {WIRE_RELEASE, 16, 0, 0},
    {WIRE_RELEASE_SIZED, 24, 0, 0},
    {WIRE_RELEASE_AT, 24, 0, 0},
    {WIRE_AGED, 16, 0, 0},
    {WIRE_FREE_LAST, 8, 0, 0},
    {WIRE_DELETE_LAST, 8, 0, 0},
    {WIRE_LEAVE, 16, 0, 0},
    {WIRE_ARRIVE, 24, 0, 0},
    {WIRE_ARRIVE_LARGE, 32, 0, 0},
    {WIRE_UNDO, 8, 0, 0},
    {WIRE_FAILED, 16, 0, 0},
    {WIRE_STACK, 24, 1, 7},
    {WIRE_STACK, 24 + 8, 1, UINT64_C(1) << 32 | 7},
    {WIRE_STACK, 24 + 8192, 1, UINT64_C(1024) << 32 | 8191},
    {WIRE_STACK_BYTES, 104, 12, 0},
    {WIRE_STACK_BYTES, 104 + 16, 12, 16},
    {WIRE_STACK_BYTES, 104 + 65536, 12, 65536},
    {WIRE_MODULE, 48, 4, 0},
    {WIRE_MODULE, 48 + 24, 4, UINT64_C(20) << 32 | UINT64_C(1) << 48 | 3},
    {WIRE_MODULE, 48 + 4136, 4, UINT64_C(40) << 32 | UINT64_C(4096) << 48},
    {WIRE_MODULE_GONE, 16, 0, 0},
    {WIRE_MAP, 32, 0, 0},
    {WIRE_UNMAP, 24, 0, 0},
    {WIRE_BREAK, 32, 0, 0},
    {WIRE_THREAD, 24, 0, 0},
    {WIRE_THREAD_END, 16, 0, 0},
    {WIRE_PROCESS, 64, 5, 0},
    {WIRE_PROCESS, 64 + 16, 5, UINT64_C(8) << 32 | 3},
    {WIRE_PROCESS, 64 + 8192, 5, UINT64_C(4096) << 32 | 4096},
    {WIRE_FORK, 16, 0, 0},
    {WIRE_FORK_DONE, 24, 0, 0},
    {WIRE_EXEC, 32, 3, 0},
    {WIRE_EXEC, 32 + 8, 3, 1},
    {WIRE_EXEC, 32 + 4096, 3, 4096},
    {WIRE_EXEC_FAILED, 16, 0, 0},
    {WIRE_EXIT, 16, 0, 0},
    {WIRE_MARK, 16, 1, 0},
    {WIRE_MARK, 16 + 16, 1, 9},
    {WIRE_MARK, 16 + 4096, 1, 4096},
    {WIRE_IGNORE, 16, 0, 0},
    {WIRE_IGNORING, 16, 0, 0},
    {WIRE_REGION, 32, 0, 0},
    {WIRE_POOL, 32, 0, 0},
    {WIRE_POOL_BIRTH, 40, 0, 0},
    {WIRE_POOL_RELEASE, 24, 0, 0},
    {WIRE_SUPPRESSIONS, 16 + 8, 1, 3},
    {WIRE_SUPPRESSIONS, 16 + 4096, 1, 4096},
    {WIRE_STACK, 24 + 8, 1, WIRE_STACK_APPROXIMATE | UINT64_C(1) << 32 | 7},
    {WIRE_PYTHON, 16, 0, 0},
    {WIRE_PYTHON_CODE, 32, 3, 0},
    {WIRE_PYTHON_CODE, 32 + 8, 3, UINT64_C(5) << 16 | 3},
    {WIRE_PYTHON_CODE, 32 + 512 + 4096, 3, UINT64_C(4096) << 16 | 512},
    {WIRE_PYTHON_LINES, 24, 2, 0},
    {WIRE_PYTHON_LINES, 24 + 8, 2, 2},
    {WIRE_PYTHON_LINES, 24 + 4096, 2, 4096},
};

enum {
    SAMPLES = sizeof samples / sizeof *samples,
    ROOM = 80 << 10
};

/* In memory of exactly this size, so that a sanitizer sees a byte read too many. */
static uint64_t *make_record(const struct sample *sample, size_t available)
{
    uint64_t whole[16] = {0}, *exact;
    whole[0] = sample->kind | UINT64_C(0x123456789abcde) << WIRE_TICKS_SHIFT;
    if (sample->length_word != 0)
        whole[sample->length_word] = sample->length_value;
    exact = memory_allocate_zeroed(1, available > 0 ? available : 1);
    memcpy(exact, whole, available < sizeof whole ? available : sizeof whole);
    return exact;
}

static size_t check(const struct sample *sample, size_t available)
{
    uint64_t *record = make_record(sample, available);
    size_t size = wire_check(record, available);
    free(record);
    return size;
}

static void test_sizes(void **state)
{
    (void)state;
    bool is_seen[WIRE_KIND_COUNT] = {[WIRE_PAD] = true};
    for (size_t i = 0; i < SAMPLES; i++) {
        is_seen[samples[i].kind] = true;
        assert_int_equal(check(&samples[i], samples[i].bytes), samples[i].bytes);
        assert_int_equal(check(&samples[i], ROOM), samples[i].bytes);
    }
    for (unsigned kind = 1; kind < WIRE_KIND_COUNT; kind++)
        assert_true(is_seen[kind]);
}

static void test_cut_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t step = samples[i].bytes < 1024 ? 1 : 509;
        for (size_t available = 0; available < samples[i].bytes; available += step)
            assert_int_equal(check(&samples[i], available), 0);
        assert_int_equal(check(&samples[i], samples[i].bytes - 1), 0);
    }
}

static void test_lengths_out_of_bounds(void **state)
{
    (void)state;
    static const struct sample wrong[] = {
        {WIRE_STACK, 0, 1, UINT64_C(1025) << 32},
        {WIRE_STACK, 0, 1, UINT64_MAX},
        {WIRE_STACK_BYTES, 0, 12, 65536 + 8},
        {WIRE_STACK_BYTES, 0, 12, 12}, /* no whole words */
        {WIRE_STACK_BYTES, 0, 12, UINT64_MAX - 7},
        {WIRE_STACK_BYTES, 0, 12, UINT64_C(1) << 63},
        {WIRE_MODULE, 0, 4, UINT64_C(41) << 32},
        {WIRE_MODULE, 0, 4, UINT64_C(4097) << 48},
        {WIRE_MODULE, 0, 4, UINT64_MAX},
        {WIRE_PYTHON_CODE, 0, 3, 513},
        {WIRE_PYTHON_CODE, 0, 3, UINT64_C(4097) << 16},
        {WIRE_PYTHON_LINES, 0, 2, 4097},
        {WIRE_PYTHON_LINES, 0, 2, UINT64_MAX},
        {WIRE_PROCESS, 0, 5, 4097},
        {WIRE_PROCESS, 0, 5, UINT64_C(4097) << 32},
        {WIRE_PROCESS, 0, 5, UINT64_MAX},
        {WIRE_EXEC, 0, 3, 4097},
        {WIRE_EXEC, 0, 3, UINT64_MAX},
        {WIRE_EXEC, 0, 3, UINT64_MAX - 6},
        {WIRE_MARK, 0, 1, 4097},
        {WIRE_MARK, 0, 1, UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(check(&wrong[i], ROOM), 0);
}

static size_t check_pad(uint64_t bytes, size_t available)
{
    uint64_t word = WIRE_PAD | bytes << WIRE_TICKS_SHIFT;
    return wire_check(&word, available); /* a PAD's own bytes are not looked at */
}

static void test_pads(void **state)
{
    (void)state;
    assert_int_equal(check_pad(8, 8), 8);
    assert_int_equal(check_pad(48, 48), 48);
    assert_int_equal(check_pad(48, 4096), 48);
    assert_int_equal(check_pad(0, 4096), 0);
    assert_int_equal(check_pad(12, 4096), 0);
    assert_int_equal(check_pad(56, 48), 0);
    assert_int_equal(check_pad((UINT64_C(1) << 56) - 8, 4096), 0);
    assert_int_equal(check_pad(8, 7), 0);
}

static void test_unknown_kinds(void **state)
{
    (void)state;
    uint64_t record[4] = {0};
    for (unsigned kind = 0; kind < 256; kind++) {
        record[0] = kind | UINT64_C(8) << WIRE_TICKS_SHIFT;
        bool is_known = kind > 0 && kind < WIRE_KIND_COUNT;
        if (!is_known)
            assert_int_equal(wire_check(record, sizeof record), 0);
        assert_int_equal(wire_fixed_bytes(kind) != 0, is_known);
    }
    assert_int_equal(wire_fixed_bytes(UINT32_MAX), 0);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(wire_kind_name(WIRE_PAD), "PAD");
    assert_string_equal(wire_kind_name(WIRE_BIRTH), "BIRTH");
    assert_string_equal(wire_kind_name(WIRE_MARK), "MARK");
    assert_string_equal(wire_kind_name(0), "?");
    assert_string_equal(wire_kind_name(WIRE_KIND_COUNT), "?");
    assert_string_equal(wire_kind_name(UINT32_MAX), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_cut_records),
        cmocka_unit_test(test_lengths_out_of_bounds),
        cmocka_unit_test(test_pads),
        cmocka_unit_test(test_unknown_kinds),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
