#!/bin/sh
# Every shell script passes shellcheck, every man page mandoc -Tlint.
set -eu

top=$(cd "${srcdir:-$(dirname "$0")/..}" && pwd)
cd "$top"
failures=0
checked=0

if command -v shellcheck >/dev/null 2>&1; then
    for script in start test .ci/run build-aux/setup $(find tests bench examples -name '*.sh'); do
        shellcheck "$script" || failures=$((failures + 1))
        checked=$((checked + 1))
    done
else
    echo "SKIP: shellcheck is not installed"
fi

if command -v mandoc >/dev/null 2>&1; then
    for page in man/*.[1-8]; do
        [ -e "$page" ] || continue
        mandoc -Tlint -Wwarning "$page" || failures=$((failures + 1))
        checked=$((checked + 1))
    done
else
    echo "SKIP: mandoc is not installed"
fi

[ "$failures" = 0 ] || exit 1
[ "$checked" != 0 ] || exit 77
