#!/bin/sh
# What is seen while a recording is loaded, in real terminals: how far it is, and a key leaves at
# once, with the terminal as it was.
set -eu
# shellcheck source=/dev/null
. "${srcdir:-.}/tests/tui/in_tmux.sh"
loading=$(pwd)/tests/tui/demo_loading
seep=$(pwd)/seep

for key in q Escape C-c; do
    start tmux-256color C.UTF-8 "$loading"
    see 'Reading large.seep'
    see '50 % of 3.0 GiB, about'
    see 'Esc or q leaves'
    see_not 'a note in the middle'
    keys "$key"
    see 'it was left'
    ended 0
    see 'seep: a note in the middle'
done

# It follows a new size, and is killed like everything else.
start vt100 C "$loading"
see 'Reading large.seep'
in_tmux resize-window -t view -x 40 -y 10
see 'Esc or q leaves'
keys x
kill_viewer TERM
ended 143 kept

# Also where what is left of the stack is nothing.
start tmux-256color C.UTF-8 "$loading --overflow"
see 'Reading large.seep'
keys q
ended 139

# Nothing is seen where nobody waits.
start tmux-256color C.UTF-8 "$loading --short"
see 'it is loaded'
ended 0
see_not 'Reading'

# The same key, whether it comes while it is loaded or afterwards.
# shellcheck disable=SC2154 # in_tmux.sh makes it
tests/helpers/make_recording "$work/small.seep"
start tmux-256color C.UTF-8 "'$seep' view small.seep"
keys q
ended 0
echo "all well"
