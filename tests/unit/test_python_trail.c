/* Frames of Python made by hand, in the versions whose layouts differ. What the trail says must be
 * what an empty one says of the same stack, and differ exactly when the stack does. */
#include "preload/python_trail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum {
    FRAMES = 200,
    CODES = 6,
    OBJECT_BYTES = 512,
    STEPS = 4000
};

struct interpreter {
    struct cpython_offsets offsets;
    _Alignas(16) unsigned char frames[FRAMES][OBJECT_BYTES];
    _Alignas(16) unsigned char codes[CODES][OBJECT_BYTES];
    int stack[FRAMES]; /* outermost first: which frame */
    int depth;
    int next; /* frame to be taken */
    uint32_t random;
    struct python_trail trail, empty, own; /* own: of the function for this version */
};

/* What a stack is, without addresses of frames. */
struct seen {
    int depth;
    uint64_t words[FRAMES][5];
};

static uint32_t pick(struct interpreter *interpreter, uint32_t below)
{
    interpreter->random = interpreter->random * 1664525u + 1013904223u;
    return (interpreter->random >> 8) % below;
}

static uint64_t address(const void *place)
{
    return (uint64_t)(uintptr_t)place;
}

static void put(void *place, uint64_t value, size_t bytes)
{
    memcpy(place, &value, bytes);
}

static uint64_t word_at(const void *place)
{
    uint64_t value;
    memcpy(&value, place, sizeof value);
    return value;
}

static bool has_entries_of_c(const struct interpreter *interpreter)
{
    return interpreter->offsets.minor >= 12;
}

static void set_instruction(struct interpreter *interpreter, unsigned char *frame)
{
    put(frame + interpreter->offsets.frame_instruction, 1 + pick(interpreter, 4),
        interpreter->offsets.minor >= 11 ? 8 : 4);
}

static void call(struct interpreter *interpreter)
{
    const struct cpython_offsets *offsets = &interpreter->offsets;
    if (interpreter->depth == 150)
        return;
    bool is_used = true;
    while (is_used) { /* generators' frames stand anywhere */
        interpreter->next = (int)pick(interpreter, FRAMES);
        is_used = false;
        for (int i = 0; i < interpreter->depth; i++)
            is_used |= interpreter->stack[i] == interpreter->next;
    }
    unsigned char *frame = interpreter->frames[interpreter->next];
    unsigned char *caller = interpreter->depth > 0
                                ? interpreter->frames[interpreter->stack[interpreter->depth - 1]]
                                : NULL;
    memset(frame, 0, OBJECT_BYTES);
    put(frame + offsets->frame_previous, address(caller), 8);
    put(frame + offsets->frame_code, address(interpreter->codes[pick(interpreter, CODES)]), 8);
    set_instruction(interpreter, frame);
    if (offsets->minor == 11)
        frame[offsets->frame_is_entry] = pick(interpreter, 2) != 0;
    if (has_entries_of_c(interpreter) && pick(interpreter, 4) == 0)
        frame[offsets->frame_owner] = CPYTHON_FRAME_OF_C;
    interpreter->stack[interpreter->depth++] = interpreter->next;
}

static void leave(struct interpreter *interpreter)
{
    if (interpreter->depth > 0)
        interpreter->depth--;
}

/* Where a code object was there is another one. */
static void replace_code(struct interpreter *interpreter)
{
    unsigned char *code = interpreter->codes[pick(interpreter, CODES)];
    put(code + interpreter->offsets.code_filename, 8 * pick(interpreter, 1000), 8);
    put(code + interpreter->offsets.code_line_table, 8 * pick(interpreter, 1000), 8);
}

static void change(struct interpreter *interpreter)
{
    int depth = interpreter->depth;
    switch (pick(interpreter, 8)) {
    case 0:
    case 1:
        call(interpreter);
        break;
    case 2:
    case 3:
        leave(interpreter);
        break;
    case 4: /* the innermost runs on */
        if (depth > 0)
            set_instruction(interpreter, interpreter->frames[interpreter->stack[depth - 1]]);
        break;
    case 5: /* several are left, others entered, where the same frames may stand */
        for (uint32_t i = pick(interpreter, 6); i > 0; i--)
            leave(interpreter);
        for (uint32_t i = pick(interpreter, 6); i > 0; i--)
            call(interpreter);
        break;
    case 6: /* as a generator's frame that runs on under another one */
        if (depth > 0)
            set_instruction(
                interpreter,
                interpreter->frames[interpreter->stack[pick(interpreter, (uint32_t)depth)]]);
        break;
    default:
        replace_code(interpreter);
    }
}

static void look(const struct interpreter *interpreter, struct seen *seen)
{
    const struct cpython_offsets *offsets = &interpreter->offsets;
    *seen = (struct seen){.depth = interpreter->depth};
    for (int i = 0; i < interpreter->depth; i++) {
        const unsigned char *frame = interpreter->frames[interpreter->stack[i]];
        uint64_t *words = seen->words[i];
        if (has_entries_of_c(interpreter) && frame[offsets->frame_owner] == CPYTHON_FRAME_OF_C) {
            words[4] = 2;
            continue;
        }
        words[0] = word_at(frame + offsets->frame_code);
        words[1] = word_at(frame + offsets->frame_instruction);
        words[2] = word_at((const char *)(uintptr_t)words[0] + offsets->code_filename);
        words[3] = word_at((const char *)(uintptr_t)words[0] + offsets->code_line_table);
        words[4] = offsets->minor == 11 && frame[offsets->frame_is_entry] != 0;
    }
}

