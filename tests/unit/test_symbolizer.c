#include "config.h"

#include "symbols/symbolizer.h"

#include "base/memory.h"
#include "symbols/elf_file.h"
#include "workshop.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include <cmocka.h>

/* marker_add stands in line 6 of a method that is inlined twice over into buy. */
static const char SHOP[] =
    "namespace shop {\n"
    "template <class T> struct Basket {\n"
    "    T total;\n"
    "    __attribute__((always_inline)) void add(T item) {\n"
    "        total += item;\n"
    "        asm volatile(\"marker_add: nop\");\n"
    "    }\n"
    "};\n"
    "__attribute__((always_inline)) inline void fill(Basket<int> &b, int n) {\n"
    "    b.add(n);\n"
    "}\n"
    "__attribute__((noinline)) int buy(int n) {\n"
    "    Basket<int> basket{n};\n"
    "    fill(basket, n);\n"
    "    return basket.total;\n"
    "}\n"
    "namespace { __attribute__((noinline)) void hide() {\n"
    "    asm volatile(\"marker_hide: nop\");\n"
    "} }\n"
    "}\n"
    "extern \"C\" int rest(int);\n"
    "int main(int count, char **) {\n"
    "    shop::hide();\n"
    "    asm volatile(\"marker_main: nop\");\n"
    "    return shop::buy(count) + rest(count);\n"
    "}\n";

static const char REST[] = "static __attribute__((noinline)) int helper(int n)\n"
                           "{\n"
                           "    __asm__ volatile(\"marker_helper: nop\");\n"
                           "    return n * 2;\n"
                           "}\n"
                           "int rest(int n)\n"
                           "{\n"
                           "    return helper(n) + 1;\n"
                           "}\n";

static struct workshop workshop;

/* The address of a symbol by nm, whatever our own code thinks of it. */
static uint64_t address_of(const char *program, const char *symbol)
{
    char line[1024];
    uint64_t address = 0;

    assert_true(workshop_run(&workshop, "nm '%s' >nm.txt", program));
    FILE *file = fopen(workshop_path(&workshop, "nm.txt"), "r");
    assert_non_null(file);
    while (address == 0 && fgets(line, sizeof line, file) != NULL) {
        char *name = strrchr(line, ' ');

        line[strcspn(line, "\n")] = '\0';
        if (name != NULL && strcmp(name + 1, symbol) == 0)
            address = strtoull(line, NULL, 16);
    }
    fclose(file);
    assert_true(address != 0);
    return address;
}

struct opened {
    struct symbolizer *symbolizer;
    int module;
};

static struct opened open_with(const struct symbolizer_options *options, const char *name)
{
    struct opened opened = {symbolizer_create(options), 0};
    struct symbolizer_module module = {.path = workshop_path(&workshop, name), .fd = -1};

    opened.module = symbolizer_add_module(opened.symbolizer, &module);
    return opened;
}

static struct opened open_program(const char *name)
{
    return open_with(&(struct symbolizer_options){.is_line_wanted = true}, name);
}

static void assert_location(const struct source_location *location, const char *function,
                            const char *file, uint32_t line, bool is_inlined)
{
    assert_non_null(location->function);
    assert_string_equal(location->function, function);
    if (file == NULL) {
        assert_null(location->file);
    } else {
        assert_non_null(location->file);
        assert_string_equal(location->file, workshop_path(&workshop, file));
    }
    assert_int_equal(location->line, line);
    assert_int_equal(location->is_inlined, is_inlined);
}

static void assert_basket(struct opened *opened, uint64_t marker)
{
    struct source_location found[8];

    assert_int_equal(symbolizer_lookup(opened->symbolizer, opened->module, marker, found, 8), 3);
    assert_location(&found[0], "shop::Basket<int>::add(int)", "shop.cpp", 6, true);
    assert_location(&found[1], "shop::fill(shop::Basket<int>&, int)", "shop.cpp", 10, true);
    assert_location(&found[2], "shop::buy(int)", "shop.cpp", 14, false);
}

