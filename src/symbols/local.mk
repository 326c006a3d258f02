libseep_a_SOURCES += \
	src/symbols/call_table.c \
	src/symbols/call_table.h \
	src/symbols/debug_files.c \
	src/symbols/debug_files.h \
	src/symbols/debuginfod_client.c \
	src/symbols/debuginfod_client.h \
	src/symbols/demangle.c \
	src/symbols/demangle.h \
	src/symbols/dwarf_calls.c \
	src/symbols/dwarf_calls.h \
	src/symbols/dwarf_functions.c \
	src/symbols/dwarf_functions.h \
	src/symbols/dwarf_lines.c \
	src/symbols/dwarf_lines.h \
	src/symbols/dwarf_units.c \
	src/symbols/dwarf_units.h \
	src/symbols/elf_file.c \
	src/symbols/elf_file.h \
	src/symbols/elf_file_allocator.c \
	src/symbols/elf_file_sanitizer.c \
	src/symbols/elf_layout.c \
	src/symbols/elf_layout.h \
	src/symbols/elf_names.c \
	src/symbols/elf_names.h \
	src/symbols/elf_sections.c \
	src/symbols/elf_sections.h \
	src/symbols/elf_symbols.c \
	src/symbols/elf_symbols.h \
	src/symbols/known_answers.c \
	src/symbols/known_answers.h \
	src/symbols/module_file.c \
	src/symbols/module_file.h \
	src/symbols/module_map.c \
	src/symbols/module_map.h \
	src/symbols/packed_sections.c \
	src/symbols/packed_sections.h \
	src/symbols/python_lines.c \
	src/symbols/python_lines.h \
	src/symbols/source_path.c \
	src/symbols/source_path.h \
	src/symbols/symbol_batch.c \
	src/symbols/symbol_batch.h \
	src/symbols/symbol_request.c \
	src/symbols/symbol_request.h \
	src/symbols/symbol_worker.c \
	src/symbols/symbol_worker.h \
	src/symbols/symbolizer.c \
	src/symbols/symbolizer.h \
	src/symbols/type_index.c \
	src/symbols/type_index.h \
	src/symbols/tail_calls.c \
	src/symbols/tail_calls.h \
	src/symbols/type_reader.c \
	src/symbols/type_reader.h \
	src/symbols/type_service.c \
	src/symbols/type_service.h \
	src/symbols/unpacked_store.c \
	src/symbols/unpacked_store.h \
	src/symbols/variables.c \
	src/symbols/variables.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/test_demangle \
	tests/unit/test_elf_file \
	tests/unit/test_known_answers \
	tests/unit/test_module_map \
	tests/unit/test_python_lines \
	tests/unit/test_source_path \
	tests/unit/test_elf_symbols \
	tests/unit/test_symbol_batch \
	tests/unit/test_symbolizer \
	tests/unit/test_tail_calls \
	tests/unit/test_type_service \
	tests/unit/test_unpacked_store
TESTS += \
	tests/unit/test_demangle \
	tests/unit/test_elf_file \
	tests/unit/test_known_answers \
	tests/unit/test_module_map \
	tests/unit/test_python_lines \
	tests/unit/test_source_path \
	tests/unit/test_elf_symbols \
	tests/unit/test_symbol_batch \
	tests/unit/test_symbolizer \
	tests/unit/test_tail_calls \
	tests/unit/test_type_service \
	tests/unit/test_unpacked_store
tests_unit_test_demangle_SOURCES = tests/unit/test_demangle.c
tests_unit_test_demangle_LDADD = $(unit_libs)
tests_unit_test_elf_file_SOURCES = tests/unit/test_elf_file.c tests/unit/workshop.c tests/unit/workshop.h
tests_unit_test_elf_file_LDADD = $(unit_libs)
tests_unit_test_known_answers_SOURCES = tests/unit/test_known_answers.c tests/unit/workshop.c tests/unit/workshop.h
tests_unit_test_known_answers_LDADD = $(unit_libs)
tests_unit_test_module_map_SOURCES = tests/unit/test_module_map.c
tests_unit_test_module_map_LDADD = $(unit_libs)
tests_unit_test_python_lines_SOURCES = tests/unit/test_python_lines.c
tests_unit_test_python_lines_LDADD = $(unit_libs)
tests_unit_test_source_path_SOURCES = tests/unit/test_source_path.c
tests_unit_test_source_path_LDADD = $(unit_libs)
tests_unit_test_elf_symbols_SOURCES = tests/unit/test_elf_symbols.c tests/unit/workshop.c tests/unit/workshop.h
tests_unit_test_elf_symbols_LDADD = $(unit_libs)
tests_unit_test_symbol_batch_SOURCES = tests/unit/test_symbol_batch.c
tests_unit_test_symbol_batch_LDADD = $(unit_libs)
tests_unit_test_symbolizer_SOURCES = tests/unit/test_symbolizer.c tests/unit/workshop.c tests/unit/workshop.h
tests_unit_test_symbolizer_LDADD = $(unit_libs)
tests_unit_test_tail_calls_SOURCES = tests/unit/test_tail_calls.c tests/unit/workshop.c tests/unit/workshop.h
tests_unit_test_tail_calls_LDADD = $(unit_libs)
tests_unit_test_type_service_SOURCES = tests/unit/test_type_service.c tests/unit/workshop.c tests/unit/workshop.h
tests_unit_test_type_service_LDADD = $(unit_libs)
tests_unit_test_unpacked_store_SOURCES = tests/unit/test_unpacked_store.c tests/unit/workshop.c tests/unit/workshop.h
tests_unit_test_unpacked_store_LDADD = $(unit_libs)
endif

# The fuzz target, over its corpus.
check_PROGRAMS += tests/fuzz/replay_elf_file
TESTS += tests/fuzz/replay_elf_file
tests_fuzz_replay_elf_file_SOURCES = tests/fuzz/fuzz_elf_file.c tests/fuzz/replay.c
tests_fuzz_replay_elf_file_LDADD = libseep.a $(seep_libs)
EXTRA_DIST += tests/fuzz/corpus/elf_file
