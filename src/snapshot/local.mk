libseep_a_SOURCES += \
	src/snapshot/snapshot.c \
	src/snapshot/snapshot.h \
	src/snapshot/snapshot_scan.h \
	src/snapshot/target_memory.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/test_snapshot
TESTS += \
	tests/unit/test_snapshot
tests_unit_test_snapshot_SOURCES = tests/unit/test_snapshot.c
tests_unit_test_snapshot_LDADD = $(unit_libs)
endif
