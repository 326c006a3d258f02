/* The file that a recording is written to: header, chunks at its end, index and trailer.
 *
 * A chunk counts once it stands in the file whole; when writing one fails the file is cut back to
 * the chunks before it. An index and trailer may be followed by more chunks (a journal compacted in
 * the middle of a run): they are cut off first. */
#ifndef SEEP_RECORDING_CHUNK_FILE_H
#define SEEP_RECORDING_CHUNK_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "recording/recording_format.h"

struct chunk_file {
    int fd;               /* borrowed */
    const char *path;     /* for messages; borrowed */
    uint64_t chunk_bytes; /* header and whole chunks */
    uint64_t tail_bytes;  /* behind them: index and trailer, or what a failed write left */
    uint64_t chunk_count;
    struct text index; /* its records */
};

/* A chunk whose payload is made; the header's other fields are filled when it is written. */
struct chunk {
    uint16_t kind;
    uint16_t flags;
    uint32_t raw_bytes;
    uint64_t snapshot_id; /* for who made it: whose records these are */
    struct text stored; /* room for the chunk header, then the payload as stored */
};

/* Writes the file header. The struct must be cleared in any case. */
bool chunk_file_start(struct chunk_file *file, int fd, const char *path, uint64_t session_id,
                      uint16_t minor, struct error *error);

bool chunk_file_append(struct chunk_file *file, struct chunk *chunk, struct error *error);

/* Appends index and trailer. */
bool chunk_file_finish(struct chunk_file *file, struct error *error);

void chunk_file_clear(struct chunk_file *file);

#endif
