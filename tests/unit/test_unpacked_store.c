#define _GNU_SOURCE
#include "symbols/unpacked_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "workshop.h"

/* Types enough for more than a megabyte of debug information. */
enum {
    TYPES = 12000,
    ROOM = 256 << 20
};

static struct workshop workshop;

static void write_source(void)
{
    FILE *file = fopen(workshop_path(&workshop, "types.c"), "w");
    assert_non_null(file);
    for (int i = 0; i < TYPES; i++)
        fprintf(file,
                "struct type_%d { int the_first_member_of_%d, the_second_member_of_%d; "
                "struct type_%d *the_one_before_%d; } variable_%d;\n",
                i, i, i, i > 0 ? i - 1 : 0, i, i);
    fprintf(file, "int main(void) { return 0; }\n");
    fclose(file);
}

/* What unpacking gives, without a cache or with one. */
struct opened {
    int fd;
    Elf *elf;
    struct packed_sections sections;
    struct file_cache *cache;
};

static void open_program(struct opened *opened, const char *folder)
{
    memset(opened, 0, sizeof *opened);
    opened->fd = open(workshop_path(&workshop, "program"), O_RDONLY);
    assert_true(opened->fd >= 0);
    elf_version(EV_CURRENT);
    opened->elf = elf_begin(opened->fd, ELF_C_READ_MMAP_PRIVATE, NULL);
    assert_non_null(opened->elf);
    if (folder != NULL)
        opened->cache = file_cache_open(workshop_path(&workshop, folder), ROOM);
    packed_sections_unpack(&opened->sections, opened->elf, opened->fd, opened->cache);
}

static void close_program(struct opened *opened)
{
    elf_end(opened->elf);
    packed_sections_clear(&opened->sections);
    file_cache_close(opened->cache);
    close(opened->fd);
}

static size_t count_mapped(const struct opened *opened)
{
    size_t count = 0;
    for (size_t i = 0; i < opened->sections.count; i++)
        count += opened->sections.items[i].is_mapped;
    return count;
}

/* The oracle: whatever the cache says, sections are as unpacking gives them, also to libelf. */
static void assert_same_as_unpacked(const struct opened *opened)
{
    struct opened fresh;
    open_program(&fresh, NULL);
    assert_int_equal(opened->sections.count, fresh.sections.count);
    assert_int_equal(count_mapped(&fresh), 0);
    for (size_t i = 0; i < fresh.sections.count; i++) {
        const struct packed_section *expected = &fresh.sections.items[i];
        const struct packed_section *found = &opened->sections.items[i];
        assert_non_null(expected->content);
        assert_non_null(found->content);
        assert_int_equal(found->bytes, expected->bytes);
        assert_memory_equal(found->content, expected->content, expected->bytes);
        const Elf_Data *data = elf_rawdata(elf_getscn(opened->elf, found->index), NULL);
        assert_ptr_equal(data->d_buf, found->content);
        assert_int_equal(data->d_size, expected->bytes);
    }
    close_program(&fresh);
}

static void fill(const char *folder)
{
    struct opened opened;
    open_program(&opened, folder);
    packed_sections_keep(&opened.sections, opened.cache);
    close_program(&opened);
}

