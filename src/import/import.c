#include "config.h"

#include "import/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/memory.h"
#include "base/text.h"

static const struct import_format formats[] = {
    {"heaptrack", "heaptrack's recordings", import_heaptrack_matches, import_heaptrack},
    {"dhat", "JSON of Valgrind's DHAT, and of dhat-rs", import_dhat_matches, import_dhat},
    {"massif", "massif.out of Valgrind's Massif", import_massif_matches, import_massif},
};

enum {
    FORMAT_COUNT = sizeof formats / sizeof *formats,
    HEAD_BYTES = 256,
    PIECE_BYTES = 1 << 20
};

/* What one file may unpack to: more would be no recording, but a bomb. */
static const size_t MOST_BYTES = (size_t)4 << 30;

struct content {
    struct text text;
    bool is_cut; /* it was packed, and its end is missing */
};

const struct import_format *import_format_at(size_t position)
{
    return position < FORMAT_COUNT ? &formats[position] : NULL;
}

/* ---- unpacking --------------------------------------------------------------------------- */

static bool read_zstd(int fd, struct content *content, struct error *error)
{
    ZSTD_DStream *stream = ZSTD_createDStream();
    char *packed = memory_allocate(PIECE_BYTES), *plain = memory_allocate(PIECE_BYTES);
    bool is_good = true;
    for (ssize_t got = 1; is_good && got > 0;) {
        got = read(fd, packed, PIECE_BYTES);
        if (got < 0)
            is_good = error_set_errno(error, errno, "cannot read it");
        if (got <= 0)
            break;
        ZSTD_inBuffer in = {packed, (size_t)got, 0};
        ZSTD_outBuffer out = {plain, PIECE_BYTES, 0};
        do {
            size_t before = in.pos;
            out.pos = 0;
            size_t status = ZSTD_decompressStream(stream, &out, &in);
            if (ZSTD_isError(status))
                is_good = error_set(error, "it is damaged: %s", ZSTD_getErrorName(status));
            else if (content->text.count + out.pos > MOST_BYTES)
                is_good = error_set(error, "it unpacks to more than 4 GiB");
            else
                text_add_bytes(&content->text, plain, out.pos);
            if (in.pos > before ||
                out.pos > 0) /* else it is asked for a frame that need not come */
                content->is_cut = status != 0;
        } while (is_good && (in.pos < in.size || out.pos == out.size));
    }
    ZSTD_freeDStream(stream);
    free(packed);
    free(plain);
    return is_good;
}

/* Also what is not packed: zlib hands that through. */
static bool read_gzip(int fd, struct content *content, struct error *error)
{
    int own = dup(fd);
    gzFile file = own >= 0 ? gzdopen(own, "rb") : NULL;
    char *plain = memory_allocate(PIECE_BYTES);
    bool is_good = file != NULL || error_set_errno(error, errno, "cannot read it");
    for (int got = 1; is_good && got > 0;) {
        got = gzread(file, plain, PIECE_BYTES);
        if (got < 0)
            is_good = error_set(error, "it is damaged, or cannot be read");
        else if (content->text.count + (size_t)got > MOST_BYTES)
            is_good = error_set(error, "it has more than 4 GiB");
        else
            text_add_bytes(&content->text, plain, (size_t)got);
    }
    if (file != NULL)
        content->is_cut = gzclose(file) == Z_BUF_ERROR;
    else if (own >= 0)
        close(own);
    free(plain);
    return is_good;
}

static bool read_content(const char *path, struct content *content, struct error *error)
{
    static const unsigned char zstd_magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    unsigned char start[sizeof zstd_magic] = {0};
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open it");
    bool is_good = (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) ||
                   error_set(error, "it is not a file");
    bool is_zstd = is_good && pread(fd, start, sizeof start, 0) == (ssize_t)sizeof start &&
                   memcmp(start, zstd_magic, sizeof start) == 0;
    is_good = is_good && (is_zstd ? read_zstd(fd, content, error) : read_gzip(fd, content, error));
    close(fd);
    return is_good;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static const struct import_format *recognise(const struct text *content)
{
    char head[HEAD_BYTES + 1];
    size_t count = content->count < HEAD_BYTES ? content->count : HEAD_BYTES;
    memcpy(head, text_get(content), count);
    head[count] = '\0';
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        if (formats[i].matches(head))
            return &formats[i];
    return NULL;
}

static bool convert(const struct import_options *options, const struct content *content,
                    struct import_result *result, struct error *error)
{
    struct import_writer *writer = import_writer_create();
    struct error reason;
    bool is_read = result->format->read(text_get(&content->text), content->text.count, writer,
                                        &reason) ||
                   error_set(error, "%s: not read as %s: %s", options->path, result->format->name,
                             reason.message);
    if (content->is_cut)
        import_writer_note(writer, "the file is cut off: what came last is missing");
    snprintf(result->note, sizeof result->note, "%s", import_writer_notes(writer));
    bool is_good = is_read && import_writer_write(writer,
                                                  &(struct recording_writer_options){
                                                      .path = options->output,
                                                      .is_force = options->is_force,
                                                      .may_replace = options->may_replace},
                                                  error);
    import_writer_destroy(writer);
    return is_good;
}

bool import_file(const struct import_options *options, struct import_result *result,
                 struct error *error)
{
    struct content content = {0};
    struct error reason;
    *result = (struct import_result){.format = options->format};
    bool is_good = read_content(options->path, &content, &reason) ||
                   error_set(error, "%s: %s", options->path, reason.message);
    if (is_good && result->format == NULL)
        result->format = recognise(&content.text);
    if (is_good && result->format == NULL)
        is_good = error_set(error, "%s: it is of no format that can be imported", options->path);
    is_good = is_good && convert(options, &content, result, error);
    text_clear(&content.text);
    return is_good;
}
