libseep_a_SOURCES += \
	src/import/frame_text.c \
	src/import/frame_text.h \
	src/import/import.c \
	src/import/import.h \
	src/import/import_dhat.c \
	src/import/import_heaptrack.c \
	src/import/import_massif.c \
	src/import/import_writer.c \
	src/import/import_writer.h

# The fuzz target, over its corpus.
check_PROGRAMS += tests/fuzz/replay_import
TESTS += tests/fuzz/replay_import
tests_fuzz_replay_import_SOURCES = tests/fuzz/fuzz_import.c tests/fuzz/replay.c
tests_fuzz_replay_import_LDADD = libseep.a $(seep_libs)
EXTRA_DIST += tests/fuzz/corpus/import
