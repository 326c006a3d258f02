/* Types and variables of small programs, in all the shapes in which compilers leave DWARF; and of
 * files that make no sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "symbols/type_service.h"
#include "workshop.h"

/* The first unit only declares what the second defines; both are needed for the types of all. */
static const char first_source[] = "typedef struct node node;\n"
                                   "typedef struct { struct node *heads[4]; long used; } table;\n"
                                   "struct server { int port; table *tables; struct node *last;\n"
                                   "                union { long number; void *value; } extra; };\n"
                                   "struct server server = {1, 0, 0, {0}};\n"
                                   "const table *spare = 0;\n"
                                   "_Thread_local struct node *current = 0;\n"
                                   "_Thread_local long filler[3] = {1, 2, 3};\n"
                                   "long addresses[4];\n"
                                   "struct node *make(void);\n"
                                   "int main(void) {\n"
                                   "    static table *kept = 0;\n"
                                   "    kept = 0;\n"
                                   "    addresses[0] = (long)&server;\n"
                                   "    addresses[1] = (long)&kept;\n"
                                   "    current = make();\n"
                                   "    return spare != kept;\n"
                                   "}\n";
static const char second_source[] =
    "struct node { struct node *next; char text[8]; short tail[]; };\n"
    "struct node *make(void) { static struct node one; return &one; "
    "}\n";
static const char cxx_source[] =
    "#include <map>\n#include <string>\n"
    "namespace app { struct Base { int id; };\n"
    "  struct Session : Base { std::string name; static int made; struct Inner { long x; } inner; "
    "};\n"
    "  int Session::made;\n"
    "  std::map<int, Session> sessions; }\n"
    "int main() { app::sessions[1].name = \"x\"; app::Session local; local.id = 3;\n"
    "  return (int)app::sessions.size() + local.id - 4; }\n";

struct opened {
    struct workshop workshop;
    struct symbolizer_module module;
    struct type_service *service;
};

static const struct symbolizer_options no_options;

static void open_service(struct opened *opened, const char *name)
{
    opened->module = (struct symbolizer_module){
        .path = strdup(workshop_path(&opened->workshop, name)), .fd = -1};
    opened->service = type_service_open(&opened->module, &no_options);
}

static void close_service(struct opened *opened)
{
    type_service_close(opened->service);
    free((char *)opened->module.path);
}

