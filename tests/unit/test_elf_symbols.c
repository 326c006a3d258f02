#include "config.h"

#include "symbols/elf_symbols.h"

#include "base/text.h"
#include "symbols/debug_files.h"
#include "symbols/dwarf_lines.h"
#include "workshop.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* One byte an instruction, so the offsets can be counted. */
static const char CODE[] = ".text\n"
                           ".globl first\n.type first,@function\n"
                           "first: nop\nnop\n.size first,2\n"         /* 0..2 */
                           "nop\n"                                    /* 2: nobody's */
                           "bare: nop\nnop\n"                         /* 3..5 */
                           ".globl __big, big\n"
                           ".type big,@function\n.type __big,@function\n"
                           "big:\n__big: nop\nnop\n"                  /* 5..10 but for 7..9 */
                           ".type nested,@function\n"
                           "nested: nop\nlabel: nop\n.size nested,2\n" /* 7..9 */
                           "nop\n.size big,5\n.size __big,5\n"
                           ".Lhidden: nop\n"                          /* 10: nobody's */
                           "last: nop\nnop\nnop\n"                    /* 11..14, the end */
                           ".data\n.globl data\n.type data,@object\n.size data,8\n"
                           "data: .quad 1\n";

static struct workshop workshop;

struct opened {
    int fd;
    Elf *elf;
};

static struct opened open_file(const char *name)
{
    struct opened opened;

    elf_version(EV_CURRENT);
    opened.fd = open(workshop_path(&workshop, name), O_RDONLY | O_CLOEXEC);
    assert_true(opened.fd >= 0);
    opened.elf = elf_begin(opened.fd, ELF_C_READ_MMAP, NULL);
    assert_non_null(opened.elf);
    return opened;
}

static void close_file(struct opened *opened)
{
    elf_end(opened->elf);
    close(opened->fd);
}

static void assert_symbol(const struct elf_symbols *symbols, uint64_t address, const char *name)
{
    const struct elf_symbol *symbol = elf_symbols_find(symbols, address);

    if (name == NULL) {
        assert_null(symbol);
    } else {
        assert_non_null(symbol);
        assert_string_equal(symbol->name, name);
    }
}

static void test_overlaps_are_resolved(void **state)
{
    static const char *const expected[] = {"first", "first",  NULL,     "bare", "bare",
                                           "big",   "big",    "nested", "nested", "big",
                                           NULL,    "last",   "last",   "last", NULL};
    struct elf_symbols symbols;
    uint64_t text;

    (void)state;
    workshop_write_text(&workshop, "code.s", CODE);
    assert_true(workshop_run(&workshop, "$CC -shared -nostdlib -o code.so code.s"));
    struct opened opened = open_file("code.so");
    elf_symbols_init(&symbols, ELF_SYMBOL_FUNCTIONS, (Elf *const[]){NULL, opened.elf, opened.elf}, 3);
    assert_true(symbols.count > 0);
    text = symbols.ranges[0].start; /* first stands first */
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_symbol(&symbols, text + i, expected[i]);
    assert_symbol(&symbols, 0, NULL);
    assert_symbol(&symbols, UINT64_MAX, NULL);
    elf_symbols_clear(&symbols);
    assert_symbol(&symbols, text, NULL);
    close_file(&opened);
}

/* ISO 3309's check value. */
static void test_crc(void **state)
{
    (void)state;
    assert_int_equal(debug_files_crc(0, (const uint8_t *)"123456789", 9), 0xcbf43926u);
    assert_int_equal(
        debug_files_crc(debug_files_crc(0, (const uint8_t *)"1234", 4), (const uint8_t *)"56789", 5),
        0xcbf43926u);
}

/* With room for a single row the tables are dropped at each change of the unit; answers stay. */
static void test_line_tables_are_dropped(void **state)
{
    struct dwarf_location found[4];
    struct elf_symbols symbols;

    (void)state;
    workshop_write_text(&workshop, "one.c", "int one(int n)\n{\n    return n + 1;\n}\n");
    workshop_write_text(&workshop, "two.c", "\nint two(int n)\n{\n    return n + 2;\n}\n");
    assert_true(
        workshop_run(&workshop, "$CC -g -O2 -shared -fPIC -nostdlib -o both.so one.c two.c"));
    struct opened opened = open_file("both.so");
    elf_symbols_init(&symbols, ELF_SYMBOL_FUNCTIONS, &opened.elf, 1);
    assert_int_equal(symbols.count, 2);
    struct dwarf_lines *lines = dwarf_lines_create(opened.elf, NULL, 1);
    assert_non_null(lines);
    for (int i = 0; i < 20; i++) {
        const struct elf_symbol *symbol = &symbols.ranges[i % 2];
        bool is_one = strcmp(symbol->name, "one") == 0;

        assert_int_equal(dwarf_lines_find(lines, symbol->end - 1, found, 4), 1);
        assert_string_equal(found[0].name, symbol->name);
        assert_true(text_ends_with(found[0].file, is_one ? "one.c" : "two.c"));
        assert_int_equal(found[0].line, is_one ? 4 : 5);
    }
    dwarf_lines_destroy(lines);
    elf_symbols_clear(&symbols);
    close_file(&opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overlaps_are_resolved),
        cmocka_unit_test(test_crc),
        cmocka_unit_test(test_line_tables_are_dropped),
    };

    return workshop_run_tests(tests, &workshop, NULL);
}
