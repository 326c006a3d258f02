#!/bin/sh
# Whatever is pressed, clicked and typed, in whatever window: the viewer goes on. Steps are drawn from
# a table by a generator with fixed seeds; what it shows is not compared. With sanitizers this finds
# what no one would think of pressing.
set -eu
top=$(cd "${srcdir:-.}" && pwd)
viewer=$(pwd)/tests/tui/demo_viewer
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset LINES COLUMNS
cp -r "$top/tests/tui/sources" "$work/sources"
cd "$work"

# A linear congruential generator: every awk draws the same.
make_steps() { # SEED
    awk -v seed="$1" '
        function draw(below) {
            seed = (seed * 1103515245 + 12345) % 2147483648
            return int(seed / 65536) % below
        }
        BEGIN {
            keys = split("Up Down Left Right PgUp PgDn Home End Enter Enter Enter Esc Backspace " \
                "Tab S-Tab j k l g G + - * E C S x s < > I i b o e n N t p y v 1 2 3 4 5 6 7 8 9 0 A D ? h F1 F3 " \
                "F4 F5 F6 C-l R C-d C-u Space \\ / : L O m M @ { } [ ] c w a S", key, " ")
            texts = split("parse|(|-x|suppress lsan a.supp|sort peak|by function|process all|process 0|goto 7|file:c|" \
                "größe|データ|search e|view tree|colors mono|out.csv|/dev/full", text, "|")
            commands = split("sort peak|sort live|sort change|by function|by site|filter parse|filter|process all|" \
                "process 0|process 1|goto 3|goto 99999|search e|view diff|view live|view types|view python|" \
                "view flame|diff old.seep|diff none.seep|refresh|refresh|colors mono|at peak|at end|from start|" \
                "cursor +1s|cursor peak|help|suppress valgrind a.supp|write rows.json|save-display a.screen", command, "|")
            mice = split("click click wheel-up wheel-down", mouse, " ")
            for (i = 0; i < 800; i++) {
                chance = draw(100)
                if (chance < 80)
                    print "key " key[1 + draw(keys)]
                else if (chance < 85)
                    print "type " text[1 + draw(texts)]
                else if (chance < 88)
                    print "key Esc Esc :\ntype " command[1 + draw(commands)] "\nkey Enter"
                else if (chance < 95)
                    print mouse[1 + draw(mice)] " " 1 + draw(24) " " 1 + draw(80)
                else
                    print "resize " 1 + draw(50) " " 1 + draw(140)
            }
        }'
}

play_steps() { # SEED LOCALE [OPTIONS]
    seed=$1 locale=$2
    shift 2
    if ! LC_ALL=$locale SEEP_SCRIPT=steps.keys "$viewer" sources/ "$@" </dev/null; then
        echo "FAIL: seed $seed, locale $locale, options: $*"
        exit 1
    fi
}

play() { # SEED LOCALE [OPTIONS]
    make_steps "$1" >steps.keys
    play_steps "$@"
}

# Screens of the graph are not shown while others are asked something else, and another picture of a
# program that runs takes the graph away.
cat >steps.keys <<'end'
key 7 6 2
:filter parse
key L
:refresh
key 7 6
end
play_steps none C.UTF-8 --live --types

for seed in 1 2 3 4 5 6 7 8; do
    play "$seed" C.UTF-8
    play "$seed" C --one
    play "$seed" C.UTF-8 --empty
    play "$seed" C.UTF-8 --graph
    play "$seed" C.UTF-8 --leaks
    play "$seed" C.UTF-8 --types
    play "$seed" C.UTF-8 --compare --python --memory
    play "$seed" C.UTF-8 --live --graph --leaks
    play "$seed" C --live --one
done
play 9 C.UTF-8 --large
echo "all well"