static void assert_all_lines(struct opened *opened, const char *program_with_symbols)
{
    struct source_location found[8];
    struct error reason;
    enum symbolizer_detail detail = symbolizer_module_detail(opened->symbolizer, opened->module,
                                                             &reason);

    if (detail != SYMBOLIZER_LINES)
        fail_msg("no lines: %s", reason.message);
    assert_string_equal(reason.message, "");
    assert_basket(opened, address_of(program_with_symbols, "marker_add"));
    assert_int_equal(symbolizer_lookup(opened->symbolizer, opened->module,
                                       address_of(program_with_symbols, "marker_hide"), found, 8),
                     1);
    assert_location(&found[0], "shop::(anonymous namespace)::hide()", "shop.cpp", 18, false);
    assert_int_equal(symbolizer_lookup(opened->symbolizer, opened->module,
                                       address_of(program_with_symbols, "marker_main"), found, 8),
                     1);
    assert_location(&found[0], "main", "shop.cpp", 24, false);
    assert_int_equal(symbolizer_lookup(opened->symbolizer, opened->module,
                                       address_of(program_with_symbols, "marker_helper"), found, 8),
                     1);
    assert_location(&found[0], "helper", "rest.c", 3, false);
}

/* Into `name`, with the compilers of the environment or with clang. */
static bool build(const char *name, const char *flags)
{
    return workshop_run(&workshop,
                        "$CC -O2 %s -c -o %s-rest.o ./rest.c && "
                        "$CXX -O2 %s -c -o %s-shop.o shop.cpp && "
                        "$CXX -o %s %s-shop.o %s-rest.o -Wl,--build-id",
                        flags, name, flags, name, name, name, name);
}

static void test_lines_in_many_forms(void **state)
{
    static const char *const flags[] = {
        "-g",
        "-g -gz",
        "-gdwarf-4",
        "-gdwarf-4 -gz -fdebug-types-section",
        "-gdwarf-5 -gno-column-info -ffunction-sections",
        "-gdwarf-5 -gsplit-dwarf",
        "-gdwarf-4 -gsplit-dwarf",
        "-g -fpie -pie",
        "-g -no-pie -fno-pic",
    };

    (void)state;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        char name[32];
        struct opened opened;

        snprintf(name, sizeof name, "form%zu", i);
        assert_true(build(name, flags[i]));
        opened = open_program(name);
        assert_all_lines(&opened, name);
        symbolizer_destroy(opened.symbolizer);
    }
}

/* clang writes no .debug_aranges. */
static void test_lines_of_clang(void **state)
{
    struct opened opened;

    (void)state;
    if (!workshop_run(&workshop, "clang -g -O2 -c -o clang-rest.o ./rest.c && "
                                 "clang++ -g -O2 -c -o clang-shop.o shop.cpp && "
                                 "clang++ -o clang clang-shop.o clang-rest.o"))
        skip();
    opened = open_program("clang");
    assert_all_lines(&opened, "clang");
    symbolizer_destroy(opened.symbolizer);
}

/* One object with .debug_aranges, one without. */
static void test_lines_with_some_address_ranges_missing(void **state)
{
    struct opened opened;

    (void)state;
    assert_true(build("partial", "-g"));
    assert_true(workshop_run(&workshop,
                             "objcopy -R .debug_aranges -R .rela.debug_aranges partial-shop.o && "
                             "$CXX -o partial partial-shop.o partial-rest.o"));
    opened = open_program("partial");
    assert_all_lines(&opened, "partial");
    symbolizer_destroy(opened.symbolizer);
}

