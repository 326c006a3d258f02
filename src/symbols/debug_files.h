/* Finds the separate file with a module's debug information, as gdb does: by build-id, by the name
 * in .gnu_debuglink (checked by its CRC), by plain name in folders that the user gave. What has
 * another build-id is refused: its names would be wrong.
 *
 * Build-id trees and .gnu_debuglink: gdb manual, "Debugging Information in Separate Files";
 * .gnu_debugaltlink: dwz(1), DWARF 5 section 7.3.6. */
#ifndef SEEP_SYMBOLS_DEBUG_FILES_H
#define SEEP_SYMBOLS_DEBUG_FILES_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct debug_folders {
    const char *const *paths; /* searched in this order, before /usr/lib/debug */
    size_t count;
};

struct debug_wanted {
    const char *path; /* of the module; may be one that does not exist here */
    const uint8_t *build_id;
    size_t build_id_bytes;
    Elf *file;    /* the module itself, for its .gnu_debuglink; NULL = not at hand */
    dev_t device; /* of `file`, so that it is not found as its own debug file */
    ino_t inode;
};

/* An open descriptor (the caller closes it) of a file that has a symbol table or DWARF, or -1.
 * *path is where it was found: the caller's to free. */
int debug_files_open(const struct debug_folders *folders, const struct debug_wanted *wanted,
                     char **path);

/* The same for the file that dwz moved shared pieces of `debug_path` to. `name` is as in
 * .gnu_debugaltlink, so it may be relative to the folder of debug_path. */
int debug_files_open_alternate(const struct debug_folders *folders, const char *debug_path,
                               const char *name, const uint8_t *build_id, size_t build_id_bytes);

/* The CRC-32 of .gnu_debuglink (ISO 3309), over more bytes: begin with crc 0. */
uint32_t debug_files_crc(uint32_t crc, const uint8_t *bytes, size_t count);

#endif
