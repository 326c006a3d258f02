libseep_a_SOURCES += \
	src/runtimes/cpython/allocation_sites.c \
	src/runtimes/cpython/allocation_sites.h \
	src/runtimes/cpython/arena_search.c \
	src/runtimes/cpython/arena_search.h \
	src/runtimes/cpython/block_kinds.c \
	src/runtimes/cpython/block_kinds.h \
	src/runtimes/cpython/containers.h \
	src/runtimes/cpython/cpython.h \
	src/runtimes/cpython/cycles.c \
	src/runtimes/cpython/dicts.c \
	src/runtimes/cpython/dicts.h \
	src/runtimes/cpython/edges.c \
	src/runtimes/cpython/edges.h \
	src/runtimes/cpython/frames.c \
	src/runtimes/cpython/frames.h \
	src/runtimes/cpython/garbage.c \
	src/runtimes/cpython/garbage.h \
	src/runtimes/cpython/graph.c \
	src/runtimes/cpython/graph.h \
	src/runtimes/cpython/holders.c \
	src/runtimes/cpython/holders.h \
	src/runtimes/cpython/labels.c \
	src/runtimes/cpython/labels.h \
	src/runtimes/cpython/locate.c \
	src/runtimes/cpython/native_blocks.c \
	src/runtimes/cpython/native_blocks.h \
	src/runtimes/cpython/objects.c \
	src/runtimes/cpython/objects.h \
	src/runtimes/cpython/obmalloc.c \
	src/runtimes/cpython/obmalloc.h \
	src/runtimes/cpython/paths.c \
	src/runtimes/cpython/paths.h \
	src/runtimes/cpython/reader.c \
	src/runtimes/cpython/reader.h \
	src/runtimes/cpython/reference_leaks.c \
	src/runtimes/cpython/reference_leaks.h \
	src/runtimes/cpython/start_garbage.c \
	src/runtimes/cpython/storage.c \
	src/runtimes/cpython/surplus.c \
	src/runtimes/cpython/surplus.h \
	src/runtimes/cpython/team.c \
	src/runtimes/cpython/team.h \
	src/runtimes/cpython/types.c \
	src/runtimes/cpython/types.h \
	src/runtimes/cpython/watched.c \
	src/runtimes/cpython/watched.h \
	src/runtimes/graph_labels.c \
	src/runtimes/graph_labels.h \
	src/runtimes/cpython/used_memory.c \
	src/runtimes/cpython/used_memory.h \
	src/runtimes/memory_view.c \
	src/runtimes/memory_view.h \
	src/runtimes/path_patterns.c \
	src/runtimes/path_patterns.h \
	src/runtimes/pypy/code.c \
	src/runtimes/pypy/code.h \
	src/runtimes/pypy/edges.c \
	src/runtimes/pypy/frames.c \
	src/runtimes/pypy/frames.h \
	src/runtimes/pypy/graph.c \
	src/runtimes/pypy/graph.h \
	src/runtimes/pypy/labels.c \
	src/runtimes/pypy/labels.h \
	src/runtimes/pypy/locate.c \
	src/runtimes/pypy/names.c \
	src/runtimes/pypy/names.h \
	src/runtimes/pypy/objects.c \
	src/runtimes/pypy/objects.h \
	src/runtimes/pypy/paths.c \
	src/runtimes/pypy/paths.h \
	src/runtimes/pypy/pypy.h \
	src/runtimes/pypy/reader.c \
	src/runtimes/pypy/reader.h \
	src/runtimes/pypy/roots.c \
	src/runtimes/pypy/roots.h \
	src/runtimes/pypy/types.c \
	src/runtimes/pypy/types.h \
	src/runtimes/python_runtimes.c \
	src/runtimes/python_runtimes.h

# What is seen of CPython, beside what it says of itself.
check_PROGRAMS += tests/helpers/python_walk
tests_helpers_python_walk_SOURCES = tests/helpers/python_walk.c tests/helpers/pypy_walk.c \
	tests/helpers/pypy_walk.h
tests_helpers_python_walk_LDADD = libseep.a $(seep_libs)
thread_scripts += tests/system/python_images.py
thread_programs += tests/helpers/python_walk
TESTS += tests/system/python_graph.py tests/system/python_heap.py tests/system/python_images.py tests/system/python_stops.py \
	tests/system/python_refused.py tests/system/python_pypy.py \
	tests/system/python_pypy_graph.py tests/system/python_pypy_settings.py tests/system/python_leaks.py \
	tests/system/python_holders.py tests/system/python_embedded.py \
	tests/system/python_interpreters.py
EXTRA_DIST += tests/system/python_holders.py tests/system/python_embedded.py \
	tests/system/python_interpreters.py tests/system/python_leaks.py tests/system/python_graph.py tests/system/python_heap.py tests/system/python_images.py \
	tests/system/python_pypy.py tests/system/python_pypy_graph.py tests/system/python_pypy_settings.py \
	tests/targets/computing.py tests/targets/pypy_truth.py tests/targets/pypy_churn.py \
	tests/targets/pypy_image.py tests/system/pypy_dump.py \
	tests/system/python_stops.py tests/system/python_refused.py \
	tests/system/pythons.py tests/targets/python_churn.py \
	tests/targets/python_truth.py tests/targets/python_image.py \
	tests/helpers/make_python_images.py tests/data

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_cpython_layouts
TESTS += tests/unit/test_cpython_layouts
tests_unit_test_cpython_layouts_SOURCES = tests/unit/test_cpython_layouts.c
tests_unit_test_cpython_layouts_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_obmalloc
TESTS += tests/unit/test_obmalloc
tests_unit_test_obmalloc_SOURCES = tests/unit/test_obmalloc.c
tests_unit_test_obmalloc_LDADD = $(unit_libs)
check_PROGRAMS += tests/unit/test_path_patterns
TESTS += tests/unit/test_path_patterns
tests_unit_test_path_patterns_SOURCES = tests/unit/test_path_patterns.c
tests_unit_test_path_patterns_LDADD = $(unit_libs)
endif
