#include "recording/chunk_file.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "recording/recording_records.h"
#include "recording/varint.h"

static bool write_at(const struct chunk_file *file, const void *bytes, size_t count,
                     uint64_t offset, struct error *error)
{
    const char *at = bytes;
    while (count > 0) {
        ssize_t written = pwrite(file->fd, at, count, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            int number = written < 0 ? errno : ENOSPC;
            return error_set_errno(error, number, "cannot write %s", file->path);
        }
        at += written;
        offset += (uint64_t)written;
        count -= (size_t)written;
    }
    return true;
}

/* Cuts off what stands behind the whole chunks. */
static bool cut_tail(struct chunk_file *file, struct error *error)
{
    if (file->tail_bytes == 0)
        return true;
    if (ftruncate(file->fd, (off_t)file->chunk_bytes) != 0)
        return error_set_errno(error, errno, "cannot cut %s", file->path);
    file->tail_bytes = 0;
    return true;
}

/* Writes behind the whole chunks, all or nothing. */
static bool write_behind(struct chunk_file *file, const void *bytes, size_t count,
                         struct error *error)
{
    if (!cut_tail(file, error))
        return false;
    file->tail_bytes = count;
    if (write_at(file, bytes, count, file->chunk_bytes, error))
        return true;
    cut_tail(file, NULL); /* tried again before the next write if it fails */
    return false;
}

bool chunk_file_start(struct chunk_file *file, int fd, const char *path, uint64_t session_id,
                      uint16_t minor, struct error *error)
{
    *file = (struct chunk_file){.fd = fd, .path = path};
    struct recording_file_header header = {
        .major = RECORDING_MAJOR,
        .minor = minor,
        .header_bytes = sizeof header,
        .session_id = session_id,
    };
    memcpy(header.magic, RECORDING_MAGIC, sizeof header.magic);
    header.checksum = recording_checksum(&header, offsetof(struct recording_file_header, checksum));
    if (!write_behind(file, &header, sizeof header, error))
        return false;
    file->chunk_bytes = sizeof header;
    file->tail_bytes = 0;
    return true;
}

static void fill_header(const struct chunk_file *file, struct chunk *chunk,
                        struct recording_chunk_header *header)
{
    size_t stored_bytes = chunk->stored.count - sizeof *header;
    *header = (struct recording_chunk_header){
        .magic = RECORDING_CHUNK_MAGIC,
        .kind = chunk->kind,
        .flags = chunk->flags,
        .stored_bytes = (uint32_t)stored_bytes,
        .raw_bytes = chunk->raw_bytes,
        .sequence = file->chunk_count,
        .payload_checksum = recording_checksum(chunk->stored.bytes + sizeof *header, stored_bytes),
    };
    header->header_checksum = recording_checksum(
        header, offsetof(struct recording_chunk_header, header_checksum));
    memcpy(chunk->stored.bytes, header, sizeof *header);
}

static void add_varint(struct text *out, uint64_t value)
{
    uint8_t bytes[VARINT_MAX_BYTES];
    text_add_bytes(out, (const char *)bytes, (size_t)(varint_write(bytes, value) - bytes));
}

static void add_to_index(struct chunk_file *file, const struct recording_chunk_header *header)
{
    struct text body = {0};
    add_varint(&body, file->chunk_bytes);
    add_varint(&body, header->kind);
    add_varint(&body, header->flags);
    add_varint(&body, header->stored_bytes);
    add_varint(&body, header->raw_bytes);
    add_varint(&body, header->payload_checksum);
    add_varint(&file->index, body.count);
    text_add_bytes(&file->index, body.bytes, body.count);
    text_clear(&body);
}

bool chunk_file_append(struct chunk_file *file, struct chunk *chunk, struct error *error)
{
    struct recording_chunk_header header;
    fill_header(file, chunk, &header);
    if (!write_behind(file, chunk->stored.bytes, chunk->stored.count, error))
        return false;
    add_to_index(file, &header);
    file->chunk_bytes += chunk->stored.count;
    file->tail_bytes = 0;
    file->chunk_count++;
    return true;
}

/* Index and trailer are written in one go and do not count as chunks, so that they go away when
 * the next chunk comes. */
bool chunk_file_finish(struct chunk_file *file, struct error *error)
{
    static const char room[sizeof(struct recording_chunk_header)];
    struct chunk index = {.kind = RECORDING_index};
    text_add_bytes(&index.stored, room, sizeof room);
    add_varint(&index.stored, file->chunk_count);
    text_add_bytes(&index.stored, text_get(&file->index), file->index.count);
    size_t raw_bytes = index.stored.count - sizeof room;
    if (raw_bytes > RECORDING_MAX_CHUNK_BYTES) {
        text_clear(&index.stored);
        return error_set(error, "cannot finish %s: its index is too long", file->path);
    }
    index.raw_bytes = (uint32_t)raw_bytes;
    struct recording_chunk_header header;
    fill_header(file, &index, &header);

    struct recording_trailer trailer = {
        .index_offset = file->chunk_bytes,
        .file_bytes = file->chunk_bytes + index.stored.count + sizeof trailer,
    };
    memcpy(trailer.magic, RECORDING_TRAILER_MAGIC, sizeof trailer.magic);
    trailer.checksum = recording_checksum(&trailer, offsetof(struct recording_trailer, checksum));
    text_add_bytes(&index.stored, (const char *)&trailer, sizeof trailer);
    bool is_written = write_behind(file, index.stored.bytes, index.stored.count, error);
    text_clear(&index.stored);
    return is_written;
}

void chunk_file_clear(struct chunk_file *file)
{
    text_clear(&file->index);
    *file = (struct chunk_file){.fd = -1};
}
