#!/bin/sh
# seep-recording(5) describes exactly the records that there are: kinds with their numbers, fields
# in their order, with types and keys; and the numbers of functions.
set -eu
LC_ALL=C
export LC_ALL

top=$(cd "${srcdir:-$(dirname "$0")/..}" && pwd)
page=$top/man/seep-recording.5
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

# "number kind", then a line "  field : type[, key]" for each of its fields.
records_of_header() {
    awk '
        /^ *RECORD\([0-9]/ {
            sub(/^ *RECORD\(/, "")
            split($0, part, /[(), ]+/)
            number[part[2]] = part[1]
            keys[part[2]] = part[3]
            next
        }
        /^#define RECORDING_FIELDS_/ {
            kind = $2
            sub(/^RECORDING_FIELDS_/, "", kind)
            sub(/\(.*/, "", kind)
            print number[kind], kind
            field = 0
            is_inside = 1
            next
        }
        is_inside && match($0, /^ *[A-Z_]+\([a-z_0-9]+\)/) {
            text = substr($0, RSTART, RLENGTH)
            gsub(/^ +|\)$/, "", text)
            split(text, part, "(")
            type = tolower(part[1])
            gsub(/_/, " ", type)
            print "  " part[2] " : " type (++field <= keys[kind] ? ", key" : "")
        }
        $0 == "" { is_inside = 0 }
    ' "$top/src/recording/recording_records.h"
}

records_of_page() {
    awk '
        /^\.Sh / { is_inside = $2 == "RECORD" }
        is_inside && /^\.Ss / { print $2, $3 }
        is_inside && /^\.It Va / { sub(/^\.It Va /, "  "); print }
    ' "$page"
}

functions_of_header() {
    sed -n 's/^ *KIND(\([0-9]*\), *[A-Z_]*, *"\([^"]*\)").*/\1 \2/p' \
        "$top/src/wire/function_kinds.h"
}

functions_of_page() {
    awk '
        /^\.Sh / { is_inside = $2 == "FUNCTIONS" }
        is_inside && /^\.It / { number = $2; getline; print number, $0 }
    ' "$page"
}

same() { # NAME: what the header and the page say about it
    if [ ! -s "$scratch/header" ]; then
        echo "FAIL: the header tells nothing about the $1"
        failures=$((failures + 1))
    elif ! diff -u "$scratch/header" "$scratch/page"; then
        echo "FAIL: the $1 of the header (-) and of seep-recording(5) (+) differ"
        failures=$((failures + 1))
    fi
}

records_of_header >"$scratch/header"
records_of_page >"$scratch/page"
same records
functions_of_header >"$scratch/header"
functions_of_page >"$scratch/page"
same functions
[ "$failures" = 0 ]
