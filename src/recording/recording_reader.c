#include "recording/recording_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "base/progress.h"
#include "recording/reader_parts.h"
#include "recording/recording_format.h"
#include "recording/varint.h"

/* Opening walks over all chunks and checks every one (a few milliseconds for a usual recording: far
 * less than decoding it), so that damage is known before anything is shown and what is shown is one
 * state of the program, not a mixture. The file is read, not mapped: a file that shrinks meanwhile
 * must not be a bus error. */

enum {
    MAX_HEADER_BYTES = 4096, /* a newer minor may have a longer file header */
    INDEX_FIELDS = 6
};

/* False: the file is shorter, or cannot be read (errno; 0 = shorter). */
static bool read_at(const struct recording_reader *reader, void *bytes, size_t count,
                    uint64_t offset)
{
    char *at = bytes;
    while (count > 0) {
        ssize_t got = pread(reader->fd, at, count, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got < 0 ? errno : 0;
            return false;
        }
        at += got;
        offset += (uint64_t)got;
        count -= (size_t)got;
    }
    return true;
}

static bool set_damage(struct recording_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Returns false. The first damage is the one that counts. */
static bool set_damage(struct recording_reader *reader, const char *format, ...)
{
    if (reader->info.damage[0] != '\0')
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->info.damage, sizeof reader->info.damage, format, arguments);
    va_end(arguments);
    return false;
}

static void add_to_damage(struct recording_reader *reader, const char *words)
{
    size_t length = strlen(reader->info.damage);
    snprintf(reader->info.damage + length, sizeof reader->info.damage - length, "%s", words);
}

static bool open_file(struct recording_reader *reader, struct error *error)
{
    struct stat status;
    /* not blocking: opening a pipe must not wait for a writer */
    reader->fd = open(reader->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (reader->fd < 0 || fstat(reader->fd, &status) != 0)
        return error_set_errno(error, errno, "cannot read %s", reader->path);
    if (!S_ISREG(status.st_mode))
        return error_set(error, "cannot read %s: it is not a regular file", reader->path);
    reader->info.file_bytes = (uint64_t)status.st_size;
    return true;
}

static bool read_file_header(struct recording_reader *reader, uint64_t *first_chunk,
                             struct error *error)
{
    struct recording_file_header header;
    if (!read_at(reader, &header, sizeof header, 0)) {
        if (errno)
            return error_set_errno(error, errno, "cannot read %s", reader->path);
        memset(&header, 0, sizeof header);
        read_at(reader, header.magic, sizeof header.magic, 0);
        bool has_magic = memcmp(header.magic, RECORDING_MAGIC, sizeof header.magic) == 0;
        return error_set(error, "cannot read %s: %s", reader->path,
                         has_magic ? "it is cut within its header" : "it is not a seep recording");
    }
    if (memcmp(header.magic, RECORDING_MAGIC, sizeof header.magic) != 0)
        return error_set(error, "cannot read %s: it is not a seep recording", reader->path);
    if (header.major != RECORDING_MAJOR)
        return error_set(error,
                         "cannot read %s: its format is version %u.%u, and this seep reads %u.x",
                         reader->path, header.major, header.minor, RECORDING_MAJOR);
    if (header.checksum !=
            recording_checksum(&header, offsetof(struct recording_file_header, checksum)) ||
        header.header_bytes < sizeof header || header.header_bytes > MAX_HEADER_BYTES)
        return error_set(error, "cannot read %s: its header is damaged", reader->path);
    reader->info.session_id = header.session_id;
    reader->info.major = header.major;
    reader->info.minor = header.minor;
    *first_chunk = header.header_bytes;
    return true;
}

/* The header of the chunk at `offset`, checked but for the payload. */
static bool read_chunk_header(struct recording_reader *reader, uint64_t offset,
                              struct recording_chunk_header *header)
{
    uint64_t number = reader->info.chunk_count;
    uint64_t left = reader->info.file_bytes - offset;
    if (left < sizeof *header)
        return set_damage(reader, "it is cut within the header of chunk %" PRIu64, number);
    if (!read_at(reader, header, sizeof *header, offset))
        return set_damage(reader, "chunk %" PRIu64 " cannot be read", number);
    if (header->magic != RECORDING_CHUNK_MAGIC ||
        header->header_checksum !=
            recording_checksum(header, offsetof(struct recording_chunk_header, header_checksum)))
        return set_damage(reader, "the header of chunk %" PRIu64 " at byte %" PRIu64 " is damaged",
                          number, offset);
    if (header->sequence != number)
        return set_damage(reader, "chunk %" PRIu64 " at byte %" PRIu64 " is out of order", number,
                          offset);
    if (header->stored_bytes > RECORDING_MAX_CHUNK_BYTES ||
        header->raw_bytes > RECORDING_MAX_CHUNK_BYTES)
        return set_damage(reader, "chunk %" PRIu64 " is longer than a chunk can be", number);
    if (header->stored_bytes > left - sizeof *header)
        return set_damage(reader, "chunk %" PRIu64 " is longer than the file", number);
    return true;
}

bool recording_load_stored(struct recording_reader *reader, const struct chunk_entry *entry)
{
    const struct recording_chunk *chunk = &entry->chunk;
    reader->stored = memory_grow(reader->stored, &reader->stored_capacity,
                                 chunk->stored_bytes + UINT64_C(1), 1); /* never NULL */
    return read_at(reader, reader->stored, chunk->stored_bytes,
                   chunk->offset + sizeof(struct recording_chunk_header)) &&
           recording_checksum(reader->stored, chunk->stored_bytes) == entry->payload_checksum;
}

static uint64_t end_of_chunk(const struct recording_chunk *chunk)
{
    return chunk->offset + sizeof(struct recording_chunk_header) + chunk->stored_bytes;
}

/* Reads the chunk at `offset`. Unknown kinds are skipped unread: they cannot mislead. */
static bool read_chunk(struct recording_reader *reader, uint64_t offset, struct chunk_entry *entry)
{
    struct recording_chunk_header header;
    if (!read_chunk_header(reader, offset, &header))
        return false;
    *entry = (struct chunk_entry){
        .chunk =
            {
                .offset = offset,
                .kind = header.kind,
                .flags = header.flags,
                .stored_bytes = header.stored_bytes,
                .raw_bytes = header.raw_bytes,
                .sequence = header.sequence,
            },
        .payload_checksum = header.payload_checksum,
    };
    bool is_used = record_kind_find(header.kind) || header.kind == RECORDING_index;
    if (is_used && !recording_load_stored(reader, entry))
        return set_damage(reader, "the content of chunk %" PRIu64 " at byte %" PRIu64 " is damaged",
                          header.sequence, offset);
    return true;
}

static bool matches_entry(const struct chunk_entry *entry, const uint64_t fields[INDEX_FIELDS])
{
    const struct recording_chunk *chunk = &entry->chunk;
    const uint64_t expected[INDEX_FIELDS] = {chunk->offset,    chunk->kind,
                                             chunk->flags,     chunk->stored_bytes,
                                             chunk->raw_bytes, entry->payload_checksum};
    return memcmp(fields, expected, sizeof expected) == 0;
}

/* Does the index (its payload: plain) name exactly the chunks that were found? */
static bool check_index(const struct recording_reader *reader, const uint8_t *payload,
                        size_t payload_bytes)
{
    const uint8_t *at = payload;
    const uint8_t *end = payload + payload_bytes;
    uint64_t count;
    if (!varint_read(&at, end, &count) || count != reader->info.chunk_count)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t body_bytes;
        uint64_t fields[INDEX_FIELDS];
        if (!varint_read(&at, end, &body_bytes) || body_bytes > (uint64_t)(end - at))
            return false;
        const uint8_t *body_end = at + body_bytes;
        for (int field = 0; field < INDEX_FIELDS; field++)
            if (!varint_read(&at, body_end, &fields[field]))
                return false;
        if (!matches_entry(&reader->chunks[i], fields))
            return false;
        at = body_end;
    }
    return true;
}

