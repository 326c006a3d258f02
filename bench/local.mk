# What measures seep: built and run by `make bench` alone. Compiled as programs usually are, never with
# the sanitizers: so the rules are our own.
bench_flags = -O2 -g -Wall -Wextra
bench_programs = \
	bench/call_depth \
	bench/containers \
	bench/count_preload.so \
	bench/distinct_stacks \
	bench/forks \
	bench/handoff \
	bench/parser \
	bench/random_sizes

CLEANFILES += $(bench_programs)
EXTRA_DIST += \
	bench/README.md \
	bench/callgrind_file.py \
	bench/count_preload.c \
	bench/inputs.py \
	bench/instructions \
	bench/measure.py \
	bench/peers.py \
	bench/run \
	bench/table.py \
	bench/tui_speed \
	bench/workloads.py \
	bench/workloads/call_depth.c \
	bench/workloads/containers.cpp \
	bench/workloads/distinct_stacks.c \
	bench/workloads/forks.c \
	bench/workloads/handoff.c \
	bench/workloads/objects.py \
	bench/workloads/parser.c \
	bench/workloads/random_numbers.h \
	bench/workloads/random_sizes.c

bench/%: bench/workloads/%.c
	$(AM_V_CC)$(MKDIR_P) bench && $(CC) -std=gnu11 $(bench_flags) -o $@ $< -pthread
bench/%: bench/workloads/%.cpp
	$(AM_V_CXX)$(MKDIR_P) bench && $(CXX) -std=c++17 $(bench_flags) -o $@ $<
bench/%.so: bench/%.c
	$(AM_V_CC)$(MKDIR_P) bench && $(CC) -std=gnu11 $(bench_flags) -fPIC -shared -o $@ $<
bench/handoff bench/random_sizes bench/parser bench/containers: \
	$(srcdir)/bench/workloads/random_numbers.h

.PHONY: bench bench-programs bench-instructions clean-bench
bench-programs: all $(bench_programs)

# make bench BENCH_FLAGS="--size full --all -o table.md"
bench: bench-programs
	$(srcdir)/bench/run --build $(abs_builddir) $(BENCH_FLAGS)

bench-instructions: bench-programs
	$(srcdir)/bench/instructions --build $(abs_builddir) $(BENCH_FLAGS)

clean-local: clean-bench
clean-bench:
	rm -rf bench/inputs

# What an event costs the recorder alone. It is linked with the tools' code, so it is built as they are.
check_PROGRAMS += bench/drain_cost
bench_drain_cost_SOURCES = bench/drain_cost.c
bench_drain_cost_LDADD = libseep.a $(seep_libs)
