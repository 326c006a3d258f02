# Checks of the house itself.
TESTS += tests/check_layers.sh tests/check_exports.sh tests/check_scripts.sh
EXTRA_DIST += tests/check_layers.sh tests/check_exports.sh tests/check_scripts.sh
