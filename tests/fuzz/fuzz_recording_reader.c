/* The recording reader against hostile files: whatever stands in them it opens or refuses, prints
 * every record, reads every snapshot with the words of its first and last block, and neither
 * crashes nor takes memory without bounds.
 *
 * Each input is tried three times: as it is; with all checksums put right, without which a mutated
 * file would be refused before anything interesting; and as the body of a record of each kind.
 *
 * Fuzzing: clang -fsanitize=fuzzer,address,undefined with libseep.a built by clang. With -DREPLAY
 * main() runs the files given as arguments (a folder: all files in it). */
#include "config.h"

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "recording/record_codec.h"
#include "recording/recording_format.h"
#include "recording/recording_reader.h"
#include "snapshot/block_contents.h"
#include "snapshot/snapshot_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static bool print_record(void *context, enum recording_kind kind, const void *record)
{
    struct text *out = context;
    text_clear(out);
    record_print(record_kind_find(kind), record, out);
    return true;
}

static void read_contents(struct recording_reader *reader, uint64_t id, uint32_t block)
{
    uint8_t *bytes;
    size_t count;

    block_contents_find(reader, id, block, &bytes, &count, NULL);
    free(bytes);
}

static void read_snapshots(struct recording_reader *reader)
{
    struct snapshot_list list;

    if (!snapshot_list_read(&list, reader, NULL))
        return;
    for (size_t i = 0; i < list.count; i++) {
        struct snapshot snapshot;

        snapshot_init(&snapshot);
        snapshot_read(reader, list.heads[i].id, &snapshot, NULL);
        read_contents(reader, list.heads[i].id, 0);
        read_contents(reader, list.heads[i].id, (uint32_t)snapshot.block_count - 1);
        snapshot_clear(&snapshot);
    }
    snapshot_list_clear(&list);
}

static void read_recording(const char *path)
{
    struct error error;
    struct recording_reader *reader = recording_reader_open(path, &error);
    if (!reader)
        return;
    struct text out = {0};
    struct recording_chunk chunk;
    for (uint64_t i = 0; recording_reader_chunk(reader, i, &chunk); i++)
        recording_reader_visit(reader, chunk.kind, print_record, &out, &error);
    recording_reader_visit_all(reader, print_record, &out, &error);
    read_snapshots(reader);
    text_clear(&out);
    recording_reader_close(reader);
}

static void try_file(const uint8_t *bytes, size_t count)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, count) != (ssize_t)count)
        abort();
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    read_recording(path);
    close(fd);
}

static void put_checksum(uint8_t *start, size_t offset)
{
    uint64_t checksum = recording_checksum(start, offset);
    memcpy(start + offset, &checksum, sizeof checksum);
}

/* Follows the lengths as the reader would. The magic numbers and the order are put right too. */
static void put_checksums(uint8_t *bytes, size_t count)
{
    struct recording_file_header header;
    if (count < sizeof header)
        return;
    memcpy(bytes, RECORDING_MAGIC, sizeof header.magic);
    put_checksum(bytes, offsetof(struct recording_file_header, checksum));
    memcpy(&header, bytes, sizeof header);
    size_t at = header.header_bytes;
    struct recording_chunk_header chunk;
    for (uint64_t sequence = 0; at <= count && count - at >= sizeof chunk; sequence++) {
        memcpy(&chunk, bytes + at, sizeof chunk);
        chunk.magic = RECORDING_CHUNK_MAGIC;
        chunk.sequence = sequence;
        if (chunk.stored_bytes > count - at - sizeof chunk)
            chunk.stored_bytes = (uint32_t)(count - at - sizeof chunk);
        chunk.payload_checksum = recording_checksum(bytes + at + sizeof chunk, chunk.stored_bytes);
        memcpy(bytes + at, &chunk, sizeof chunk);
        put_checksum(bytes + at, offsetof(struct recording_chunk_header, header_checksum));
        at += sizeof chunk + chunk.stored_bytes;
        if (chunk.kind == RECORDING_index && count - at >= sizeof(struct recording_trailer)) {
            memcpy(bytes + at, RECORDING_TRAILER_MAGIC, 8);
            put_checksum(bytes + at, offsetof(struct recording_trailer, checksum));
            return;
        }
    }
}

static void try_bodies(const uint8_t *bytes, size_t count)
{
    struct record_arena *arena = record_arena_create();
    struct text out = {0};
    const struct record_kind *kind;
    for (size_t i = 0; (kind = record_kind_at(i)); i++) {
        void *record = memory_allocate(kind->struct_bytes);
        if (record_decode(kind, bytes, count, arena, record))
            print_record(&out, kind->kind, record);
        free(record);
    }
    text_clear(&out);
    record_arena_destroy(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    try_file(bytes, count);
    try_bodies(bytes, count);
    uint8_t *repaired = memory_duplicate(bytes, count);
    put_checksums(repaired, count);
    try_file(repaired, count);
    free(repaired);
    return 0;
}

#ifdef REPLAY

static void replay_file(const char *path)
{
    FILE *stream = fopen(path, "rb");
    if (!stream) {
        perror(path);
        exit(2);
    }
    struct text content = {0};
    char part[4096];
    size_t got;
    while ((got = fread(part, 1, sizeof part, stream)) > 0)
        text_add_bytes(&content, part, got);
    fclose(stream);
    uint8_t *exact = memory_duplicate(text_get(&content), content.count);
    LLVMFuzzerTestOneInput(exact, content.count);
    free(exact);
    text_clear(&content);
}

static size_t replay(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder) {
        replay_file(path);
        return 1;
    }
    size_t count = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] == '.')
            continue;
        char *inner = memory_print_text("%s/%s", path, entry->d_name);
        count += replay(inner);
        free(inner);
    }
    closedir(folder);
    return count;
}

/* Without arguments: the corpus in the source tree, as `make check` does. */
int main(int argument_count, char **arguments)
{
    size_t count = 0;
    if (argument_count < 2) {
        const char *source = getenv("srcdir");
        char *corpus = memory_print_text("%s/tests/fuzz/corpus/recording", source ? source : ".");
        count = replay(corpus);
        free(corpus);
    }
    for (int i = 1; i < argument_count; i++)
        count += replay(arguments[i]);
    printf("%zu inputs\n", count);
    return count > 0 ? 0 : 1;
}

#endif