static uint64_t innermost(const struct interpreter *interpreter)
{
    int depth = interpreter->depth;
    return depth > 0 ? address(interpreter->frames[interpreter->stack[depth - 1]]) : 0;
}

/* The trail's frames are those that reading finds, and what is kept with them stays with them. */
static void check_frames(struct interpreter *interpreter, uint64_t hash)
{
    struct python_trail *trail = &interpreter->own;
    uint64_t at = innermost(interpreter);
    assert_true(python_trail_is_of(trail, hash));
    assert_int_equal(trail->count, interpreter->depth);
    for (uint32_t i = 0; i < trail->count; i++) {
        struct python_frame read = python_frame_read(&interpreter->offsets, at);
        struct python_frame frame = python_trail_frame_at(trail, &interpreter->offsets, i);
        uint64_t *word = python_trail_word(trail, i);
        uint64_t expected = read.code ^ read.instruction << 56 ^ read.ends_group;
        assert_int_equal(frame.code, read.code);
        assert_int_equal(frame.instruction, read.instruction);
        assert_int_equal(frame.ends_group, read.ends_group);
        assert_int_equal(python_trail_ends_group(trail, i), read.ends_group);
        assert_true(*word == 0 || *word == (expected | 2));
        *word = expected | 2;
        at = python_frame_load(at + interpreter->offsets.frame_previous);
    }
}

static void run(struct interpreter *interpreter)
{
    static struct seen before, now;
    uint64_t hash_before = 0;
    python_trail_hasher hasher = python_trail_find_hasher(&interpreter->offsets);
    before = (struct seen){0};
    for (int step = 0; step < STEPS; step++) {
        if (step % 1000 == 500) /* deep for a while, also too deep for a trail */
            for (int i = 0; i < 140; i++)
                call(interpreter);
        change(interpreter);
        look(interpreter, &now);
        uint64_t at = innermost(interpreter);
        uint64_t hash = python_trail_hash(&interpreter->trail, &interpreter->offsets, at);
        interpreter->empty.count = 0;
        assert_int_equal(hash, hasher(&interpreter->own, &interpreter->offsets, at));
        assert_int_equal(hash, python_trail_hash(&interpreter->empty, &interpreter->offsets, at));
        if (hash != 0)
            check_frames(interpreter, hash);
        assert_int_equal(hash == 0, now.depth == 0 || now.depth > PYTHON_TRAIL_FRAMES);
        if (hash != 0 && hash_before != 0)
            assert_int_equal(hash == hash_before, memcmp(&now, &before, sizeof now) == 0);
        before = now;
        hash_before = hash;
        if (step % 1000 == 999)
            interpreter->depth = 0;
    }
}

static void test_random_stacks(void **state)
{
    static const uint32_t versions[] = {0x030a00f0, 0x030b00f0, 0x030c00f0, 0x030d00f0, 0x030e08f0};
    static struct interpreter interpreter;
    (void)state;
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        memset(&interpreter, 0, sizeof interpreter);
        interpreter.random = 7;
        assert_true(cpython_offsets_find(versions[i], &interpreter.offsets));
        run(&interpreter);
    }
}

/* A frame that names what cannot be one: no hash, and nothing was read there. */
static void test_no_frame(void **state)
{
    static struct interpreter interpreter;
    (void)state;
    assert_true(cpython_offsets_find(0x030b00f0, &interpreter.offsets));
    for (int i = 0; i < 3; i++)
        call(&interpreter);
    unsigned char *outer = interpreter.frames[interpreter.stack[0]];
    uint64_t at = innermost(&interpreter);
    assert_int_not_equal(python_trail_hash(&interpreter.trail, &interpreter.offsets, at), 0);
    put(outer + interpreter.offsets.frame_previous, 0x1001, 8);
    assert_int_equal(python_trail_hash(&interpreter.trail, &interpreter.offsets, at), 0);
    put(outer + interpreter.offsets.frame_previous, 0, 8);
    put(outer + interpreter.offsets.frame_code, 16, 8);
    assert_int_equal(python_trail_hash(&interpreter.trail, &interpreter.offsets, at), 0);
}

/* A build that keeps a field elsewhere than its version does is left to the function for all. */
static void test_unusual_offsets(void **state)
{
    struct cpython_offsets offsets;
    (void)state;
    assert_true(cpython_offsets_find(0x030b00f0, &offsets));
    assert_true(python_trail_find_hasher(&offsets) != python_trail_hash);
    offsets.frame_instruction += 8;
    assert_true(python_trail_find_hasher(&offsets) == python_trail_hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_stacks),
        cmocka_unit_test(test_no_frame),
        cmocka_unit_test(test_unusual_offsets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
