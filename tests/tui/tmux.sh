#!/bin/sh
# The viewer in real terminals, by tmux: it starts, obeys keys and mouse, follows a new size, and
# gives the terminal back however it ends. Waits for text, never for time.
set -eu
viewer='' # set by what is read here
# shellcheck source=/dev/null
. "${srcdir:-.}/tests/tui/in_tmux.sh"

# Keys, editor, resize, mouse, quitting.
start tmux-256color C.UTF-8 "EDITOR='./editor --wait' $viewer sources/"
see '[1 Overview]'
see '▼ peak'
keys 2
see '[2 Sites]'
keys Down Down Enter
see '> parse_expression'
keys e
see 'editing sources/parser.c +9 --wait'
keys Enter
see '> parse_expression'
keys Enter
see '>      9 '
keys BSpace Escape
see '▼Live'
in_tmux resize-window -t view -x 44 -y 10
see '? Help q Quit'
in_tmux resize-window -t view -x 30 -y 8
see 'window too small'
in_tmux resize-window -t view -x 100 -y 30
see '8 Threads'
# A click on "3 Tree", column 23 of row 1, in the old coding of this terminal type: 32 + number.
in_tmux send-keys -t view -l "$(printf '\033[M 7!')"
see '[3 Tree]'
keys Escape
see 'q quits'
keys q
ended 0

# The mouse on a column's title, on a row, twice, and its wheel; what the terminal sends is in the old
# coding: 32 + number.
click() { # COLUMN ROW: pressed, and let go
    mouse 0 "$1" "$2"
    mouse 3 "$1" "$2"
}
mouse() { # BUTTON COLUMN ROW
    in_tmux send-keys -t view -l "$(printf '\033[M%b%b%b' "$(octal "$1")" "$(octal "$2")" "$(octal "$3")")"
}
octal() { # NUMBER
    printf '\\0%o' $((32 + $1))
}
start tmux-256color C.UTF-8 "$viewer sources/"
see '[1 Overview]'
keys 2
see '▼Live'
click 18 3
see '▼Blocks'
click 30 6
see '>  6.0 MiB'
click 30 6
see 'Stack: operator new'
keys Escape
see '▼Blocks'
keys '?'
see 'Keys in this view'
mouse 65 10 10
see_gone 'Keys in this view'
mouse 64 10 10
see 'Keys in this view'
keys Q
ended 0

# Nothing is left behind when the window has grown, neither on the shell's screen nor above it.
for way in q kill; do
    start tmux-256color C.UTF-8 "$viewer sources/"
    see '[1 Overview]'
    in_tmux resize-window -t view -x 140 -y 45
    see 'Processes'
    see '9 Modules                    '
    if [ "$way" = q ]; then keys q; else kill_viewer TERM; fi
    see 'settings are back'
    if in_tmux capture-pane -p -S - -t view | grep -q 'heap\|peak\|MiB'; then
        fail "lines of the viewer are left"
    fi
done

# A kill in the middle, C-c, and ^Z.
start tmux-256color C.UTF-8 "$viewer sources/"
see '[1 Overview]'
kill_viewer TERM
ended 143
start tmux-256color C.UTF-8 "$viewer sources/"
see '[1 Overview]'
kill_viewer SEGV
ended 139
for signal in HUP:129 INT:130 QUIT:131 ABRT:134 BUS:135; do
    start tmux-256color C.UTF-8 "$viewer sources/"
    see '[1 Overview]'
    kill_viewer "${signal%:*}"
    ended "${signal#*:}"
done
start tmux-256color C.UTF-8 "$viewer sources/"
see '[1 Overview]'
keys C-c
ended 0
start tmux-256color C.UTF-8 "set -m; $viewer sources/; echo stopped; read -r line; fg"
see '[1 Overview]'
keys C-z
see 'stopped'
see_not '[1 Overview]'
keys Enter
see '[1 Overview]'
keys q
ended 0

# Other terminals: without colours, with eight, in plain ASCII, without a mouse.
for term in vt100 linux xterm screen-256color; do
    start "$term" C "$viewer sources/ --without-mouse"
    see 'v peak'
    keys 3
    see 'Callees'
    keys Q
    ended 0 kept
done
start tmux-256color C.UTF-8 "NO_COLOR=1 $viewer sources/"
see '▼ peak'
if in_tmux capture-pane -p -e -t view | grep -q "$(printf '\033')\[[0-9;]*3[0-7]m"; then
    fail "there are colours"
fi
keys q
ended 0

# Where it cannot work it says why and touches nothing.
start dumb C "$viewer sources/"
see 'cannot place its cursor'
see 'ended with 3'
start nothing-known C "$viewer sources/"
see 'is not known here'
see 'ended with 3'
start tmux-256color C "$viewer sources/ </dev/null"
see 'standard input is not a terminal'
see 'ended with 3'
echo "all well"
