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
#include "recording/record_codec.h"
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

struct chunk_entry {
    struct recording_chunk chunk;
    uint64_t payload_checksum;
    bool is_noted; /* in the spans of its owner */
};

/* Whose records are looked for again and again: all of them begin with its id. */
enum span_owner {
    SPAN_OF_SNAPSHOT,
    SPAN_OF_PROCESS, /* its timeline */
    SPAN_OWNERS
};

/* Where the chunks of an owner stand: by its id, the first one << 32 | the last one; complete when
 * every chunk with such records was visited once. */
struct spans {
    struct hash_map by_owner;
    uint64_t unnoted_count;
};

struct recording_reader {
    int fd;
    char *path;
    struct recording_info info;
    struct chunk_entry *chunks;
    size_t chunk_capacity;
    struct record_arena *arena;
    ZSTD_DCtx *decompressor;
    uint8_t *stored; /* the payload read last */
    size_t stored_capacity;
    uint8_t *raw; /* decompressed, if it had to be */
    size_t raw_capacity;
    struct spans spans[SPAN_OWNERS];
};

static enum span_owner span_owner(unsigned kind)
{
    if (kind == RECORDING_timeline)
        return SPAN_OF_PROCESS;
    return recording_is_of_snapshot(kind) ? SPAN_OF_SNAPSHOT : SPAN_OWNERS;
}

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

/* Reads and checks the payload as stored. */
static bool load_stored(struct recording_reader *reader, const struct chunk_entry *entry)
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
    if (is_used && !load_stored(reader, entry))
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
    if (walk(reader, first_chunk)) {
        info->usable_bytes = info->file_bytes;
        info->is_finished = has_chunk_of(reader, RECORDING_end);
        if (!info->is_finished)
            set_damage(reader, "it was not finished: the recorder was killed or still runs");
    } else {
        cut_to_checkpoint(reader);
    }
    info->is_torn = !info->is_finished;
    for (uint64_t i = 0; i < info->chunk_count; i++)
        if (span_owner(reader->chunks[i].chunk.kind) != SPAN_OWNERS)
            reader->spans[span_owner(reader->chunks[i].chunk.kind)].unnoted_count++;
    if (info->chunk_count == 0)
        return error_set(error, "cannot read %s: there is nothing usable in it: %s", reader->path,
                         info->damage);
    return true;
}

struct recording_reader *recording_reader_open(const char *path, struct error *error)
{
    struct recording_reader *reader = memory_allocate_zeroed(1, sizeof *reader);
    reader->fd = -1;
    reader->path = memory_duplicate_text(path);
    reader->info.path = reader->path;
    reader->arena = record_arena_create();
    for (int i = 0; i < SPAN_OWNERS; i++)
        hash_map_init(&reader->spans[i].by_owner);
    if (open_file(reader, error) && read_chunks(reader, error))
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
    if (!load_stored(reader, entry))
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

/* Where the payload stands, plain, until the next chunk is loaded; NULL with *error. */
static const uint8_t *load_chunk(struct recording_reader *reader, const struct chunk_entry *entry,
                                 struct error *error)
{
    const struct recording_chunk *chunk = &entry->chunk;
    const char *trouble = NULL;
    if (!load_stored(reader, entry))
        trouble = "changed while it was read";
    else if (!(chunk->flags & RECORDING_CHUNK_ZSTD))
        trouble = chunk->raw_bytes == chunk->stored_bytes ? NULL : "has a wrong length";
    if (trouble) {
        error_set(error, "cannot read %s: chunk %" PRIu64 " %s", reader->path, chunk->sequence,
                  trouble);
        return NULL;
    }
    if (!(chunk->flags & RECORDING_CHUNK_ZSTD))
        return reader->stored;

