# Finding the call stack; what else the library is made of follows below.
preload_unwind_sources = \
	preload/arch/aarch64.h \
	preload/arch/arch.h \
	preload/arch/x86_64.h \
	preload/byte_cursor.h \
	preload/eh_frame.c \
	preload/eh_frame.h \
	preload/frame_expression.c \
	preload/frame_expression.h \
	preload/frame_row.c \
	preload/frame_row.h \
	preload/frame_rule.c \
	preload/frame_rule.h \
	preload/old_glibc.h \
	preload/stack_deep.c \
	preload/stack_deep.h \
	preload/stack_hash.h \
	preload/stack_plain.c \
	preload/stack_plain.h \
	preload/stack_trail.c \
	preload/stack_trail.h \
	preload/stack_walk.c \
	preload/stack_walk.h \
	preload/unwind_rules.c \
	preload/unwind_rules.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_stack_deep tests/unit/test_stack_walk tests/unit/test_unwind_rules
TESTS += tests/unit/test_stack_deep tests/unit/test_stack_walk tests/unit/test_unwind_rules
tests_unit_test_stack_deep_SOURCES = tests/unit/test_stack_deep.c \
	tests/unit/frames_without_bp.h $(preload_unwind_sources)
tests_unit_test_stack_deep_CFLAGS = $(AM_CFLAGS) -fno-omit-frame-pointer
tests_unit_test_stack_deep_LDADD = $(CMOCKA_LIBS) -lpthread
tests_unit_test_stack_walk_SOURCES = tests/unit/test_stack_walk.c \
	tests/unit/frames_without_bp.h tests/unit/local_backtrace.h $(preload_unwind_sources)
tests_unit_test_stack_walk_CFLAGS = $(AM_CFLAGS) -fno-omit-frame-pointer
tests_unit_test_stack_walk_CPPFLAGS = $(AM_CPPFLAGS) \
	-DSTACK_PLUGIN_SMALL='"$(abs_builddir)/tests/unit/stack_plugin_small.so"' \
	-DSTACK_PLUGIN_LARGE='"$(abs_builddir)/tests/unit/stack_plugin_large.so"'
tests_unit_test_stack_walk_LDADD = $(CMOCKA_LIBS) $(LIBUNWIND_LIBS) -lpthread
EXTRA_tests_unit_test_stack_walk_DEPENDENCIES = \
	tests/unit/stack_plugin_small.so tests/unit/stack_plugin_large.so
tests_unit_test_unwind_rules_SOURCES = tests/unit/test_unwind_rules.c $(preload_unwind_sources)
tests_unit_test_unwind_rules_LDADD = $(CMOCKA_LIBS) $(LIBDW_LIBS) $(LIBELF_LIBS)
endif

# The preload: a shared library that needs libc alone. Not built by libtool: nothing ever links with it.
# Its own flags replace AM_CFLAGS on purpose: no sanitizer inside the target.

preload_PROGRAMS += libseep-preload.so

libseep_preload_so_SOURCES = $(preload_unwind_sources) \
	preload/allocator_family.c \
	preload/allocator_family.h \
	preload/annotation.c \
	preload/annotation.h \
	preload/bootstrap_heap.c \
	preload/bootstrap_heap.h \
	preload/crash_hold.c \
	preload/crash_hold.h \
	preload/event_writer.c \
	preload/event_writer.h \
	preload/exec_check.c \
	preload/exec_check.h \
	preload/exit_hold.c \
	preload/exit_hold.h \
	preload/export.h \
	preload/hook.c \
	preload/hook.h \
	preload/hook_deferred.c \
	preload/hook_inside.h \
	preload/hook_mappings.c \
	preload/hook_plain.h \
	preload/hook_pools.c \
	preload/hook_write.h \
	preload/interface.c \
	preload/interface_lsan.c \
	preload/interface_lsan.h \
	preload/interpose.c \
	preload/interpose_cxx.c \
	preload/interpose_loader.c \
	preload/interpose_mapping.c \
	preload/interpose_process.c \
	preload/interpose_shell.c \
	preload/interpose_semaphore.c \
	preload/interpose_signal.c \
	preload/interposed_functions.h \
	preload/lifecycle.c \
	preload/lifecycle.h \
	preload/module_notice.c \
	preload/module_notice.h \
	preload/own_memory.c \
	preload/own_memory.h \
	preload/park.c \
	preload/park.h \
	preload/process_notice.c \
	preload/process_notice.h \
	preload/python_allocator.c \
	preload/python_allocator.h \
	preload/python_code.c \
	preload/python_code.h \
	preload/function_pieces.c \
	preload/function_pieces.h \
	preload/python_merge.c \
	preload/python_merge.h \
	preload/python_runtime.c \
	preload/python_runtime.h \
	preload/python_frame.h \
	preload/python_stack.c \
	preload/python_stack.h \
	preload/python_trail.c \
	preload/python_trail.h \
	preload/raw_syscall.h \
	preload/real_functions.c \
	preload/real_functions.h \
	preload/recorder_call.c \
	preload/recorder_call.h \
	preload/sampled_blocks.c \
	preload/sampled_blocks.h \
	preload/sampler.h \
	preload/sandbox.c \
	preload/sandbox.h \
	preload/self_copy.c \
	preload/self_copy.h \
	preload/self_reader.c \
	preload/self_reader.h \
	preload/session_link.c \
	preload/session_link.h \
	preload/stack_bytes.c \
	preload/stack_bytes.h \
	preload/stack_capture.c \
	preload/stack_capture.h \
	preload/stack_memo.c \
	preload/stack_memo.h \
	preload/program_symbol.c \
	preload/program_symbol.h \
	preload/symbol_search.c \
	preload/symbol_search.h \
	preload/thread_state.c \
	preload/thread_state.h \
	src/wire/cpython_offsets.c \
	src/wire/cpython_offsets.h