/* The index chunk and the trailer behind it, which must end the file. */
static bool check_end(struct recording_reader *reader, const struct chunk_entry *index)
{
    struct recording_trailer trailer;
    uint64_t offset = end_of_chunk(&index->chunk);
    if (reader->info.file_bytes - offset < sizeof trailer)
        return set_damage(reader, "it is cut within its trailer");
    if (!read_at(reader, &trailer, sizeof trailer, offset) ||
        memcmp(trailer.magic, RECORDING_TRAILER_MAGIC, sizeof trailer.magic) != 0 ||
        trailer.checksum !=
            recording_checksum(&trailer, offsetof(struct recording_trailer, checksum)) ||
        trailer.index_offset != index->chunk.offset ||
        trailer.file_bytes != offset + sizeof trailer)
        return set_damage(reader, "its trailer is damaged");
    if ((index->chunk.flags & RECORDING_CHUNK_ZSTD) ||
        !check_index(reader, reader->stored, index->chunk.stored_bytes))
        return set_damage(reader, "its index is damaged");
    if (trailer.file_bytes != reader->info.file_bytes)
        return set_damage(reader, "%" PRIu64 " bytes stand behind its end",
                          reader->info.file_bytes - trailer.file_bytes);
    return true;
}

/* Gathers all whole chunks. True: the file ends as it should. */
static bool walk(struct recording_reader *reader, uint64_t offset)
{
    struct chunk_entry entry;
    while (offset < reader->info.file_bytes) {
        if (!progress_reaches(reader->progress, (double)offset / (double)reader->info.file_bytes)) {
            reader->is_stopped = true;
            return false;
        }
        if (!read_chunk(reader, offset, &entry))
            return false;
        if (entry.chunk.kind == RECORDING_index)
            return check_end(reader, &entry);
        reader->chunks = memory_grow(reader->chunks, &reader->chunk_capacity,
                                     reader->info.chunk_count + 1, sizeof *reader->chunks);
        reader->chunks[reader->info.chunk_count++] = entry;
        offset = end_of_chunk(&entry.chunk);
        reader->info.usable_bytes = offset;
    }
    return set_damage(reader, "it was not finished: the recorder was killed or still runs");
}