static void test_rust_lines(void **state)
{
    static const char program[] = "#![allow(named_asm_labels)] use std::arch::asm;\n"
                                  "struct Basket { n: u32 }\n"
                                  "impl Basket {\n"
                                  "    #[inline(always)] fn add(&mut self) {\n"
                                  "        unsafe { asm!(\"marker_add: nop\") }; self.n += 1;\n"
                                  "    }\n"
                                  "    #[inline(never)] fn fill(&mut self) {\n"
                                  "        self.add();\n"
                                  "    }\n"
                                  "}\n"
                                  "fn main() { let mut b = Basket { n: 1 }; b.fill();\n"
                                  "    std::process::exit(b.n as i32) }\n";
    struct source_location found[8];
    struct opened opened;

    (void)state;
    workshop_write_text(&workshop, "basket.rs", program);
    if (!workshop_run(&workshop, "rustc -g -C opt-level=1 -o rust ./basket.rs"))
        skip();
    opened = open_program("rust");
    assert_int_equal(symbolizer_lookup(opened.symbolizer, opened.module,
                                       address_of("rust", "marker_add"), found, 8),
                     2);
    assert_location(&found[0], "basket::Basket::add", "basket.rs", 5, true);
    assert_location(&found[1], "basket::Basket::fill", "basket.rs", 8, false);
    symbolizer_destroy(opened.symbolizer);
}

static void test_short_lists_keep_the_function_itself(void **state)
{
    struct source_location found[2];
    struct opened opened;

    (void)state;
    assert_true(build("short", "-g"));
    opened = open_program("short");
    uint64_t marker = address_of("short", "marker_add");
    assert_int_equal(symbolizer_lookup(opened.symbolizer, opened.module, marker, found, 2), 2);
    assert_location(&found[0], "shop::Basket<int>::add(int)", "shop.cpp", 6, true);
    assert_location(&found[1], "shop::buy(int)", "shop.cpp", 14, false);
    assert_int_equal(symbolizer_lookup(opened.symbolizer, opened.module, marker, found, 1), 1);
    assert_location(&found[0], "shop::buy(int)", "shop.cpp", 14, false);
    assert_int_equal(symbolizer_lookup(opened.symbolizer, opened.module, marker, found, 0), 0);
    assert_int_equal(symbolizer_lookup(opened.symbolizer, 7, marker, found, 2), 0);
    assert_int_equal(symbolizer_lookup(opened.symbolizer, opened.module, 0, found, 2), 0);
    assert_int_equal(symbolizer_lookup(opened.symbolizer, opened.module, UINT64_MAX, found, 2), 0);
    symbolizer_destroy(opened.symbolizer);
}

static void test_names_only(void **state)
{
    struct symbolizer_options options = {.is_line_wanted = false};
    struct source_location found[8];
    struct error reason;

    (void)state;
    assert_true(build("names", "-g"));
    struct opened opened = open_with(&options, "names");
    assert_int_equal(symbolizer_module_detail(opened.symbolizer, opened.module, &reason),
                     SYMBOLIZER_SYMBOL_TABLE);
    assert_string_equal(reason.message, "");
    assert_int_equal(symbolizer_lookup(opened.symbolizer, opened.module,
                                       address_of("names", "marker_add"), found, 8),
                     1);
    assert_location(&found[0], "shop::buy(int)", NULL, 0, false);
    symbolizer_destroy(opened.symbolizer);
}

static void assert_only_dynamic_symbols(const char *name, const char *with_symbols)
{
    struct opened opened = open_program(name);
    struct source_location found[8];
    struct error reason;
    char expected[1200];

    assert_int_equal(symbolizer_module_detail(opened.symbolizer, opened.module, &reason),
                     SYMBOLIZER_SYMBOL_TABLE);
    snprintf(expected, sizeof expected,
             "%s has no line information, and no debug file for it was found",
             workshop_path(&workshop, name));
    assert_string_equal(reason.message, expected);
    assert_int_equal(symbolizer_lookup(opened.symbolizer, opened.module,
                                       address_of(with_symbols, "rest"), found, 8),
                     1);
    assert_location(&found[0], "rest", NULL, 0, false);
    /* A static function has no name there; the exported one before it would be wrong. */
    assert_int_equal(symbolizer_lookup(opened.symbolizer, opened.module,
                                       address_of(with_symbols, "marker_helper"), found, 8),
                     0);
    symbolizer_destroy(opened.symbolizer);
}

