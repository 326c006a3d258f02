libseep_a_SOURCES += \
	src/base/character_width.c \
	src/base/character_width.h \
	src/base/clock.c \
	src/base/clock.h \
	src/base/error.c \
	src/base/error.h \
	src/base/file_cache.c \
	src/base/file_cache.h \
	src/base/hash_map.c \
	src/base/hash_map.h \
	src/base/key_sort.c \
	src/base/key_sort.h \
	src/base/log.c \
	src/base/log.h \
	src/base/memory.c \
	src/base/memory.h \
	src/base/parallel.c \
	src/base/parallel.h \
	src/base/precedence.c \
	src/base/precedence.h \
	src/base/progress.h \
	src/base/ranked.c \
	src/base/ranked.h \
	src/base/side_work.c \
	src/base/side_work.h \
	src/base/string_pool.c \
	src/base/string_pool.h \
	src/base/text.c \
	src/base/text.h \
	src/base/units.c \
	src/base/units.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/test_base \
	tests/unit/test_file_cache \
	tests/unit/test_hash_map \
	tests/unit/test_key_sort \
	tests/unit/test_parallel \
	tests/unit/test_precedence \
	tests/unit/test_text \
	tests/unit/test_units
TESTS += \
	tests/unit/test_base \
	tests/unit/test_file_cache \
	tests/unit/test_hash_map \
	tests/unit/test_key_sort \
	tests/unit/test_parallel \
	tests/unit/test_precedence \
	tests/unit/test_text \
	tests/unit/test_units
tests_unit_test_base_SOURCES = tests/unit/test_base.c
tests_unit_test_base_LDADD = $(unit_libs)
tests_unit_test_file_cache_SOURCES = tests/unit/test_file_cache.c tests/unit/workshop.c tests/unit/workshop.h
tests_unit_test_file_cache_LDADD = $(unit_libs)
tests_unit_test_hash_map_SOURCES = tests/unit/test_hash_map.c
tests_unit_test_hash_map_LDADD = $(unit_libs)
tests_unit_test_parallel_SOURCES = tests/unit/test_parallel.c
tests_unit_test_parallel_LDADD = $(unit_libs)
tests_unit_test_precedence_SOURCES = tests/unit/test_precedence.c
tests_unit_test_precedence_LDADD = $(unit_libs)
tests_unit_test_key_sort_SOURCES = tests/unit/test_key_sort.c
tests_unit_test_key_sort_LDADD = $(unit_libs)
tests_unit_test_text_SOURCES = tests/unit/test_text.c
tests_unit_test_text_LDADD = $(unit_libs)
tests_unit_test_units_SOURCES = tests/unit/test_units.c
tests_unit_test_units_LDADD = $(unit_libs)
thread_tests += tests/unit/test_parallel
endif
