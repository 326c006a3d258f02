/* Any bytes as a file of each format that is imported. */
#include "config.h"

#include "import/import.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    char *text = memory_allocate(count + 1);
    if (count != 0)
        memcpy(text, bytes, count);
    text[count] = '\0';
    for (size_t i = 0; import_format_at(i); i++) {
        struct import_writer *writer = import_writer_create();
        struct error error = {.message = ""};
        import_format_at(i)->matches(text);
        if (!import_format_at(i)->read(text, count, writer, &error) && !error.message[0])
            abort();
        import_writer_destroy(writer);
    }
    free(text);
    return 0;
}
