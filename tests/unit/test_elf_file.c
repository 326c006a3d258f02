#include "config.h"

#include "symbols/elf_file.h"

#include "base/memory.h"
#include "workshop.h"

#include <elf.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

static struct workshop workshop;

#define BUILD_ID "-Wl,--build-id=0x0123456789abcdef0123456789abcdef01234567"

static const uint8_t KNOWN_BUILD_ID[20] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd,
                                           0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
                                           0xcd, 0xef, 0x01, 0x23, 0x45, 0x67};

static struct elf_file read_built(const char *name)
{
    struct elf_file file;
    struct error error;

    if (!elf_file_read_path(workshop_path(&workshop, name), &file, &error))
        fail_msg("%s", error.message);
    return file;
}

static void assert_known_build_id(const struct elf_file *file)
{
    assert_int_equal(file->build_id_bytes, sizeof KNOWN_BUILD_ID);
    assert_memory_equal(file->build_id, KNOWN_BUILD_ID, sizeof KNOWN_BUILD_ID);
}

static void test_reads_a_dynamic_executable(void **state)
{
    struct elf_file file;

    (void)state;
    assert_true(workshop_run(&workshop, "$CC -o dynamic main.c " BUILD_ID));
    file = read_built("dynamic");
    assert_true(file.is_64_bit);
    assert_int_equal(file.machine, EM_X86_64);
    assert_true(file.has_interpreter);
    assert_string_equal(file.interpreter, "/lib64/ld-linux-x86-64.so.2");
    assert_false(file.is_static);
    assert_known_build_id(&file);
    assert_true(file.file_bytes > 4096);
}

static void test_recognises_static_executables(void **state)
{
    struct elf_file file;

    (void)state;
    assert_true(workshop_run(&workshop, "$CC -static -no-pie -o static main.c " BUILD_ID));
    file = read_built("static");
    assert_int_equal(file.type, ET_EXEC);
    assert_false(file.has_interpreter);
    assert_true(file.is_static);
    assert_known_build_id(&file);
    assert_true(workshop_run(&workshop, "$CC -static-pie -o static-pie main.c"));
    file = read_built("static-pie");
    assert_int_equal(file.type, ET_DYN);
    assert_true(file.is_static);
}

static void test_a_library_is_not_static(void **state)
{
    struct elf_file file;

    (void)state;
    assert_true(workshop_run(&workshop, "$CC -shared -fPIC -nostdlib -o lib.so empty.c "
                                        "-Wl,--build-id=none"));
    file = read_built("lib.so");
    assert_int_equal(file.type, ET_DYN);
    assert_false(file.has_interpreter);
    assert_false(file.is_static);
    assert_int_equal(file.build_id_bytes, 0);
}

static void test_reads_the_build_id_of_a_debug_file(void **state)
{
    struct elf_file file;

    (void)state;
    assert_true(workshop_run(&workshop, "$CC -g -o full main.c " BUILD_ID
                                        " && objcopy --only-keep-debug full full.debug"));
    file = read_built("full.debug");
    assert_known_build_id(&file);
}

static void test_reads_the_build_id_without_sections(void **state)
{
    struct elf_file file;

    (void)state;
    assert_true(workshop_run(&workshop, "$CC -o sections main.c " BUILD_ID));
    int fd = open(workshop_path(&workshop, "sections"), O_RDWR);
    uint64_t none[1] = {0};
    uint16_t counts[3] = {0, 0, 0};
    assert_int_equal(pwrite(fd, none, sizeof none, offsetof(Elf64_Ehdr, e_shoff)), sizeof none);
    assert_int_equal(pwrite(fd, counts, sizeof counts, offsetof(Elf64_Ehdr, e_shentsize)),
                     sizeof counts);
    close(fd);
    file = read_built("sections");
    assert_known_build_id(&file);
    assert_true(file.has_interpreter);
}

static void test_reads_32_bit_files(void **state)
{
    struct elf_file file;

    (void)state;
    /* The linker needs no 32-bit C library for this. */
    if (!workshop_run(&workshop,
                      "$CC -m32 -c -o narrow.o empty.c && ld -m elf_i386 -shared -o narrow.so "
                      "narrow.o --build-id=0x0123456789abcdef0123456789abcdef01234567"))
        skip();
    file = read_built("narrow.so");
    assert_false(file.is_64_bit);
    assert_int_equal(file.machine, EM_386);
    assert_known_build_id(&file);
}

