# Stacks of many kinds, unwound three ways. What forms the stacks is compiled by rules of its own: its
# options must come after the user's CFLAGS to have their way, and it is never sanitized, as a target
# is not.

stack_shapes_objects = \
	tests/unit/stack_shapes_o0.o \
	tests/unit/stack_shapes_o2.o \
	tests/unit/stack_shapes_os.o \
	tests/unit/stack_shapes_realigned.o \
	tests/unit/stack_shapes_cxx_o0.o \
	tests/unit/stack_shapes_cxx_o2.o
stack_shapes_compile = $(AM_V_CC)$(MKDIR_P) tests/unit && $(CC) $(DEFS) $(AM_CPPFLAGS) $(CPPFLAGS) \
	-std=gnu11 -g $(WARNING_FLAGS) $(CFLAGS) -c -o $@ $(srcdir)/tests/unit/stack_shapes.c
stack_shapes_compile_cxx = $(AM_V_CXX)$(MKDIR_P) tests/unit && $(CXX) $(DEFS) $(AM_CPPFLAGS) \
	$(CPPFLAGS) -std=gnu++17 -g -Wall -Wextra $(CXXFLAGS) -c -o $@ \
	$(srcdir)/tests/unit/stack_shapes_cxx.cpp
stack_plugin_link = $(AM_V_CCLD)$(MKDIR_P) tests/unit && $(CC) -std=gnu11 -g $(WARNING_FLAGS) \
	$(CFLAGS) -shared -fPIC -o $@ $(srcdir)/tests/unit/stack_plugin.c

tests/unit/stack_shapes_o0.o: tests/unit/stack_shapes.c tests/unit/stack_shapes.h
	$(stack_shapes_compile) -O0 -DSTACK_SHAPES_TABLE=stack_shapes_o0
tests/unit/stack_shapes_o2.o: tests/unit/stack_shapes.c tests/unit/stack_shapes.h
	$(stack_shapes_compile) -O2 -fomit-frame-pointer -DSTACK_SHAPES_TABLE=stack_shapes_o2
tests/unit/stack_shapes_os.o: tests/unit/stack_shapes.c tests/unit/stack_shapes.h
	$(stack_shapes_compile) -Os -DSTACK_SHAPES_TABLE=stack_shapes_os
tests/unit/stack_shapes_realigned.o: tests/unit/stack_shapes.c tests/unit/stack_shapes.h
	$(stack_shapes_compile) -O2 -mstackrealign -DSTACK_SHAPES_TABLE=stack_shapes_realigned
tests/unit/stack_shapes_cxx_o0.o: tests/unit/stack_shapes_cxx.cpp tests/unit/stack_shapes.h
	$(stack_shapes_compile_cxx) -O0 -DSTACK_SHAPES_TABLE=stack_shapes_cxx_o0
tests/unit/stack_shapes_cxx_o2.o: tests/unit/stack_shapes_cxx.cpp tests/unit/stack_shapes.h
	$(stack_shapes_compile_cxx) -O2 -fomit-frame-pointer -DSTACK_SHAPES_TABLE=stack_shapes_cxx_o2
tests/unit/stack_plugin_small.so: tests/unit/stack_plugin.c
	$(stack_plugin_link) -O1 -DSTACK_PLUGIN_BYTES=300
tests/unit/stack_plugin_large.so: tests/unit/stack_plugin.c
	$(stack_plugin_link) -O1 -DSTACK_PLUGIN_BYTES=900

EXTRA_DIST += tests/unit/stack_shapes.c tests/unit/stack_shapes.h tests/unit/stack_shapes_cxx.cpp \
	tests/unit/stack_plugin.c
CLEANFILES += $(stack_shapes_objects) tests/unit/stack_plugin_small.so \
	tests/unit/stack_plugin_large.so

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_stack_shapes
TESTS += tests/unit/test_stack_shapes
tests_unit_test_stack_shapes_SOURCES = tests/unit/test_stack_shapes.c \
	tests/unit/local_backtrace.h tests/unit/own_modules.c tests/unit/own_modules.h \
	$(preload_unwind_sources)
tests_unit_test_stack_shapes_CFLAGS = $(AM_CFLAGS) -fno-omit-frame-pointer
# libgcc_s first: libunwind has functions of the same names, and exceptions would go through it. Linked
# as C++, and with bindings left open until the first call, which is one of the things to be tested.
tests_unit_test_stack_shapes_LINK = $(CXX) $(AM_CFLAGS) $(CXXFLAGS) $(AM_LDFLAGS) \
	-Wl,-z,lazy -Wl,--no-as-needed -lgcc_s $(LDFLAGS) -o $@
tests_unit_test_stack_shapes_LDADD = $(stack_shapes_objects) $(unit_libs)
tests_unit_test_stack_shapes_DEPENDENCIES = $(stack_shapes_objects) libseep.a
endif
