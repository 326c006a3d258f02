#!/bin/sh
# The rules of src/record/launcher.h, each with a small command. Signals are sent when the command
# has said through a fifo that it is ready, so nothing waits for a clock.
# The commands are written for another shell to expand.
# shellcheck disable=SC2016
set -u
LC_ALL=C
export LC_ALL

launch=$PWD/tests/helpers/launch
[ -x "$launch" ] || exit 77
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failures=0

expect() { # NAME WANTED GOT
    if [ "$2" != "$3" ]; then
        printf 'FAIL: %s: expected "%s", got "%s"\n' "$1" "$2" "$3"
        failures=$((failures + 1))
    fi
}

status_of() { # COMMAND... : its status; stderr goes to the file "said"
    "$@" 2>said
    echo $?
}

# --- the status ------------------------------------------------------------------------------

expect "status 0" 0 "$(status_of "$launch" true)"
expect "status 42" 42 "$(status_of "$launch" sh -c 'exit 42')"
expect "killed by TERM" 143 "$(status_of "$launch" sh -c 'kill -TERM $$')"
expect "killed by KILL" 137 "$(status_of "$launch" sh -c 'kill -KILL $$')"
expect "killed by ABRT" 134 "$(status_of "$launch" sh -c 'kill -ABRT $$')"
# A shell shows 128 + signal for both ways to end; Python tells them apart.
ended=$(python3 -c 'import subprocess, sys
print(subprocess.call([sys.argv[1], "sh", "-c", "kill -USR1 $$"]))' "$launch")
expect "dies of the signal itself" -10 "$ended"

# --- what the kernel counted of the command ----------------------------------------------------

status_of "$launch" -m true >status
expect "the command's own peak" "launch: small" "$(cat said)"

# --- finding it ------------------------------------------------------------------------------

expect "not found" 127 "$(status_of "$launch" no-such-program-here)"
expect "not found says" \
    "launch: cannot run no-such-program-here: no such program in PATH" "$(cat said)"
expect "no such file" 127 "$(status_of "$launch" ./nothing)"
expect "no such file says" "launch: cannot run ./nothing: no such file" "$(cat said)"
expect "empty name" 127 "$(status_of "$launch" '')"
echo 'exit 7' >plain
expect "not executable" 126 "$(status_of "$launch" ./plain)"
expect "not executable says" "launch: cannot run ./plain: Permission denied" "$(cat said)"
chmod +x plain
expect "a script without #! is run by sh" 7 "$(status_of "$launch" ./plain)"
printf '#!/no/such/interpreter\n' >bad
chmod +x bad
expect "no interpreter" 126 "$(status_of "$launch" ./bad)"
expect "no interpreter says" \
    "launch: cannot run ./bad: its interpreter or loader is missing" "$(cat said)"
mkdir first second folder
echo 'exit 1' >first/tool
echo 'exit 9' >second/tool
chmod +x second/tool
expect "what may not run is passed over" 9 \
    "$(PATH=$PWD/first:$PWD/second:$PATH status_of "$launch" tool)"
expect "a folder" 126 "$(status_of "$launch" ./folder)"
expect "refused when ready" 125 "$(status_of "$launch" -n true)"
expect "refused says" "launch: refused with a pid that is known" "$(cat said)"

# --- what the command is born with -------------------------------------------------------------

# A preload that is not there would print a line of the loader to stderr, so sh only shows it.
expect "LD_PRELOAD alone" "/our.so" \
    "$(unset LD_PRELOAD; "$launch" -p /our.so sh -c 'echo "$LD_PRELOAD"' 2>/dev/null)"
expect "LD_PRELOAD empty" "/our.so" \
    "$(LD_PRELOAD='' "$launch" -p /our.so sh -c 'echo "$LD_PRELOAD"' 2>/dev/null)"
expect "LD_PRELOAD joined" "/our.so:/theirs.so" \
    "$(LD_PRELOAD=/theirs.so "$launch" -p /our.so sh -c 'echo "$LD_PRELOAD"' 2>/dev/null)"
expect "a path that the loader would split" 125 "$(status_of "$launch" -p '/a b.so' true)"
env -i A=1 B=2 PATH="$PATH" /usr/bin/env | sort >plain_environment
env -i A=1 B=2 PATH="$PATH" "$launch" -p /our.so /usr/bin/env 2>/dev/null | sort |
    grep -v '^LD_PRELOAD=/our.so$' >launched_environment
expect "nothing else in the environment" "" "$(diff plain_environment launched_environment 2>&1)"

expect "no descriptor of ours" "$(sh -c 'ls /proc/self/fd' | wc -l)" \
    "$("$launch" sh -c 'ls /proc/self/fd' | wc -l)"

signals='/^(Sig(Blk|Ign|Cgt)|ShdPnd):/'
awk "$signals" /proc/self/status >plain_signals
"$launch" awk "$signals" /proc/self/status >launched_signals
expect "signals as without us" "" "$(diff plain_signals launched_signals 2>&1)"
(
    trap '' HUP PIPE CHLD USR1
    awk "$signals" /proc/self/status >plain_signals
    "$launch" awk "$signals" /proc/self/status >launched_signals
)
expect "ignored signals stay ignored" "" "$(diff plain_signals launched_signals 2>&1)"
expect "the status stands though CHLD was ignored" 5 \
    "$(trap '' CHLD; status_of "$launch" sh -c 'exit 5')"

# --- signals meanwhile -------------------------------------------------------------------------

# Starts the launcher with a command that answers SIGNAL by status 33, and sends it to the launcher.
mkfifo ready
forwarded() { # SIGNAL
    "$launch" sh -c 'cat never & trap "kill $!; exit 33" '"$1"'; echo >ready; wait' 2>/dev/null &
    launcher=$!
    read -r _ <ready
    kill -s "$1" "$launcher"
    wait "$launcher"
    echo $?
}
mkfifo never
for signal in TERM HUP USR1 USR2 WINCH CONT INT; do
    # A background job of a shell without job control has INT ignored, and a trap cannot undo it.
    [ "$signal" != INT ] || continue
    expect "forwards $signal" 33 "$(forwarded $signal)"
done
"$launch" sh -c 'kill -USR1 $PPID; exit 3'
expect "what the command sends is not sent back" 3 $?

exit $((failures != 0))
