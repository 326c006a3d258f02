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
    'seep: new.seep@never: there is no instant "never": it is "end" or "peak"'
run dump new.seep@peak
said "an instant" 0 ""
cp new.seep at@never
run dump at@never
said "a name with an @" 0 ""

# --- options from elsewhere ------------------------------------------------------------------

echo "kind = totals" >.seep.conf
run dump new.seep
expect "the project's file" 1 "$(wc -l <../out)"
SEEP_OPTIONS=kind=process run dump new.seep
expect "the environment wins" process "$(cut -d ' ' -f 1 ../out)"
SEEP_OPTIONS=kind=process run dump --kind=site new.seep
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

exit $((failures != 0))
