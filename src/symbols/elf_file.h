/* The little that is needed of an ELF file without libdw's full machinery: what kind it is, its
 * build-id, its segments. Reads any bytes safely. */
#ifndef SEEP_SYMBOLS_ELF_FILE_H
#define SEEP_SYMBOLS_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    ELF_FILE_MAX_BUILD_ID_BYTES = 64
};

struct elf_file {
    bool is_64_bit;
    uint16_t machine; /* EM_X86_64, ... */
    uint16_t type;    /* ET_EXEC, ET_DYN */
    bool has_interpreter;
    char interpreter[256];
    bool is_static; /* executable without interpreter and without dynamic needs */
    uint8_t build_id[ELF_FILE_MAX_BUILD_ID_BYTES];
    size_t build_id_bytes; /* 0 = none */
    uint64_t file_bytes;
};

/* Reads headers and notes. Fails for what is not ELF or cannot be read. */
bool elf_file_read(int fd, const char *path, struct elf_file *file, struct error *error);
bool elf_file_read_path(const char *path, struct elf_file *file, struct error *error);

/* Does the executable define the functions of an allocator itself (static jemalloc, tcmalloc,
 * mimalloc, or simply its own malloc), so that a preloaded one would not be called? *name is then a
 * static text such as "jemalloc" or "unknown". `fd` as above. */
bool elf_file_has_own_allocator(int fd, const char **name);

/* The sanitizer whose library the executable needs, and which replaces malloc itself:
 * "AddressSanitizer", ...; NULL = none. One that is linked in is found by the function above. */
const char *elf_file_find_sanitizer(int fd);

#endif
