seep_SOURCES += src/cli/main.c

libseep_a_SOURCES += \
	src/cli/check_options.c \
	src/cli/check_options.h \
	src/cli/check_subjects.c \
	src/cli/check_subjects.h \
	src/cli/command.c \
	src/cli/command.h \
	src/cli/command_check.c \
	src/cli/command_completion.c \
	src/cli/command_diff.c \
	src/cli/command_doctor.c \
	src/cli/command_dump.c \
	src/cli/command_export.c \
	src/cli/command_graph.c \
	src/cli/command_help.c \
	src/cli/command_import.c \
	src/cli/command_info.c \
	src/cli/command_leaks.c \
	src/cli/command_report.c \
	src/cli/command_run.c \
	src/cli/command_snapshot.c \
	src/cli/command_symbolize.c \
	src/cli/command_top.c \
	src/cli/command_view.c \
	src/cli/view_comparer.c \
	src/cli/view_comparer.h \
	src/cli/common_rows.h \
	src/cli/config_file.c \
	src/cli/config_file.h \
	src/cli/doctor.h \
	src/cli/doctor_program.c \
	src/cli/doctor_surroundings.c \
	src/cli/doctor_system.c \
	src/cli/doctor_tools.c \
	src/cli/filter_rows.h \
	src/cli/installation.c \
	src/cli/installation.h \
	src/cli/instant.c \
	src/cli/instant.h \
	src/cli/live_readings.c \
	src/cli/live_readings.h \
	src/cli/live_source.c \
	src/cli/live_source.h \
	src/cli/live_view.c \
	src/cli/live_view.h \
	src/cli/nearest_name.c \
	src/cli/nearest_name.h \
	src/cli/options.c \
	src/cli/options.h \
	src/cli/output_file.c \
	src/cli/output_file.h \
	src/cli/graph_argument.c \
	src/cli/graph_argument.h \
	src/cli/recording_argument.c \
	src/cli/recording_argument.h \
	src/cli/report_types.c \
	src/cli/report_types.h \
	src/cli/run_live.c \
	src/cli/run_live.h \
	src/cli/session_list.c \
	src/cli/session_list.h \
	src/cli/terminal.c \
	src/cli/terminal.h \
	src/cli/signal_word.c \
	src/cli/signal_word.h \
	src/cli/source_root.c \
	src/cli/source_root.h \
	src/cli/root_list.c \
	src/cli/root_list.h \
	src/cli/word_list.c \
	src/cli/word_list.h

# How a seep that was not installed finds manual pages and schemas (src/cli/installation.c).
noinst_DATA += source-tree
CLEANFILES += source-tree
source-tree:
	$(AM_V_GEN)$(LN_S) $(abs_top_srcdir) $@

# Where the shells look for completions of programs below the same prefix.
bash_completiondir = $(datadir)/bash-completion/completions
zsh_completiondir = $(datadir)/zsh/site-functions
fish_completiondir = $(datadir)/fish/vendor_completions.d
nodist_bash_completion_DATA = completions/seep
nodist_zsh_completion_DATA = completions/_seep
nodist_fish_completion_DATA = completions/seep.fish
CLEANFILES += completions/seep completions/_seep completions/seep.fish
completions/seep: seep$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && ./seep completion bash >$@.new && mv $@.new $@
completions/_seep: seep$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && ./seep completion zsh >$@.new && mv $@.new $@
completions/seep.fish: seep$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && ./seep completion fish >$@.new && mv $@.new $@

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_options
TESTS += tests/unit/test_options
tests_unit_test_options_SOURCES = tests/unit/test_options.c
tests_unit_test_options_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_live_readings
TESTS += tests/unit/test_live_readings
tests_unit_test_live_readings_SOURCES = tests/unit/test_live_readings.c
tests_unit_test_live_readings_LDADD = $(unit_libs)
endif

# A recording with known figures, for tests of the commands that read.
check_PROGRAMS += tests/helpers/make_recording
tests_helpers_make_recording_SOURCES = tests/helpers/make_recording.c
tests_helpers_make_recording_LDADD = $(unit_libs)

TESTS += tests/system/command_line.sh tests/system/run.sh
EXTRA_DIST += tests/system/command_line.sh tests/system/run.sh
