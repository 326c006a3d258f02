/* The memory of a stopped process, as something that can be read, wherever it is: another process,
 * or an image in the reader's own memory (tests).
 *
 * Whatever is read may be anything. What cannot be read is told, and is no failure. */
#ifndef SEEP_SNAPSHOT_TARGET_MEMORY_H
#define SEEP_SNAPSHOT_TARGET_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    TARGET_STRETCHES_MAX = 64 /* that are read at once */
};

struct target_stretch {
    uint64_t address;
    size_t count;
};

struct target_memory {
    /* Reads up to `count` bytes from `address` on; returns how many could be read before the first
     * that cannot. */
    size_t (*read)(void *context, uint64_t address, void *bytes, size_t count);
    /* Finds the first stretch in [start, end) whose pages hold something; pages that nobody touched
     * read as zeroes or as their file. False: there is none. NULL: everything counts as touched. */
    bool (*find_touched)(void *context, uint64_t start, uint64_t end, uint64_t *touched_start,
                         uint64_t *touched_end);
    /* The same as read, of several stretches, one behind the other into `bytes`; returns how many
     * bytes could be read before the first that cannot. NULL: they are read one by one. */
    size_t (*read_several)(void *context, const struct target_stretch *stretches, size_t count,
                           void *bytes);
    /* Memory that is here already: all `count` bytes from `address` on, borrowed for as long as the
     * memory itself; NULL: it is not, and must be read. NULL for none of it. */
    const void *(*borrow)(void *context, uint64_t address, size_t count);
    /* Several threads may read and borrow at once; find_touched is for one at a time. */
    bool is_shareable;
    void *context;
};

/* A process that stands still (or not: then what is read may be torn), by process_vm_readv, or
 * where that is refused through /proc/PID/mem. Opens descriptors: close it. */
struct target_process;
struct target_process *target_process_open(uint32_t pid, struct error *error);
/* One that nobody may read but itself; `server` is borrowed until it is closed. */
struct target_server;
struct target_process *target_process_serve(struct target_server *server);
void target_process_close(struct target_process *process);
/* Borrowed from the process. */
struct target_memory target_process_memory(struct target_process *process);

/* An image: pieces of memory at addresses. */
struct target_image_piece {
    uint64_t address;
    const void *bytes;
    size_t count;
};
struct target_image {
    const struct target_image_piece *pieces; /* disjoint, in any order */
    size_t count;
};
/* `image` is borrowed. */
struct target_memory target_image_memory(const struct target_image *image);

/* All of [address, address + count), or false. */
bool target_memory_read(const struct target_memory *memory, uint64_t address, void *bytes,
                        size_t count);
/* How many of `count` bytes from `address` on lie on the page that it is on. */
size_t target_memory_page_part(uint64_t address, size_t count);
bool target_memory_read_word(const struct target_memory *memory, uint64_t address, uint64_t *word);

#endif
