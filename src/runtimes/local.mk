libseep_a_SOURCES += \
	src/runtimes/cpython/arena_search.c \
	src/runtimes/cpython/arena_search.h \
	src/runtimes/cpython/cpython.h \
	src/runtimes/cpython/dicts.c \
	src/runtimes/cpython/dicts.h \
	src/runtimes/cpython/locate.c \
	src/runtimes/cpython/obmalloc.c \
	src/runtimes/cpython/obmalloc.h \
	src/runtimes/cpython/reader.c \
	src/runtimes/cpython/reader.h \
	src/runtimes/memory_view.c \
	src/runtimes/memory_view.h \
	src/runtimes/python_runtimes.c \
	src/runtimes/python_runtimes.h
