libseep_a_SOURCES += \
	src/snapshot/allocator_ranges.c \
	src/snapshot/block_contents.c \
	src/snapshot/block_contents.h \
	src/snapshot/block_index.c \
	src/snapshot/block_index.h \
	src/snapshot/block_shapes.c \
	src/snapshot/block_shapes.h \
	src/snapshot/class_tables.c \
	src/snapshot/class_tables.h \
	src/snapshot/held_copy.c \
	src/snapshot/held_copy.h \
	src/snapshot/leak_counts.c \
	src/snapshot/leak_counts.h \
	src/snapshot/leak_kind.c \
	src/snapshot/leak_kind.h \
	src/snapshot/leak_leaders.c \
	src/snapshot/leak_leaders.h \
	src/snapshot/libc_facts.c \
	src/snapshot/libc_facts.h \
	src/snapshot/mapping_roots.c \
	src/snapshot/mapping_search.h \
	src/snapshot/memory_limits.c \
	src/snapshot/memory_limits.h \
	src/snapshot/parker.c \
	src/snapshot/parker.h \
	src/snapshot/pointer_scan.c \
	src/snapshot/pointer_scan.h \
	src/snapshot/processor.h \
	src/snapshot/python_graph.c \
	src/snapshot/python_graph.h \
	src/snapshot/python_graph_join.c \
	src/snapshot/python_graph_read.c \
	src/snapshot/python_graph_read.h \
	src/snapshot/python_heap.c \
	src/snapshot/python_heap.h \
	src/snapshot/range_list.c \
	src/snapshot/range_list.h \
	src/snapshot/reachability.c \
	src/snapshot/reachability.h \
	src/snapshot/root_plan.c \
	src/snapshot/root_plan.h \
	src/snapshot/scan_blocks.c \
	src/snapshot/scan_judge.c \
	src/snapshot/scan_part.c \
	src/snapshot/scan_part.h \
	src/snapshot/scan_reading.c \
	src/snapshot/scan_roots.c \
	src/snapshot/scan_state.h \
	src/snapshot/scan_team.c \
	src/snapshot/snapshot.c \
	src/snapshot/snapshot.h \
	src/snapshot/snapshot_list.c \
	src/snapshot/snapshot_pieces.h \
	src/snapshot/snapshot_read.c \
	src/snapshot/snapshot_scan.c \
	src/snapshot/snapshot_scan.h \
	src/snapshot/snapshot_store.c \
	src/snapshot/snapshot_store.h \
	src/snapshot/stop_probe.c \
	src/snapshot/stop_probe.h \
	src/snapshot/glibc_heap.c \
	src/snapshot/glibc_heap.h \
	src/snapshot/memory_heap.c \
	src/snapshot/memory_measure.c \
	src/snapshot/memory_measure.h \
	src/snapshot/memory_use.c \
	src/snapshot/memory_use.h \
	src/snapshot/residency.c \
	src/snapshot/residency.h \
	src/snapshot/residency_pages.c \
	src/snapshot/thread_stacks.c \
	src/snapshot/thread_stacks.h \
	src/snapshot/hold_watch.c \
	src/snapshot/hold_watch.h \
	src/snapshot/stopper.c \
	src/snapshot/stopper.h \
	src/snapshot/strong_sets.c \
	src/snapshot/strong_sets.h \
	src/snapshot/target_copy.c \
	src/snapshot/target_copy.h \
	src/snapshot/target_mappings.c \
	src/snapshot/target_memory.c \
	src/snapshot/target_memory.h \
	src/snapshot/target_modules.c \
	src/snapshot/target_modules.h \
	src/snapshot/target_server.c \
	src/snapshot/target_server.h \
	src/snapshot/task_facts.c \
	src/snapshot/task_facts.h \
	src/snapshot/thread_descriptors.c \
	src/snapshot/thread_descriptors.h \
	src/snapshot/thread_library.c \
	src/snapshot/thread_library.h \
	src/snapshot/thread_locals.c \
	src/snapshot/thread_locals.h \
	src/snapshot/thread_roots.c \
	src/snapshot/word_cache.c \
	src/snapshot/word_cache.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/test_snapshot \
	tests/unit/test_scan_threads \
	tests/unit/test_snapshot_scan \
	tests/unit/test_pointer_scan \
	tests/unit/test_block_contents \
	tests/unit/test_python_graph \
	tests/unit/test_range_list \
	tests/unit/test_snapshot_store \
	tests/unit/test_snapshot_threads \
	tests/unit/test_target_memory