/* Leaves out what stands behind the last checkpoint: a flush of which only a part was written. A
 * file without any (damaged in its first flush, or cut after it was compacted) is used as far as it
 * is whole, and says so. */
static void cut_to_checkpoint(struct recording_reader *reader)
{
    uint64_t count = reader->info.chunk_count;
    while (count > 0 && !(reader->chunks[count - 1].chunk.flags & RECORDING_CHUNK_CHECKPOINT))
        count--;
    if (count == 0) {
        add_to_damage(reader, "; what is left does not add up");
        return;
    }
    reader->info.chunk_count = count;
    reader->info.usable_bytes = end_of_chunk(&reader->chunks[count - 1].chunk);
}

static bool has_chunk_of(const struct recording_reader *reader, enum recording_kind kind)
{
    for (uint64_t i = 0; i < reader->info.chunk_count; i++)
        if (reader->chunks[i].chunk.kind == kind)
            return true;
    return false;
}

static bool read_chunks(struct recording_reader *reader, struct error *error)
{
    uint64_t first_chunk = 0;
    if (!read_file_header(reader, &first_chunk, error))
        return false;
    struct recording_info *info = &reader->info;
    info->usable_bytes = first_chunk;
    bool is_walked = walk(reader, first_chunk);
    if (reader->is_stopped)
        return error_set(error, "cannot read %s: it was stopped", reader->path);
    if (is_walked) {
        info->usable_bytes = info->file_bytes;
        info->is_finished = has_chunk_of(reader, RECORDING_end);
        if (!info->is_finished)
            set_damage(reader, "it was not finished: the recorder was killed or still runs");
    } else {
        cut_to_checkpoint(reader);
    }
    info->is_torn = !info->is_finished;
    for (uint64_t i = 0; i < info->chunk_count; i++)
        if (recording_span_owner(reader->chunks[i].chunk.kind) != SPAN_OWNERS)
            reader->spans[recording_span_owner(reader->chunks[i].chunk.kind)].unnoted_count++;
    if (info->chunk_count == 0)
        return error_set(error, "cannot read %s: there is nothing usable in it: %s", reader->path,
                         info->damage);
    return true;
}

struct recording_reader *recording_reader_open(const char *path, struct error *error)
{
    return recording_reader_open_watched(path, NULL, error);
}

struct recording_reader *recording_reader_open_watched(const char *path,
                                                       const struct progress *progress,
                                                       struct error *error)
{
    struct recording_reader *reader = memory_allocate_zeroed(1, sizeof *reader);
    reader->fd = -1;
    reader->path = memory_duplicate_text(path);
    reader->info.path = reader->path;
    reader->arena = record_arena_create();
    reader->progress = progress;
    for (int i = 0; i < SPAN_OWNERS; i++)
        hash_map_init(&reader->spans[i].by_owner);
    bool is_open = open_file(reader, error) && read_chunks(reader, error);
    reader->progress = NULL;
    if (is_open)
        return reader;
    recording_reader_close(reader);
    return NULL;
}

void recording_reader_close(struct recording_reader *reader)
{
    if (!reader)
        return;
    if (reader->fd >= 0)
        close(reader->fd);
    free(reader->path);
    free(reader->chunks);
    free(reader->stored);
    free(reader->raw);
    record_arena_destroy(reader->arena);
    for (int i = 0; i < SPAN_OWNERS; i++)
        hash_map_clear(&reader->spans[i].by_owner);
    ZSTD_freeDCtx(reader->decompressor);
    free(reader);
}

const struct recording_info *recording_reader_info(const struct recording_reader *reader)
{
    return &reader->info;
}

bool recording_reader_chunk(const struct recording_reader *reader, uint64_t position,
                            struct recording_chunk *chunk)
{
    if (position >= reader->info.chunk_count)
        return false;
    *chunk = reader->chunks[position].chunk;
    return true;
}

bool recording_reader_payload(struct recording_reader *reader, uint64_t position,
                              struct recording_bytes *payload, struct error *error)
{
    if (position >= reader->info.chunk_count)
        return error_set(error, "cannot read %s: there is no chunk %" PRIu64, reader->path,
                         position);
    const struct chunk_entry *entry = &reader->chunks[position];
    if (!recording_load_stored(reader, entry))
        return error_set(error, "cannot read %s: chunk %" PRIu64 " is damaged", reader->path,
                         position);
    *payload = (struct recording_bytes){reader->stored, entry->chunk.stored_bytes};
    return true;
}

bool recording_reader_is_written(const struct recording_reader *reader)
{
    if (flock(reader->fd, LOCK_SH | LOCK_NB) != 0)
        return errno == EWOULDBLOCK;
    flock(reader->fd, LOCK_UN);
    return false;
}

unsigned recording_reader_mode(const struct recording_reader *reader)
{
    struct stat status;
    return fstat(reader->fd, &status) == 0 ? status.st_mode : 0;
}
