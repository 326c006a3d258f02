libseep_a_SOURCES += \
	viewer/analysis/arena.c \
	viewer/analysis/arena.h \
	viewer/analysis/call_tree.c \
	viewer/analysis/call_tree.h \
	viewer/analysis/call_tree_search.c \
	viewer/analysis/call_tree_search.h \
	viewer/analysis/diff.c \
	viewer/analysis/diff.h \
	viewer/analysis/estimate.c \
	viewer/analysis/estimate.h \
	viewer/analysis/fingerprint.c \
	viewer/analysis/fingerprint.h \
	viewer/analysis/flame_layout.c \
	viewer/analysis/flame_layout.h \
	viewer/analysis/gate.c \
	viewer/analysis/gate.h \
	viewer/analysis/gate_baseline.c \
	viewer/analysis/gate_baseline.h \
	viewer/analysis/gate_baseline_json.c \
	viewer/analysis/gate_baseline_text.c \
	viewer/analysis/gate_baseline_text.h \
	viewer/analysis/gate_budgets.c \
	viewer/analysis/gate_budgets.h \
	viewer/analysis/gate_findings.c \
	viewer/analysis/gate_findings.h \
	viewer/analysis/gate_groups.c \
	viewer/analysis/gate_groups.h \
	viewer/analysis/gate_noise.c \
	viewer/analysis/gate_noise.h \
	viewer/analysis/gate_scans.c \
	viewer/analysis/gate_scans.h \
	viewer/analysis/growth.c \
	viewer/analysis/growth.h \
	viewer/analysis/key_table.c \
	viewer/analysis/key_table.h \
	viewer/analysis/late_calls.c \
	viewer/analysis/late_calls.h \
	viewer/analysis/memory_diff.c \
	viewer/analysis/memory_diff.h \
	viewer/analysis/memory_uses.c \
	viewer/analysis/site_numbers.c \
	viewer/analysis/site_numbers.h \
	viewer/analysis/memory_uses.h \
	viewer/analysis/late_names.c \
	viewer/analysis/late_names.h \
	viewer/analysis/leak_cycle.c \
	viewer/analysis/leak_cycle.h \
	viewer/analysis/leak_list.c \
	viewer/analysis/leak_list.h \
	viewer/analysis/leak_report.c \
	viewer/analysis/leak_report.h \
	viewer/analysis/leaks.c \
	viewer/analysis/leaks.h \
	viewer/analysis/live_picture.c \
	viewer/analysis/live_picture.h \
	viewer/analysis/own_code.c \
	viewer/analysis/own_code.h \
	viewer/analysis/partial_order.c viewer/analysis/partial_order.h \
	viewer/analysis/place.c \
	viewer/analysis/place.h \
	viewer/analysis/place_sums.c \
	viewer/analysis/profile.c \
	viewer/analysis/profile.h \
	viewer/analysis/family_tree.c \
	viewer/analysis/family_tree.h \
	viewer/analysis/profile_at_mark.c \
	viewer/analysis/profile_load_code.c \
	viewer/analysis/profile_load_processes.c \
	viewer/analysis/profile_load_session.c \
	viewer/analysis/profile_loader.c \
	viewer/analysis/profile_loader.h \
	viewer/analysis/profile_order.c \
	viewer/analysis/profile_tail_calls.c \
	viewer/analysis/python_heaps.c \
	viewer/analysis/python_heaps.h \
	viewer/analysis/python_variables.c \
	viewer/analysis/python_variables.h \
	viewer/analysis/quality.c \
	viewer/analysis/quality.h \
	viewer/analysis/query.c \
	viewer/analysis/query.h \
	viewer/analysis/query_code.c \
	viewer/analysis/query_figures.c \
	viewer/analysis/query_filter.c \
	viewer/analysis/query_gathering.c \
	viewer/analysis/query_gathering.h \
	viewer/analysis/query_group.c \
	viewer/analysis/query_sites.c \
	viewer/analysis/query_tables.c \
	viewer/analysis/query_threads.c \
	viewer/analysis/rates.c \
	viewer/analysis/rates.h \
	viewer/analysis/scan_text.c \
	viewer/analysis/scan_text.h \
	viewer/analysis/site_lists.c \
	viewer/analysis/site_lists.h \
	viewer/analysis/site_order.c \
	viewer/analysis/site_order.h \
	viewer/analysis/site_plans.c \
	viewer/analysis/site_plans.h \
	viewer/analysis/instant.c \
	viewer/analysis/line_figures.c \
	viewer/analysis/line_figures.h \
	viewer/analysis/query_list.c \
	viewer/analysis/query_list.h \
	viewer/analysis/instant.h \
	viewer/analysis/interval.c \
	viewer/analysis/interval.h \
	viewer/analysis/interval_survivors.c \
	viewer/analysis/profile_at_mark.h \
	viewer/analysis/timeline_deltas.c \
	viewer/analysis/timeline_deltas.h \
	viewer/analysis/site_series.c \
	viewer/analysis/site_series.h \
	viewer/analysis/stack_sums.c \
	viewer/analysis/stack_sums.h \
	viewer/analysis/suppression_parser.c \
	viewer/analysis/suppression_entry.c \
	viewer/analysis/suppression_entry.h \
	viewer/analysis/suppression_pattern.c \
	viewer/analysis/suppression_pattern.h \
	viewer/analysis/suppressions.c \
	viewer/analysis/suppressions.h \
	viewer/analysis/trend.c \
	viewer/analysis/trend.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_interval tests/unit/test_query_list tests/unit/test_line_figures
