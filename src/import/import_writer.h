/* What an imported file says, gathered until it can be written as a recording of one process. */
#ifndef SEEP_IMPORT_IMPORT_WRITER_H
#define SEEP_IMPORT_IMPORT_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "recording/recording_records.h"
#include "recording/recording_writer.h"

struct import_writer;

struct import_location {
    const char *function; /* NULL or "" = not known */
    const char *file;
    uint64_t line; /* 0 = not known */
};

/* Caller owns. */
struct import_writer *import_writer_create(void);
void import_writer_destroy(struct import_writer *writer);

/* The command as one text, the process and how long it ran. */
void import_writer_set_command(struct import_writer *writer, const char *command);
void import_writer_set_pid(struct import_writer *writer, uint64_t pid);
void import_writer_set_duration(struct import_writer *writer, uint64_t duration_ns);
void import_writer_set_peak(struct import_writer *writer, uint64_t peak_bytes,
                            uint64_t peak_time_ns, uint64_t peak_resident_bytes);

/* What the file does not tell: the recording is not complete then, and says so to the user. */
void import_writer_note(struct import_writer *writer, const char *what);
const char *import_writer_notes(const struct import_writer *writer);

/* A frame: its locations innermost first, all but the last inlined. `module` may be NULL. Equal
 * addresses are one frame only when the caller asks once. Returns its id. */
uint32_t import_writer_add_frame(struct import_writer *writer, const char *module, uint64_t address,
                                 const struct import_location *locations, size_t count);

/* The stack of `frame` above `caller` (0 = the outermost); found again if it is there. */
uint32_t import_writer_add_node(struct import_writer *writer, uint32_t caller, uint32_t frame);

/* The site of a stack; found again if it is there. Borrowed until the next call. Figures are the
 * caller's to fill, but for what is live, which follows from them. */
struct recording_site *import_writer_site(struct import_writer *writer, uint32_t node);

void import_writer_add_sample(struct import_writer *writer, uint64_t time_ns, uint64_t heap_bytes,
                              uint64_t resident_bytes);

/* Writes all of it. */
bool import_writer_write(struct import_writer *writer,
                         const struct recording_writer_options *options, struct error *error);

#endif
