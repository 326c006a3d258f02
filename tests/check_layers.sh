#!/bin/sh
# A folder is a floor: a file includes its own folder and lower floors, never a sibling of the same
# number, never upwards; and the headers of one floor form no ring. Reads the #include "..." lines
# of the source tree. First it proves itself on small bad trees.
set -eu
LC_ALL=C
export LC_ALL

# Folder and floor. The preload stands
# beside the house: of all folders it may include src/wire and include/ alone.
floors='
src/base         0
src/wire         0
src/symbols      1
src/recording    1
src/heap         2
src/import       2
src/snapshot     2
src/runtimes     3
src/record       4
viewer/analysis  4
viewer/graph     5
viewer/report    6
viewer/tui       6
src/cli          7
'

# "includer included" for each include of ours, as paths from the top: an include is written from
# the root of its floor (src/ or viewer/) or, in the preload, also from the top.
list_includes() { # TREE
    cd "$1"
    find src viewer preload -name '*.[ch]' 2>/dev/null | sort | while read -r file; do
        sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$file" |
            while read -r included; do
                folder=${file%/*}
                if [ -e "src/$included" ]; then
                    echo "$file src/$included"
                elif [ -e "viewer/$included" ]; then
                    echo "$file viewer/$included"
                elif [ -e "$included" ]; then
                    echo "$file $included"
                elif [ -e "$folder/$included" ]; then
                    echo "$file $folder/$included"
                elif [ "$included" != config.h ]; then
                    echo "$file missing:$included"
                fi
            done
    done
}

# Prints what breaks the floors; nothing when all is well.
judge_floors() {
    awk -v floors="$floors" '
        function floor_folder(path,   parts, count) {
            count = split(path, parts, "/")
            return parts[1] == "preload" ? "preload" : parts[1] "/" parts[2]
        }
        BEGIN {
            rows = split(floors, row, "\n")
            for (i = 1; i <= rows; i++)
                if (split(row[i], column, " ") >= 2)
                    number[column[1]] = column[2] + 0
        }
        {
            from = floor_folder($1)
            to = floor_folder($2)
            if ($2 ~ /^missing:/) {
                sub(/^missing:/, "", $2)
                print $1 " includes " $2 ", which is not there"
            } else if ($2 == "src/wire/function_kinds.h" || from == to)
                next
            else if (from == "preload") {
                if (to != "src/wire" && $2 !~ /^include\//)
                    print $1 " includes " $2 ": the preload may include src/wire and include/ alone"
            } else if (to == "preload")
                print $1 " includes " $2 ": nothing may include the preload"
            else if (!(from in number))
                print $1 ": the folder " from " has no floor in tests/check_layers.sh"
            else if (!(to in number))
                print $1 " includes " $2 ", which stands on no floor"
            else if (number[to] > number[from])
                print $1 " includes " $2 ": upwards"
            else if (number[to] == number[from])
                print $1 " includes " $2 ": a sibling of the same floor"
        }'
}

# Prints the headers that include each other in a ring.
judge_rings() {
    awk '$1 ~ /\.h$/ && $2 ~ /\.h$/ { print $1, $2 }' | tsort 2>&1 >/dev/null |
        sed -n 's/^tsort: \(.*\.h\)$/a ring of headers passes \1/p'
}

judge_tree() { # TREE
    includes=$(list_includes "$1")
    printf '%s\n' "$includes" | sed '/^$/d' | judge_floors
    printf '%s\n' "$includes" | sed '/^$/d' | judge_rings
}

# --- it can see what it should ---------------------------------------------------------------

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

put() { # FILE INCLUDE...
    mkdir -p "$scratch/tree/${1%/*}"
    file=$1
    shift
    for included in "$@"; do
        printf '#include "%s"\n' "$included"
    done >"$scratch/tree/$file"
}

good_tree() {
    rm -rf "$scratch/tree"
    put src/base/error.h
    put src/base/error.c base/error.h config.h
    put src/wire/function_kinds.h
    put src/wire/ring.h
    put src/symbols/elf.h base/error.h wire/function_kinds.h
    put src/recording/reader.h base/error.h wire/ring.h
    put src/heap/model.c recording/reader.h wire/ring.h
    put viewer/analysis/profile.h recording/reader.h
    put viewer/report/text.c analysis/profile.h
    put preload/interpose.c wire/ring.h preload/guard.h
    put preload/guard.h
}

expect() { # NAME PATTERN: judge_tree says one line that matches; "" = nothing
    said=$(judge_tree "$scratch/tree")
    if [ -z "$2" ] && [ -z "$said" ]; then
        return
    fi
    if [ -n "$2" ] && printf '%s\n' "$said" | grep -q -- "$2"; then
        return
    fi
    echo "FAIL: $1: expected \"$2\", got \"$said\""
    failures=$((failures + 1))
}

good_tree
expect "a good tree" ""
put src/base/error.c analysis/profile.h
expect "upwards" "src/base/error.c includes viewer/analysis/profile.h: upwards"
good_tree
put src/symbols/elf.c recording/reader.h
expect "sideways" "src/symbols/elf.c includes src/recording/reader.h: a sibling"
good_tree
put src/base/one.h base/two.h
put src/base/two.h base/three.h
put src/base/three.h base/one.h
expect "a ring" "a ring of headers passes src/base/two.h"
good_tree
put preload/interpose.c base/error.h
expect "the preload and base" "preload/interpose.c includes src/base/error.h: the preload may"
good_tree
put src/record/drain.c preload/guard.h
expect "into the preload" "src/record/drain.c includes preload/guard.h: nothing may"
good_tree
put src/novel/thing.c base/error.h
expect "an unknown folder" "the folder src/novel has no floor"
good_tree
put src/base/error.c base/gone.h
expect "a missing header" "src/base/error.c includes base/gone.h, which is not there"

# --- the house itself ------------------------------------------------------------------------

top=$(cd "${srcdir:-$(dirname "$0")/..}" && pwd)
said=$(judge_tree "$top")
if [ -n "$said" ]; then
    printf '%s\n' "$said"
    failures=$((failures + 1))
fi
[ -n "$(list_includes "$top")" ] || {
    echo "FAIL: no includes found in $top"
    failures=$((failures + 1))
}
exit $((failures != 0))
