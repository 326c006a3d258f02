#!/bin/sh
# Every screen in every kind of terminal, at three sizes that follow each other in one window: with
# 256 colours, eight and none, in UTF-8 and ASCII.
set -eu
work='' viewer='' # both are set by what is read here
# shellcheck source=/dev/null
. "${srcdir:-.}/tests/tui/in_tmux.sh"

shows_line() { # EXPRESSION: a line matches now
    in_tmux capture-pane -p -t view | grep -q -- "$1"
}
see_line() { # EXPRESSION: waits until a line matches
    wait_until "no line with $1 comes" shows_line "$1"
}

has_keys() { # keeps what is on the screen in `seen`; its last line has the keys
    in_tmux capture-pane -p -t view >"$work/seen" && tail -n 1 "$work/seen" | grep -q Help
}

# What must hold of whatever is shown.
judge() { # WHAT COLOURS LOCALE
    # After a new size the title may stand before the last line does.
    wait_until "$1: the last line has no keys" has_keys
    if [ "$3" = C ] && LC_ALL=C grep -q '[^ -~]' "$work/seen"; then
        fail "$1: more than ASCII"
    fi
    if [ "$2" = none ] && in_tmux capture-pane -p -e -t view |
        grep -q "$(printf '\033')\[[0-9;]*[34][0-7]m"; then
        fail "$1: there are colours"
    fi
}

visit() { # WHAT COLOURS LOCALE
    for screen in 1 2 3 4 5 6 7 8 9 0 A D; do
        keys "$screen"
        see_line "\[$screen ..*\]\|\[${screen}[A-Z]..*\]"
        judge "$1, screen $screen" "$2" "$3"
    done
    keys '?'
    see 'Help for: Diff'
    judge "$1, help" "$2" "$3"
    keys q
    keys 2
    see_line "\[2 *Sites\]"
}

all="--types --leaks --compare --python --memory"
in_all_sizes() { # TERM COLOURS LOCALE SETTING
    start "$1" "$3" "$4 $viewer sources/ $all"
    see_line "\[1 *Overview\]"
    keys :
    keys -l 'diff old.seep'
    keys Enter
    see_line "\[D *Diff\]"
    for size in '80 24' '40 10' '200 60'; do
        in_tmux resize-window -t view -x "${size% *}" -y "${size#* }"
        keys 1
        see_line "\[1 *Overview\]"
        visit "$1 $3 $4 $size" "$2" "$3"
    done
    keys Q
    see 'ended with 0'
    see 'settings are back'
}

for locale in C C.UTF-8; do
    in_all_sizes tmux-256color many "$locale" ''
    # There ncurses loads libgpm for the mouse, which leaks a name of ten bytes.
    in_all_sizes linux eight "$locale" LSAN_OPTIONS=detect_leaks=0
    in_all_sizes vt100 none "$locale" ''
    in_all_sizes tmux-256color none "$locale" NO_COLOR=1
done
echo "all well"
