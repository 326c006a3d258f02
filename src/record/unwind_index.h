/* A sorted list of the entries (FDEs) of one .eh_frame or .debug_frame section, for files that
 * bring no sorted table. Sections may be hostile. */
#ifndef SEEP_RECORD_UNWIND_INDEX_H
#define SEEP_RECORD_UNWIND_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unwind_index_entry {
    uint64_t start; /* of the code */
    uint64_t end;
    uint64_t offset; /* of the FDE in the section */
};

struct unwind_index {
    uint8_t *bytes; /* the section */
    size_t byte_count;
    uint64_t address; /* of the section in memory; 0 for .debug_frame */
    bool is_eh_frame;
    struct unwind_index_entry *entries;
    size_t count;
    size_t capacity;
};

/* Takes `bytes` (from malloc) over. Entries that cannot be understood are left out. */
void unwind_index_init(struct unwind_index *index, uint8_t *bytes, size_t byte_count,
                       uint64_t address, bool is_eh_frame);

void unwind_index_clear(struct unwind_index *index);

/* Borrowed until the index is cleared; NULL = no entry covers `address`. */
const struct unwind_index_entry *unwind_index_find(const struct unwind_index *index,
                                                   uint64_t address);

/* Writes the entry of a .debug_frame and its CIE to `copy` in the form of .eh_frame, with absolute
 * 64-bit addresses that have `bias` added. *fde_offset is where the FDE begins. Returns the length,
 * 0 when it does not fit or makes no sense. */
size_t unwind_index_copy(const struct unwind_index *index, const struct unwind_index_entry *entry,
                         uint64_t bias, uint8_t *copy, size_t copy_bytes, size_t *fde_offset);

#endif
