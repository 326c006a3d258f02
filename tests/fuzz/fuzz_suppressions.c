/* Any bytes as a file of suppressions, and what was read against a stack. */
#include "config.h"

#include "analysis/suppressions.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct suppression_frame frames[] = {
        {.function = "Cache<int>::grow(unsigned long) const", .file = "/src/cache.cpp", .line = 7},
        {.module = "/usr/lib/libplugin.so"},
        {.function = "main", .file = "main.c", .module = "/home/dev/demo"}};
    struct suppression_stack stack = {FUNCTION_NEW, frames, sizeof frames / sizeof *frames, 0};
    struct suppressions list;
    struct error error = {.message = ""};
    suppressions_init(&list);
    if (!suppressions_read(&list, "input", (const char *)bytes, count, &error) &&
        (list.count || !error.message[0]))
        abort();
    for (size_t i = 0; i < list.count; i++)
        for (unsigned kind = 0; kind < LEAK_KIND_COUNT; kind++)
            suppression_matches(&list.items[i], &stack, (enum leak_kind)kind);
    suppressions_clear(&list);
    return 0;
}
