#!/bin/sh
# A key, a command or a screen exists when it is in the man page: the parts of seep-view(1) between two
# marks are what print_keys prints. UPDATE_GOLDEN=1 writes them there. The names of screens that the
# option takes stand beside it, which tests/check_options.sh compares.
set -eu
man=${srcdir:-.}/man/seep-view.1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
for part in keys screens; do
    tests/tui/print_keys "$part" >"$work/$part"
    if [ "${UPDATE_GOLDEN:-}" ]; then
        sed -e "/^\.\\\\\" $part begin/r $work/$part" \
            -e '/^\.\\" '"$part"' begin/,/^\.\\" '"$part"' end/{/^\.\\" '"$part"'/!d}' "$man" >"$work/man"
        cp "$work/man" "$man"
    fi
    sed -n '/^\.\\" '"$part"' begin/,/^\.\\" '"$part"' end/{/^\.\\" '"$part"'/!p}' "$man" \
        >"$work/documented"
    diff -u "$work/documented" "$work/$part" || status=1
done
exit $status
