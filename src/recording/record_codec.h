/* Records to bytes and back, derived from recording_records.h: used by writer, reader and dump. */
#ifndef SEEP_RECORDING_RECORD_CODEC_H
#define SEEP_RECORDING_RECORD_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "recording/recording_records.h"

enum record_field_type {
    RECORD_FIELD_UNSIGNED,
    RECORD_FIELD_SIGNED,
    RECORD_FIELD_TEXT,
    RECORD_FIELD_BYTES,
    RECORD_FIELD_UNSIGNED_LIST,
    RECORD_FIELD_TEXT_LIST
};

struct record_field {
    const char *name;
    enum record_field_type type;
    size_t offset; /* in the struct */
};

struct record_kind {
    enum recording_kind kind;
    const char *name;
    size_t struct_bytes;
    unsigned key_field_count;
    const struct record_field *fields;
    size_t field_count;
};

/* NULL for a kind that this version does not know. */
const struct record_kind *record_kind_find(unsigned kind);

/* All kinds, in order of number; NULL past the end. */
const struct record_kind *record_kind_at(size_t position);

/* Appends varint length + body to `out` (raw bytes in a struct text). */
void record_encode(const struct record_kind *kind, const void *record, struct text *out);

/* Memory for what a decoded record points to; reused from record to record. */
struct record_arena;
struct record_arena *record_arena_create(void);
void record_arena_destroy(struct record_arena *arena);

/* Decodes a body into the struct (zeroed first: absent trailing fields are 0, texts "", never
 * NULL). Texts with NUL bytes or malformed varints, counts beyond the body: false. Pointers in the
 * struct are valid until the next decode with the same arena. */
bool record_decode(const struct record_kind *kind, const uint8_t *body, size_t body_bytes,
                   struct record_arena *arena, void *record);

/* How many numbers the kind's struct begins with: its first fields, as far as they are unsigned. */
size_t record_leading_numbers(const struct record_kind *kind);

/* Quicker where most of a record is numbers: decodes only those that it begins with (`count`, as
 * above) into the struct, of which all else is left as it is. *rest is the encoded rest: empty, or
 * lists of numbers, for which packed_list.h has readers. All of it is checked as record_decode
 * does; false also for kinds that have anything else than such lists there. */
bool record_decode_numbers(const struct record_kind *kind, size_t count, const uint8_t *body,
                           size_t body_bytes, void *record, struct recording_bytes *rest);

/* One line of text: "site process_id=0 id=3 ... " with texts quoted and escaped; for `seep dump`.
 */
void record_print(const struct record_kind *kind, const void *record, struct text *out);

#endif
