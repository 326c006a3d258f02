/* Any bytes as an ELF file: our own readers of headers, notes and symbol tables. */
#include "config.h"

#include "symbols/elf_file.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    struct elf_file file;
    struct error error;
    const char *name;

    if (fd < 0 || write(fd, bytes, count) != (ssize_t)count)
        abort();
    if (elf_file_read(fd, "input", &file, &error)) {
        if (file.build_id_bytes > sizeof file.build_id ||
            memchr(file.interpreter, '\0', sizeof file.interpreter) == NULL)
            abort();
    }
    if (elf_file_has_own_allocator(fd, &name) != (name != NULL))
        abort();
    close(fd);
    return 0;
}
