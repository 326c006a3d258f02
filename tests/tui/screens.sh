#!/bin/sh
# Plays every script in this folder (NAME.keys) on the demo viewer and compares the screens that it
# saves with the ones here. The first line of a script says on what: rows, columns, locale, and
# options of demo_viewer. UPDATE_GOLDEN=1 writes the screens here instead; the diff is reviewed.
# Of the first line only the screen at hand is compared, so that another screen beside it does not
# change every file here; the whole line in those whose name begins with "tabs".
set -eu
top=$(cd "${srcdir:-.}" && pwd)
viewer=$(pwd)/tests/tui/demo_viewer
here=$top/tests/tui
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset NO_COLOR LINES COLUMNS VISUAL
TERM=dumb
export TERM
failures=0

play() { # SCRIPT
    # shellcheck disable=SC2046 # the words of the line are wanted
    set -- "$1" $(sed -n '1s/^# on: //p' "$1")
    script=$1 rows=$2 columns=$3 locale=$4
    shift 4
    cp -r "$here/sources" "$work/sources"
    (cd "$work" && LINES=$rows COLUMNS=$columns LC_ALL=$locale SEEP_SCRIPT=$script \
        "$viewer" sources/ "$@" </dev/null)
    status=$?
    rm -r "$work/sources"
    return "$status"
}

compare() { # NAME: all that was saved
    for saved in "$work"/*; do
        name=${saved##*/}
        case $name in
        tabs*) ;;
        *.screen) sed -i '1s/.*\[\(.\) *\([A-Z][a-z]*\)\].*/[\1 \2]/' "$saved" ;;
        esac
        if [ "${UPDATE_GOLDEN:-}" ]; then
            cp "$saved" "$here/$name"
        elif ! diff -u "$here/$name" "$saved"; then
            echo "FAIL: $1: $name differs"
            failures=$((failures + 1))
        fi
        rm "$saved"
    done
}

if [ "$(LC_ALL=C.UTF-8 locale charmap 2>/dev/null)" != UTF-8 ]; then
    echo "the locale C.UTF-8 is not installed"
    exit 77
fi
for keys in "$here"/*.keys; do
    name=${keys##*/}
    if play "$keys"; then
        compare "$name"
    else
        echo "FAIL: $name: the viewer ended with $?"
        failures=$((failures + 1))
        rm -f "$work"/*
    fi
done
echo "$failures failures"
[ "$failures" -eq 0 ]
