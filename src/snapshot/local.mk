libseep_a_SOURCES += \
	src/snapshot/processor.h \
	src/snapshot/stopper.c \
	src/snapshot/stopper.h \
	src/snapshot/task_facts.c \
	src/snapshot/task_facts.h \
	src/snapshot/snapshot.c \
	src/snapshot/snapshot.h \
	src/snapshot/snapshot_scan.h \
	src/snapshot/snapshot_store.c \
	src/snapshot/snapshot_store.h \
	src/snapshot/target_memory.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/test_snapshot \
	tests/unit/test_snapshot_store
TESTS += \
	tests/unit/test_snapshot \
	tests/unit/test_snapshot_store
tests_unit_test_snapshot_SOURCES = tests/unit/test_snapshot.c
tests_unit_test_snapshot_LDADD = $(unit_libs)
tests_unit_test_snapshot_store_SOURCES = tests/unit/test_snapshot_store.c $(recording_fixture)
tests_unit_test_snapshot_store_LDADD = $(unit_libs)
endif

# Holding a process.
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_stopper
TESTS += tests/unit/test_stopper
tests_unit_test_stopper_SOURCES = tests/unit/test_stopper.c
tests_unit_test_stopper_LDADD = $(unit_libs)
endif
