#include "tui/filter_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static const struct {
    const char *start;
    size_t offset;
} words[] = {
    {"-file:", offsetof(struct query_filter, exclude_file)},
    {"-module:", offsetof(struct query_filter, exclude_module)},
    {"-", offsetof(struct query_filter, exclude_function)},
    {"file:", offsetof(struct query_filter, include_file)},
    {"module:", offsetof(struct query_filter, include_module)},
    {"", offsetof(struct query_filter, include_function)},
};

static void set_word(struct query_filter *filter, const char *word)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!text_starts_with(word, words[i].start))
            continue;
        const char *pattern = word + strlen(words[i].start);
        if (*pattern)
            *(const char **)(void *)((char *)filter + words[i].offset) = pattern;
        return;
    }
}

void filter_text_parse(struct filter_text *parsed, const char *typed)
{
    *parsed = (struct filter_text){.bytes = memory_allocate(strlen(typed) + 1)};
    char *out = parsed->bytes;
    while (*typed) {
        char *word = out;
        typed += strspn(typed, " ");
        while (*typed && *typed != ' ') {
            if (typed[0] == '\\' && typed[1] == ' ')
                typed++;
            *out++ = *typed++;
        }
        *out++ = '\0';
        set_word(&parsed->filter, word);
    }
}

void filter_text_clear(struct filter_text *parsed)
{
    free(parsed->bytes);
    *parsed = (struct filter_text){0};
}
