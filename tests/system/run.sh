#!/bin/sh
# `seep run` as people type it: whose status it ends with, what the recording is called, what the
# command sees, and what the demo's recording says.
# The commands are written for another shell to expand.
# shellcheck disable=SC2016
set -u
LC_ALL=C
export LC_ALL
unset SEEP_OPTIONS SEEP_OUTPUT CI NO_COLOR LD_PRELOAD

seep=$PWD/seep
demo=$PWD/examples/demo
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
XDG_CONFIG_HOME=$scratch/config
TMPDIR=$scratch/tmp
export XDG_CONFIG_HOME TMPDIR
mkdir "$scratch/here" "$scratch/tmp"
cd "$scratch/here" || exit 1
failures=0

expect() { # NAME WANTED GOT
    if [ "$2" != "$3" ]; then
        printf 'FAIL: %s: expected "%s", got "%s"\n' "$1" "$2" "$3"
        failures=$((failures + 1))
    fi
}

record() {
    "$seep" run "$@" >../out 2>../err </dev/null
    status=$?
}

# --- the status ------------------------------------------------------------------------------

record -q -o a.seep sh -c 'exit 7'
expect "the command's status" 7 "$status"
expect "nothing said when quiet" "" "$(cat ../err)"
status=$({ "$seep" run -q -o a.seep sh -c 'kill -TERM $$' || echo $?; } 2>/dev/null)
expect "the command's signal" 143 "$status"
record -q -o a.seep no-such-program-here
expect "not found" 127 "$status"
expect "not found says" "seep: cannot run no-such-program-here: no such program in PATH" "$(cat ../err)"
echo x >plain
record -q -o b.seep ./plain
expect "not executable" 126 "$status"
expect "no recording of what did not start" "" "$(ls b.seep 2>/dev/null)"
record
expect "no program" 125 "$status"
record --no-such-option true
expect "wrong usage" 125 "$status"
record -q -o no/such/folder/a.seep touch started
expect "no folder" 125 "$status"
expect "not started without a recording" "" "$(ls started 2>/dev/null)"

# --- the name --------------------------------------------------------------------------------

record -q true
expect "the usual name" 1 "$(find . -name 'seep.true.*.seep' | wc -l)"
expect "nobody else reads it" 600 "$(stat -c %a seep.true.*.seep)"
record -q -o 'x-%e-%%.seep' true
expect "a pattern" "x-true-%.seep" "$(find . -name 'x-*' | sed 's|^\./||')"
echo precious >mine
record -q -o mine true
expect "not over what is no recording" 125 "$status"
expect "it is as it was" precious "$(cat mine)"
record -q -f -o mine true
expect "unless forced" 0 "$status"
record -q -o mine true
expect "over a recording" 0 "$status"
env SEEP_OUTPUT=by-environment.seep "$seep" run -q true
expect "SEEP_OUTPUT" "by-environment.seep" "$(find . -name 'by-*' | sed 's|^\./||')"

# --- what the command sees ---------------------------------------------------------------------

env | sort | grep -v '^_=' >../plain
"$seep" run -q -o a.seep env | sort | grep -v '^_=' >../recorded
expect "the environment, but for LD_PRELOAD" "LD_PRELOAD" \
    "$(diff ../plain ../recorded | sed -n 's/^[<>] \([^=]*\)=.*/\1/p')"
sh -c 'ls /proc/self/fd' >../plain
"$seep" run -q -o a.seep sh -c 'ls /proc/self/fd' >../recorded
expect "its descriptors" "" "$(diff ../plain ../recorded)"
expect "its input" "passed through" "$(echo passed through | "$seep" run -q -o a.seep cat)"
expect "its output alone" "out" "$("$seep" run -o a.seep echo out 2>/dev/null)"
expect "nothing is left in TMPDIR" "" "$(ls "$TMPDIR")"

# --- what is recorded --------------------------------------------------------------------------

record -o demo.seep "$demo"
expect "the demo" 0 "$status"
expect "its summary names the recording" 1 "$(grep -c 'demo\.seep' ../err | sed 's/[1-9].*/1/')"
expect "at most 20 lines" 1 "$(($(wc -l <../err) <= 20))"
record -o demo.seep --summary=summary.txt "$demo"
expect "no summary on stderr" "" "$(cat ../err)"
expect "but in the file" 1 "$(grep -c 'demo\.seep' summary.txt | sed 's/[1-9].*/1/')"

# The C++ library's own block comes on top of the table in the demo's first comment.
"$seep" dump --kind=site --kind=totals demo.seep >../records
site() { # FIELD=VALUE... : how many sites have them all
    grep '^site ' ../records >sites
    for field in "$@"; do
        grep " $field " sites >matching
        mv matching sites
    done
    wc -l <sites
}
expect "the leak" 1 "$(site allocations=100 frees=0 allocated_bytes=100000 live_bytes=100000)"
expect "the growth" 1 "$(site allocations=500 frees=0 allocated_bytes=2048000 live_bytes=2048000)"
expect "the churn" 1 "$(site allocations=50000 frees=50000 allocated_bytes=3200000 live_bytes=0)"
expect "the peak" 1 "$(site allocations=1 frees=1 allocated_bytes=8388608 peak_bytes=8388608)"
expect "leak and growth at the peak" 2 \
    "$(($(site peak_bytes=1024000 peak_blocks=250) + $(site peak_bytes=50000 peak_blocks=50)))"
expect "temporary" 1 "$(site temporary_allocations=50000)"

exit $((failures != 0))