static void assert_refused(const char *name, const char *expected)
{
    const char *path = workshop_path(&workshop, name);
    char message[1200];
    struct elf_file file;
    struct error error;

    assert_false(elf_file_read_path(path, &file, &error));
    snprintf(message, sizeof message, expected, path);
    assert_string_equal(error.message, message);
}

static void test_refuses_what_is_not_elf(void **state)
{
    (void)state;
    workshop_write_text(&workshop, "script", "#!/bin/sh\nexit 0\n");
    workshop_write_text(&workshop, "nothing", "");
    workshop_write(&workshop, "short", "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\3", 17);
    workshop_write(&workshop, "big-endian", "\177ELF\2\2\1\0\0\0\0\0\0\0\0\0\3", 17);
    assert_refused("script", "cannot read %s: not an ELF file");
    assert_refused("nothing", "cannot read %s: not an ELF file");
    assert_refused("short", "cannot read %s: the ELF header is cut off");
    assert_refused("big-endian", "cannot read %s: an ELF file of an unknown class or byte order");
    assert_refused("absent", "cannot open %s: No such file or directory");
    assert_refused(".", "cannot read %s: not a regular file");
}

/* Every function must come to an end with any bytes; sanitizers watch. */
static void read_bytes(const uint8_t *bytes, size_t count)
{
    int fd = memfd_create("elf", MFD_CLOEXEC);
    struct elf_file file;
    struct error error;
    const char *name;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, count), count);
    elf_file_read(fd, "damaged", &file, &error);
    elf_file_has_own_allocator(fd, &name);
    close(fd);
}

static uint8_t *load(const char *name, size_t *count)
{
    struct elf_file file = read_built(name);
    uint8_t *bytes = memory_allocate((size_t)file.file_bytes);
    int fd = open(workshop_path(&workshop, name), O_RDONLY);

    assert_int_equal(read(fd, bytes, (size_t)file.file_bytes), file.file_bytes);
    close(fd);
    *count = (size_t)file.file_bytes;
    return bytes;
}

static void test_survives_truncated_and_damaged_files(void **state)
{
    size_t count;
    uint32_t chance = 7;

    (void)state;
    assert_true(workshop_run(&workshop, "$CC -g -o victim main.c"));
    uint8_t *bytes = load("victim", &count);
    for (size_t cut = 0; cut < count; cut += cut < 1024 ? 1 : 509)
        read_bytes(bytes, cut);
    for (int round = 0; round < 500; round++) {
        uint8_t *damaged = memory_duplicate(bytes, count);
        for (int i = 0; i < 20; i++) {
            chance = chance * 1664525u + 1013904223u;
            /* Mostly in the headers at both ends, where it hurts. */
            size_t at = (chance >> 8) % 2048;
            damaged[i % 2 == 0 ? at : count - 1 - at] = (uint8_t)(chance >> 3);
        }
        read_bytes(damaged, count);
        free(damaged);
    }
    free(bytes);
}

static void assert_allocator(const char *name, const char *expected)
{
    int fd = open(workshop_path(&workshop, name), O_RDONLY);
    const char *found;

    assert_true(fd >= 0);
    assert_int_equal(elf_file_has_own_allocator(fd, &found), expected != NULL);
    if (expected != NULL)
        assert_string_equal(found, expected);
    else
        assert_null(found);
    close(fd);
}

static const char FAKE_JEMALLOC[] =
    "#include <stddef.h>\n#include <stdio.h>\n"
    "static char arena[1 << 16]; static size_t used;\n"
    "void *PREFIX(malloc)(size_t n) {\n"
    "    if (n > sizeof arena - used) { fputs(\"<jemalloc>: out of memory\\n\", stderr); return 0; "
    "}\n"
    "    used += n; return arena + used - n; }\n"
    "void PREFIX(free)(void *p) { (void)p; }\n"
    "int main(int argc, char **argv) { (void)argv; return PREFIX(malloc)((size_t)argc) == 0; }\n";

