/* What the tests of recordings share: a folder for each test, and recordings whose records are
 * known by their position. */
#ifndef SEEP_TESTS_RECORDING_FIXTURE_H
#define SEEP_TESTS_RECORDING_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record_samples.h"
#include "recording/recording_reader.h"
#include "recording/recording_writer.h"

enum {
    SESSION_ID = 0x5eed,
    RECORDS_A_KIND = 3,
    KIND_COUNT = 19 /* those that compaction writes anew: all but the snapshots', which it copies */
};

/* The path of a name in the folder lives until the test's end. */
struct place {
    char folder[64];
    char *paths[16];
    size_t path_count;
};

int recording_set_up(void **state); /* *state is a struct place */
int recording_tear_down(void **state);
const char *path_in(struct place *place, const char *name);

struct file {
    uint8_t *bytes; /* the caller frees them */
    size_t count;
};

struct file read_file(const char *path);
void write_file(const char *path, const void *bytes, size_t count);
size_t count_entries(const char *folder);

/* These fail the test when they cannot open. */
struct recording_writer *open_writer(const char *path);
struct recording_reader *open_reader(const char *path);

/* The sample of a record is chosen by its number, which is its position among those of its kind. */
void add_sample(struct recording_writer *writer, const struct record_kind *kind, unsigned number);

/* `count` records of each of those kinds, numbered from `first`. */
void add_all_kinds(struct recording_writer *writer, unsigned first, unsigned count);

/* A finished recording of RECORDS_A_KIND of each kind. */
void write_finished(const char *path);

/* A visitor that compares each record with what was written in its place. */
struct expectation {
    unsigned seen[256];
    unsigned limit; /* stop after this many; 0 = never */
    unsigned total;
};
bool check_record(void *context, enum recording_kind kind, const void *record);

/* All records in order, `a_kind` of each kind. */
void check_content(struct recording_reader *reader, unsigned a_kind);

/* Either the reader refuses, or what it shows are the first records, in order. Returns their
 * number. */
unsigned check_prefix(const char *path, bool *is_torn);

#endif