    if (!reader->decompressor)
        reader->decompressor = ZSTD_createDCtx();
    reader->raw = memory_grow(reader->raw, &reader->raw_capacity, chunk->raw_bytes + UINT64_C(1),
                              1);
    size_t got = reader->decompressor
                     ? ZSTD_decompressDCtx(reader->decompressor, reader->raw, chunk->raw_bytes,
                                           reader->stored, chunk->stored_bytes)
                     : 0;
    if (got == chunk->raw_bytes)
        return reader->raw;
    error_set(error, "cannot read %s: chunk %" PRIu64 " cannot be decompressed", reader->path,
              chunk->sequence);
    return NULL;
}

/* Room for any record's struct. */
union any_record {
#define READER_MEMBER(number, name, keys) struct recording_##name name;
    RECORDING_RECORDS(READER_MEMBER)
};

/* What all visits of one call share. */
struct visit_call {
    recording_visit visit;
    void *context;
    bool is_stopped;
};

/* A chunk holds records of this owner. */
static void note_span(struct spans *spans, uint64_t id, uint64_t position)
{
    bool is_new;
    uint64_t *span = hash_map_put(&spans->by_owner, id, &is_new);
    uint64_t first = *span >> 32, last = *span & UINT32_MAX;
    if (is_new || position < first)
        first = position;
    if (is_new || position > last)
        last = position;
    *span = first << 32 | last;
}

static bool visit_records(struct recording_reader *reader, const struct chunk_entry *entry,
                          const uint8_t *payload, struct visit_call *call)
{
    const struct recording_chunk *chunk = &entry->chunk;
    enum span_owner owner = entry->is_noted ? SPAN_OWNERS : span_owner(chunk->kind);
    const struct record_kind *kind = record_kind_find(chunk->kind);
    const uint8_t *at = payload;
    const uint8_t *end = payload + chunk->raw_bytes;
    union any_record record;
    uint64_t count;
    if (!varint_read(&at, end, &count))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t body_bytes;
        if (!varint_read(&at, end, &body_bytes) || body_bytes > (uint64_t)(end - at) ||
            !record_decode(kind, at, body_bytes, reader->arena, &record))
            return false;
        at += body_bytes;
        if (owner != SPAN_OWNERS)
            note_span(&reader->spans[owner], *(const uint64_t *)&record,
                      (uint64_t)(entry - reader->chunks));
        if (!call->visit(call->context, kind->kind, &record)) {
            call->is_stopped = true;
            return true;
        }
    }
    return at == end;
}

static bool visit_chunk(struct recording_reader *reader, struct chunk_entry *entry,
                        struct visit_call *call, struct error *error)
{
    const uint8_t *payload = load_chunk(reader, entry, error);
    if (!payload)
        return false;
    if (!visit_records(reader, entry, payload, call))
        return error_set(error, "cannot read %s: chunk %" PRIu64 " holds a malformed record",
                         reader->path, entry->chunk.sequence);
    enum span_owner owner = span_owner(entry->chunk.kind);
    if (owner != SPAN_OWNERS && !entry->is_noted && !call->is_stopped) {
        entry->is_noted = true;
        reader->spans[owner].unnoted_count--;
    }
    return true;
}

/* The chunks from `first` up to but not including `end`. */
static bool visit_some(struct recording_reader *reader, enum recording_kind kind, uint64_t first,
                       uint64_t end, struct visit_call *call, struct error *error)
{
    for (uint64_t i = first; i < end && !call->is_stopped; i++)
        if (reader->chunks[i].chunk.kind == kind &&
            !visit_chunk(reader, &reader->chunks[i], call, error))
            return false;
    return true;
}

bool recording_reader_visit(struct recording_reader *reader, enum recording_kind kind,
                            recording_visit visit, void *context, struct error *error)
{
    struct visit_call call = {.visit = visit, .context = context};
    if (!record_kind_find(kind))
        return true;
    return visit_some(reader, kind, 0, reader->info.chunk_count, &call, error);
}

bool recording_reader_visit_owned(struct recording_reader *reader, enum recording_kind kind,
                                  uint64_t id, recording_visit visit, void *context,
                                  struct error *error)
{
    struct visit_call call = {.visit = visit, .context = context};
    enum span_owner owner = span_owner(kind);
    uint64_t first = 0, end = reader->info.chunk_count;
    if (owner != SPAN_OWNERS && reader->spans[owner].unnoted_count == 0 && end <= UINT32_MAX) {
        const uint64_t *span = hash_map_find(&reader->spans[owner].by_owner, id);
        first = span ? *span >> 32 : end;
        end = span ? (*span & UINT32_MAX) + 1 : end;
    }
    return visit_some(reader, kind, first, end, &call, error);
}

bool recording_reader_visit_all(struct recording_reader *reader, recording_visit visit,
                                void *context, struct error *error)
{
    struct visit_call call = {.visit = visit, .context = context};
    for (uint64_t i = 0; i < reader->info.chunk_count && !call.is_stopped; i++)
        if (record_kind_find(reader->chunks[i].chunk.kind) &&
            !visit_chunk(reader, &reader->chunks[i], &call, error))
            return false;
    return true;
}
