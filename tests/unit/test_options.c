/* Options from command lines, files and the environment. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/config_file.h"
#include "cli/nearest_name.h"
#include "cli/options.h"

struct values {
    bool is_force;
    bool is_tree;
    struct option_number depth;
    struct option_number limit;
    struct option_number wait;
    struct option_number follow;
    const char *output;
    struct option_texts only;
};

static const char *follow_at(size_t position)
{
    static const char *const names[] = {"none", "fork", "all"};

    return position < 3 ? names[position] : NULL;
}

#define PLACE(field) .offset = offsetof(struct values, field)

static const struct option_row rows[] = {
    {.name = "force",
     .letter = 'f',
     .kind = OPTION_FLAG,
     PLACE(is_force),
     .scope = OPTION_NOT_IN_FILES,
     .help = "replace"},
    {.name = "tree", .kind = OPTION_FLAG, PLACE(is_tree), .help = "as a tree"},
    {.name = "depth",
     .letter = 'd',
     .kind = OPTION_COUNT,
     PLACE(depth),
     .value_name = "N",
     .help = "frames"},
    {.name = "limit", .kind = OPTION_SIZE, PLACE(limit), .value_name = "SIZE", .help = "size"},
    {.name = "wait", .kind = OPTION_DURATION, PLACE(wait), .value_name = "TIME", .help = "time"},
    {.name = "follow",
     .kind = OPTION_CHOICE,
     PLACE(follow),
     .choice_at = follow_at,
     .help = "which"},
    {.name = "output",
     .letter = 'o',
     .kind = OPTION_TEXT,
     PLACE(output),
     .value_name = "FILE",
     .help = "where"},
    {.name = "only", .kind = OPTION_TEXTS, PLACE(only), .value_name = "GLOB", .help = "some"},
};

static const struct option_table table = {rows, sizeof rows / sizeof rows[0]};

static bool is_command(const char *name)
{
    return strcmp(name, "run") == 0 || strcmp(name, "report") == 0;
}

static bool is_option_of_any(const char *name)
{
    return strcmp(name, "elsewhere") == 0;
}

/* A reading as main does it, in a folder of its own. */
struct fixture {
    struct values values;
    struct option_binding binding;
    struct option_assignments list;
    struct option_operands operands;
    struct config config;
    struct error error;
    char *words[16];
    char folder[64];
    char start[4096];
};

