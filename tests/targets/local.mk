# Programs for the system tests. Not optimised, so that each call is made and each function stands
# on its stacks, and never with the sanitizers, which replace malloc themselves: so the rules are
# our own.
target_flags = -g -O0 -fno-builtin -fno-omit-frame-pointer -Wall -Wextra -Wno-unused-result
target_libraries = -pthread -ldl

target_programs = \
	tests/targets/before_and_after_main \
	tests/targets/burst \
	tests/targets/busy_forks \
	tests/targets/closing \
	tests/targets/counted \
	tests/targets/crowd \
	tests/targets/cxx \
	tests/targets/cxx_static \
	tests/targets/deep \
	tests/targets/depths_o0 \
	tests/targets/depths_o2 \
	tests/targets/embedding \
	tests/targets/ends \
	tests/targets/levels \
	tests/targets/family \
	tests/targets/family_user \
	tests/targets/family_user_bound \
	tests/targets/frames \
	tests/targets/host \
	tests/targets/interface \
	tests/targets/phases \
	tests/targets/lost \
	tests/targets/lost_cxx \
	tests/targets/churns \
	tests/targets/last_held \
	tests/targets/lsan_interface \
	tests/targets/mappings \
	tests/targets/misuse \
	tests/targets/own_malloc \
	tests/targets/peaks \
	tests/targets/plugins \
	tests/targets/process_ways \
	tests/targets/processes \
	tests/targets/sandboxed \
	tests/targets/sampled \
	tests/targets/server \
	tests/targets/shared \
	tests/targets/trimmed \
	tests/targets/signals \
	tests/targets/slab_user \
	tests/targets/static_child \
	tests/targets/storms \
	tests/targets/threads \
	tests/targets/threads_handoff \
	tests/targets/typed \
	tests/targets/typed_cxx \
	tests/targets/typed_cxx_stripped \
	tests/targets/worded \
	tests/targets/unwound_o0 \
	tests/targets/unwound_o2 \
	tests/targets/visible \
	tests/targets/waits \
	tests/targets/web \
	tests/targets/wild

target_libraries_of_their_own = \
	tests/targets/collector_stop.so \
	tests/targets/cxx_plugin.so \
	tests/targets/cxx_plugin_static.so \
	tests/targets/libarena_family.so \
	tests/targets/libslot_malloc.so \
	tests/targets/hidden.so \
	tests/targets/plugin_a.so \
	tests/targets/plugin_b.so \
	tests/targets/tls_plugin.so

check_DATA += $(target_programs) $(target_libraries_of_their_own)
CLEANFILES += $(target_programs) $(target_libraries_of_their_own)
EXTRA_DIST += \
	tests/targets/before_and_after_main.cpp \
	tests/targets/burst.c \
	tests/targets/busy_forks.c \
	tests/targets/closing.c \
	tests/targets/collector_stop.c \
	tests/targets/counted.c \
	tests/targets/crowd.c \
	tests/targets/cxx.cpp \
	tests/targets/cxx_plugin.cpp \
	tests/targets/deep.c \
	tests/targets/depths.cpp \
	tests/targets/embedding.c \
	tests/targets/ends.c \
	tests/targets/levels.c \
	tests/targets/family.c \
	tests/targets/family_user.c \
	tests/targets/arena_family.c \
	tests/targets/frames.c \
	tests/targets/hidden.c \
	tests/targets/host.c \
	tests/targets/interface.c \
	tests/targets/phases.c \
	tests/targets/lost.c \
	tests/targets/lost_cxx.cpp \
	tests/targets/churns.c \
	tests/targets/last_held.c \
	tests/targets/lsan_interface.c \
	tests/targets/mappings.c \
	tests/targets/misuse.cpp \
	tests/targets/own_malloc.cpp \
	tests/targets/peaks.c \
	tests/targets/plugin_a.c \
	tests/targets/plugin_b.c \
	tests/targets/plugins.c \
	tests/targets/process_steps.h \
	tests/targets/process_ways.c \
	tests/targets/processes.c \
	tests/targets/sandboxed.c \
	tests/targets/sampled.c \
	tests/targets/server.cpp \
	tests/targets/shared.c \
	tests/targets/trimmed.c \
	tests/targets/signals.c \
	tests/targets/slot_malloc.c \
	tests/targets/slab_user.c \
	tests/targets/static_child.c \
	tests/targets/storms.c \
	tests/targets/tell.h \
	tests/targets/tls_plugin.c \
	tests/targets/threads.c \
	tests/targets/threads_handoff.c \
	tests/targets/typed.c \
	tests/targets/typed_cxx.cpp \
	tests/targets/worded.c \
	tests/targets/unwound.c \
	tests/targets/visible.c \
	tests/targets/waits.c \
	tests/targets/web.c \
	tests/targets/wild.c

tests/targets/process_ways tests/targets/processes: tests/targets/process_steps.h

# By its header alone: nothing to link with.
tests/targets/frames: tests/targets/frames.c include/seep.h
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) -std=gnu11 $(target_flags) -I$(top_srcdir)/include -o $@ $< \
		-pthread
tests/targets/shared: tests/targets/shared.c include/seep.h
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) -std=gnu11 $(target_flags) -I$(top_srcdir)/include -o $@ $< \
		-pthread
tests/targets/trimmed: tests/targets/trimmed.c include/seep.h
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) -std=gnu11 $(target_flags) -I$(top_srcdir)/include -o $@ $< \
		-pthread
tests/targets/phases: tests/targets/phases.c include/seep.h
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) -std=gnu11 $(target_flags) -I$(top_srcdir)/include -o $@ $< \
		-pthread
