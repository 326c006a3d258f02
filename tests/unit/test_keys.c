/* The table of keys: every key means one thing in a view; names and keys match. And what is typed:
 * the prompt's line, the words of a filter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tui/filter_text.h"
#include "tui/key_bindings.h"
#include "tui/prompt.h"
#include "tui/view.h"

static void names_every_key(void **state)
{
    const struct key_binding *binding;
    (void)state;
    for (size_t i = 0; (binding = key_binding_at(i)); i++)
        for (size_t k = 0; k < KEY_BINDING_MAX_KEYS && binding->keys[k]; k++) {
            char name[INPUT_KEY_NAME_BYTES];
            assert_int_equal(input_key_find(input_key_name(binding->keys[k], name)),
                             binding->keys[k]);
        }
    assert_int_equal(input_key_find("Nonsense"), INPUT_NO_KEY);
    assert_int_equal(input_key_find("F13"), INPUT_NO_KEY);
    assert_int_equal(input_key_find(""), INPUT_NO_KEY);
    assert_int_equal(input_key_find("ä"), 0xe4);
}

/* Each binding's first key, the one that footers show, works in every view that has it. */
static void obeys_what_the_footer_shows(void **state)
{
    const struct view_ops *ops;
    (void)state;
    for (size_t v = 0; (ops = view_ops_at(v)); v++) {
        const struct key_binding *binding;
        for (size_t i = 0; (binding = key_binding_at(i)); i++)
            if (binding->scopes & (ops->scopes | SCOPE_ANY))
                assert_int_equal(key_binding_action(binding->keys[0], ops->scopes | SCOPE_ANY),
                                 binding->action);
    }
}

static void knows_screens_by_digit_and_name(void **state)
{
    char seen[128] = {0};
    const struct view_ops *ops;
    (void)state;
    for (size_t i = 0; (ops = view_ops_at(i)); i++) {
        assert_ptr_equal(view_ops_find(ops->name), ops);
        if (ops->digit)
            assert_int_equal(seen[(unsigned char)ops->digit]++, 0);
    }
    assert_null(view_ops_find("nothing"));
}

static void type_text(struct prompt *prompt, const char *text)
{
    uint32_t character;
    while ((character = screen_decode(&text)))
        prompt_handle_key(prompt, character);
}

static void expect_text(const struct prompt *prompt, const char *expected)
{
    struct text text = {0};
    prompt_get(prompt, &text);
    assert_string_equal(text_get(&text), expected);
    text_clear(&text);
}

static void edits_a_line(void **state)
{
    struct prompt prompt;
    (void)state;
    prompt_init(&prompt);
    prompt_open(&prompt, PROMPT_SEARCH, "one");
    type_text(&prompt, " größe two");
    prompt_handle_key(&prompt, INPUT_CONTROL('w'));
    expect_text(&prompt, "one größe ");
    prompt_handle_key(&prompt, INPUT_HOME);
    prompt_handle_key(&prompt, INPUT_DELETE);
    type_text(&prompt, "O");
    expect_text(&prompt, "One größe ");
    prompt_handle_key(&prompt, INPUT_CONTROL('k'));
    expect_text(&prompt, "O");
    prompt_handle_key(&prompt, INPUT_BACKSPACE);
    prompt_handle_key(&prompt, INPUT_DELETE);
    expect_text(&prompt, "");
    assert_int_equal(prompt_handle_key(&prompt, INPUT_BACKSPACE), PROMPT_CANCELLED);
    assert_int_equal(prompt.kind, PROMPT_NONE);
    prompt_clear(&prompt);
}

static void holds_no_more_than_it_can(void **state)
{
    struct prompt prompt;
    struct text text = {0};
    (void)state;
    prompt_init(&prompt);
    prompt_open(&prompt, PROMPT_FILTER, "");
    for (size_t i = 0; i < PROMPT_MAX_CHARACTERS + 10; i++)
        prompt_handle_key(&prompt, 'x');
    prompt_get(&prompt, &text);
    assert_int_equal(text.count, PROMPT_MAX_CHARACTERS);
    text_clear(&text);
    prompt_clear(&prompt);
}

static void accept(struct prompt *prompt, enum prompt_kind kind, const char *text)
{
    prompt_open(prompt, kind, text);
    assert_int_equal(prompt_handle_key(prompt, INPUT_ENTER), PROMPT_ACCEPTED);
}

static void remembers_lines(void **state)
{
    struct prompt prompt;
    (void)state;
    prompt_init(&prompt);
    for (size_t i = 0; i < PROMPT_MAX_HISTORY + 5; i++)
        accept(&prompt, PROMPT_COMMAND, i % 2 ? "odd" : "even");
    accept(&prompt, PROMPT_COMMAND, "last");
    accept(&prompt, PROMPT_COMMAND, "last");
    accept(&prompt, PROMPT_COMMAND, "");
    accept(&prompt, PROMPT_SEARCH, "elsewhere");
    prompt_open(&prompt, PROMPT_COMMAND, "");
    prompt_handle_key(&prompt, INPUT_UP);
    expect_text(&prompt, "last");
    prompt_handle_key(&prompt, INPUT_UP);
    expect_text(&prompt, "even");
    prompt_handle_key(&prompt, INPUT_DOWN);
    prompt_handle_key(&prompt, INPUT_DOWN);
    expect_text(&prompt, "");
    prompt_handle_key(&prompt, INPUT_DOWN);
    expect_text(&prompt, "");
    prompt_clear(&prompt);
}

static void splits_filters(void **state)
{
    struct filter_text parsed;
    (void)state;
    filter_text_parse(&parsed, " a.*b  -c\\ d file:src/ -module:libc module:x module: ");
    assert_string_equal(parsed.filter.include_function, "a.*b");
    assert_string_equal(parsed.filter.exclude_function, "c d");
    assert_string_equal(parsed.filter.include_file, "src/");
    assert_string_equal(parsed.filter.exclude_module, "libc");
    assert_string_equal(parsed.filter.include_module, "x");
    assert_null(parsed.filter.exclude_file);
    filter_text_clear(&parsed);
    filter_text_parse(&parsed, "");
    assert_null(parsed.filter.include_function);
    filter_text_clear(&parsed);
    filter_text_parse(&parsed, "-");
    assert_null(parsed.filter.exclude_function);
    filter_text_clear(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_every_key),
        cmocka_unit_test(obeys_what_the_footer_shows),
        cmocka_unit_test(knows_screens_by_digit_and_name),
        cmocka_unit_test(edits_a_line),
        cmocka_unit_test(holds_no_more_than_it_can),
        cmocka_unit_test(remembers_lines),
        cmocka_unit_test(splits_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
