/* The headers of an ELF file of either class (little-endian), read piece by piece with pread, so
 * that neither a damaged nor a shrinking file can hurt. Format: the ELF specification ("gABI") and
 * elf(5). */
#ifndef SEEP_SYMBOLS_ELF_LAYOUT_H
#define SEEP_SYMBOLS_ELF_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_layout {
    int fd; /* borrowed */
    bool is_64_bit;
    uint16_t type;
    uint16_t machine;
    uint64_t file_bytes;
    uint64_t segments_offset;
    uint32_t segment_count;
    uint64_t sections_offset;
    uint32_t section_count;
};

struct elf_segment {
    uint32_t type;
    uint64_t offset; /* in the file */
    uint64_t address;
    uint64_t file_bytes;
};

struct elf_section {
    uint32_t name; /* in the table of section names; not resolved */
    uint32_t type;
    uint64_t flags;
    uint64_t offset;
    uint64_t bytes;
    uint32_t link;
    uint64_t entry_bytes;
};

/* Opens a regular file for reading; -1 (errno) when it is none: opening a device or a pipe that a
 * recording names could do something. */
int elf_layout_open(const char *path);

/* Reads the file header. On failure *why is a static text: "not an ELF file", ... */
bool elf_layout_read(int fd, struct elf_layout *layout, const char **why);

/* Both return false for what cannot be read, or whose bytes do not lie inside the file (no bytes in
 * the file, as SHT_NOBITS, is fine). */
bool elf_layout_segment(const struct elf_layout *layout, uint32_t index,
                        struct elf_segment *segment);
bool elf_layout_section(const struct elf_layout *layout, uint32_t index,
                        struct elf_section *section);

/* pread of exactly `count` bytes. */
bool elf_layout_bytes(const struct elf_layout *layout, uint64_t offset, void *bytes, size_t count);

/* Calls `visit` for each note of a note segment or section in [offset, offset + bytes) until it
 * returns false. Notes beyond 64 KiB are not read. */
struct elf_note {
    const char *name; /* name_bytes of it, the NUL included */
    uint32_t name_bytes;
    uint32_t type;
    const uint8_t *content;
    uint32_t content_bytes;
};
typedef bool (*elf_note_visit)(void *context, const struct elf_note *note);
void elf_layout_notes(const struct elf_layout *layout, uint64_t offset, uint64_t bytes,
                      elf_note_visit visit, void *context);

#endif
