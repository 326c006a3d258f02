/* The recording, a .seep file: framing. (The records inside: recording_records.h. The whole, byte
 * for byte: seep-recording(5).)
 *
 * A recording is a journal. Chunks are only ever appended, each with a checksum over its header and
 * its stored payload, so that whatever stands before the first damaged byte can be read after any
 * kill. A record that names the same thing as an earlier one (the same site, process, thread, ...)
 * replaces it; so a checkpoint writes what changed since the last one. A recording that ended well
 * is compacted: rewritten with one record a thing into a temporary file beside it, synced (unless
 * the session was short), and renamed over the journal; it ends with an `end` record, an index
 * chunk and a trailer.
 *
 *   file    = file header (32 bytes), chunk*, [ index chunk, trailer (32 bytes) ]
 *   chunk   = chunk header (40 bytes), payload (stored_bytes)
 *   payload = varint record count, record*            (after zstd decompression, if flagged)
 *   record  = varint body length, body                (longer than known: newer minor; rest skipped)
 *   body    = the fields of recording_records.h in their order
 *   index   = payload whose records are: offset, kind, flags, stored bytes, raw bytes, payload
 *             checksum (varints) of each chunk before it, in order
 *
 * All fixed-width integers are little-endian. Varints are unsigned LEB128, at most 10 bytes;
 * signed ones are zigzag. */
#ifndef SEEP_RECORDING_FORMAT_H
#define SEEP_RECORDING_FORMAT_H

#include <stdint.h>

#define RECORDING_MAGIC "SEEPREC\n"
#define RECORDING_CHUNK_MAGIC 0x4b484353u /* "SCHK" */
#define RECORDING_TRAILER_MAGIC "SEEPEND\n"

enum {
    RECORDING_MAJOR = 1, /* readers refuse another major */
    RECORDING_MINOR = 1, /* a reader takes every minor of its major */
    RECORDING_MAX_CHUNK_BYTES = 64 << 20 /* raw or stored; longer is damage */
};

struct recording_file_header {
    char magic[8];
    uint16_t major;
    uint16_t minor;
    uint32_t header_bytes; /* 32 */
    uint64_t session_id;   /* random; a compacted file keeps it */
    uint64_t checksum;     /* recording_checksum() of the bytes before it */
};
_Static_assert(sizeof(struct recording_file_header) == 32, "file header is 32 bytes");

enum recording_chunk_flags {
    RECORDING_CHUNK_ZSTD = 1,
    /* The last chunk of a flush: with it the records agree with each other (the sites with the
     * totals). A torn file is read up to the last of these, if it has one. */
    RECORDING_CHUNK_CHECKPOINT = 2
};

struct recording_chunk_header {
    uint32_t magic;
    uint16_t kind;  /* enum recording_kind; a reader skips kinds that it does not know */
    uint16_t flags; /* enum recording_chunk_flags */
    uint32_t stored_bytes;
    uint32_t raw_bytes;
    uint64_t sequence; /* 0, 1, 2, ... in the file */
    uint64_t payload_checksum;
    uint64_t header_checksum; /* of the 32 bytes before it */
};
_Static_assert(sizeof(struct recording_chunk_header) == 40, "chunk header is 40 bytes");

struct recording_trailer {
    char magic[8];
    uint64_t index_offset; /* of the index chunk's header */
    uint64_t file_bytes;   /* of the whole file, this trailer included */
    uint64_t checksum;     /* of the bytes before it */
};
_Static_assert(sizeof(struct recording_trailer) == 32, "trailer is 32 bytes");

/* FNV-1a with 64 bits over 8-byte little-endian words, the last padded with zeroes, then over the
 * length; at last the upper half is xored into the lower. Fast, and as good as needed against
 * accidents (not against forgery). */
uint64_t recording_checksum(const void *bytes, uint64_t count);

#endif