/* A library, of which `library` is complete and `library.so` is stripped. */
static void build_library(void)
{
    assert_true(workshop_run(&workshop, "$CC -g -O2 -fPIC -shared -Wl,--build-id -o library rest.c "
                                        "&& objcopy --strip-all library library.so"));
}

static void assert_library_lines(struct opened *opened)
{
    struct source_location found[8];
    struct error reason;

    if (symbolizer_module_detail(opened->symbolizer, opened->module, &reason) != SYMBOLIZER_LINES)
        fail_msg("no lines: %s", reason.message);
    assert_int_equal(symbolizer_lookup(opened->symbolizer, opened->module,
                                       address_of("library", "marker_helper"), found, 8),
                     1);
    assert_location(&found[0], "helper", "rest.c", 3, false);
    symbolizer_destroy(opened->symbolizer);
}

static void test_stripped(void **state)
{
    (void)state;
    build_library();
    assert_only_dynamic_symbols("library.so", "library");
}

/* Without build-ids, so that the name and the CRC decide. */
static void test_debug_link(void **state)
{
    struct opened opened;

    (void)state;
    assert_true(workshop_run(
        &workshop, "rm -rf link && mkdir -p link/.debug && "
                   "$CC -g -O2 -fPIC -shared -Wl,--build-id=none -o library rest.c && "
                   "objcopy --only-keep-debug library link/library.dbg && "
                   "objcopy --strip-all --add-gnu-debuglink=link/library.dbg library link/lib.so"));
    opened = open_program("link/lib.so");
    assert_library_lines(&opened);

    assert_true(workshop_run(&workshop, "mv link/library.dbg link/.debug/"));
    opened = open_program("link/lib.so");
    assert_library_lines(&opened);

    assert_true(workshop_run(&workshop, "mkdir -p tree$PWD/link && "
                                        "mv link/.debug/library.dbg tree$PWD/link/"));
    assert_only_dynamic_symbols("link/lib.so", "library");
    const char *folders[] = {workshop_path(&workshop, "tree")};
    struct symbolizer_options options = {
        .debug_folders = folders, .debug_folder_count = 1, .is_line_wanted = true};
    opened = open_with(&options, "link/lib.so");
    assert_library_lines(&opened);

    /* The same name with another content: another build of the library. */
    assert_true(workshop_run(&workshop, "cp tree$PWD/link/library.dbg link/ && "
                                        "printf x >>link/library.dbg"));
    assert_only_dynamic_symbols("link/lib.so", "library");
}

static void test_debug_file_by_build_id(void **state)
{
    const char *folders[2];
    struct symbolizer_options options = {
        .debug_folders = folders, .debug_folder_count = 2, .is_line_wanted = true};
    struct opened opened;

    (void)state;
    folders[0] = workshop_path(&workshop, "nowhere");
    folders[1] = workshop_path(&workshop, "symbols");
    assert_true(workshop_run(
        &workshop,
        "$CC -g -O2 -fPIC -shared -Wl,--build-id=0xabcdef0123456789 -o library rest.c && "
        "objcopy --strip-all library library.so && mkdir -p symbols/.build-id/ab && "
        "objcopy --only-keep-debug library symbols/.build-id/ab/cdef0123456789.debug"));
    opened = open_with(&options, "library.so");
    assert_library_lines(&opened);

    /* A file in the wrong place is not believed. */
    assert_true(workshop_run(
        &workshop, "$CC -g -O2 -fPIC -shared -Wl,--build-id=0x1111111111111111 -o other rest.c && "
                   "objcopy --only-keep-debug other symbols/.build-id/ab/cdef0123456789.debug"));
    assert_only_dynamic_symbols("library.so", "library");

    /* By plain name, when the build-id agrees. */
    assert_true(workshop_run(&workshop, "rm -r symbols && mkdir symbols && "
                                        "cp library symbols/library.so"));
    opened = open_with(&options, "library.so");
    assert_library_lines(&opened);
    assert_true(workshop_run(&workshop, "cp other symbols/library.so"));
    opened = open_with(&options, "library.so");
    assert_int_equal(symbolizer_module_detail(opened.symbolizer, opened.module, NULL),
                     SYMBOLIZER_SYMBOL_TABLE);
    symbolizer_destroy(opened.symbolizer);
}

