#!/bin/sh
# The viewer in real terminals, by tmux: it starts, obeys keys and mouse, follows a new size, and
# gives the terminal back however it ends. Waits for text, never for time.
set -eu
command -v tmux >/dev/null || { echo "tmux is not installed"; exit 77; }
(: <>/dev/ptmx) 2>/dev/null || { echo "there are no pseudo-terminals here"; exit 77; }
if [ "$(LC_ALL=C.UTF-8 locale charmap 2>/dev/null)" != UTF-8 ]; then
    echo "the locale C.UTF-8 is not installed"
    exit 77
fi
top=$(cd "${srcdir:-.}" && pwd)
viewer=$(pwd)/tests/tui/demo_viewer
work=$(mktemp -d)
unset NO_COLOR LINES COLUMNS TMUX SEEP_SCRIPT VISUAL
TMUX_TMPDIR=$work
export TMUX_TMPDIR

servers=0
in_tmux() { # each start has a server of its own: one that is going cannot be asked for a new session
    tmux -L "viewer$servers" -f /dev/null "$@"
}
clean_up() {
    in_tmux kill-server 2>/dev/null || :
    rm -rf "$work"
}
trap clean_up EXIT

fail() { # WHY
    echo "FAIL: $1; the screen is:"
    in_tmux capture-pane -p -t view || :
    exit 1
}
see() { # TEXT: waits until it is on the screen, at most 20 s
    tries=0
    until in_tmux capture-pane -p -t view | grep -qF -- "$1"; do
        tries=$((tries + 1))
        [ "$tries" -lt 400 ] || fail "\"$1\" does not come"
        sleep 0.05
    done
}
see_not() { # TEXT: is not on the screen now
    if in_tmux capture-pane -p -t view | grep -qF -- "$1"; then
        fail "\"$1\" is there"
    fi
}
keys() {
    in_tmux send-keys -t view "$@"
}

kill_viewer() { # SIGNAL
    shell=$(in_tmux list-panes -t view -F '#{pane_pid}')
    read -r child _ <"/proc/$shell/task/$shell/children" || : # it has no line end
    kill -s "$1" "$child"
}

# A shell in the pane shows afterwards what the terminal is like: the text from before must stand
# there again, and the line settings be the same.
start() { # TERM LOCALE COMMAND...
    term=$1 locale=$2
    shift 2
    cat >"$work/pane.sh" <<END
stty -g >before
echo "text from before"
$*
echo "ended with \$?"
stty -g >after
cmp before after && echo "settings are back"
exec sleep 1000
END
    cp -r "$top/tests/tui/sources" "$work/"
    cat >"$work/editor" <<'END'
#!/bin/sh
echo "editing $3 $2 $1"
read -r line
END
    chmod +x "$work/editor"
    in_tmux kill-server 2>/dev/null || :
    servers=$((servers + 1))
    in_tmux new-session -d -s view -x 80 -y 24 \
        "cd '$work' && TERM=$term LC_ALL=$locale PS1= sh pane.sh"
}
ended() { # STATUS, and where the terminal has no second screen: "kept"
    see "ended with $1"
    see "settings are back"
    if [ "${2:-}" != kept ]; then
        see "text from before"
        see_not "Overview"
    fi
}

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
see '>     9 *'
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
