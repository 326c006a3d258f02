# Checks of the house itself.
house_checks = tests/check_layers.sh tests/check_exports.sh tests/check_options.sh \
	tests/check_scripts.sh
TESTS += $(house_checks)
EXTRA_DIST += $(house_checks)
