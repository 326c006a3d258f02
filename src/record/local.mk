libseep_a_SOURCES += \
	src/record/launcher.c \
	src/record/launcher.h \
	src/record/recorder.h

# Starts a command through the launcher alone, for the tests.
check_PROGRAMS += tests/helpers/launch
tests_helpers_launch_SOURCES = tests/helpers/launch.c
tests_helpers_launch_LDADD = $(unit_libs)

TESTS += tests/system/launcher.sh tests/system/launcher_terminal.py
EXTRA_DIST += tests/system/launcher.sh tests/system/launcher_terminal.py
