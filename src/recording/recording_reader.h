/* Reads a recording, whole or torn, from a file that nobody vouches for.
 *
 * With a valid trailer the index is used; otherwise chunks are read from the front until the first
 * that is damaged or cut, and everything before it is used (salvage). Every length and count is
 * checked against what is there; memory use is bounded by the file's size and the chunk limit. */
#ifndef SEEP_RECORDING_READER_H
#define SEEP_RECORDING_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "recording/recording_records.h"

struct progress;
struct recording_reader;

struct recording_info {
    const char *path; /* borrowed from the reader */
    uint64_t file_bytes;
    uint64_t session_id;
    uint16_t major;
    uint16_t minor;
    uint64_t chunk_count;
    uint64_t usable_bytes; /* up to the first damage; file_bytes when there is none */
    bool is_finished;      /* compacted, with a valid trailer and an `end` record's chunk */
    bool is_torn;          /* cut or damaged, or the writer never finished */
    char damage[256];      /* "" or what is wrong and where */
};

/* Caller owns. Fails for: missing, unreadable, not a recording ("is not a seep recording"), another
 * major version, or nothing usable in it. */
struct recording_reader *recording_reader_open(const char *path, struct error *error);
void recording_reader_close(struct recording_reader *reader);

/* The same for a file that may be large: `progress` (NULL = nobody asks; borrowed) is asked for how
 * much of it is checked. When it wants no more, NULL with *error. */
struct recording_reader *recording_reader_open_watched(const char *path,
                                                       const struct progress *progress,
                                                       struct error *error);

/* From now on this is asked for how much of the records of a visit is done; a visit that it wants
 * no more of ends as if `visit` had returned false. NULL: nobody asks. Borrowed. */
void recording_reader_watch(struct recording_reader *reader, const struct progress *progress);

/* In a visit: how much of its records is done, 0.0 .. 1.0; 0 = not known. */
double recording_reader_share(const struct recording_reader *reader);

/* How much the records of a kind take, as far as the file tells: not more than a hint. */
uint64_t recording_reader_kind_bytes(const struct recording_reader *reader,
                                     enum recording_kind kind);

const struct recording_info *recording_reader_info(const struct recording_reader *reader);

/* Chunks in file order, for info and dump. */
struct recording_chunk {
    uint64_t offset;
    uint16_t kind;
    uint16_t flags;
    uint32_t stored_bytes;
    uint32_t raw_bytes;
    uint64_t sequence;
};
bool recording_reader_chunk(const struct recording_reader *reader, uint64_t position,
                            struct recording_chunk *chunk);

/* The payload of a chunk of any kind as it stands in the file, checked; borrowed until the next
 * call for this reader. */
bool recording_reader_payload(struct recording_reader *reader, uint64_t position,
                              struct recording_bytes *payload, struct error *error);

/* Does a recorder still hold the file? (As far as the file system has locks.) */
bool recording_reader_is_written(const struct recording_reader *reader);

/* The mode of the file, as in struct stat. */
unsigned recording_reader_mode(const struct recording_reader *reader);

/* Calls `visit` for every record of `kind` (in file order), decoded: `record` points to a struct
 * recording_<kind>, borrowed until visit returns. Returning false from visit stops early (not an
 * error). `position` is the chunk's. False with *error only when a chunk's content is malformed:
 * records before it were visited. */
typedef bool (*recording_visit)(void *context, enum recording_kind kind, const void *record);
bool recording_reader_visit(struct recording_reader *reader, enum recording_kind kind,
                            recording_visit visit, void *context, struct error *error);

/* The same, quicker, for kinds that begin with numbers and have but lists of numbers behind those:
 * only the numbers in front are filled in, and `rest` is what follows, checked but still packed
 * (packed_list.h). */
typedef bool (*recording_visit_numbers)(void *context, const void *record,
                                        const struct recording_bytes *rest);
bool recording_reader_visit_numbers(struct recording_reader *reader, enum recording_kind kind,
                                    recording_visit_numbers visit, void *context,
                                    struct error *error);

/* The same for a kind of snapshots' records, or for timelines, of which only those of one snapshot
 * or process are wanted: quick once all of them were visited, since it is known then where they
 * stand. Others may come too. */
bool recording_reader_visit_owned(struct recording_reader *reader, enum recording_kind kind,
                                  uint64_t id, recording_visit visit, void *context,
                                  struct error *error);

/* The same for all kinds, in file order. */
bool recording_reader_visit_all(struct recording_reader *reader, recording_visit visit,
                                void *context, struct error *error);

#endif
