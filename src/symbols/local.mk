libseep_a_SOURCES += \
	src/symbols/demangle.c \
	src/symbols/demangle.h \
	src/symbols/elf_file.c \
	src/symbols/elf_file.h \
	src/symbols/elf_file_allocator.c \
	src/symbols/elf_layout.c \
	src/symbols/elf_layout.h \
	src/symbols/module_map.c \
	src/symbols/module_map.h \
	src/symbols/symbolizer.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/test_demangle \
	tests/unit/test_elf_file \
	tests/unit/test_module_map
TESTS += \
	tests/unit/test_demangle \
	tests/unit/test_elf_file \
	tests/unit/test_module_map
tests_unit_test_demangle_SOURCES = tests/unit/test_demangle.c
tests_unit_test_demangle_LDADD = $(unit_libs)
tests_unit_test_elf_file_SOURCES = tests/unit/test_elf_file.c tests/unit/workshop.c tests/unit/workshop.h
tests_unit_test_elf_file_LDADD = $(unit_libs)
tests_unit_test_module_map_SOURCES = tests/unit/test_module_map.c
tests_unit_test_module_map_LDADD = $(unit_libs)
endif
