libseep_a_SOURCES += \
	src/heap/heap_model.h \
	src/heap/stack_table.c \
	src/heap/stack_table.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_stack_table
TESTS += tests/unit/test_stack_table
tests_unit_test_stack_table_SOURCES = tests/unit/test_stack_table.c
tests_unit_test_stack_table_LDADD = $(unit_libs)
endif
