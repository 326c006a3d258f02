#!/bin/sh
# A key exists when it is in the man page: the part of seep-view(1) between its two marks is what
# print_keys prints. UPDATE_GOLDEN=1 writes it there.
set -eu
man=${srcdir:-.}/man/seep-view.1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tests/tui/print_keys >"$work/keys"
if [ "${UPDATE_GOLDEN:-}" ]; then
    sed -e "/^\.\\\\\" keys begin/r $work/keys" -e '/^\.\\" keys begin/,/^\.\\" keys end/{/^\.\\" keys/!d}' \
        "$man" >"$work/man"
    cp "$work/man" "$man"
fi
sed -n '/^\.\\" keys begin/,/^\.\\" keys end/{/^\.\\" keys/!p}' "$man" >"$work/documented"
diff -u "$work/documented" "$work/keys"