/* The file on disk was replaced after the process had loaded it, or never existed here. */
static void test_build_id_of_the_process_rules(void **state)
{
    static const uint8_t loaded[] = {0xab, 0xcd, 0xef, 0x01};
    static const uint8_t missing[] = {1, 2, 3, 4};
    const char *folders[1];
    struct symbolizer_options options = {
        .debug_folders = folders, .debug_folder_count = 1, .is_line_wanted = true};
    struct source_location found[8];
    char expected[1200];
    struct error reason;

    (void)state;
    folders[0] = workshop_path(&workshop, "old");
    assert_true(workshop_run(
        &workshop, "$CC -g -O2 -fPIC -shared -Wl,--build-id=0xabcdef01 -o library rest.c && "
                   "mkdir -p old/.build-id/ab && cp library old/.build-id/ab/cdef01.debug && "
                   "$CC -g -O2 -fPIC -shared -Wl,--build-id=0x77777777 -o replaced.so rest.c"));
    const char *path = workshop_path(&workshop, "replaced.so");
    struct symbolizer *symbolizer = symbolizer_create(&options);
    int old = symbolizer_add_module(symbolizer,
                                    &(struct symbolizer_module){path, -1, loaded, sizeof loaded});
    int gone = symbolizer_add_module(
        symbolizer, &(struct symbolizer_module){path, -1, missing, sizeof missing});
    int absent = symbolizer_add_module(
        symbolizer, &(struct symbolizer_module){"/nowhere/x.so", -1, missing, sizeof missing});

    assert_int_equal(symbolizer_module_detail(symbolizer, old, &reason), SYMBOLIZER_LINES);
    assert_int_equal(
        symbolizer_lookup(symbolizer, old, address_of("library", "marker_helper"), found, 8), 1);
    assert_location(&found[0], "helper", "rest.c", 3, false);
    assert_int_equal(symbolizer_module_detail(symbolizer, gone, &reason), SYMBOLIZER_NOTHING);
    snprintf(expected, sizeof expected,
             "%s is another file than the process had: its build-id is 77777777, not 01020304",
             path);
    assert_string_equal(reason.message, expected);
    assert_int_equal(symbolizer_lookup(symbolizer, gone, address_of("library", "rest"), found, 8),
                     0);
    assert_int_equal(symbolizer_module_detail(symbolizer, absent, &reason), SYMBOLIZER_NOTHING);
    assert_string_equal(reason.message, "cannot open /nowhere/x.so: No such file or directory");
    symbolizer_destroy(symbolizer);
}

static void test_open_descriptor_is_used(void **state)
{
    struct symbolizer_options options = {.is_line_wanted = true};
    struct symbolizer_module module = {.path = "/gone/library"};

    (void)state;
    build_library();
    module.fd = open(workshop_path(&workshop, "library"), O_RDONLY | O_CLOEXEC);
    assert_true(module.fd >= 0);
    struct opened opened = {symbolizer_create(&options), 0};
    opened.module = symbolizer_add_module(opened.symbolizer, &module);
    assert_library_lines(&opened);
    assert_int_equal(close(module.fd), 0); /* still ours */
}

