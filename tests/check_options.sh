#!/bin/sh
# An option exists when people can find it: what `seep COMMAND --help` lists, what the manual page
# explains and what the completions offer are the same, words to choose from included; and every
# command has its page, its line in seep(1) and its line in the overview.
set -eu
LC_ALL=C
export LC_ALL

top=$(cd "${srcdir:-$(dirname "$0")/..}" && pwd)
seep=$PWD/seep
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

same() { # NAME FILE FILE
    if ! diff "$2" "$3" >"$scratch/difference"; then
        echo "FAIL: $1:"
        cat "$scratch/difference"
        failures=$((failures + 1))
    fi
}

options_of_help() { # COMMAND
    "$seep" "$1" --help | sed -n 's/^ *\(-[a-zA-Z], \)\{0,1\}--\([a-z-]*\).*/\2/p' | sort
}

# Options have an item of their own: ".It Fl o , Fl -output Ns = ...". A section's items count until
# the next section.
options_of_manual() { # PAGE SECTION
    awk -v section="$2" '
        /^\.Sh / { is_inside = $0 == ".Sh " section }
        is_inside && /^\.It Fl/ {
            for (i = 2; i < NF; i++)
                if ($i == "Fl" && $(i + 1) ~ /^-[a-z]/)
                    print substr($(i + 1), 2)
        }' "$1" | sort
}

# "screen overview", of options that take one of several words: each of them.
choices_of_help() { # COMMAND
    "$seep" "$1" --help |
        sed -n 's/^ *\(-[a-zA-Z], \)\{0,1\}--\([a-z-]*\)=\([a-z0-9-]*|[a-z0-9|-]*\)\( .*\)*$/\2 \3/p' |
        awk '$1 != "color" { count = split($2, words, "|"); for (i = 1; i <= count; i++) print $1, words[i] }'
}

# The same words as the option's item has them, by "Cm". Where it takes an "Ar" the words stand
# elsewhere on its page, or on that of seep report.
choices_of_manual() { # PAGE
    sed -n 's/.*Fl -\([a-z-]*\) Ns = Ns Ar .*/\1/p' "$1" | sort -u | while read -r option; do
        cat "$1" "$top/man/seep-report.1" | sed -n 's/^\.\(It \)\{0,1\}Cm \([a-z0-9-]*\).*/\2/p' |
            sed "s/^/$option /"
    done
    awk '
        /^\.It Fl/ || /^\.Sh/ {
            option = ""
            for (i = 2; i < NF; i++)
                if ($i == "Fl" && $(i + 1) ~ /^-[a-z]/)
                    option = substr($(i + 1), 2)
        }
        option != "" && / Cm |^\.Cm / {
            is_word = 0
            for (i = 1; i <= NF; i++)
                if ($i == "Cm" || $i == ".Cm")
                    is_word = 1
                else if ($i == "Ns" || $i == "No" || $i == "Fl")
                    is_word = 0
                else if (is_word && $i ~ /^[a-z]/)
                    print option, $i
        }' "$1"
}

"$seep" help | sed -n 's/^  \([a-z]*\)  .*/\1/p' | sort >"$scratch/commands"
sed -n 's/^\.It Ic \([a-z]*\)$/\1/p' "$top/man/seep.1" | sort >"$scratch/manual_commands"
same "the commands of the overview and of seep(1)" "$scratch/commands" "$scratch/manual_commands"
[ -s "$scratch/commands" ] || {
    echo "FAIL: the overview lists no commands"
    exit 1
}

options_of_manual "$top/man/seep.1" "COMMON OPTIONS" >"$scratch/common"
"$seep" completion bash >"$scratch/bash"
"$seep" completion zsh >"$scratch/zsh"
"$seep" completion fish >"$scratch/fish"

while read -r command; do
    page=$top/man/seep-$command.1
    if [ ! -f "$page" ]; then
        echo "FAIL: there is no $page"
        failures=$((failures + 1))
        continue
    fi
    options_of_help "$command" >"$scratch/help"
    options_of_manual "$page" OPTIONS | sort - "$scratch/common" >"$scratch/manual"
    same "$command: --help and the manual page" "$scratch/help" "$scratch/manual"
    choices_of_help "$command" | sort -u >"$scratch/choices"
    choices_of_manual "$page" | sort -u >"$scratch/manual"
    comm -23 "$scratch/choices" "$scratch/manual" >"$scratch/missing"
    same "$command: words to choose from that the manual page lacks" "$scratch/missing" /dev/null

    sed -n "s/^    $command) options='\(.*\)' ;;\$/\1/p" "$scratch/bash" | tr ' ' '\n' |
        sed -n 's/^--\([a-z-]*\)=*$/\1/p' | sort >"$scratch/offered"
    same "$command: --help and the completion of bash" "$scratch/help" "$scratch/offered"
    sed -n "/^    $command) _arguments/,/^      ;;/s/^      '\**--\([a-z-]*\).*/\1/p" "$scratch/zsh" |
        sort >"$scratch/offered"
    same "$command: --help and the completion of zsh" "$scratch/help" "$scratch/offered"
    sed -n "s/.*subcommand_from $command' -l \([a-z-]*\).*/\1/p" "$scratch/fish" |
        sort >"$scratch/offered"
    same "$command: --help and the completion of fish" "$scratch/help" "$scratch/offered"
done <"$scratch/commands"

for shell in bash zsh fish; do
    if command -v "$shell" >/dev/null 2>&1 && ! "$shell" -n "$scratch/$shell"; then
        echo "FAIL: the completion of $shell does not parse"
        failures=$((failures + 1))
    fi
done
exit $((failures != 0))
