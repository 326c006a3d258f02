#!/bin/sh
# seep as people type it: what it says, where it says it, and how it ends.
set -u
LC_ALL=C
export LC_ALL
unset SEEP_OPTIONS SEEP_OUTPUT CI NO_COLOR

seep=$PWD/seep
make_recording=$PWD/tests/helpers/make_recording
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
XDG_CONFIG_HOME=$scratch/config
export XDG_CONFIG_HOME
mkdir "$scratch/here"
cd "$scratch/here" || exit 1
failures=0

expect() { # NAME WANTED GOT
    if [ "$2" != "$3" ]; then
        printf 'FAIL: %s: expected "%s", got "%s"\n' "$1" "$2" "$3"
        failures=$((failures + 1))
    fi
}

# Runs seep; leaves its status in $status and its output in the files out and err.
run() {
    "$seep" "$@" >../out 2>../err </dev/null
    status=$?
}

run_with() { # VARIABLE=VALUE COMMAND...
    variable=$1
    shift
    env "$variable" "$seep" "$@" >../out 2>../err </dev/null
    status=$?
}

said() { # NAME STATUS ERR: the status and all of stderr
    expect "$1: status" "$2" "$status"
    expect "$1: stderr" "$3" "$(cat ../err)"
}

# --- usage -----------------------------------------------------------------------------------

run
expect "bare: status" 2 "$status"
expect "bare: stdout" "" "$(cat ../out)"
expect "bare: stderr" "seep shows where a program's memory goes, and why it stays." "$(head -n 1 ../err)"
run --version
said "version" 0 ""
expect "version" "seep" "$(cut -d ' ' -f 1 ../out)"
run --help
said "help" 0 ""
run nothing-like-this
said "unknown command" 2 'seep: there is no command "nothing-like-this" ("seep help" lists them)'
run hepl
said "nearly a command" 2 'seep: there is no command "hepl"; did you mean "help"?'
run --json
said "an option first" 2 'seep: the command comes before its options ("seep help" lists commands)'
run dump --knid=site
said "nearly an option" 2 \
    'seep: dump: there is no option --knid; did you mean --kind? ("seep help dump" lists the options)'
run dump a b
said "too many words" 2 \
    'seep: dump: "b" is one word too many ("seep help dump" lists the options)'
run completion tcsh
said "unknown shell" 2 'seep: there is no completion for "tcsh": it is bash, zsh or fish'
run help nothing
said "help on nothing" 2 'seep: there is no command "nothing" ("seep help" lists them)'
run help schema ../x
said "no schema" 2 'seep: there is no schema "../x"'

# --- output that does not arrive -------------------------------------------------------------

if [ -w /dev/full ]; then
    "$seep" completion bash >/dev/full 2>../err
    status=$?
    said "a full disk" 2 "seep: cannot write to standard output: No space left on device"
fi
"$seep" completion bash >&- 2>../err
status=$?
said "a closed stdout" 2 "seep: cannot write to standard output: Bad file descriptor"
(trap '' PIPE && "$seep" completion bash 2>../err) | true
expect "a reader that left" "" "$(cat ../err)"

# --- which recording -------------------------------------------------------------------------

run dump
said "no recording here" 2 "seep: there is no recording in this folder: name a FILE"
"$make_recording" old.seep || exit 1
"$make_recording" new.seep || exit 1
touch -d 2001-01-01 old.seep
echo "not one" >newest.seep
run dump
said "the newest" 0 "seep: reading new.seep, the newest recording in this folder"
run dump -q
said "the newest, quietly" 0 ""
run dump nowhere.seep
said "no such file" 2 "seep: nowhere.seep: No such file or directory"
run dump newest.seep
said "not a recording" 2 "seep: newest.seep: it is not a seep recording"
run dump new.seep@never
said "no such instant" 2 \
    'seep: new.seep@never: there is no instant "never": it is "start", "peak", "end", "snapshot:N", "mark:NAME", "+90s" after the start or "-10m" before the end'
run dump new.seep@peak
said "an instant" 0 ""
cp new.seep at@never
run dump at@never
said "a name with an @" 0 ""

# --- options from elsewhere ------------------------------------------------------------------

echo "kind = totals" >.seep.conf
run dump new.seep
expect "the project's file" 1 "$(wc -l <../out)"
run_with SEEP_OPTIONS=kind=process dump new.seep
expect "the environment wins" process "$(cut -d ' ' -f 1 ../out)"
run_with SEEP_OPTIONS=--kind=process dump new.seep
expect "the environment, as one types it" process "$(cut -d ' ' -f 1 ../out)"
run_with SEEP_OPTIONS=kind=process dump --kind=site new.seep
expect "the command line wins" "site site" "$(cut -d ' ' -f 1 ../out | xargs)"
run dump --no-config new.seep
expect "without files" session "$(head -n 1 ../out | cut -d ' ' -f 1)"
echo "kidn = totals" >.seep.conf
run dump new.seep
said "a wrong file" 2 \
    "seep: dump: $PWD/.seep.conf:1: there is no option \"kidn\" (\"seep help dump\" lists the options)"
