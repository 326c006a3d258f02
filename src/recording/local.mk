libseep_a_SOURCES += \
	src/recording/chunk_file.c \
	src/recording/chunk_file.h \
	src/recording/chunk_maker.c \
	src/recording/chunk_maker.h \
	src/recording/inherited_sites.c \
	src/recording/inherited_sites.h \
	src/recording/output_place.c \
	src/recording/output_place.h \
	src/recording/record_codec.c \
	src/recording/record_codec.h \
	src/recording/recording_copy.c \
	src/recording/recording_copy.h \
	src/recording/recording_format.c \
	src/recording/recording_format.h \
	src/recording/recording_reader.c \
	src/recording/recording_reader.h \
	src/recording/reader_parts.h src/recording/recording_visit.c \
	src/recording/recording_records.h \
	src/recording/recording_writer.c \
	src/recording/recording_writer.h \
	src/recording/packed_list.h src/recording/varint.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/test_inherited_sites \
	tests/unit/test_record_codec \
	tests/unit/test_recording_copy \
	tests/unit/test_recording_reader \
	tests/unit/test_recording_writer
TESTS += \
	tests/unit/test_inherited_sites \
	tests/unit/test_record_codec \
	tests/unit/test_recording_copy \
	tests/unit/test_recording_reader \
	tests/unit/test_recording_writer
record_samples = \
	tests/unit/record_samples.c \
	tests/unit/record_samples.h
recording_fixture = $(record_samples) \
	tests/unit/recording_fixture.c \
	tests/unit/recording_fixture.h
tests_unit_test_inherited_sites_SOURCES = tests/unit/test_inherited_sites.c
tests_unit_test_inherited_sites_LDADD = $(unit_libs)
tests_unit_test_record_codec_SOURCES = tests/unit/test_record_codec.c $(record_samples)
tests_unit_test_record_codec_LDADD = $(unit_libs)
tests_unit_test_recording_copy_SOURCES = tests/unit/test_recording_copy.c $(recording_fixture)
tests_unit_test_recording_copy_LDADD = $(unit_libs)
tests_unit_test_recording_reader_SOURCES = tests/unit/test_recording_reader.c $(recording_fixture)
tests_unit_test_recording_reader_LDADD = $(unit_libs)
tests_unit_test_recording_writer_SOURCES = tests/unit/test_recording_writer.c $(recording_fixture)
tests_unit_test_recording_writer_LDADD = $(unit_libs)
endif

# The manual page against the list of records.
TESTS += tests/check_recording_doc.sh
EXTRA_DIST += tests/check_recording_doc.sh

# The fuzz target, over its corpus.
check_PROGRAMS += tests/fuzz/replay_recording_reader
TESTS += tests/fuzz/replay_recording_reader
tests_fuzz_replay_recording_reader_SOURCES = tests/fuzz/fuzz_recording_reader.c
tests_fuzz_replay_recording_reader_CPPFLAGS = $(AM_CPPFLAGS) -DREPLAY
tests_fuzz_replay_recording_reader_LDADD = libseep.a $(seep_libs)
EXTRA_DIST += tests/fuzz/corpus/recording
