#!/bin/sh
# The preload lives in other people's programs, so what it shows and what it needs is checked:
# exports are the replaced functions, seep_* and __lsan_*; it needs libc alone; libunwind stays
# outside; and what it takes from glibc is not newer than 2.17. A version that an older glibc lacks
# would end the program before it begins, also that of a weak symbol: the loader checks them by name.
set -eu
LC_ALL=C
export LC_ALL

top=${srcdir:-$(dirname "$0")/..}
preload=libseep-preload.so
newest_glibc=2.17
failures=0

fail() {
    printf '%s\n' "$1" | sed 's/^/FAIL: /'
    failures=$((failures + 1))
}

# stdin: `readelf --dyn-syms --wide`. Prints "binding section name version" a symbol.
list_symbols() {
    awk '$1 ~ /^[0-9]+:$/ && NF >= 8 && ($5 == "GLOBAL" || $5 == "WEAK") {
        name = $8; version = "-"
        if (split($8, part, /@+/) > 1) { name = part[1]; version = part[2] }
        print $5, $7, name, version
    }'
}

# stdin: list_symbols. Prints what is exported though $1 (names) and the two prefixes lack it.
judge_exports() { # FILE-OF-ALLOWED-NAMES
    awk '$2 != "UND" && $2 != "ABS" { print $3 }' | sort -u |
        grep -v -e '^seep_' -e '^__lsan_' | grep -v -x -F -f "$1" |
        sed 's/$/ is exported, but is not a replaced function/' || true
}

# stdin: list_symbols. Prints what the preload takes from outside and should not.
judge_imports() {
    awk -v newest="$newest_glibc" '
        function is_newer(version,   ours, theirs, i, count) {
            count = split(version, ours, ".")
            split(newest, theirs, ".")
            for (i = 1; i <= count; i++)
                if (ours[i] + 0 != theirs[i] + 0)
                    return ours[i] + 0 > theirs[i] + 0
            return 0
        }
        $2 != "UND" { next }
        $3 ~ /^(_Unwind_|unw_|_U[a-z0-9_]*_)/ { print $3 " is taken from an unwinder" }
        $4 ~ /^GLIBC_/ && is_newer(substr($4, 7)) {
            print $3 " needs glibc " substr($4, 7) ", newer than " newest
        }'
}

# --- it can see what it should ---------------------------------------------------------------

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

printf '%s\n' malloc free >"$scratch/allowed"
cat >"$scratch/symbols" <<'END'
Symbol table '.dynsym' contains 9 entries:
   Num:    Value          Size Type    Bind   Vis      Ndx Name
     1: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND memcpy@GLIBC_2.14 (2)
     2: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND arc4random@GLIBC_2.36 (3)
     3: 0000000000000000     0 FUNC    WEAK   DEFAULT  UND _dl_find_object@GLIBC_2.35 (4)
     4: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND unw_backtrace
     5: 0000000000001000     9 FUNC    GLOBAL DEFAULT   12 malloc
     6: 0000000000001010     9 FUNC    GLOBAL DEFAULT   12 seep_mark
     7: 0000000000001020     9 FUNC    GLOBAL DEFAULT   12 ring_reserve
END
list_symbols <"$scratch/symbols" >"$scratch/listed"
said=$(judge_exports "$scratch/allowed" <"$scratch/listed")
[ "$said" = "ring_reserve is exported, but is not a replaced function" ] ||
    fail "the export check said: $said"
said=$(judge_imports <"$scratch/listed")
[ "$said" = "arc4random needs glibc 2.36, newer than 2.17
_dl_find_object needs glibc 2.35, newer than 2.17
unw_backtrace is taken from an unwinder" ] || fail "the import check said: $said"

# --- the preload itself ----------------------------------------------------------------------

if [ ! -f "$preload" ]; then
    [ "$failures" = 0 ] || exit 1
    echo "SKIP: $preload is not built"
    exit 77
fi
readelf --dyn-syms --wide "$preload" | list_symbols >"$scratch/listed"
grep -o '[A-Za-z_][A-Za-z0-9_]*' "$top/preload/interposed_functions.h" | sort -u >"$scratch/allowed"
said=$(judge_exports "$scratch/allowed" <"$scratch/listed")
[ -z "$said" ] || fail "$said"
said=$(judge_imports <"$scratch/listed")
[ -z "$said" ] || fail "$said"
said=$(readelf --dynamic --wide "$preload" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
    grep -v -x -e 'libc\.so\.6' -e 'ld-linux-.*\.so\.[0-9]*' || true)
[ -z "$said" ] || fail "it needs $said"
awk '$2 != "UND" && $3 == "malloc"' "$scratch/listed" | grep -q . || fail "malloc is not exported"
exit $((failures != 0))
