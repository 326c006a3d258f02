# Finding the call stack; what else the library is made of follows below.
preload_unwind_sources = \
	preload/arch/aarch64.h \
	preload/arch/arch.h \
	preload/arch/x86_64.h \
	preload/byte_cursor.h \
	preload/eh_frame.c \
	preload/eh_frame.h \
	preload/frame_rule.c \
	preload/frame_rule.h \
	preload/stack_walk.c \
	preload/stack_walk.h \
	preload/unwind_rules.c \
	preload/unwind_rules.h

EXTRA_DIST += $(preload_unwind_sources)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_stack_walk
TESTS += tests/unit/test_stack_walk
tests_unit_test_stack_walk_SOURCES = tests/unit/test_stack_walk.c $(preload_unwind_sources)
tests_unit_test_stack_walk_CFLAGS = $(AM_CFLAGS) -fno-omit-frame-pointer
tests_unit_test_stack_walk_LDADD = $(CMOCKA_LIBS) $(LIBUNWIND_LIBS) -lpthread
endif
