libseep_a_SOURCES += \
	viewer/report/assets.h \
	viewer/report/check_github.c \
	viewer/report/check_gitlab.c \
	viewer/report/check_json.c \
	viewer/report/check_junit.c \
	viewer/report/check_metrics.c \
	viewer/report/check_report.c \
	viewer/report/check_report.h \
	viewer/report/check_sarif.c \
	viewer/report/check_text.c \
	viewer/report/check_valgrind.c \
	viewer/report/diff_json.c \
	viewer/report/diff_report.h \
	viewer/report/diff_text.c \
	viewer/report/exit_text.c \
	viewer/report/exit_text.h \
	viewer/report/export.c \
	viewer/report/export.h \
	viewer/report/export_callgrind.c \
	viewer/report/export_checked.c \
	viewer/report/export_csv.c \
	viewer/report/export_dhat.c \
	viewer/report/export_dot.c \
	viewer/report/export_flamegraph.c \
	viewer/report/export_folded.c \
	viewer/report/export_gperftools.c \
	viewer/report/export_html.c viewer/report/export_html_memory.c viewer/report/export_html_memory.h \
	viewer/report/export_graph_flamegraph.c \
	viewer/report/export_graphml.c \
	viewer/report/export_heapsnapshot.c \
	viewer/report/export_heaptrack.c \
	viewer/report/export_leaked.c \
	viewer/report/export_leaked.h \
	viewer/report/export_massif.c \
	viewer/report/export_openmetrics.c \
	viewer/report/export_parts.c \
	viewer/report/export_parts.h \
	viewer/report/export_pprof.c \
	viewer/report/export_speedscope.c \
	viewer/report/export_valgrind.c \
	viewer/report/flame_svg.c \
	viewer/report/flame_svg.h \
	viewer/report/formats.h \
	viewer/report/graph_diff_json.c \
	viewer/report/graph_diff_report.h \
	viewer/report/graph_diff_text.c \
	viewer/report/graph_json.c \
	viewer/report/graph_report.h \
	viewer/report/graph_text.c \
	viewer/report/graph_block_report.c \
	viewer/report/graph_block_report.h \
	viewer/report/graph_tree_report.c \
	viewer/report/graph_tree_report.h \
	viewer/report/growth_text.c \
	viewer/report/growth_text.h \
	viewer/report/json.c \
	viewer/report/json_parts.c \
	viewer/report/json_parts.h \
	viewer/report/json_stacks.c \
	viewer/report/json_stacks.h \
	viewer/report/json_stream.c \
	viewer/report/json_stream.h \
	viewer/report/leaks_json.c \
	viewer/report/leaks_report.c \
	viewer/report/leaks_report.h \
	viewer/report/leaks_suppressions.c \
	viewer/report/leaks_text.c \
	viewer/report/page.c \
	viewer/report/page.h \
	viewer/report/path_parts.c \
	viewer/report/path_parts.h \
	viewer/report/memory_diff_json.c \
	viewer/report/memory_diff_text.c \
	viewer/report/memory_json.c \
	viewer/report/memory_report.h \
	viewer/report/memory_text.c \
	viewer/report/python_leaks.c \
	viewer/report/site_line.c \
	viewer/report/site_line.h \
	viewer/report/python_json.c \
	viewer/report/python_report.h \
	viewer/report/pypy_text.c \
	viewer/report/python_text.c \
	viewer/report/report.c \
	viewer/report/report.h \
	viewer/report/summary.c \
	viewer/report/summary.h \
	viewer/report/summary_sites.c \
	viewer/report/summary_sites.h \
	viewer/report/top_json.c \
	viewer/report/top_report.h \
	viewer/report/top_text.c \
	viewer/report/text.c \
	viewer/report/text_parts.h \
	viewer/report/text_sites.c \
	viewer/report/text_tables.c \
	viewer/report/type_report.c \
	viewer/report/type_report.h \
	viewer/report/xml_text.c \
	viewer/report/xml_text.h

# What exports embed, as C strings.
export_assets = viewer/report/assets/flamegraph.css viewer/report/assets/flamegraph.js \
	viewer/report/assets/report.css viewer/report/assets/report.html \
	viewer/report/assets/report.js
EXTRA_DIST += $(export_assets) viewer/report/assets/embed.awk
CLEANFILES += viewer/report/assets.c
nodist_libseep_a_SOURCES = viewer/report/assets.c
viewer/report/assets.c: $(export_assets) viewer/report/assets/embed.awk
	$(AM_V_GEN)$(MKDIR_P) viewer/report && cd $(srcdir) && \
		LC_ALL=C awk -f viewer/report/assets/embed.awk $(export_assets) \
			>$(abs_builddir)/$@.part && mv $(abs_builddir)/$@.part $(abs_builddir)/$@

profile_samples = \
	tests/unit/profile_builder.c \
	tests/unit/profile_builder.h \
	tests/unit/profile_samples.c \
	tests/unit/profile_samples.h
check_PROGRAMS += tests/unit/write_report
tests_unit_write_report_SOURCES = tests/unit/write_report.c $(profile_samples) \
	tests/unit/leak_samples.c tests/unit/leak_samples.h
tests_unit_write_report_LDADD = libseep.a $(seep_libs)

if HAVE_SQLITE
libseep_a_SOURCES += viewer/report/export_sqlite.c
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_report tests/unit/test_report_forged
TESTS += tests/unit/test_report tests/unit/test_report_forged
tests_unit_test_report_SOURCES = tests/unit/test_report.c $(profile_samples)
tests_unit_test_report_LDADD = $(unit_libs)
tests_unit_test_report_forged_SOURCES = tests/unit/test_report_forged.c \
	tests/unit/profile_builder.c tests/unit/profile_builder.h
tests_unit_test_report_forged_LDADD = $(unit_libs)
endif

# Long: not in TESTS.
check_PROGRAMS += tests/long/large_recording
tests_long_large_recording_SOURCES = tests/long/large_recording.c
tests_long_large_recording_LDADD = libseep.a $(seep_libs)

TESTS += tests/check_golden.sh
EXTRA_DIST += tests/check_golden.sh tests/golden

.PHONY: update-golden update-golden-reports
update-golden: update-golden-reports
update-golden-reports: tests/unit/write_report$(EXEEXT)
	UPDATE_GOLDEN=1 srcdir=$(srcdir) $(SHELL) $(srcdir)/tests/check_golden.sh
