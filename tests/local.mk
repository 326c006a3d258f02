# Checks of the house itself.
house_checks = tests/check_layers.sh tests/check_exports.sh tests/check_options.sh \
	tests/check_scripts.sh
TESTS += $(house_checks)
EXTRA_DIST += $(house_checks)

# System tests of truth: what the targets say of themselves against what seep says of them.
include tests/targets/local.mk
system_tests = \
	tests/system/allocators.py \
	tests/system/bad_input.py \
	tests/system/check.py \
	tests/system/compilers.py \
	tests/system/copies.py \
	tests/system/deaths.py \
	tests/system/doctor.py \
	tests/system/ends.py \
	tests/system/levels.py \
	tests/system/top.py \
	tests/system/top_choose.py \
	tests/system/top_view.py \
	tests/system/export.py \
	tests/system/followed.py \
	tests/system/frames.py \
	tests/system/graph.py \
	tests/system/graph_export.py \
	tests/system/full_disk.py \
	tests/system/hostile_elf.py \
	tests/system/html.py \
	tests/system/imported.py \
	tests/system/interface.py \
	tests/system/intervals.py \
	tests/system/known_answers.py \
	tests/system/full_ring_sandbox.py \
	tests/system/full_ring_signals.py \
	tests/system/held.py \
	tests/system/leaks.py \
	tests/system/leaks_programs.py \
	tests/system/limits.py \
	tests/system/misuse.py \
	tests/system/python.py \
	tests/system/readers.py \
	tests/system/recorder_deaths.py \
	tests/system/refused.py \
	tests/system/self_read.py \
	tests/system/hidden_proc.py \
	tests/system/suppressed.py \
	tests/system/symbolize.py \
	tests/system/typed.py \
	tests/system/worded.py \
	tests/system/unwinders.py \
	tests/system/valgrind_totals.py \
	tests/system/viewed.py \
	tests/system/vows.py \
	tests/system/web.py \
	tests/system/wild.py
TESTS += $(system_tests)
EXTRA_DIST += $(system_tests) tests/system/python_stacks.py tests/system/junit.xsd tests/system/leaks.verdicts tests/system/counted.py tests/system/expecting.py tests/system/graphed.py \
	tests/system/recorded.py tests/system/watching.py tests/README.md

# Long ones, for `./test all`.
long_tests = tests/long/devtools.py tests/long/graph_programs.py tests/long/graph_scale.py tests/long/growth.py tests/long/package_suites.py tests/long/real_programs.py
TESTS += $(long_tests)
EXTRA_DIST += $(long_tests) tests/long/package_suites.verdicts tests/long/packages.py

TESTS += tests/system/sampled.py
EXTRA_DIST += tests/system/sampled.py
