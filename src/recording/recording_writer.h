/* Writes a recording: a journal first, compacted at the end.
 *
 * The caller hands over records; the writer gathers records of one kind into chunks, compresses and
 * appends them at the next flush. Order between kinds is kept as far as meaning needs it: whatever
 * was added before a flush stands in the file before anything added after it.
 *
 * A file-size limit (RLIMIT_FSIZE) is a failure like a full disk only where SIGXFSZ is ignored:
 * that is the caller's, since a handler is the whole program's. */
#ifndef SEEP_RECORDING_WRITER_H
#define SEEP_RECORDING_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "recording/recording_records.h"

struct recording_writer;

struct recording_writer_options {
    const char *path;
    bool is_force;    /* replace any file; else only a seep recording, or nothing there */
    bool may_replace; /* an explicit -o: an existing seep recording may be replaced */
    uint64_t session_id;
    uint64_t chunk_raw_bytes; /* close a chunk at this many raw bytes; 0 = 1 MiB */

    /* NULL, or is called before each chunk that is made or written: a snapshot of millions of
     * blocks takes seconds, in which others wait for a sign of life. */
    void (*beat)(void *context);
    void *beat_context;
};

/* Opens the output before the command starts: checks what stands at `path` (never follows a
 * symbolic link in a folder that others can write; never a directory or device), creates a journal
 * with mode 0600 under a temporary name beside it, and writes the file header. Caller owns the
 * writer. */
struct recording_writer *recording_writer_open(const struct recording_writer_options *options,
                                               struct error *error);

/* Gives the journal its final name (rename): once the command's exec succeeded. */
bool recording_writer_publish(struct recording_writer *writer, struct error *error);

/* Buffers one record: `record` points to the struct recording_<kind>. Cannot fail: errors show at
 * the next flush. */
void recording_writer_add(struct recording_writer *writer, enum recording_kind kind,
                          const void *record);

/* Compresses and appends what is buffered. On failure (a full disk) the file is cut back to its
 * last whole chunk, what is buffered is kept, and a later flush tries again.
 * With is_synced, data is on disk before it returns. */
bool recording_writer_flush(struct recording_writer *writer, bool is_synced, struct error *error);

/* Starts the compacted successor: from here records go into "<path>.tmp". finish() writes what is
 * buffered, the index and the trailer, syncs, and renames it over the journal. If anything fails
 * the journal stays as it is, salvageable, and the temporary file is removed; records go into the
 * journal again. After success more may follow (a journal compacted within a run): they are
 * appended in place of index and trailer. */
bool recording_writer_begin_compacted(struct recording_writer *writer, struct error *error);
bool recording_writer_finish_compacted(struct recording_writer *writer, struct error *error);

/* From here on nothing waits for the disk: the file is whole after any kill, but perhaps not after
 * a power cut within the next minute. For what takes no longer to be had again than to be synced.
 */
void recording_writer_forgo_sync(struct recording_writer *writer);

/* Records of snapshots need not be added to the compacted file: they are copied from the journal.
 * But not of snapshots that were dropped; those stay in the journal until then. */
void recording_writer_drop_snapshot(struct recording_writer *writer, uint64_t snapshot_id);

/* Where the compacted file does not fit beside the journal: writes what is buffered, the index and
 * the trailer into the journal itself. */
bool recording_writer_finish_journal(struct recording_writer *writer, struct error *error);

/* Bytes of the file so far. */
uint64_t recording_writer_file_bytes(const struct recording_writer *writer);

/* The name the file has, or will have. Borrowed. */
const char *recording_writer_path(const struct recording_writer *writer);

/* Closes, writing what is still buffered if it can; a journal that was never published is removed.
 * NULL is allowed. */
void recording_writer_close(struct recording_writer *writer);

#endif