check_PROGRAMS += tests/unit/test_trend tests/unit/test_growth
TESTS += tests/unit/test_interval tests/unit/test_query_list tests/unit/test_line_figures
tests_unit_test_line_figures_SOURCES = tests/unit/test_line_figures.c $(profile_builder)
tests_unit_test_line_figures_LDADD = $(unit_libs)
TESTS += tests/unit/test_trend tests/unit/test_growth
tests_unit_test_query_list_SOURCES = tests/unit/test_query_list.c $(profile_builder)
tests_unit_test_query_list_LDADD = $(unit_libs)
tests_unit_test_interval_SOURCES = tests/unit/test_interval.c $(profile_builder)
tests_unit_test_interval_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_rates
TESTS += tests/unit/test_rates
tests_unit_test_rates_SOURCES = tests/unit/test_rates.c $(profile_builder)
tests_unit_test_rates_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_family_tree
TESTS += tests/unit/test_family_tree
tests_unit_test_family_tree_SOURCES = tests/unit/test_family_tree.c
tests_unit_test_family_tree_LDADD = $(unit_libs)
tests_unit_test_trend_SOURCES = tests/unit/test_trend.c
tests_unit_test_trend_LDADD = $(unit_libs)
tests_unit_test_growth_SOURCES = tests/unit/test_growth.c $(profile_builder)
tests_unit_test_growth_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_call_tree tests/unit/test_fingerprint \
	tests/unit/test_place tests/unit/test_profile tests/unit/test_profile_tail_calls tests/unit/test_quality \
	tests/unit/test_query tests/unit/test_suppressions
TESTS += tests/unit/test_call_tree tests/unit/test_fingerprint \
	tests/unit/test_place tests/unit/test_profile tests/unit/test_profile_tail_calls tests/unit/test_quality \
	tests/unit/test_query tests/unit/test_suppressions
profile_builder = tests/unit/profile_builder.c tests/unit/profile_builder.h
check_PROGRAMS += tests/unit/test_diff tests/unit/test_gate tests/unit/test_gate_baseline
TESTS += tests/unit/test_diff tests/unit/test_gate tests/unit/test_gate_baseline
tests_unit_test_gate_baseline_SOURCES = tests/unit/test_gate_baseline.c $(profile_builder)
tests_unit_test_gate_baseline_LDADD = $(unit_libs)
tests_unit_test_gate_SOURCES = tests/unit/test_gate.c $(profile_builder)
tests_unit_test_gate_LDADD = $(unit_libs)
tests_unit_test_diff_SOURCES = tests/unit/test_diff.c $(profile_builder)
tests_unit_test_diff_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_flame_layout tests/unit/test_leak_list \
	tests/unit/test_suppression_entry
