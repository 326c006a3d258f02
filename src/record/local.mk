libseep_a_SOURCES += \
	src/record/annotations.c \
	src/record/annotations.h \
	src/record/event_order.c \
	src/record/event_order.h \
	src/record/event_run.c \
	src/record/event_run.h \
	src/record/fork_views.c \
	src/record/fork_views.h \
	src/record/frame_names.c \
	src/record/frame_names.h \
	src/record/intake.c \
	src/record/intake.h \
	src/record/kept_snapshots.c \
	src/record/kept_snapshots.h \
	src/record/launcher.c \
	src/record/launcher.h \
	src/record/marks.c \
	src/record/marks.h \
	src/record/module_files.c \
	src/record/module_files.h \
	src/record/naming.c \
	src/record/naming.h \
	src/record/oracle_note.c \
	src/record/oracle_note.h \
	src/record/own_allocators.c \
	src/record/own_allocators.h \
	src/record/plain_snapshot.c \
	src/record/plain_snapshot.h \
	src/record/pools.c \
	src/record/pools.h \
	src/record/python_search.c \
	src/record/python_search.h \
	src/record/block_sort.c \
	src/record/block_sort.h \
	src/record/process_blocks.c \
	src/record/process_blocks.h \
	src/record/process_calls.c \
	src/record/process_calls.h \
	src/record/process_ends.c \
	src/record/process_ends.h \
	src/record/process_facts.c \
	src/record/process_facts.h \
	src/record/process_hold.c \
	src/record/process_hold.h \
	src/record/process_images.c \
	src/record/process_images.h \
	src/record/process_lives.c \
	src/record/process_tree.c \
	src/record/process_tree.h \
	src/record/process_memory.c \
	src/record/process_memory.h \
	src/record/process_ranges.c \
	src/record/process_ranges.h \
	src/record/process_snapshot.c \
	src/record/process_snapshot.h \
	src/record/raised_limits.c \
	src/record/raised_limits.h \
	src/record/python_codes.c \
	src/record/python_codes.h \
	src/record/recorded_process.c \
	src/record/recorded_process.h \
	src/record/recorder.c \
	src/record/recorder.h \
	src/record/recording_name.c \
	src/record/recording_name.h \
	src/record/recording_output.c \
	src/record/recording_output.h \
	src/record/remote_unwind.c \
	src/record/remote_unwind.h \
	src/record/ring_places.c \
	src/record/ring_places.h \
	src/record/running_session.c \
	src/record/running_session.h \
	src/record/scan_reason.c \
	src/record/scan_reason.h \
	src/record/session_host.c \
	src/record/session_host.h \
	src/record/session_wishes.c \
	src/record/session_wishes.h \
	src/record/sleepers.c \
	src/record/sleepers.h \
	src/record/snapshot_job.c \
	src/record/snapshot_job.h \
	src/record/snapshot_levels.c \
	src/record/snapshot_levels.h \
	src/record/snapshot_request.c \
	src/record/snapshot_request.h \
	src/record/stopped_threads.c \
	src/record/stopped_threads.h \
	src/record/snapshot_taker.c \
	src/record/snapshot_taker.h \
	src/record/stack_memo.c \
	src/record/stack_memo.h \
	src/record/stack_path.c \
	src/record/stack_path.h \
	src/record/target_check.c \
	src/record/target_check.h \
	src/record/thread_frames.c \
	src/record/thread_frames.h \
	src/record/tick_clock.c \
	src/record/tick_clock.h \
	src/record/uncalled_families.c \
	src/record/uncalled_families.h \
	src/record/unrecorded_run.c \
	src/record/unrecorded_run.h \
	src/record/unwind_file.c \
	src/record/unwind_file.h \
	src/record/unwind_index.c \
	src/record/unwind_index.h

# Starts a command through the launcher alone, for the tests.
check_PROGRAMS += tests/helpers/launch
tests_helpers_launch_SOURCES = tests/helpers/launch.c
tests_helpers_launch_LDADD = $(unit_libs)

# Refuses system calls to what it runs.
check_PROGRAMS += tests/helpers/refuse
tests_helpers_refuse_SOURCES = tests/helpers/refuse.c

TESTS += tests/system/launcher.sh tests/system/launcher_terminal.py
EXTRA_DIST += tests/system/launcher.sh tests/system/launcher_terminal.py

simulation = tests/unit/simulation.c tests/unit/simulation.h

