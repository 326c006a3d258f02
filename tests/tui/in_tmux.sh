# shellcheck shell=sh
# What tests of real terminals share: to be read by them. A window of tmux shows the demo viewer;
# what stands in it is waited for, never time.
command -v tmux >/dev/null || { echo "tmux is not installed"; exit 77; }
(: <>/dev/ptmx) 2>/dev/null || { echo "there are no pseudo-terminals here"; exit 77; }
if [ "$(LC_ALL=C.UTF-8 locale charmap 2>/dev/null)" != UTF-8 ]; then
    echo "the locale C.UTF-8 is not installed"
    exit 77
fi
top=$(cd "${srcdir:-.}" && pwd)
# shellcheck disable=SC2034 # for who reads this
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
shows() { # TEXT: is on the screen now
    in_tmux capture-pane -p -t view | grep -qF -- "$1"
}
shows_not() {
    ! shows "$1"
}
wait_until() { # WHY COMMAND...: at most 20 s
    why=$1 tries=0
    shift
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 400 ] || fail "$why"
        sleep 0.05
    done
}
see() { # TEXT: waits until it is on the screen
    wait_until "\"$1\" does not come" shows "$1"
}
see_not() { # TEXT: is not on the screen now
    shows_not "$1" || fail "\"$1\" is there"
}
see_gone() { # TEXT: waits until it is not on the screen
    wait_until "\"$1\" does not go" shows_not "$1"
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