tests/targets/churns: tests/targets/churns.c include/seep.h
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) -std=gnu11 $(target_flags) -I$(top_srcdir)/include -o $@ $< \
		-pthread
tests/targets/last_held: tests/targets/last_held.c include/seep.h
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) -std=gnu11 $(target_flags) -I$(top_srcdir)/include -o $@ $<
tests/targets/interface: tests/targets/interface.c include/seep.h
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) -std=gnu11 $(target_flags) -I$(top_srcdir)/include -o $@ $< \
		-pthread
tests/targets/static_child: tests/targets/static_child.c
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) -std=gnu11 $(target_flags) -static -o $@ $<
tests/targets/%: tests/targets/%.c
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) -std=gnu11 $(target_flags) -o $@ $< $(target_libraries)
tests/targets/%: tests/targets/%.cpp
	$(AM_V_CXX)$(MKDIR_P) $(@D) && $(CXX) -std=c++17 $(target_flags) -Wno-mismatched-new-delete \
		-o $@ $< $(target_libraries)

tests/targets/%.so: tests/targets/%.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CC) -std=gnu11 $(target_flags) -fPIC -shared -o $@ $<
tests/targets/%.so: tests/targets/%.cpp
	$(AM_V_CXXLD)$(MKDIR_P) $(@D) && $(CXX) -std=c++17 $(target_flags) -fPIC -shared -o $@ $<
tests/targets/%_static.so: tests/targets/%.cpp
	$(AM_V_CXXLD)$(MKDIR_P) $(@D) && $(CXX) -std=c++17 $(target_flags) -fPIC -shared \
		-static-libstdc++ -static-libgcc -o $@ $<
tests/targets/lib%.so: tests/targets/%.c
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CC) -std=gnu11 $(target_flags) -fPIC -shared \
		-Wl,-soname,$(@F) -o $@ $<
tests/targets/%_static: tests/targets/%.cpp
	$(AM_V_CXX)$(MKDIR_P) $(@D) && $(CXX) -std=c++17 $(target_flags) -Wno-mismatched-new-delete \
		-static-libstdc++ -static-libgcc -o $@ $< $(target_libraries)

# An allocator of its own, called lazily and, in a program of which all is bound and read-only, not.
tests/targets/family_user: tests/targets/family_user.c tests/targets/libarena_family.so
	$(AM_V_CC)$(CC) -std=gnu11 $(target_flags) -Wl,-z,lazy -Wl,-rpath,'$$ORIGIN' -Ltests/targets \
		-o $@ $< -larena_family $(target_libraries)
tests/targets/slab_user: tests/targets/slab_user.c tests/targets/libarena_family.so
	$(AM_V_CC)$(CC) -std=gnu11 $(target_flags) -Wl,-z,lazy -Wl,-rpath,'$$ORIGIN' -Ltests/targets \
		-o $@ $< -larena_family $(target_libraries)
tests/targets/family_user_bound: tests/targets/family_user.c tests/targets/libarena_family.so
	$(AM_V_CC)$(CC) -std=gnu11 $(target_flags) -fPIE -pie -Wl,-z,now -Wl,-z,relro \
		-Wl,-rpath,'$$ORIGIN' -Ltests/targets -o $@ $< -larena_family $(target_libraries)

# Whose classes are known all the same.
tests/targets/typed_cxx_stripped: tests/targets/typed_cxx.cpp
	$(AM_V_CXX)$(MKDIR_P) $(@D) && $(CXX) -std=c++17 -O0 -s -o $@ $<

# Found beside the program, whose own malloc it is.
tests/targets/storms: tests/targets/storms.c tests/targets/libslot_malloc.so
	$(AM_V_CC)$(CC) -std=gnu11 $(target_flags) -Wl,-rpath,'$$ORIGIN' -Ltests/targets -o $@ $< \
		-lslot_malloc $(target_libraries)

# Of the shapes that the unit tests check too, here never with the sanitizers.
unwound_flags_o0 = -g -O0 -fno-builtin
unwound_flags_o2 = -g -O2 -fno-builtin -fomit-frame-pointer
unwound_c = tests/targets/unwound.c tests/unit/stack_shapes.c
unwound_cxx = tests/unit/stack_shapes_cxx.cpp
tests/targets/depths_o0 tests/targets/depths_o2: tests/targets/depths_%: tests/targets/depths.cpp
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CXX) -std=c++17 $(unwound_flags_$*) -o $@ \
		$(srcdir)/tests/targets/depths.cpp $(target_libraries)

tests/targets/unwound_o0 tests/targets/unwound_o2: tests/targets/unwound_%: $(unwound_c) \
		$(unwound_cxx) tests/unit/stack_shapes.h
	$(AM_V_CC)$(MKDIR_P) $(@D) && \
	for source in $(unwound_c); do \
		$(CC) -std=gnu11 $(unwound_flags_$*) -I$(srcdir) -DSTACK_SHAPES_TABLE=stack_shapes \
			-c -o $@.`basename $$source .c`.o $(srcdir)/$$source || exit 1; \
	done && \
	$(CXX) -std=c++17 $(unwound_flags_$*) -I$(srcdir) -DSTACK_SHAPES_TABLE=stack_shapes_cxx \
		-c -o $@.cxx.o $(srcdir)/$(unwound_cxx) && \
	$(CXX) -o $@ $@.unwound.o $@.stack_shapes.o $@.cxx.o $(target_libraries)
CLEANFILES += tests/targets/unwound_*.o