static void test_what_dwz_shared(void **state)
{
    struct opened opened;

    (void)state;
    assert_true(build("dwz1", "-g"));
    assert_true(build("dwz2", "-g"));
    if (!workshop_run(&workshop, "dwz -m shared.dwz dwz1 dwz2 && test -s shared.dwz && "
                                 "readelf -SW dwz1 | grep -q gnu_debugaltlink"))
        skip();
    opened = open_program("dwz1");
    assert_all_lines(&opened, "dwz1");
    symbolizer_destroy(opened.symbolizer);
}

static void test_mini_debug_info(void **state)
{
    struct source_location found[8];
    struct opened opened;

    (void)state;
    build_library();
    if (!workshop_run(&workshop, "objcopy -S --keep-symbol=helper library mini && xz -kf mini && "
                                 "objcopy --add-section .gnu_debugdata=mini.xz library.so"))
        skip();
    opened = open_program("library.so");
    assert_int_equal(symbolizer_lookup(opened.symbolizer, opened.module,
                                       address_of("library", "marker_helper"), found, 8),
                     1);
    assert_location(&found[0], "helper", NULL, 0, false);
    symbolizer_destroy(opened.symbolizer);
}

/* A server on the local disk; without leave it is not asked, whatever the environment says. */
static void test_debuginfod(void **state)
{
    struct symbolizer_options options = {.is_line_wanted = true};
    char url[700];
    void *library = dlopen("libdebuginfod.so.1", RTLD_NOW);
    struct opened opened;

    (void)state;
    if (library == NULL)
        skip();
    snprintf(url, sizeof url, "file://%s/server", workshop.folder);
    setenv("DEBUGINFOD_URLS", url, 1);
    setenv("DEBUGINFOD_CACHE_PATH", workshop_path(&workshop, "cache"), 1);
    assert_true(workshop_run(
        &workshop,
        "$CC -g -O2 -fPIC -shared -Wl,--build-id=0x5eeb0123456789 -o library rest.c && "
        "objcopy --strip-all library library.so && mkdir -p server/buildid/5eeb0123456789 && "
        "objcopy --only-keep-debug library server/buildid/5eeb0123456789/debuginfo"));
    assert_only_dynamic_symbols("library.so", "library");
    assert_false(workshop_run(&workshop, "test -e cache"));
    options.is_debuginfod_allowed = true;
    opened = open_with(&options, "library.so");
    assert_library_lines(&opened);
    unsetenv("DEBUGINFOD_URLS");
}

/* Assembly without debug information beside C with it: the name by symbol, the line of the next
 * unit. */
static void test_assembly_with_lines(void **state)
{
    struct source_location found[8];
    struct opened opened;

    (void)state;
    workshop_write_text(&workshop, "code.s",
                        ".text\n.globl start_here\n.type start_here,@function\n"
                        "start_here:\n nop\n nop\nmarker_code: nop\n ret\n"
                        ".size start_here, .-start_here\n");
    assert_true(workshop_run(&workshop, "$CC -shared -nostdlib -Wa,-g -o code.so code.s"));
    opened = open_program("code.so");
    assert_int_equal(symbolizer_lookup(opened.symbolizer, opened.module,
                                       address_of("code.so", "marker_code"), found, 8),
                     1);
    assert_location(&found[0], "start_here", "code.s", 7, false);
    symbolizer_destroy(opened.symbolizer);
}

static void test_vdso(void **state)
{
    static const uint8_t other[] = {1, 2, 3};
    struct symbolizer_options options = {.is_line_wanted = false};
    struct symbolizer_module module = {.path = "[vdso]", .fd = -1};
    uintptr_t image = getauxval(AT_SYSINFO_EHDR);
    void *library = dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_NOLOAD);
    void *function = library != NULL ? dlsym(library, "__vdso_gettimeofday") : NULL;
    struct source_location found[2];
    struct error reason;

    (void)state;
    if (image == 0 || function == NULL)
        skip();
    struct symbolizer *symbolizer = symbolizer_create(&options);
    int vdso = symbolizer_add_module(symbolizer, &module);
    assert_int_equal(symbolizer_lookup(symbolizer, vdso, (uintptr_t)function - image + 1, found, 2),
                     1);
    assert_string_equal(found[0].function, "gettimeofday");
    module.build_id = other;
    module.build_id_bytes = sizeof other;
    vdso = symbolizer_add_module(symbolizer, &module);
    assert_int_equal(symbolizer_module_detail(symbolizer, vdso, &reason), SYMBOLIZER_NOTHING);
    assert_non_null(strstr(reason.message, "[vdso] is another file"));
    symbolizer_destroy(symbolizer);
}

