#include "recording/recording_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "recording/chunk_file.h"
#include "recording/chunk_maker.h"
#include "recording/output_place.h"
#include "recording/record_codec.h"
#include "recording/varint.h"

/* Records wait in one buffer a kind. When one buffer is full, all are made chunks, in the order of
 * their numbers: a record only names things of lower kinds (a site its stack, a stack its frames),
 * so whatever stands in the file stands behind what it needs. Chunks go to the file at once if they
 * can and wait in a queue, compressed, while they cannot. */

enum {
    KIND_LIMIT = 64, /* above every kind's number */
    DEFAULT_CHUNK_RAW_BYTES = 1 << 20,
    /* with a full buffer before it still within a chunk */
    MAX_RECORD_BYTES = RECORDING_MAX_CHUNK_BYTES / 2 - VARINT_MAX_BYTES
};

#define WRITER_ASSERT_KIND(number, name, keys)                                                     \
    _Static_assert((number) < KIND_LIMIT, #name " has no buffer");
RECORDING_RECORDS(WRITER_ASSERT_KIND)

/* A chunk of a snapshot, as it stands in the file: compaction copies it. */
struct kept_chunk {
    uint64_t offset; /* of its payload */
    uint32_t stored_bytes;
    uint32_t raw_bytes;
    uint64_t snapshot_id;
    uint16_t kind;
    uint16_t flags;
};

/* One file in the making, with what has not reached it yet. */
struct stream {
    struct output_file output;
    struct chunk_file file;
    struct chunk_records buffers[KIND_LIMIT];
    struct chunk *queue; /* the oldest first */
    size_t queue_count;
    size_t queue_capacity;
    struct kept_chunk *kept;
    size_t kept_count, kept_capacity;
    uint64_t snapshot_id; /* whose records are buffered */
    bool is_blocked;      /* the last write failed: only a flush tries again */
    struct error failure; /* "" or what add() could not say */
};

struct recording_writer {
    struct output_place place;
    uint64_t session_id;
    uint64_t chunk_raw_bytes;
    void (*beat)(void *context);
    void *beat_context;
    struct chunk_maker maker;
    struct stream journal;
    struct stream compacted; /* output.fd is -1 unless it is being written */
    bool is_published;
    bool is_renamed; /* since the folder was synced */
    bool is_sync_forgone;
    uint64_t *dropped; /* ids of snapshots that compaction leaves out */
    size_t dropped_count, dropped_capacity;
};

static struct stream *current_stream(struct recording_writer *writer)
{
    return writer->compacted.output.fd >= 0 ? &writer->compacted : &writer->journal;
}

static bool stream_open(struct recording_writer *writer, struct stream *stream, struct error *error)
{
    return output_place_create(&writer->place, &stream->output, error) &&
           chunk_file_start(&stream->file, stream->output.fd, writer->place.path,
                            writer->session_id, RECORDING_MINOR, error);
}

/* Forgets everything; the file stays. */
static void stream_clear(struct stream *stream)
{
    for (size_t i = 0; i < KIND_LIMIT; i++)
        text_clear(&stream->buffers[i].bytes);
    for (size_t i = 0; i < stream->queue_count; i++)
        text_clear(&stream->queue[i].stored);
    free(stream->queue);
    free(stream->kept);
    chunk_file_clear(&stream->file);
    output_file_clear(&stream->output);
    *stream = (struct stream){.output.fd = -1};
}

static void stream_remove(struct recording_writer *writer, struct stream *stream)
{
    output_place_remove(&writer->place, &stream->output);
    stream_clear(stream);
}

struct recording_writer *recording_writer_open(const struct recording_writer_options *options,
                                               struct error *error)
{
    struct recording_writer *writer = memory_allocate_zeroed(1, sizeof *writer);
    writer->session_id = options->session_id;
    writer->chunk_raw_bytes = options->chunk_raw_bytes ? options->chunk_raw_bytes
                                                       : DEFAULT_CHUNK_RAW_BYTES;
    writer->beat = options->beat;
    writer->beat_context = options->beat_context;
    if (writer->chunk_raw_bytes > RECORDING_MAX_CHUNK_BYTES / 2)
        writer->chunk_raw_bytes = RECORDING_MAX_CHUNK_BYTES / 2;
    writer->journal.output.fd = writer->compacted.output.fd = -1;
    if (output_place_open(&writer->place, options->path, options->is_force, options->may_replace,
                          error) &&
        stream_open(writer, &writer->journal, error))
        return writer;
    recording_writer_close(writer);
    return NULL;
}

bool recording_writer_publish(struct recording_writer *writer, struct error *error)
{
    if (writer->is_published)
        return true;
    if (!output_place_install(&writer->place, &writer->journal.output, NULL, error))
        return false;
    writer->is_published = writer->is_renamed = true;
    return true;
}

static void beat(const struct recording_writer *writer)
{
    if (writer->beat != NULL)
        writer->beat(writer->beat_context);
}

/* Makes chunks of all that is buffered. */
static void close_buffers(struct recording_writer *writer, struct stream *stream)
{
    writer->maker.is_quick = stream == &writer->journal;
    for (uint16_t kind = 0; kind < KIND_LIMIT; kind++) {
        struct chunk_records *buffer = &stream->buffers[kind];
        if (buffer->count == 0)
            continue;
        beat(writer);
        stream->queue = memory_grow(stream->queue, &stream->queue_capacity, stream->queue_count + 1,
                                    sizeof *stream->queue);
        chunk_maker_make(&writer->maker, kind, buffer, &stream->queue[stream->queue_count]);
        stream->queue[stream->queue_count++].snapshot_id = stream->snapshot_id;
        buffer->bytes.count = 0;
        buffer->count = 0;
    }
}

static void note_kept(struct stream *stream, const struct chunk *chunk)
{
    if (!recording_is_of_snapshot(chunk->kind))
        return;
    stream->kept = memory_grow(stream->kept, &stream->kept_capacity, stream->kept_count + 1,
                               sizeof *stream->kept);
    uint64_t payload_bytes = chunk->stored.count - sizeof(struct recording_chunk_header);
    stream->kept[stream->kept_count++] = (struct kept_chunk){
        .offset = stream->file.chunk_bytes - payload_bytes,
        .stored_bytes = (uint32_t)payload_bytes,
        .raw_bytes = chunk->raw_bytes,
        .snapshot_id = chunk->snapshot_id,
        .kind = chunk->kind,
        .flags = chunk->flags,
    };
}

/* Writes the queue up to its last `kept` chunks. */
static bool append_queue(const struct recording_writer *writer, struct stream *stream, size_t kept,
                         struct error *error)
{
    size_t done = 0;
    stream->is_blocked = false;
    while (done + kept < stream->queue_count && !stream->is_blocked) {
        beat(writer);
        if (chunk_file_append(&stream->file, &stream->queue[done], error)) {
            note_kept(stream, &stream->queue[done]);
            text_clear(&stream->queue[done++].stored);
        } else {
            stream->is_blocked = true;
        }
    }
    stream->queue_count -= done;
    if (done > 0)
        memmove(stream->queue, stream->queue + done, stream->queue_count * sizeof *stream->queue);
    return !stream->is_blocked;
}

void recording_writer_add(struct recording_writer *writer, enum recording_kind kind,
                          const void *record)
{
    struct stream *stream = current_stream(writer);
    const struct record_kind *description = record_kind_find(kind);
    if (!description)
        return;
    if (recording_is_of_snapshot(kind)) {
        uint64_t id = *(const uint64_t *)record;
        if (id != stream->snapshot_id)
            close_buffers(writer, stream);
        stream->snapshot_id = id;
    }
    struct chunk_records *buffer = &stream->buffers[kind];
    size_t before = buffer->bytes.count;
    record_encode(description, record, &buffer->bytes);
    if (buffer->bytes.count - before > MAX_RECORD_BYTES) {
        error_set(&stream->failure, "a %s record of %zu bytes is too long for %s",
                  description->name, buffer->bytes.count - before, writer->place.path);
        buffer->bytes.count = before;
        return;
    }
    buffer->count++;
    if (buffer->bytes.count < writer->chunk_raw_bytes)
        return;
    close_buffers(writer, stream);
    if (!stream->is_blocked)
        append_queue(writer, stream, 1, NULL); /* the last waits: a flush must have one to mark */
}

static bool stream_flush(struct recording_writer *writer, struct stream *stream,
                         struct error *error)
{
    close_buffers(writer, stream);
    if (stream->queue_count > 0)
        stream->queue[stream->queue_count - 1].flags |= RECORDING_CHUNK_CHECKPOINT;
    if (!append_queue(writer, stream, 0, error))
        return false;
    if (stream->failure.message[0] == '\0')
        return true;
    error_set(error, "%s", stream->failure.message);
    stream->failure.message[0] = '\0';
    return false;
}

void recording_writer_forgo_sync(struct recording_writer *writer)
{
    writer->is_sync_forgone = true;
}

static bool stream_sync(const struct recording_writer *writer, const struct stream *stream,
                        struct error *error)
{
    if (writer->is_sync_forgone || fdatasync(stream->output.fd) == 0)
        return true;
    return error_set_errno(error, errno, "cannot write %s to disk", writer->place.path);
}

static void sync_folder(struct recording_writer *writer)
{
    if (writer->is_renamed && !writer->is_sync_forgone)
        output_place_sync(&writer->place);
    writer->is_renamed = false;
}

bool recording_writer_flush(struct recording_writer *writer, bool is_synced, struct error *error)
{
    struct stream *stream = current_stream(writer);
    if (!stream_flush(writer, stream, error))
        return false;
    if (!is_synced)
        return true;
    if (!stream_sync(writer, stream, error))
        return false;
    sync_folder(writer);
    return true;
}

static bool is_dropped(const struct recording_writer *writer, uint64_t snapshot_id)
{
    for (size_t i = 0; i < writer->dropped_count; i++)
        if (writer->dropped[i] == snapshot_id)
            return true;
    return false;
}

/* Puts a copy of a chunk that stands in the journal into the queue of the compacted file. */
static bool copy_kept(struct recording_writer *writer, const struct kept_chunk *kept,
                      struct error *error)
{
    static const char room[sizeof(struct recording_chunk_header)];
    struct stream *to = &writer->compacted;
    struct chunk chunk = {.kind = kept->kind,
                          .flags = kept->flags & RECORDING_CHUNK_ZSTD,
                          .raw_bytes = kept->raw_bytes,
                          .snapshot_id = kept->snapshot_id};
    text_add_bytes(&chunk.stored, room, sizeof room);
    chunk.stored.bytes = memory_grow(chunk.stored.bytes, &chunk.stored.capacity,
                                     sizeof room + kept->stored_bytes + 1, 1);
    for (uint32_t done = 0; done < kept->stored_bytes;) {
        ssize_t count = pread(writer->journal.output.fd, chunk.stored.bytes + sizeof room + done,
                              kept->stored_bytes - done, (off_t)(kept->offset + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            text_clear(&chunk.stored);
            return error_set_errno(error, count < 0 ? errno : EIO, "cannot read %s again",
                                   writer->place.path);
        }
        done += (uint32_t)count;
    }
    chunk.stored.count = sizeof room + kept->stored_bytes;
    to->queue = memory_grow(to->queue, &to->queue_capacity, to->queue_count + 1, sizeof *to->queue);
    to->queue[to->queue_count++] = chunk;
    return append_queue(writer, to, 1, error);
}

/* Those that wait for room in a full journal are not there to be copied: then there is no
 * compaction either. */
static bool copy_snapshots(struct recording_writer *writer, struct error *error)
{
    const struct stream *journal = &writer->journal;
    for (size_t i = 0; i < journal->queue_count; i++)
        if (recording_is_of_snapshot(journal->queue[i].kind))
            return error_set(error, "a snapshot could not be written to %s yet",
                             writer->place.path);
    for (size_t i = 0; i < journal->kept_count; i++)
        if (!is_dropped(writer, journal->kept[i].snapshot_id) &&
            !copy_kept(writer, &journal->kept[i], error))
            return false;
    return true;
}

void recording_writer_drop_snapshot(struct recording_writer *writer, uint64_t snapshot_id)
{
    writer->dropped = memory_grow(writer->dropped, &writer->dropped_capacity,
                                  writer->dropped_count + 1, sizeof *writer->dropped);
    writer->dropped[writer->dropped_count++] = snapshot_id;
}

bool recording_writer_begin_compacted(struct recording_writer *writer, struct error *error)
{
    if (writer->compacted.output.fd >= 0)
        return error_set(error, "%s is being compacted already", writer->place.path);
    stream_flush(writer, &writer->journal, NULL); /* as good as can be, should we be killed now */
    if (stream_open(writer, &writer->compacted, error) && copy_snapshots(writer, error))
        return true;
    stream_remove(writer, &writer->compacted);
    return false;
}

/* The new file stands on disk, whole, before it takes the name: killed at any point, there is the
 * journal or the compacted file under it, never less. */
static bool replace_journal(struct recording_writer *writer, struct error *error)
{
    struct stream *compacted = &writer->compacted;
    return stream_flush(writer, compacted, error) && chunk_file_finish(&compacted->file, error) &&
           stream_sync(writer, compacted, error) && recording_writer_publish(writer, error) &&
           output_place_install(&writer->place, &compacted->output, &writer->journal.output, error);
}

bool recording_writer_finish_compacted(struct recording_writer *writer, struct error *error)
{
    if (writer->compacted.output.fd < 0)
        return error_set(error, "%s is not being compacted", writer->place.path);
    if (!replace_journal(writer, error)) {
        stream_remove(writer, &writer->compacted);
        return false;
    }
    stream_clear(&writer->journal);
    writer->journal = writer->compacted;
    writer->compacted = (struct stream){.output.fd = -1};
    writer->is_renamed = true;
    sync_folder(writer);
    return true;
}

bool recording_writer_finish_journal(struct recording_writer *writer, struct error *error)
{
    struct stream *journal = &writer->journal;
    if (!stream_flush(writer, journal, error) || !chunk_file_finish(&journal->file, error) ||
        !stream_sync(writer, journal, error))
        return false;
    sync_folder(writer);
    return true;
}

uint64_t recording_writer_file_bytes(const struct recording_writer *writer)
{
    const struct chunk_file *file = writer->compacted.output.fd >= 0 ? &writer->compacted.file
                                                                     : &writer->journal.file;
    return file->chunk_bytes + file->tail_bytes;
}

const char *recording_writer_path(const struct recording_writer *writer)
{
    return writer->place.path;
}

void recording_writer_close(struct recording_writer *writer)
{
    if (!writer)
        return;
    stream_remove(writer, &writer->compacted);
    if (writer->is_published) {
        stream_flush(writer, &writer->journal, NULL);
        stream_clear(&writer->journal);
    } else {
        stream_remove(writer, &writer->journal);
    }
    output_place_clear(&writer->place);
    chunk_maker_clear(&writer->maker);
    free(writer->dropped);
    free(writer);
}
