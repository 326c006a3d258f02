/* An ELF file as an unwinder of another process sees it: the bytes of its segments by address, and
 * where its unwind tables are.
 *
 * Bytes are read piece by piece with pread and kept: a mapping would end the recorder with SIGBUS
 * when somebody truncates the file. Everything in the file may be hostile. Addresses here are the
 * file's own (p_vaddr). */
#ifndef SEEP_RECORD_UNWIND_FILE_H
#define SEEP_RECORD_UNWIND_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct unwind_file;

/* fd: an open descriptor of the file, borrowed as long as this lives, or -1 to open `path`. Caller
 * owns the result. */
struct unwind_file *unwind_file_open(int fd, const char *path, struct error *error);

/* The same for bytes that are in memory; they are copied. */
struct unwind_file *unwind_file_open_image(const void *bytes, size_t count, struct error *error);

/* The vDSO of this process: the kernel maps the same one into all processes of this kind. */
struct unwind_file *unwind_file_open_vdso(struct error *error);

void unwind_file_close(struct unwind_file *file);

/* Copies the bytes at `address` that are in one segment of the file; returns how many. */
size_t unwind_file_read(struct unwind_file *file, uint64_t address, void *bytes, size_t count);

/* The sorted table of .eh_frame_hdr in its usual form: pairs of 32-bit offsets {code, FDE} from
 * header_address. */
struct unwind_file_table {
    uint64_t header_address;
    uint64_t table_address;
    uint64_t count;
};

/* False where the file has no such table: use unwind_file_find_frame. */
bool unwind_file_table(const struct unwind_file *file, struct unwind_file_table *table);

enum {
    UNWIND_FILE_MAX_COPY_BYTES = 4096
};

/* One function's entry, found by looking through all of .eh_frame, or .debug_frame, once. Either it
 * is in a segment, at fde_address; or (for .debug_frame, which is in no segment) `copy` holds a CIE
 * and, fde_offset from its begin, an FDE, in the form of .eh_frame with absolute addresses. */
struct unwind_file_frame {
    uint64_t start;
    uint64_t end;
    uint64_t fde_address;
    size_t fde_offset;
    size_t copy_bytes; /* 0 = in a segment */
    uint8_t copy[UNWIND_FILE_MAX_COPY_BYTES];
};

/* `bias` is added to the addresses inside a copy. False when there is no entry for `address`. */
bool unwind_file_find_frame(struct unwind_file *file, uint64_t address, uint64_t bias,
                            struct unwind_file_frame *frame);

#endif