libseep_preload_so_CPPFLAGS = -D_GNU_SOURCE= -I$(top_srcdir) -I$(top_srcdir)/src
libseep_preload_so_CFLAGS = -std=gnu11 -O2 -g $(WARNING_FLAGS) -fPIC -fvisibility=hidden \
	-fno-omit-frame-pointer -fno-optimize-sibling-calls -fno-exceptions \
	-fasynchronous-unwind-tables -ftls-model=initial-exec -fno-builtin -fno-stack-protector \
	-U_FORTIFY_SOURCE
libseep_preload_so_LDFLAGS = -shared -nostartfiles -Wl,-z,now -Wl,-z,nodelete -Wl,-z,defs \
	-Wl,--version-script=$(top_srcdir)/preload/exports.map -Wl,-soname,libseep-preload.so
libseep_preload_so_LDADD = -ldl
EXTRA_libseep_preload_so_DEPENDENCIES = $(top_srcdir)/preload/exports.map
EXTRA_DIST += preload/exports.map

# The same library as it is where glibc is older than 2.34 and libdl was not loaded: for a test.
check_PROGRAMS += tests/old/libseep-preload.so
tests_old_libseep_preload_so_SOURCES = $(libseep_preload_so_SOURCES)
tests_old_libseep_preload_so_CPPFLAGS = $(libseep_preload_so_CPPFLAGS) -DOLD_GLIBC_PRETEND
tests_old_libseep_preload_so_CFLAGS = $(libseep_preload_so_CFLAGS)
tests_old_libseep_preload_so_LDFLAGS = $(libseep_preload_so_LDFLAGS)
tests_old_libseep_preload_so_LDADD = $(libseep_preload_so_LDADD)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_function_pieces tests/unit/test_python_merge tests/unit/test_python_trail \
	tests/unit/test_sampled_blocks tests/unit/test_sampler \
	tests/unit/test_stack_memo tests/unit/test_symbol_search
TESTS += tests/unit/test_function_pieces tests/unit/test_python_merge tests/unit/test_python_trail \
	tests/unit/test_sampled_blocks tests/unit/test_sampler tests/unit/test_stack_memo \
	tests/unit/test_symbol_search
tests_unit_test_function_pieces_SOURCES = tests/unit/test_function_pieces.c \
	preload/function_pieces.c preload/function_pieces.h $(preload_unwind_sources)
tests_unit_test_function_pieces_CFLAGS = $(AM_CFLAGS) -O2 -freorder-blocks-and-partition
tests_unit_test_function_pieces_LDADD = $(CMOCKA_LIBS)
tests_unit_test_python_merge_SOURCES = tests/unit/test_python_merge.c preload/python_merge.c \
	preload/python_merge.h
tests_unit_test_python_merge_LDADD = $(CMOCKA_LIBS)
tests_unit_test_python_trail_SOURCES = tests/unit/test_python_trail.c preload/python_trail.c \
	preload/python_trail.h preload/python_frame.h src/wire/cpython_offsets.c
tests_unit_test_python_trail_LDADD = $(CMOCKA_LIBS)
tests_unit_test_sampled_blocks_SOURCES = tests/unit/test_sampled_blocks.c \
	preload/sampled_blocks.c preload/sampled_blocks.h
tests_unit_test_sampled_blocks_LDADD = $(CMOCKA_LIBS)
tests_unit_test_sampler_SOURCES = tests/unit/test_sampler.c preload/sampler.h
tests_unit_test_sampler_LDADD = $(CMOCKA_LIBS) -lm
tests_unit_test_stack_memo_SOURCES = tests/unit/test_stack_memo.c preload/stack_memo.c \
	preload/stack_memo.h
tests_unit_test_stack_memo_LDADD = $(CMOCKA_LIBS)
tests_unit_test_symbol_search_SOURCES = tests/unit/test_symbol_search.c preload/symbol_search.c \
	preload/symbol_search.h preload/old_glibc.h
tests_unit_test_symbol_search_LDADD = $(CMOCKA_LIBS)
endif