/* The address of a symbol, by nm: a second opinion. */
static uint64_t address_of(const struct workshop *workshop, const char *symbol)
{
    char line[256] = "";
    assert_true(workshop_run(workshop, "nm program | grep ' %s$' >symbol.txt", symbol));
    FILE *file = fopen(workshop_path(workshop, "symbol.txt"), "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    return strtoull(line, NULL, 16);
}

static void check_member(const struct type_facts *facts, size_t i, const char *name,
                         uint64_t offset)
{
    assert_true(i < facts->member_count);
    assert_string_equal(facts->members[i].name, name);
    assert_int_equal(facts->members[i].offset, offset);
}

/* table: heads at 0, used at 32; the heads point to nodes of 16 bytes with a flexible end. */
static void check_table(struct type_service *service, uint32_t pointer)
{
    struct type_facts facts, member, node;
    type_service_describe(service, pointer, &facts);
    assert_int_equal(facts.kind, TYPE_POINTER);
    uint32_t target = facts.target;
    type_facts_clear(&facts);
    type_service_describe(service, target, &facts);
    assert_int_equal(facts.kind, TYPE_STRUCT);
    assert_string_equal(facts.name, "table");
    assert_int_equal(facts.bytes, 40);
    assert_int_equal(facts.member_count, 2);
    check_member(&facts, 0, "heads", 0);
    check_member(&facts, 1, "used", 32);
    type_service_describe(service, facts.members[0].target, &member);
    assert_int_equal(member.kind, TYPE_ARRAY);
    assert_int_equal(member.count, 4);
    target = member.target;
    type_facts_clear(&member);
    type_service_describe(service, target, &member);
    assert_int_equal(member.kind, TYPE_POINTER);
    type_service_describe(service, member.target, &node);
    assert_string_equal(node.name, "node");
    assert_int_equal(node.bytes, 16);
    assert_int_equal(node.member_count, 3);
    check_member(&node, 2, "tail", 16);
    type_facts_clear(&member);
    type_service_describe(service, node.members[2].target, &member);
    assert_int_equal(member.kind, TYPE_ARRAY);
    assert_int_equal(member.count, 0);
    type_facts_clear(&member);
    type_service_describe(service, node.members[1].target, &member);
    assert_int_equal(member.kind, TYPE_ARRAY);
    target = member.target;
    type_facts_clear(&member);
    type_service_describe(service, target, &member);
    assert_int_equal(member.kind, TYPE_CHARACTER);
    type_facts_clear(&member);
    type_facts_clear(&node);
    type_facts_clear(&facts);
}

static void check_c_program(struct opened *opened)
{
    struct type_service *service = opened->service;
    struct type_variable variable;
    struct type_facts facts;
    uint64_t server = address_of(&opened->workshop, "server");
    assert_true(type_service_find_variable(service, server + 16, false, &variable));
    assert_string_equal(variable.name, "server");
    assert_int_equal(variable.start, server);
    free(variable.name);
    type_service_describe(service, variable.type, &facts);
    assert_string_equal(facts.name, "server");
    assert_int_equal(facts.member_count, 4);
    check_member(&facts, 1, "tables", 8);
    check_member(&facts, 3, "extra", 24);
    check_table(service, facts.members[1].target);
    struct type_facts extra;
    type_service_describe(service, facts.members[3].target, &extra);
    assert_int_equal(extra.kind, TYPE_UNION);
    type_facts_clear(&extra);
    type_facts_clear(&facts);
    assert_false(type_service_find_variable(service, server + 32, false, &variable) &&
                 strcmp(variable.name, "server") == 0);
    assert_true(type_service_find_variable(service, address_of(&opened->workshop, "kept.0"), false,
                                           &variable));
    assert_string_equal(variable.name, "kept");
    check_table(service, variable.type);
    free(variable.name);
    uint64_t current = address_of(&opened->workshop, "current");
    assert_true(type_service_find_variable(service, current, true, &variable));
    assert_string_equal(variable.name, "current");
    free(variable.name);
    uint32_t found = type_service_find_type(service, "node");
    assert_int_not_equal(found, 0);
    type_service_describe(service, found, &facts);
    assert_int_equal(facts.bytes, 16);
    type_facts_clear(&facts);
    assert_int_equal(type_service_find_type(service, "nobody"), 0);
    assert_false(type_service_has_failed(service));
}

static void test_shapes_of_dwarf(void **state)
{
    (void)state;
    static const char *const ways[] = {
        "-g",
        "-g -gdwarf-4",
        "-g -gdwarf-4 -fdebug-types-section",
        "-g -gdwarf-5 -fdebug-types-section",
        "-g -gsplit-dwarf",
        "-g -gsplit-dwarf -gdwarf-4",
        "-g -gz=zlib",
    };
    struct opened opened;
    workshop_open(&opened.workshop);
    workshop_write_text(&opened.workshop, "first.c", first_source);
    workshop_write_text(&opened.workshop, "second.c", second_source);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (!workshop_run(&opened.workshop, "$CC %s -O0 -o program first.c second.c", ways[i])) {
            print_message("not built: %s\n", ways[i]);
            continue;
        }
        open_service(&opened, "program");
        check_c_program(&opened);
        close_service(&opened);
    }
    workshop_close(&opened.workshop);
}

/* What is looked for by its build-id, and what dwz took apart. */
static void test_separate_files(void **state)
{
    (void)state;
    static const char *const ways[] = {
        "objcopy --only-keep-debug program program.debug && "
        "objcopy --strip-debug --add-gnu-debuglink=program.debug program",
        "dwz program",
    };
    struct opened opened;
    workshop_open(&opened.workshop);
    workshop_write_text(&opened.workshop, "first.c", first_source);
    workshop_write_text(&opened.workshop, "second.c", second_source);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (!workshop_run(&opened.workshop,
                          "$CC -g -O0 -Wl,--build-id -o program first.c second.c && %s", ways[i])) {
            print_message("not made: %s\n", ways[i]);
            continue;
        }
        open_service(&opened, "program");
        check_c_program(&opened);
        close_service(&opened);
    }
    workshop_close(&opened.workshop);
}

