#!/bin/sh
# Reports of made-up recordings must be, byte for byte, what stands in tests/golden, each time they
# are written. UPDATE_GOLDEN=1 (make update-golden) rewrites the files; review them like code.
set -u
LC_ALL=C
export LC_ALL

golden=${srcdir:-.}/tests/golden
writer=./tests/unit/write_report
[ -x "$writer" ] || {
    echo "$writer is not there: build it first (make check)"
    exit 77
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

# The version of seep changes without a change of the format.
write() { # OPTIONS...
    "$writer" "$@" | sed -e 's/\("tool": {"name": "seep", "version": \)"[^"]*"/\1"0.0.0"/' \
        -e '/exporter\|^creator:\|^desc:\|^# written/s/\(seep[@ ]\)[0-9.]*/\10.0.0/'
}

while read -r file options; do
    case $file in
    '' | '#'*) continue ;;
    esac
    # shellcheck disable=SC2086 # options are words
    write $options >"$scratch/now" || failures=$((failures + 1))
    # shellcheck disable=SC2086
    write $options >"$scratch/again"
    cmp -s "$scratch/now" "$scratch/again" || {
        echo "FAIL: $options: two runs differ"
        failures=$((failures + 1))
    }
    if [ -n "${UPDATE_GOLDEN-}" ]; then
        cp "$scratch/now" "$golden/$file"
    elif ! diff -u "$golden/$file" "$scratch/now"; then
        echo "FAIL: $file: write_report $options"
        failures=$((failures + 1))
    fi
done <"$golden/reports.list"
exit $((failures != 0))
