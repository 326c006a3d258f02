libseep_a_SOURCES += \
	src/wire/cpython_offsets.c \
	src/wire/cpython_offsets.h \
	src/wire/exchange.h \
	src/wire/function_kinds.h \
	src/wire/stack_cut.h \
	src/wire/own_machine.h \
	src/wire/pagemap_scan.h \
	src/wire/ring.c \
	src/wire/ring.h \
	src/wire/session.h \
	src/wire/wire_check.c \
	src/wire/wire_check.h \
	src/wire/wire_format.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_cpython_offsets tests/unit/test_ring \
	tests/unit/test_wire_check
TESTS += tests/unit/test_cpython_offsets tests/unit/test_ring tests/unit/test_wire_check
thread_tests += tests/unit/test_ring
tests_unit_test_cpython_offsets_SOURCES = tests/unit/test_cpython_offsets.c
tests_unit_test_cpython_offsets_LDADD = $(unit_libs)
tests_unit_test_ring_SOURCES = tests/unit/test_ring.c
tests_unit_test_ring_LDADD = $(unit_libs)
tests_unit_test_wire_check_SOURCES = tests/unit/test_wire_check.c
tests_unit_test_wire_check_LDADD = $(unit_libs)
endif