static void test_finds_allocators_inside(void **state)
{
    (void)state;
    workshop_write_text(&workshop, "allocator.c", FAKE_JEMALLOC);
    assert_true(workshop_run(&workshop, "$CC '-DPREFIX(f)=je_##f' -o prefixed allocator.c"));
    assert_true(workshop_run(&workshop, "$CC -fno-builtin '-DPREFIX(f)=f' -o plain allocator.c"));
    assert_true(workshop_run(&workshop, "$CC '-DPREFIX(f)=_rjem_##f' -o rust allocator.c"));
    assert_true(workshop_run(&workshop, "$CC '-DPREFIX(f)=mi_##f' -o mi allocator.c"));
    assert_allocator("prefixed", "jemalloc");
    assert_allocator("rust", "jemalloc");
    assert_allocator("mi", "mimalloc");
    assert_allocator("plain", "unknown");
    assert_true(workshop_run(&workshop, "$CC -static -o static-libc user.c && "
                                        "$CC -static '-DPREFIX(f)=je_##f' -o both allocator.c"));
    assert_allocator("static-libc", "glibc");
    assert_allocator("both", "jemalloc");
}

static void test_finds_allocators_in_stripped_files(void **state)
{
    (void)state;
    assert_true(workshop_run(&workshop, "$CC '-DPREFIX(f)=je_##f' -s -o stripped allocator.c"));
    assert_allocator("stripped", "jemalloc");
    /* malloc itself stays in .dynsym, because libc refers to it. */
    assert_true(workshop_run(&workshop,
                             "sed 's/<jemalloc>//' allocator.c > quiet.c && "
                             "$CC -fno-builtin -s '-DPREFIX(f)=f' -o stripped-plain quiet.c"));
    assert_allocator("stripped-plain", "unknown");
}

/* CPython has one for its objects, which is not the malloc of the program. */
static void test_leaves_the_allocator_inside_cpython(void **state)
{
    (void)state;
    assert_true(workshop_run(&workshop,
                             "{ echo 'int _PyRuntime = 1;'; sed 's/<jemalloc>/mimalloc: error/' "
                             "allocator.c; } > python.c && "
                             "$CC '-DPREFIX(f)=mi_##f' -rdynamic -o python python.c && "
                             "strip -o python.stripped python && "
                             "{ echo 'int _PyRuntime = 1;'; cat allocator.c; } > je-python.c && "
                             "$CC '-DPREFIX(f)=je_##f' -rdynamic -o je-python je-python.c && "
                             "grep -v _PyRuntime python.c > mi.c && "
                             "$CC '-DPREFIX(f)=mi_##f' -s -o mi.stripped mi.c"));
    assert_allocator("python", NULL);
    assert_allocator("python.stripped", NULL);
    assert_allocator("je-python", "jemalloc");
    assert_allocator("mi.stripped", "mimalloc");
}

static void test_finds_no_allocator_in_other_programs(void **state)
{
    (void)state;
    assert_true(workshop_run(&workshop, "$CC -o user user.c && strip -o user.stripped user"));
    assert_allocator("user", NULL);
    assert_allocator("user.stripped", NULL);
    assert_allocator("user.c", NULL);
    const char *name;
    int fd = open("/proc/self/exe", O_RDONLY);
    elf_file_has_own_allocator(fd, &name);
#ifndef __SANITIZE_ADDRESS__
    assert_null(name);
#endif
    close(fd);
}

static void write_sources(void)
{
    workshop_write_text(&workshop, "main.c", "int main(void) { return 0; }\n");
    workshop_write_text(&workshop, "empty.c", "int answer(void) { return 42; }\n");
    workshop_write_text(&workshop, "user.c",
                        "#include <stdlib.h>\nint main(int c, char **v)\n"
                        "{ void *p = malloc((size_t)c); free(p); return v == p; }\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_a_dynamic_executable),
        cmocka_unit_test(test_recognises_static_executables),
        cmocka_unit_test(test_a_library_is_not_static),
        cmocka_unit_test(test_reads_the_build_id_of_a_debug_file),
        cmocka_unit_test(test_reads_the_build_id_without_sections),
        cmocka_unit_test(test_reads_32_bit_files),
        cmocka_unit_test(test_refuses_what_is_not_elf),
        cmocka_unit_test(test_survives_truncated_and_damaged_files),
        cmocka_unit_test(test_finds_allocators_inside),
        cmocka_unit_test(test_finds_allocators_in_stripped_files),
        cmocka_unit_test(test_leaves_the_allocator_inside_cpython),
        cmocka_unit_test(test_finds_no_allocator_in_other_programs),
    };

    return workshop_run_tests(tests, &workshop, write_sources);
}
