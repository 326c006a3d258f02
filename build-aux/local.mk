EXTRA_DIST += build-aux/deps.debian build-aux/setup
