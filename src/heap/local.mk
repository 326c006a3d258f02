libseep_a_SOURCES += \
	src/heap/block.h \
	src/heap/block_events.c \
	src/heap/block_events.h \
	src/heap/block_store.c \
	src/heap/block_store.h \
	src/heap/booking.h \
	src/heap/estimates.c \
	src/heap/estimates.h \
	src/heap/fork_window.c \
	src/heap/fork_window.h \
	src/heap/heap_fork.c \
	src/heap/heap_model.c \
	src/heap/heap_model.h \
	src/heap/heap_records.c \
	src/heap/heap_state.h \
	src/heap/heap_threads.c \
	src/heap/heap_threads.h \
	src/heap/histogram.c \
	src/heap/histogram.h \
	src/heap/id_set.c \
	src/heap/id_set.h \
	src/heap/interval_map.c \
	src/heap/interval_map.h \
	src/heap/ledger.c \
	src/heap/ledger.h \
	src/heap/live_blocks.c \
	src/heap/live_blocks.h \
	src/heap/look_ahead.c \
	src/heap/look_ahead.h \
	src/heap/mappings.c \
	src/heap/mappings.h \
	src/heap/misuse.c \
	src/heap/misuse.h \
	src/heap/page_memory.c \
	src/heap/page_memory.h \
	src/heap/peak.h \
	src/heap/plain_events.c \
	src/heap/plain_events.h \
	src/heap/recent_frees.c \
	src/heap/recent_frees.h \
	src/heap/repair.c \
	src/heap/repair.h \
	src/heap/samples.c \
	src/heap/samples.h \
	src/heap/site.h \
	src/heap/site_table.c \
	src/heap/site_table.h \
	src/heap/site_threads.c \
	src/heap/site_threads.h \
	src/heap/stack_table.c \
	src/heap/stack_table.h \
	src/heap/timeline.c \
	src/heap/timeline.h \
	src/heap/timeline_codec.c \
	src/heap/timeline_codec.h \
	src/heap/waiting_list.c \
	src/heap/waiting_list.h

heap_tests = \
	tests/unit/test_block_store \
	tests/unit/test_heap_fork \
	tests/unit/test_heap_misuse \
	tests/unit/test_heap_model \
	tests/unit/test_heap_pairs \
	tests/unit/test_heap_random \
	tests/unit/test_heap_repair \
	tests/unit/test_histogram \
	tests/unit/test_live_blocks \
	tests/unit/test_mappings \
	tests/unit/test_samples \
	tests/unit/test_site_table \
	tests/unit/test_stack_table \
	tests/unit/test_timeline

if HAVE_CMOCKA
check_PROGRAMS += $(heap_tests)
TESTS += $(heap_tests)
tests_unit_test_block_store_SOURCES = tests/unit/test_block_store.c
tests_unit_test_block_store_LDADD = $(unit_libs)
tests_unit_test_heap_fork_SOURCES = tests/unit/test_heap_fork.c tests/unit/heap_script.h
tests_unit_test_heap_fork_LDADD = $(unit_libs)
tests_unit_test_heap_misuse_SOURCES = tests/unit/test_heap_misuse.c tests/unit/heap_script.h
tests_unit_test_heap_misuse_LDADD = $(unit_libs)
tests_unit_test_heap_model_SOURCES = tests/unit/test_heap_model.c tests/unit/heap_script.h
tests_unit_test_heap_model_LDADD = $(unit_libs)
tests_unit_test_heap_pairs_SOURCES = tests/unit/test_heap_pairs.c
tests_unit_test_heap_pairs_LDADD = $(unit_libs)
tests_unit_test_heap_random_SOURCES = tests/unit/test_heap_random.c
tests_unit_test_heap_random_LDADD = $(unit_libs)
tests_unit_test_heap_repair_SOURCES = tests/unit/test_heap_repair.c tests/unit/heap_script.h
tests_unit_test_heap_repair_LDADD = $(unit_libs)
tests_unit_test_histogram_SOURCES = tests/unit/test_histogram.c
tests_unit_test_histogram_LDADD = $(unit_libs)
tests_unit_test_live_blocks_SOURCES = tests/unit/test_live_blocks.c
tests_unit_test_live_blocks_LDADD = $(unit_libs)
tests_unit_test_mappings_SOURCES = tests/unit/test_mappings.c
tests_unit_test_mappings_LDADD = $(unit_libs)
tests_unit_test_samples_SOURCES = tests/unit/test_samples.c
tests_unit_test_samples_LDADD = $(unit_libs)
tests_unit_test_site_table_SOURCES = tests/unit/test_site_table.c
tests_unit_test_site_table_LDADD = $(unit_libs)
tests_unit_test_stack_table_SOURCES = tests/unit/test_stack_table.c
tests_unit_test_stack_table_LDADD = $(unit_libs)
tests_unit_test_timeline_SOURCES = tests/unit/test_timeline.c
tests_unit_test_timeline_LDADD = $(unit_libs)
endif

# Long: not in TESTS.
check_PROGRAMS += tests/long/heap_scale
tests_long_heap_scale_SOURCES = tests/long/heap_scale.c
tests_long_heap_scale_LDADD = libseep.a $(seep_libs)