static int make_fixture(void **state)
{
    struct fixture *fixture = memory_allocate_zeroed(1, sizeof *fixture);

    fixture->binding = (struct option_binding){table, &fixture->values};
    strcpy(fixture->folder, "/tmp/seep-test-options-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    assert_non_null(getcwd(fixture->start, sizeof fixture->start));
    assert_int_equal(chdir(fixture->folder), 0);
    unsetenv("SEEP_OPTIONS");
    unsetenv("SEEP_OUTPUT");
    setenv("XDG_CONFIG_HOME", fixture->folder, 1);
    *state = fixture;
    return 0;
}

static int drop_fixture(void **state)
{
    struct fixture *fixture = *state;
    char *line = memory_print_text("rm -rf %s", fixture->folder);

    if (chdir(fixture->start) != 0 || system(line) != 0)
        return -1;
    free(line);
    options_clear_values(table, &fixture->values);
    config_clear(&fixture->config);
    free(fixture->list.items);
    free(fixture);
    return 0;
}

/* `line` is split at spaces. */
static bool scan(struct fixture *fixture, bool is_wrapping, const char *line)
{
    static char copy[256];
    int count = 0;

    strcpy(copy, line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        fixture->words[count++] = word;
    fixture->words[count] = NULL;
    return options_scan(&fixture->binding, 1, is_wrapping, count, fixture->words, &fixture->list,
                        &fixture->operands, &fixture->error);
}

static bool configure(struct fixture *fixture, const char *command)
{
    struct config_request request = {.command = command,
                                     .bindings = &fixture->binding,
                                     .binding_count = 1,
                                     .is_command = is_command,
                                     .is_option_of_any = is_option_of_any};

    return config_read(&fixture->config, &request, &fixture->list, &fixture->error);
}

static bool apply(struct fixture *fixture)
{
    return options_apply(&fixture->list, &fixture->error);
}

static void write_file(const char *path, const char *content)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static void every_kind(void **state)
{
    struct fixture *fixture = *state;
    const struct values *values = &fixture->values;

    assert_true(scan(fixture, false,
                     "run -f -d 12 --limit=64k --wait 250ms --follow=fork -oout --only a* "
                     "--only=b --tree=no"));
    assert_true(apply(fixture));
    assert_true(values->is_force);
    assert_false(values->is_tree);
    assert_int_equal(values->depth.value, 12);
    assert_int_equal(values->limit.value, 65536);
    assert_int_equal(values->wait.value, 250000000);
    assert_int_equal(values->follow.value, 1);
    assert_string_equal(values->output, "out");
    assert_int_equal(values->only.count, 2);
    assert_string_equal(values->only.items[0], "a*");
    assert_string_equal(values->only.items[1], "b");
    assert_int_equal(fixture->operands.count, 0);
    assert_true(apply(fixture)); /* again: nothing doubles */
    assert_int_equal(values->only.count, 2);
}

static void operands_between_options(void **state)
{
    struct fixture *fixture = *state;

    assert_true(scan(fixture, false, "report one --tree two -d 3 -- --force"));
    assert_true(apply(fixture));
    assert_int_equal(fixture->operands.count, 3);
    assert_string_equal(fixture->operands.items[0], "one");
    assert_string_equal(fixture->operands.items[1], "two");
    assert_string_equal(fixture->operands.items[2], "--force");
    assert_true(fixture->values.is_tree);
    assert_false(fixture->values.is_force);
}

static void a_wrapped_command_keeps_its_options(void **state)
{
    struct fixture *fixture = *state;

    assert_true(scan(fixture, true, "run -d 3 ls --force -o x"));
    assert_true(apply(fixture));
    assert_int_equal(fixture->operands.count, 4);
    assert_string_equal(fixture->operands.items[0], "ls");
    assert_string_equal(fixture->operands.items[3], "x");
    assert_false(fixture->values.is_force);
    assert_null(fixture->values.output);
}

static void wrong_words(void **state)
{
    static const struct {
        const char *line;
        const char *message;
    } cases[] = {
        {"run --dept 3", "there is no option --dept; did you mean --depth?"},
        {"run --dep 3", "there is no option --dep"},
        {"run --outptu=x", "there is no option --outptu; did you mean --output?"},
        {"run -x", "there is no option -x"},
        {"run --depth", "option --depth needs a value"},
        {"run --depth=3x", "--depth: \"3x\" is not a whole number"},
        {"run --depth=-3", "--depth: \"-3\" is not a whole number"},
        {"run --depth=", "--depth: it needs a value"},
        {"run --follow=fo", "--follow: \"fo\" is not none, fork or all"},
        {"run --tree=maybe", "--tree: \"maybe\" is neither yes nor no"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture->list.count = 0;
        assert_false(scan(fixture, false, cases[i].line) && apply(fixture));
        assert_string_equal(fixture->error.message, cases[i].message);
    }
}

static void later_sources_win(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(mkdir("seep", 0700), 0);
    write_file("seep/config", "depth = 1\nlimit = 1k\nwait = 1s\nonly = user\n");
    write_file(".seep.conf", "# ours\n\n limit = 2k \nwait=2s\nelsewhere = 9\n"
                             "only = project\n[report]\ndepth = 7\n[run]\ntree\nfollow = all\n");
    setenv("SEEP_OPTIONS", "wait=3s:only=a\\:b:elsewhere=x:only=c", 1);
    setenv("SEEP_OUTPUT", "there", 1);
    assert_true(scan(fixture, false, "run --follow=none"));
    assert_true(configure(fixture, "run"));
    assert_true(apply(fixture));
    assert_int_equal(fixture->values.depth.value, 1);
    assert_int_equal(fixture->values.limit.value, 2048);
    assert_int_equal(fixture->values.wait.value, 3000000000);
    assert_true(fixture->values.is_tree);
    assert_int_equal(fixture->values.follow.value, 0);
    assert_string_equal(fixture->values.output, "there");
    assert_int_equal(fixture->values.only.count, 2);
    assert_string_equal(fixture->values.only.items[0], "a:b");
    assert_string_equal(fixture->values.only.items[1], "c");
}

static void the_project_file_is_searched_up_to_the_root(void **state)
{
    struct fixture *fixture = *state;

    write_file(".seep.conf", "depth = 5\n");
    assert_int_equal(mkdir("deep", 0700), 0);
    assert_int_equal(mkdir("deep/er", 0700), 0);
    assert_int_equal(chdir("deep/er"), 0);
    assert_true(configure(fixture, "run")); /* no root above: not ours */
    assert_int_equal(fixture->list.count, 0);
    assert_int_equal(mkdir("../../.git", 0700), 0);
    assert_true(configure(fixture, "run"));
    assert_int_equal(fixture->list.count, 1);
    fixture->list.count = 0;
    assert_int_equal(mkdir("../.git", 0700), 0); /* another tree's root between */
    assert_true(configure(fixture, "run"));
    assert_int_equal(fixture->list.count, 0);
}

static void wrong_files(void **state)
{
    static const struct {
        const char *content;
        const char *message;
    } cases[] = {
        {"depht = 1\n", ".seep.conf:1: there is no option \"depht\""},
        {"\n[run]\nelsewhere = 1\n", ".seep.conf:3: there is no option \"elsewhere\""},
        {"[tun]\n", ".seep.conf:1: there is no command \"tun\""},
        {"[run\n", ".seep.conf:1: a section is [COMMAND]"},
        {"force = yes\n", ".seep.conf:1: \"force\" cannot be given here"},
        {"depth = many\n", ".seep.conf:1: --depth: \"many\" is not a whole number"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_file(".seep.conf", cases[i].content);
        fixture->list.count = 0;
        assert_false(configure(fixture, "run") && apply(fixture));
        assert_non_null(strstr(fixture->error.message, cases[i].message));
    }
}

static void what_others_can_write_is_not_obeyed(void **state)
{
    struct fixture *fixture = *state;

    write_file(".seep.conf", "depth = 5\n");
    assert_int_equal(chmod(".seep.conf", 0666), 0);
    assert_true(configure(fixture, "run"));
    assert_int_equal(fixture->list.count, 0);
}

static void nearest_names(void **state)
{
    static const struct {
        const char *typed, *meant;
    } cases[] = {
        {"hepl", "help"}, {"reprot", "report"}, {"repor", "report"}, {"rnu", "run"},
        {"make", NULL},   {"x", NULL},          {"", NULL},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nearest_name nearest;
        nearest_name_init(&nearest, cases[i].typed);
        nearest_name_offer(&nearest, "run");
        nearest_name_offer(&nearest, "report");
        nearest_name_offer(&nearest, "help");
        if (cases[i].meant)
            assert_string_equal(nearest.best, cases[i].meant);
        else
            assert_null(nearest.best);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_kind, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(operands_between_options, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(a_wrapped_command_keeps_its_options, make_fixture,
                                        drop_fixture),
        cmocka_unit_test_setup_teardown(wrong_words, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(later_sources_win, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(the_project_file_is_searched_up_to_the_root, make_fixture,
                                        drop_fixture),
        cmocka_unit_test_setup_teardown(wrong_files, make_fixture, drop_fixture),
        cmocka_unit_test_setup_teardown(what_others_can_write_is_not_obeyed, make_fixture,
                                        drop_fixture),
        cmocka_unit_test(nearest_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