static void test_cxx(void **state)
{
    (void)state;
    struct opened opened;
    struct type_variable variable;
    struct type_facts facts;
    struct type_locals locals;
    workshop_open(&opened.workshop);
    workshop_write_text(&opened.workshop, "a.cpp", cxx_source);
    if (!workshop_run(&opened.workshop, "$CXX -g -O0 -o program a.cpp")) {
        workshop_close(&opened.workshop);
        skip();
    }
    open_service(&opened, "program");
    uint64_t sessions = address_of(&opened.workshop, "_ZN3app8sessionsE");
    assert_true(type_service_find_variable(opened.service, sessions + 16, false, &variable));
    assert_string_equal(variable.name, "sessions");
    free(variable.name);
    type_service_describe(opened.service, variable.type, &facts);
    assert_non_null(strstr(facts.name, "std::map<int, app::Session, "));
    assert_int_equal(facts.bytes, 48);
    assert_int_equal(facts.parameter_count, 4);
    uint32_t session = facts.parameters[1];
    type_facts_clear(&facts);
    type_service_describe(opened.service, session, &facts);
    assert_string_equal(facts.name, "app::Session");
    assert_int_equal(facts.bytes, 48);
    assert_int_equal(facts.member_count, 3);
    assert_true(facts.members[0].is_base);
    check_member(&facts, 1, "name", 8);
    check_member(&facts, 2, "inner", 40);
    type_facts_clear(&facts);
    uint32_t inner = type_service_find_type(opened.service, "app::Session::Inner");
    type_service_describe(opened.service, inner, &facts);
    assert_string_equal(facts.name, "app::Session::Inner");
    type_facts_clear(&facts);
    type_service_find_locals(opened.service, address_of(&opened.workshop, "main") + 20, &locals);
    assert_int_equal(locals.count, 1);
    assert_string_equal(locals.items[0].name, "local");
    assert_int_equal(locals.items[0].bytes, 48);
    assert_true(locals.items[0].offset < 0);
    type_locals_clear(&locals);
    close_service(&opened);
    workshop_close(&opened.workshop);
}

/* Bytes of the debug information are turned over, many at a time: whatever comes, it is an answer
 * or none. */
static void test_hostile_files(void **state)
{
    (void)state;
    struct opened opened;
    struct type_variable variable;
    struct type_facts facts;
    workshop_open(&opened.workshop);
    workshop_write_text(&opened.workshop, "first.c", first_source);
    workshop_write_text(&opened.workshop, "second.c", second_source);
    assert_true(workshop_run(&opened.workshop, "$CC -g -O0 -o program first.c second.c"));
    uint64_t server = address_of(&opened.workshop, "server");
    for (unsigned seed = 0; seed < 60; seed++) {
        static const char *const sections[] = {".debug_info", ".debug_abbrev", ".debug_str",
                                               ".debug_line"};
        const char *section = sections[seed % 4];
        uint32_t random = seed * 2654435761u + 1;
        if (!workshop_run(&opened.workshop,
                          "objcopy -O binary -j %s --set-section-flags %s=alloc program section",
                          section, section))
            skip();
        FILE *file = fopen(workshop_path(&opened.workshop, "section"), "r+");
        assert_non_null(file);
        fseek(file, 0, SEEK_END);
        long bytes = ftell(file);
        for (unsigned i = 0; i < 1 + seed / 4 && bytes > 16; i++) {
            random = random * 1664525u + 1013904223u;
            fseek(file, 11 + (long)(random >> 8) % (bytes - 11), SEEK_SET);
            fputc((int)(random >> 24), file);
        }
        fclose(file);
        assert_true(workshop_run(&opened.workshop,
                                 "objcopy --update-section %s=section program hostile", section));
        open_service(&opened, "hostile");
        if (type_service_find_variable(opened.service, server, false, &variable)) {
            free(variable.name);
            for (uint32_t type = variable.type; type < variable.type + 20; type++) {
                type_service_describe(opened.service, type, &facts);
                type_facts_clear(&facts);
            }
        }
        type_service_find_type(opened.service, "node");
        close_service(&opened);
    }
    workshop_close(&opened.workshop);
}

static void test_no_dwarf(void **state)
{
    (void)state;
    struct opened opened;
    struct type_variable variable;
    workshop_open(&opened.workshop);
    workshop_write_text(&opened.workshop, "text", "no ELF");
    open_service(&opened, "text");
    assert_false(type_service_find_variable(opened.service, 0x1000, false, &variable));
    assert_int_equal(type_service_find_type(opened.service, "x"), 0);
    assert_false(type_service_has_failed(opened.service));
    close_service(&opened);
    workshop_close(&opened.workshop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_of_dwarf),
        cmocka_unit_test(test_separate_files),
        cmocka_unit_test(test_cxx),
        cmocka_unit_test(test_hostile_files),
        cmocka_unit_test(test_no_dwarf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