# The fuzz target, over its corpus.
check_PROGRAMS += tests/fuzz/replay_wire
TESTS += tests/fuzz/replay_wire
tests_fuzz_replay_wire_SOURCES = tests/fuzz/fuzz_wire.c tests/fuzz/replay.c $(simulation)
tests_fuzz_replay_wire_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_fuzz_replay_wire_LDADD = libseep.a $(seep_libs)
EXTRA_DIST += tests/fuzz/corpus/wire

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_event_run
TESTS += tests/unit/test_event_run
tests_unit_test_event_run_SOURCES = tests/unit/test_event_run.c
tests_unit_test_event_run_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_python_codes
TESTS += tests/unit/test_python_codes
tests_unit_test_python_codes_SOURCES = tests/unit/test_python_codes.c
tests_unit_test_python_codes_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_stack_path
TESTS += tests/unit/test_stack_path
tests_unit_test_stack_path_SOURCES = tests/unit/test_stack_path.c
tests_unit_test_stack_path_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_snapshot_levels
TESTS += tests/unit/test_snapshot_levels
tests_unit_test_snapshot_levels_SOURCES = tests/unit/test_snapshot_levels.c
tests_unit_test_snapshot_levels_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_kept_snapshots
TESTS += tests/unit/test_kept_snapshots
tests_unit_test_kept_snapshots_SOURCES = tests/unit/test_kept_snapshots.c
tests_unit_test_kept_snapshots_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_recording_name tests/unit/test_tick_clock
TESTS += tests/unit/test_recording_name tests/unit/test_tick_clock
tests_unit_test_recording_name_SOURCES = tests/unit/test_recording_name.c
tests_unit_test_recording_name_LDADD = $(unit_libs)
tests_unit_test_tick_clock_SOURCES = tests/unit/test_tick_clock.c
tests_unit_test_tick_clock_LDADD = $(unit_libs)

check_PROGRAMS += tests/unit/test_recording_output
TESTS += tests/unit/test_recording_output
tests_unit_test_recording_output_SOURCES = tests/unit/test_recording_output.c $(simulation) \
	$(recording_fixture)
tests_unit_test_recording_output_LDADD = $(unit_libs)

recorder_tests = tests/unit/test_intake tests/unit/test_process_tree tests/unit/test_process_order \
	tests/unit/test_process_forks tests/unit/test_process_execs tests/unit/test_running_session \
	tests/unit/test_session_host
check_PROGRAMS += $(recorder_tests)
TESTS += $(recorder_tests)
thread_tests += $(recorder_tests)
check_PROGRAMS += tests/unit/test_block_sort
TESTS += tests/unit/test_block_sort
thread_tests += tests/unit/test_block_sort
tests_unit_test_block_sort_SOURCES = tests/unit/test_block_sort.c
tests_unit_test_block_sort_LDADD = $(unit_libs)
simulated_tree = tests/unit/simulated_tree.c tests/unit/simulated_tree.h $(simulation)
tests_unit_test_process_tree_SOURCES = tests/unit/test_process_tree.c $(simulated_tree)
tests_unit_test_process_tree_LDADD = $(unit_libs)
tests_unit_test_process_order_SOURCES = tests/unit/test_process_order.c $(simulated_tree)
tests_unit_test_process_order_LDADD = $(unit_libs)
tests_unit_test_process_forks_SOURCES = tests/unit/test_process_forks.c $(simulated_tree)
tests_unit_test_process_forks_LDADD = $(unit_libs)
tests_unit_test_process_execs_SOURCES = tests/unit/test_process_execs.c $(simulated_tree)
tests_unit_test_process_execs_LDADD = $(unit_libs)
tests_unit_test_intake_SOURCES = tests/unit/test_intake.c
tests_unit_test_intake_LDADD = $(unit_libs)
tests_unit_test_running_session_SOURCES = tests/unit/test_running_session.c
tests_unit_test_running_session_LDADD = $(unit_libs)
tests_unit_test_session_host_SOURCES = tests/unit/test_session_host.c
tests_unit_test_session_host_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_remote_unwind
TESTS += tests/unit/test_remote_unwind
tests_unit_test_remote_unwind_SOURCES = tests/unit/test_remote_unwind.c \
	tests/unit/own_modules.c tests/unit/own_modules.h
tests_unit_test_remote_unwind_LDADD = $(unit_libs)
endif
