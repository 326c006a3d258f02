libseep_a_SOURCES += \
	viewer/graph/container_sizes.c \
	viewer/graph/container_sizes.h \
	viewer/graph/containers.c \
	viewer/graph/containers.h \
	viewer/graph/dominators.c \
	viewer/graph/dominators.h \
	viewer/graph/graph_block.c \
	viewer/graph/graph_block.h \
	viewer/graph/graph_kinds.c \
	viewer/graph/graph_kinds.h \
	viewer/graph/graph_links.c \
	viewer/graph/graph_links.h \
	viewer/graph/graph_members.c \
	viewer/graph/graph_members.h \
	viewer/graph/graph_names.c \
	viewer/graph/graph_names.h \
	viewer/graph/graph_part.c \
	viewer/graph/graph_part.h \
	viewer/graph/graph_path.c \
	viewer/graph/graph_path.h \
	viewer/graph/graph_diff.c \
	viewer/graph/graph_diff.h \
	viewer/graph/graph_rank.c \
	viewer/graph/graph_rank.h \
	viewer/graph/graph_select.c \
	viewer/graph/graph_select.h \
	viewer/graph/graph_suspects.c \
	viewer/graph/graph_suspects.h \
	viewer/graph/graph_tables.c \
	viewer/graph/graph_tables.h \
	viewer/graph/graph_tree.c \
	viewer/graph/graph_tree.h \
	viewer/graph/graph_type_list.c \
	viewer/graph/graph_type_list.h \
	viewer/graph/graph_types.c \
	viewer/graph/graph_types.h \
	viewer/graph/graph_ways.c \
	viewer/graph/graph_ways.h \
	viewer/graph/growth_paths.c \
	viewer/graph/growth_paths.h \
	viewer/graph/last_seen.c \
	viewer/graph/last_seen.h \
	viewer/graph/object_edges.h \
	viewer/graph/object_graph.c \
	viewer/graph/object_labels.c \
	viewer/graph/object_labels.h \
	viewer/graph/object_graph.h \
	viewer/graph/process_graph.c \
	viewer/graph/process_graph.h \
	viewer/graph/python_retained.c \
	viewer/graph/python_retained.h \
	viewer/graph/root_names.c \
	viewer/graph/root_names.h \
	viewer/graph/type_claims.c \
	viewer/graph/type_claims.h \
	viewer/graph/held_containers.c \
	viewer/graph/held_containers.h \
	viewer/graph/type_names.c \
	viewer/graph/type_names.h \
	viewer/graph/type_propagation.c \
	viewer/graph/type_propagation.h \
	viewer/graph/type_spelling.c \
	viewer/graph/type_spelling.h \
	viewer/graph/type_table.c \
	viewer/graph/type_table.h \
	viewer/graph/type_variables.c \
	viewer/graph/type_variables.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_object_graph
TESTS += tests/unit/test_object_graph
tests_unit_test_object_graph_SOURCES = tests/unit/test_object_graph.c $(block_graph)
tests_unit_test_object_graph_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_graph_diff
TESTS += tests/unit/test_graph_diff
tests_unit_test_graph_diff_SOURCES = tests/unit/test_graph_diff.c $(block_graph)
tests_unit_test_graph_diff_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_type_spelling
TESTS += tests/unit/test_type_spelling
tests_unit_test_type_spelling_SOURCES = tests/unit/test_type_spelling.c
tests_unit_test_type_spelling_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_graph_kinds
TESTS += tests/unit/test_graph_kinds
tests_unit_test_graph_kinds_SOURCES = tests/unit/test_graph_kinds.c $(block_graph)
tests_unit_test_graph_kinds_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_graph_suspects
TESTS += tests/unit/test_graph_suspects
tests_unit_test_graph_suspects_SOURCES = tests/unit/test_graph_suspects.c $(block_graph)
tests_unit_test_graph_suspects_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_graph_links
TESTS += tests/unit/test_graph_links
tests_unit_test_graph_links_SOURCES = tests/unit/test_graph_links.c $(block_graph)
tests_unit_test_graph_links_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_graph_tree
TESTS += tests/unit/test_graph_tree
tests_unit_test_graph_tree_SOURCES = tests/unit/test_graph_tree.c $(block_graph)
tests_unit_test_graph_tree_LDADD = $(unit_libs)
endif
