libseep_a_SOURCES += \
	src/record/launcher.c \
	src/record/launcher.h \
	src/record/recorder.h \
	src/record/remote_unwind.c \
	src/record/remote_unwind.h \
	src/record/unwind_file.c \
	src/record/unwind_file.h \
	src/record/unwind_index.c \
	src/record/unwind_index.h

# Starts a command through the launcher alone, for the tests.
check_PROGRAMS += tests/helpers/launch
tests_helpers_launch_SOURCES = tests/helpers/launch.c
tests_helpers_launch_LDADD = $(unit_libs)

TESTS += tests/system/launcher.sh tests/system/launcher_terminal.py
EXTRA_DIST += tests/system/launcher.sh tests/system/launcher_terminal.py

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_remote_unwind
TESTS += tests/unit/test_remote_unwind
tests_unit_test_remote_unwind_SOURCES = tests/unit/test_remote_unwind.c
tests_unit_test_remote_unwind_LDADD = $(unit_libs)
endif
