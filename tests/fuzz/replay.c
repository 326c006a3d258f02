/* Runs a fuzz target over its saved corpus, so that `make check` repeats what was once found. For
 * replay_X that is tests/fuzz/corpus/X below $srcdir; other files and folders can be named.
 *
 * To search for more: clang -fsanitize=fuzzer,address,undefined with the target's source in place
 * of this file, and the corpus as argument. */
#include "config.h"

#include "base/memory.h"
#include "base/text.h"

#include <dirent.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static bool replay_file(const char *path)
{
    enum {
        MAX_INPUT_BYTES = 16 * 1024 * 1024
    };
    FILE *file = fopen(path, "rb");
    uint8_t *bytes, *exact;
    size_t count;

    if (file == NULL) {
        perror(path);
        return false;
    }
    bytes = memory_allocate(MAX_INPUT_BYTES);
    count = fread(bytes, 1, MAX_INPUT_BYTES, file);
    fclose(file);
    /* Of exactly this size, so that a sanitizer sees the first byte too many. */
    exact = memory_duplicate(bytes, count);
    free(bytes);
    LLVMFuzzerTestOneInput(exact, count);
    free(exact);
    return true;
}

static bool replay(const char *path, unsigned *count);

static bool replay_folder(const char *path, unsigned *count)
{
    struct dirent **entries;
    int entry_count = scandir(path, &entries, NULL, alphasort);
    bool is_done = entry_count >= 0;

    for (int i = 0; i < entry_count; i++) {
        char *entry = memory_print_text("%s/%s", path, entries[i]->d_name);

        if (entries[i]->d_name[0] != '.')
            is_done = replay(entry, count) && is_done;
        free(entry);
        free(entries[i]);
    }
    if (entry_count >= 0)
        free(entries);
    return is_done;
}

static bool replay(const char *path, unsigned *count)
{
    struct stat status;

    if (stat(path, &status) != 0) {
        perror(path);
        return false;
    }
    if (S_ISDIR(status.st_mode))
        return replay_folder(path, count);
    ++*count;
    return replay_file(path);
}

/* ".../replay_elf_file" has "$srcdir/tests/fuzz/corpus/elf_file". Caller owns the result. */
static char *default_corpus(const char *program)
{
    const char *source_folder = getenv("srcdir");
    const char *name = text_file_name(program);

    if (text_starts_with(name, "replay_"))
        name += strlen("replay_");
    return memory_print_text("%s/tests/fuzz/corpus/%s", source_folder != NULL ? source_folder : ".",
                             name);
}

int main(int argument_count, char **arguments)
{
    unsigned count = 0;
    bool is_done = true;

    for (int i = 1; i < argument_count; i++)
        is_done = replay(arguments[i], &count) && is_done;
    if (argument_count == 1) {
        char *corpus = default_corpus(arguments[0]);

        is_done = replay(corpus, &count);
        free(corpus);
    }
    printf("%u inputs\n", count);
    return is_done && count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