TESTS += \
	tests/unit/test_snapshot \
	tests/unit/test_scan_threads \
	tests/unit/test_snapshot_scan \
	tests/unit/test_pointer_scan \
	tests/unit/test_block_contents \
	tests/unit/test_python_graph \
	tests/unit/test_range_list \
	tests/unit/test_snapshot_store \
	tests/unit/test_snapshot_threads \
	tests/unit/test_target_memory
tests_unit_test_snapshot_SOURCES = tests/unit/test_snapshot.c
tests_unit_test_snapshot_LDADD = $(unit_libs)
tests_unit_test_scan_threads_SOURCES = tests/unit/test_scan_threads.c
tests_unit_test_scan_threads_LDADD = $(unit_libs)
thread_tests += tests/unit/test_scan_threads
tests_unit_test_snapshot_scan_SOURCES = tests/unit/test_snapshot_scan.c
tests_unit_test_snapshot_scan_LDADD = $(unit_libs)
tests_unit_test_pointer_scan_SOURCES = tests/unit/test_pointer_scan.c
tests_unit_test_pointer_scan_LDADD = $(unit_libs)
tests_unit_test_block_contents_SOURCES = tests/unit/test_block_contents.c $(recording_fixture)
tests_unit_test_block_contents_LDADD = $(unit_libs)
tests_unit_test_python_graph_SOURCES = tests/unit/test_python_graph.c $(recording_fixture)
tests_unit_test_python_graph_LDADD = $(unit_libs)
tests_unit_test_range_list_SOURCES = tests/unit/test_range_list.c
tests_unit_test_range_list_LDADD = $(unit_libs)
tests_unit_test_snapshot_store_SOURCES = tests/unit/test_snapshot_store.c $(recording_fixture)
tests_unit_test_snapshot_store_LDADD = $(unit_libs)
tests_unit_test_snapshot_threads_SOURCES = tests/unit/test_snapshot_threads.c
tests_unit_test_snapshot_threads_LDADD = $(unit_libs)
tests_unit_test_target_memory_SOURCES = tests/unit/test_target_memory.c
tests_unit_test_target_memory_LDADD = $(unit_libs)
endif

# Holding a process.
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_parker tests/unit/test_stopper
TESTS += tests/unit/test_parker tests/unit/test_stopper
tests_unit_test_parker_SOURCES = tests/unit/test_parker.c
tests_unit_test_parker_LDADD = $(unit_libs)
tests_unit_test_stopper_SOURCES = tests/unit/test_stopper.c
tests_unit_test_stopper_LDADD = $(unit_libs)
endif

# What is lost of it.
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_leak_counts tests/unit/test_reachability tests/unit/test_strong_sets
TESTS += tests/unit/test_leak_counts tests/unit/test_reachability tests/unit/test_strong_sets
tests_unit_test_leak_counts_SOURCES = tests/unit/test_leak_counts.c $(block_graph)
tests_unit_test_leak_counts_LDADD = $(unit_libs)
tests_unit_test_reachability_SOURCES = tests/unit/test_reachability.c $(block_graph)
tests_unit_test_reachability_LDADD = $(unit_libs)
tests_unit_test_strong_sets_SOURCES = tests/unit/test_strong_sets.c $(block_graph)
tests_unit_test_strong_sets_LDADD = $(unit_libs)
endif

# What all memory is used for.
TESTS += tests/system/memory_use.py tests/system/tutorial.py
EXTRA_DIST += tests/system/memory_use.py tests/system/tutorial.py
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_memory_use
TESTS += tests/unit/test_memory_use
tests_unit_test_memory_use_SOURCES = tests/unit/test_memory_use.c
tests_unit_test_memory_use_LDADD = $(unit_libs)
endif