static void lookup_everywhere(const char *name)
{
    struct opened opened = open_program(name);
    struct source_location found[8];

    symbolizer_module_detail(opened.symbolizer, opened.module, NULL);
    for (uint64_t offset = 0x1000; offset < 0x1300; offset += 7)
        symbolizer_lookup(opened.symbolizer, opened.module, offset, found, 8);
    symbolizer_destroy(opened.symbolizer);
}

/* Cut anywhere, and with damage in the headers and symbols. (A debug file that is damaged within
 * its DWARF is libdw's to survive; the recorder lets a child process ask.) */
static void test_survives_damaged_files(void **state)
{
    struct elf_file facts;
    uint32_t chance = 5;

    (void)state;
    build_library();
    assert_true(elf_file_read_path(workshop_path(&workshop, "library"), &facts, NULL));
    size_t count = (size_t)facts.file_bytes;
    uint8_t *bytes = memory_allocate(count);
    int fd = open(workshop_path(&workshop, "library"), O_RDONLY);
    assert_int_equal(read(fd, bytes, count), count);
    close(fd);
    for (size_t cut = 0; cut < count; cut += 251) {
        workshop_write(&workshop, "damaged", bytes, cut);
        lookup_everywhere("damaged");
    }
    for (int round = 0; round < 200; round++) {
        uint8_t *damaged = memory_duplicate(bytes, count);
        for (int i = 0; i < 10; i++) {
            chance = chance * 1664525u + 1013904223u;
            size_t at = (chance >> 8) % 1024;
            damaged[i % 2 == 0 ? at : count - 1 - at] = (uint8_t)(chance >> 3);
        }
        workshop_write(&workshop, "damaged", damaged, count);
        lookup_everywhere("damaged");
        free(damaged);
    }
    free(bytes);
    workshop_write_text(&workshop, "damaged", "not a program");
    struct opened opened = open_program("damaged");
    struct error reason;
    assert_int_equal(symbolizer_module_detail(opened.symbolizer, opened.module, &reason),
                     SYMBOLIZER_NOTHING);
    assert_non_null(strstr(reason.message, "not an ELF file"));
    symbolizer_destroy(opened.symbolizer);
}

static void write_sources(void)
{
    workshop_write_text(&workshop, "shop.cpp", SHOP);
    workshop_write_text(&workshop, "rest.c", REST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_in_many_forms),
        cmocka_unit_test(test_lines_of_clang),
        cmocka_unit_test(test_lines_with_some_address_ranges_missing),
        cmocka_unit_test(test_rust_lines),
        cmocka_unit_test(test_short_lists_keep_the_function_itself),
        cmocka_unit_test(test_names_only),
        cmocka_unit_test(test_stripped),
        cmocka_unit_test(test_debug_link),
        cmocka_unit_test(test_debug_file_by_build_id),
        cmocka_unit_test(test_build_id_of_the_process_rules),
        cmocka_unit_test(test_open_descriptor_is_used),
        cmocka_unit_test(test_what_dwz_shared),
        cmocka_unit_test(test_mini_debug_info),
        cmocka_unit_test(test_debuginfod),
        cmocka_unit_test(test_assembly_with_lines),
        cmocka_unit_test(test_vdso),
        cmocka_unit_test(test_survives_damaged_files),
    };

    return workshop_run_tests(tests, &workshop, write_sources);
}