rm .seep.conf

# --- dump ------------------------------------------------------------------------------------

run dump --kind=nothing new.seep
said "no such kind" 2 'seep: --kind: there are no records of kind "nothing"'
run dump --kind=site new.seep
said "dump" 0 ""
expect "dump: sites" 2 "$(grep -c '^site .*process_id=0' ../out)"
expect "dump: a figure" 1 "$(grep -c 'allocations=1000 .*allocated_bytes=64000 ' ../out)"
"$make_recording" torn.seep torn || exit 1
run dump torn.seep
expect "a torn recording: status" 0 "$status"
expect "a torn recording: note" 1 "$(grep -c '^seep: torn.seep: this recording is torn' ../err)"

# --- report ----------------------------------------------------------------------------------

count() { # PATTERN: lines of the output that match
    grep -c -- "$1" ../out
}

run report new.seep
said "report" 0 ""
expect "report: its file" 1 "$(count '^Memory of demo, from new.seep$')"
expect "report: sites by peak" "leak churn" "$(sed -n 's/^    \([a-z]*\) at demo.c.*/\1/p' ../out | xargs)"
run report --sort=allocations --limit=1 new.seep
expect "report: sorted and cut" "churn" "$(sed -n 's/^    \([a-z]*\) at demo.c.*/\1/p' ../out | xargs)"
run report --function=leak new.seep
expect "report: filtered" "leak" "$(sed -n 's/^    \([a-z]*\) at demo.c.*/\1/p' ../out | xargs)"
run report --min-bytes=1k --sort=live new.seep
expect "report: nothing that large" 0 "$(count '^    leak at')"
run report --by=function new.seep
expect "report: by function" 1 "$(count 'leak at demo.c:10$')"
run report --bottom-up new.seep
expect "report: a tree" 1 "$(count '^What allocates, and who calls it')"
run report new.seep@peak
expect "report: the instant" 1 "$(count '^  Instant    peak$')"
expect "report: the peak's own blocks" 1 "$(count '^ *Peak  *%  *Peak blk')"
run report new.seep --at=peak
expect "report: the instant as an option" 1 "$(count '^  Instant    peak$')"
run report new.seep@end --at=peak
said "two instants" 2 "seep: FILE@end and --at=peak contradict each other"
run report --process=7 new.seep
said "no such process" 2 "seep: --process: the recording has no process 7"
run report --function='(' new.seep
expect "a malformed expression" 2 "$status"
run report --json new.seep
said "report as JSON" 0 ""
expect "report: JSON" '"allocations": 1010,' "$(grep -o '"allocations": 1010,' ../out)"
expect "report: arguments in JSON" 1 "$(count '"arguments": \["./demo", "7"\]')"
run_with CI=true report --json new.seep
expect "report: no arguments under CI" 0 "$(count '"7"')"
run_with CI=true report --json --arguments new.seep
expect "report: arguments under CI" 1 "$(count '"arguments": \["./demo", "7"\]')"
run_with CI=true view new.seep
expect "view: no arguments under CI" 1 "$(grep -c 'Command    ./demo \.\.\.$' ../out)"
run report --color=always new.seep
expect "report: colour" 1 "$(head -n 1 ../out | grep -c "$(printf '\033')")"
run_with NO_COLOR=1 report new.seep
expect "report: no colour" 0 "$(grep -c "$(printf '\033')" ../out)"
run view new.seep
said "no terminal" 0 "seep: standard input is not a terminal; this is the report instead"
expect "view: the report" 1 "$(count '^Memory of demo')"
run view --path-map=nothing new.seep
said "no map" 2 'seep: --path-map: "nothing" is not FROM=TO'

# --- info ------------------------------------------------------------------------------------

run info new.seep
said "info" 0 ""
expect "info: a process" 1 "$(count 'pid 4242 *[^ ]*/home/test/demo, status 3, observed, glibc$')"
expect "info: finished" 1 "$(count '^  State      finished$')"
run info torn.seep
expect "info: torn" 1 "$(count '^  State      not finished, torn')"
run info --json new.seep
expect "info: JSON" 1 "$(count '"session_id": "0000000000005eeb"')"

# --- JSON and its schemas ----------------------------------------------------------------------

validator='import json, sys, jsonschema
jsonschema.Draft202012Validator(json.load(open(sys.argv[1]))).validate(json.load(open(sys.argv[2])))'
for python in python3 /usr/bin/python3; do
    "$python" -c 'import jsonschema' 2>/dev/null || continue
    for name in dump info report; do
        "$seep" help schema $name >../schema
        for file in new.seep torn.seep; do
            "$seep" $name --json $file >../json
            expect "$name --json of $file" "" \
                "$("$python" -c "$validator" ../schema ../json 2>&1 | tail -n 1)"
        done
    done
    break
done

exit $((failures != 0))
