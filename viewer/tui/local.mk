libseep_a_SOURCES += \
	viewer/tui/app.c viewer/tui/app.h viewer/tui/app_actions.c viewer/tui/app_draw.c viewer/tui/app_times.c \
	viewer/tui/app_complete.c viewer/tui/app_write.c \
	viewer/tui/app_input.c viewer/tui/app_live.c viewer/tui/app_live.h viewer/tui/app_menus.c viewer/tui/app_rows.c \
	viewer/tui/branches.c viewer/tui/branches.h \
	viewer/tui/chooser.c viewer/tui/chooser.h \
	viewer/tui/commands.c \
	viewer/tui/figures_table.c viewer/tui/figures_table.h \
	viewer/tui/filter_text.c viewer/tui/filter_text.h \
	viewer/tui/flame_cells.c viewer/tui/flame_cells.h \
	viewer/tui/flame_walk.c viewer/tui/flame_walk.h \
	viewer/tui/input.c viewer/tui/input.h \
	viewer/tui/judged_leaks.c viewer/tui/judged_leaks.h \
	viewer/tui/kept_row.c viewer/tui/kept_row.h \
	viewer/tui/key_bindings.c viewer/tui/key_bindings.h \
	viewer/tui/leak_cells.c viewer/tui/leak_cells.h \
	viewer/tui/leak_rows.c viewer/tui/leak_rows.h \
	viewer/tui/leak_words.c viewer/tui/leak_words.h \
	viewer/tui/overview_rows.c viewer/tui/overview_rows.h \
	viewer/tui/loading.c viewer/tui/loading.h \
	viewer/tui/plot.c viewer/tui/plot.h \
	viewer/tui/prompt.c viewer/tui/prompt.h \
	viewer/tui/python_rows.c viewer/tui/python_rows.h \
	viewer/tui/screen.c viewer/tui/screen.h \
	viewer/tui/script.c viewer/tui/script.h \
	viewer/tui/source_file.c viewer/tui/source_file.h \
	viewer/tui/style.c viewer/tui/style.h \
	viewer/tui/table.c viewer/tui/table.h \
	viewer/tui/terminal.c viewer/tui/terminal.h \
	viewer/tui/terminal_guard.c viewer/tui/terminal_guard.h \
	viewer/tui/tree_rows.c viewer/tui/tree_rows.h \
	viewer/tui/tui.c viewer/tui/tui.h \
	viewer/tui/view.h viewer/tui/views.c \
	viewer/tui/view_diff.c viewer/tui/view_python.c \
	viewer/tui/view_categories.c \
	viewer/tui/view_block.c viewer/tui/view_blocks.c viewer/tui/view_flame.c \
	viewer/tui/view_graph.c \
	viewer/tui/view_group.c viewer/tui/view_help.c viewer/tui/view_leaks.c viewer/tui/view_leaks.h \
	viewer/tui/view_live.c viewer/tui/view_menu.c viewer/tui/view_output.c \
	viewer/tui/view_modules.c \
	viewer/tui/view_overview.c viewer/tui/view_sites.c viewer/tui/view_source.c \
	viewer/tui/view_stack.c viewer/tui/view_threads.c viewer/tui/view_tree.c \
	viewer/tui/view_types.c

# The demo viewer and what the screen tests compare; `UPDATE_GOLDEN=1 make check
# TESTS=tests/tui/screens.sh` rewrites the screens.
check_PROGRAMS += tests/tui/demo_viewer tests/tui/demo_loading
tests_tui_demo_viewer_SOURCES = \
	tests/tui/demo_live.c \
	tests/tui/demo_live.h \
	tests/tui/demo_viewer.c \
	tests/unit/profile_builder.c \
	tests/unit/profile_builder.h
tests_tui_demo_viewer_LDADD = libseep.a $(seep_libs)
tests_tui_demo_loading_SOURCES = tests/tui/demo_loading.c
tests_tui_demo_loading_LDADD = libseep.a $(seep_libs)
check_PROGRAMS += tests/tui/print_keys
tests_tui_print_keys_SOURCES = tests/tui/print_keys.c
tests_tui_print_keys_LDADD = libseep.a $(seep_libs)
tui_tests = tests/system/screens.py tests/tui/any_keys.sh tests/tui/keys_documented.sh tests/tui/screens.sh \
	tests/tui/loading.sh tests/tui/terminals.sh tests/tui/tmux.sh
TESTS += $(tui_tests)
EXTRA_DIST += $(tui_tests) tests/tui/in_tmux.sh tests/tui/sources/parser.c tests/tui/sources/known.supp \
	$(wildcard $(srcdir)/tests/tui/*.keys) $(wildcard $(srcdir)/tests/tui/*.screen) \
	$(wildcard $(srcdir)/tests/tui/*.json) $(wildcard $(srcdir)/tests/tui/*.csv)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_keys tests/unit/test_screen tests/unit/test_table
TESTS += tests/unit/test_keys tests/unit/test_screen tests/unit/test_table
tests_unit_test_keys_SOURCES = tests/unit/test_keys.c
tests_unit_test_keys_LDADD = $(unit_libs)
tests_unit_test_screen_SOURCES = tests/unit/test_screen.c
tests_unit_test_screen_LDADD = $(unit_libs)
tests_unit_test_table_SOURCES = tests/unit/test_table.c
tests_unit_test_table_LDADD = $(unit_libs)
endif