TESTS += tests/unit/test_flame_layout tests/unit/test_leak_list \
	tests/unit/test_suppression_entry
tests_unit_test_leak_list_SOURCES = tests/unit/test_leak_list.c
tests_unit_test_leak_list_LDADD = $(unit_libs)
tests_unit_test_suppression_entry_SOURCES = tests/unit/test_suppression_entry.c $(profile_builder)
tests_unit_test_suppression_entry_LDADD = $(unit_libs)
tests_unit_test_flame_layout_SOURCES = tests/unit/test_flame_layout.c $(profile_builder)
tests_unit_test_flame_layout_LDADD = $(unit_libs)
tests_unit_test_call_tree_SOURCES = tests/unit/test_call_tree.c $(profile_builder)
tests_unit_test_call_tree_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_estimate tests/unit/test_sampling
TESTS += tests/unit/test_estimate tests/unit/test_sampling
tests_unit_test_estimate_SOURCES = tests/unit/test_estimate.c
tests_unit_test_estimate_LDADD = $(unit_libs)
tests_unit_test_sampling_SOURCES = tests/unit/test_sampling.c
tests_unit_test_sampling_LDADD = $(unit_libs)
tests_unit_test_fingerprint_SOURCES = tests/unit/test_fingerprint.c $(profile_builder)
tests_unit_test_fingerprint_LDADD = $(unit_libs)
tests_unit_test_place_SOURCES = tests/unit/test_place.c $(profile_builder)
tests_unit_test_place_LDADD = $(unit_libs)
tests_unit_test_profile_tail_calls_SOURCES = tests/unit/test_profile_tail_calls.c $(profile_builder)
tests_unit_test_profile_tail_calls_LDADD = $(unit_libs)
tests_unit_test_profile_SOURCES = tests/unit/test_profile.c $(profile_builder)
tests_unit_test_profile_LDADD = $(unit_libs)
tests_unit_test_quality_SOURCES = tests/unit/test_quality.c $(profile_builder)
tests_unit_test_quality_LDADD = $(unit_libs)
tests_unit_test_query_SOURCES = tests/unit/test_query.c $(profile_builder)
tests_unit_test_query_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_site_plans
TESTS += tests/unit/test_site_plans
tests_unit_test_site_plans_SOURCES = tests/unit/test_site_plans.c $(profile_builder)
tests_unit_test_site_plans_LDADD = $(unit_libs)
block_graph = tests/unit/block_graph.c tests/unit/block_graph.h
check_PROGRAMS += tests/unit/test_leak_leaders tests/unit/test_leaks
TESTS += tests/unit/test_leak_leaders tests/unit/test_leaks
tests_unit_test_leak_leaders_SOURCES = tests/unit/test_leak_leaders.c $(block_graph)
tests_unit_test_leak_leaders_LDADD = $(unit_libs)
tests_unit_test_leaks_SOURCES = tests/unit/test_leaks.c $(block_graph) $(profile_builder)
tests_unit_test_leaks_LDADD = $(unit_libs)
tests_unit_test_suppressions_SOURCES = tests/unit/test_suppressions.c $(profile_builder)
tests_unit_test_suppressions_LDADD = $(unit_libs)
endif

# The fuzz target, over its corpus.
check_PROGRAMS += tests/fuzz/replay_suppressions
TESTS += tests/fuzz/replay_suppressions
tests_fuzz_replay_suppressions_SOURCES = tests/fuzz/fuzz_suppressions.c tests/fuzz/replay.c
tests_fuzz_replay_suppressions_LDADD = libseep.a $(seep_libs)
EXTRA_DIST += tests/fuzz/corpus/suppressions
check_PROGRAMS += tests/fuzz/replay_baseline
TESTS += tests/fuzz/replay_baseline
tests_fuzz_replay_baseline_SOURCES = tests/fuzz/fuzz_baseline.c tests/fuzz/replay.c
tests_fuzz_replay_baseline_LDADD = libseep.a $(seep_libs)
EXTRA_DIST += tests/fuzz/corpus/baseline