/* The path of the only file in the folder; NULL = there is none. */
static const char *find_file(const char *folder)
{
    static char path[2048];
    DIR *list = opendir(workshop_path(&workshop, folder));
    const struct dirent *entry;
    size_t count = 0;
    assert_non_null(list);
    while ((entry = readdir(list)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", workshop_path(&workshop, folder), entry->d_name);
        count++;
    }
    closedir(list);
    assert_true(count <= 1);
    return count == 1 ? path : NULL;
}

static bool build(const char *compression)
{
    return workshop_run(&workshop, "$CC -g -gz=%s -o program types.c", compression);
}

static void test_kept_sections_are_mapped(void **state)
{
    struct opened opened;
    (void)state;
    if (!build("zlib"))
        skip();
    open_program(&opened, "kept");
    assert_true(opened.sections.count >= 2);
    assert_int_equal(count_mapped(&opened), 0);
    assert_same_as_unpacked(&opened);
    close_program(&opened);
    assert_null(find_file("kept")); /* nobody asked to keep it */
    fill("kept");
    assert_non_null(find_file("kept"));
    open_program(&opened, "kept");
    assert_int_equal(count_mapped(&opened), opened.sections.count);
    assert_same_as_unpacked(&opened);
    close_program(&opened);
}

static void test_another_file_of_the_name_is_not_taken_for_it(void **state)
{
    struct opened opened;
    (void)state;
    if (!build("zlib"))
        skip();
    fill("changed");
    assert_true(workshop_run(&workshop, "touch -d '2001-01-01' program"));
    open_program(&opened, "changed");
    assert_null(opened.sections.map);
    assert_same_as_unpacked(&opened);
    close_program(&opened);
}

static void change_file(const char *folder, off_t offset, const void *bytes, size_t count)
{
    int fd = open(find_file(folder), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, count, offset), count);
    close(fd);
}

static void test_damaged_content_is_unpacked_anew(void **state)
{
    struct opened opened;
    size_t count = 1;
    (void)state;
    if (!build("zlib"))
        skip();
    fill("damaged");
    for (size_t i = 0; i < count; i++) {
        open_program(&opened, "damaged");
        const struct packed_section *section = &opened.sections.items[i];
        off_t middle = (const char *)section->content - (const char *)opened.sections.map +
                       (off_t)(section->bytes / 2);
        count = opened.sections.count;
        assert_int_equal(count_mapped(&opened), count);
        close_program(&opened);
        change_file("damaged", middle, "\xff\xfe\x01\x02\x03", 5);
        open_program(&opened, "damaged");
        assert_false(opened.sections.items[i].is_mapped);
        assert_int_equal(count_mapped(&opened), count - 1);
        assert_same_as_unpacked(&opened);
        packed_sections_keep(&opened.sections, opened.cache); /* puts it right */
        close_program(&opened);
    }
    assert_true(count >= 2);
}

static void test_damaged_heads_are_survived(void **state)
{
    static const uint64_t words[] = {0, 1, 64, 65, UINT64_MAX, UINT64_MAX - 4096, 1 << 20};
    struct opened opened;
    (void)state;
    if (!build("zlib"))
        skip();
    fill("heads");
    for (size_t word = 0; word < 8; word++)
        for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
            change_file("heads", (off_t)(word * sizeof words[i]), &words[i], sizeof words[i]);
            open_program(&opened, "heads");
            assert_same_as_unpacked(&opened);
            packed_sections_keep(&opened.sections, opened.cache);
            close_program(&opened);
        }
}

static void test_cut_files_are_survived(void **state)
{
    static const off_t sizes[] = {1, 15, 16, 40, 4096, 5000, 1 << 20};
    struct opened opened;
    (void)state;
    if (!build("zlib"))
        skip();
    fill("cut");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(truncate(find_file("cut"), sizes[i]), 0);
        open_program(&opened, "cut");
        assert_same_as_unpacked(&opened);
        packed_sections_keep(&opened.sections, opened.cache);
        close_program(&opened);
    }
}

static void test_others_are_not_kept(void **state)
{
    (void)state;
    if (build("zstd")) {
        fill("zstd");
        assert_null(find_file("zstd"));
    }
    assert_true(build("none"));
    fill("none");
    assert_null(find_file("none"));
    workshop_write_text(&workshop, "types.c", "int main(void) { return 0; }\n");
    if (build("zlib")) {
        fill("small");
        assert_null(find_file("small"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_sections_are_mapped),
        cmocka_unit_test(test_another_file_of_the_name_is_not_taken_for_it),
        cmocka_unit_test(test_damaged_content_is_unpacked_anew),
        cmocka_unit_test(test_damaged_heads_are_survived),
        cmocka_unit_test(test_cut_files_are_survived),
        cmocka_unit_test(test_others_are_not_kept),
    };

    return workshop_run_tests(tests, &workshop, write_source);
}
