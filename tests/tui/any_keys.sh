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
                "Tab S-Tab j k l g G + - * E C S x s < > I i b o e n N t p y v 1 2 3 4 5 6 7 8 9 0 D ? h F1 F3 " \
                "F4 F5 F6 C-l R C-d C-u Space \\ / :", key, " ")
            texts = split("parse|(|-x|suppress lsan a.supp|sort peak|by function|process all|process 0|goto 7|file:c|" \
                "größe|データ|search e|view tree|colors mono", text, "|")
            mice = split("click click wheel-up wheel-down", mouse, " ")
            for (i = 0; i < 800; i++) {
                chance = draw(100)
                if (chance < 80)
                    print "key " key[1 + draw(keys)]
                else if (chance < 88)
                    print "type " text[1 + draw(texts)]
                else if (chance < 95)
                    print mouse[1 + draw(mice)] " " 1 + draw(24) " " 1 + draw(80)
                else
                    print "resize " 1 + draw(50) " " 1 + draw(140)
            }
        }'
}

play() { # SEED LOCALE [OPTIONS]
    seed=$1 locale=$2
    shift 2
    make_steps "$seed" >steps.keys
    if ! LC_ALL=$locale SEEP_SCRIPT=steps.keys "$viewer" sources/ "$@" </dev/null; then
        echo "FAIL: seed $seed, locale $locale, options: $*"
        exit 1
    fi
}

for seed in 1 2 3 4 5 6 7 8; do
    play "$seed" C.UTF-8
    play "$seed" C --one
    play "$seed" C.UTF-8 --empty
    play "$seed" C.UTF-8 --graph
    play "$seed" C.UTF-8 --leaks
done
play 9 C.UTF-8 --large
echo "all well"
