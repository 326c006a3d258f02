libseep_a_SOURCES += \
	src/recording/chunk_file.c \
	src/recording/chunk_file.h \
	src/recording/output_place.c \
	src/recording/output_place.h \
	src/recording/record_codec.c \
	src/recording/record_codec.h \
	src/recording/recording_format.c \
	src/recording/recording_format.h \
	src/recording/recording_reader.c \
	src/recording/recording_reader.h \
	src/recording/recording_records.h \
	src/recording/recording_writer.c \
	src/recording/recording_writer.h \
	src/recording/varint.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/test_record_codec \
	tests/unit/test_recording_reader \
	tests/unit/test_recording_writer
TESTS += \
	tests/unit/test_record_codec \
	tests/unit/test_recording_reader \
	tests/unit/test_recording_writer
record_samples = \
	tests/unit/record_samples.c \
	tests/unit/record_samples.h
recording_fixture = $(record_samples) \
	tests/unit/recording_fixture.c \
	tests/unit/recording_fixture.h
tests_unit_test_record_codec_SOURCES = tests/unit/test_record_codec.c $(record_samples)
tests_unit_test_record_codec_LDADD = $(unit_libs)
tests_unit_test_recording_reader_SOURCES = tests/unit/test_recording_reader.c $(recording_fixture)
tests_unit_test_recording_reader_LDADD = $(unit_libs)
tests_unit_test_recording_writer_SOURCES = tests/unit/test_recording_writer.c $(recording_fixture)
tests_unit_test_recording_writer_LDADD = $(unit_libs)
endif
